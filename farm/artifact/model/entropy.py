"""How short weights could be written: Shannon's bound, and what a Huffman code really takes."""

import heapq
from dataclasses import dataclass

import numpy as np

from .net import Values


@dataclass(frozen=True, slots=True)
class Spread:
    """How often each value stands among some weights."""

    weights: int
    distinct: int
    entropy_bits: float
    """For a weight: no code that gives each value a word of its own is shorter in the mean."""
    huffman_bits: float
    """For a weight, in the mean; the table of words, which a decoder needs too, is not counted."""


def spread(values: Values) -> Spread:
    """Return how values are spread; each NaN counts as the same one, and -0.0 as 0.0."""
    _, counts = np.unique(values, return_counts=True)
    total = int(counts.sum())
    if total == 0:
        return Spread(0, 0, 0.0, 0.0)
    share = counts / total
    entropy = float(-(share * np.log2(share)).sum())
    return Spread(total, len(counts), max(0.0, entropy), huffman_length(counts) / total)


def huffman_length(counts: Values) -> int:
    """Return how many bits a Huffman code takes for all values together; a single value takes one bit each time.

    Equal counts are merged together, so that a hundred million different weights cost no more than ten.
    """
    often, times = np.unique(counts, return_counts=True)
    heap = list(zip(often.tolist(), times.tolist(), strict=True))  # sorted, so a heap
    if len(heap) == 1 and heap[0][1] == 1:
        return int(heap[0][0])
    bits = 0
    while heap:
        count, nodes = heapq.heappop(heap)
        while heap and heap[0][0] == count:
            nodes += heapq.heappop(heap)[1]
        if nodes >= 2:  # pairs of the smallest, before anything larger
            bits += 2 * count * (nodes // 2)
            heapq.heappush(heap, (2 * count, nodes // 2))
            if nodes % 2:
                heapq.heappush(heap, (count, 1))
        elif heap:
            other, others = heapq.heappop(heap)
            bits += count + other
            heapq.heappush(heap, (count + other, 1))
            if others > 1:
                heapq.heappush(heap, (other, others - 1))
    return bits
