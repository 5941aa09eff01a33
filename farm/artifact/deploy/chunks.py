"""Cuts a large content where its bytes say so, so that an insertion moves the cuts with it and most chunks stay.

FastCDC's rule (Xia et al., USENIX ATC 2016): a gear hash over the last 32 bytes, a hard condition for a cut before the
wanted size and an easy one after it. All hashes are computed at once: with ``h(i) = Σ gear[b(i-j)] << j`` a window
of 2n bytes is two of n, one shifted; five additions of arrays make one of 32. That is 4 ns a byte, where a loop in
Python takes a hundred times as long and the packages that have it compiled bring a compiler or a single maintainer.
"""

import hashlib
import struct
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .wanted import Stretch

LARGE_BYTES = 1 << 20
"""Below this a content is sent whole: a second on the slowest link that is waited for is 50 kB, on Wi-Fi it is 2 MB."""

_LEAST, _USUAL, _MOST = 4 << 10, 16 << 10, 64 << 10
"""Of a chunk's bytes. A change costs some two chunks beside itself, a chunk 20 bytes in the recipe: at 16 KiB both are
far below 1 % of 64 MiB."""
_HARD, _EASY = np.uint32(1 << 16), np.uint32(1 << 20)
"""A cut where the hash is below: one in 64 KiB, one in 4 KiB; two bits to either side of the usual size, as FastCDC."""
_WINDOW = 32
_BLOCK = 1 << 16
"""Hashed at once: the arrays stay in the processor's cache."""
_GEAR = np.frombuffer(b"".join(hashlib.sha256(bytes([n])).digest()[:4] for n in range(256)), "<u4").astype(np.uint32)
_CHUNK = struct.Struct("<I16s")

Bytes = NDArray[np.uint8]


def recipe_of(source: bytes | Path) -> bytes:
    """Return a content's chunks in their order: for each its length and the first 16 bytes of its SHA-256."""
    data: Bytes = np.frombuffer(source, np.uint8) if isinstance(source, bytes) else np.memmap(source, np.uint8, "r")
    begin, made = 0, bytearray()
    for end in cuts(data):
        made += _CHUNK.pack(end - begin, hashlib.sha256(data[begin:end].data).digest()[:16])
        begin = end
    return bytes(made)


def cuts(data: Bytes) -> Iterator[int]:
    """Yield where each chunk ends; the last end is the content's."""
    easy, hard = _places(data)
    begin = 0
    while begin < len(data):
        begin = _next(easy, hard, begin, len(data))
        yield begin


def _next(easy: list[int], hard: list[int], begin: int, size: int) -> int:
    usual, most = min(begin + _USUAL, size), min(begin + _MOST, size)
    for places, least, limit in ((hard, begin + _LEAST, usual), (easy, usual, most)):
        at = bisect_left(places, least)
        if at < len(places) and places[at] < limit:
            return places[at]
    return most


def _places(data: Bytes) -> tuple[list[int], list[int]]:
    """Return where a cut may be by the easy condition, and where by the hard one."""
    found: list[NDArray[np.int64]] = []
    hard: list[NDArray[np.int64]] = []
    for begin in range(0, len(data), _BLOCK):
        first = max(begin - _WINDOW + 1, 0)
        hashes = _hashes(data[first : begin + _BLOCK])[begin - first :]
        at = np.flatnonzero(hashes < _EASY)
        found.append(at + begin + 1)
        hard.append(at[hashes[at] < _HARD] + begin + 1)
    return np.concatenate(found).tolist(), np.concatenate(hard).tolist()


def _hashes(block: Bytes) -> NDArray[np.uint32]:
    hashes, width = np.take(_GEAR, block), 1
    while width < _WINDOW:
        hashes[width:] += hashes[:-width] << np.uint32(width)
        width *= 2
    return hashes


def missing(recipe: bytes, bits: bytes) -> list[Stretch]:
    """Return the stretches whose chunks have their bit set, those that touch as one.

    Raises:
        ValueError: there are too few bits.
    """
    stretches: list[Stretch] = []
    offset = 0
    if len(bits) < (len(recipe) // _CHUNK.size + 7) // 8:
        raise ValueError(f"{len(bits)} bytes of bits for {len(recipe) // _CHUNK.size} chunks")
    for index, (length, _) in enumerate(_CHUNK.iter_unpack(recipe)):
        if bits[index // 8] >> index % 8 & 1:
            if stretches and sum(stretches[-1]) == offset:
                stretches[-1] = stretches[-1][0], stretches[-1][1] + length
            else:
                stretches.append((offset, length))
        offset += length
    return stretches
