"""Cuts a large content where its bytes say so, so that an insertion moves the cuts with it and most chunks stay.

FastCDC's rule (Xia et al., USENIX ATC 2016): a hard condition for a cut before the usual size and an easy one after
it, never below the least and always at the most. Its gear hash goes byte by byte, which in Python takes seconds and in
packages a compiler or a single maintainer. Here arrays judge each place by the 32 bytes before it, at half a ns a byte:
by their sum, each times an odd factor of its own, modulo 256. Fewer bytes would not tell places apart in nets of few
distinct weights: of one bit each, 8 bytes have but 256 values.
"""

import hashlib
import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .wanted import Stretch

LARGE_BYTES = 1 << 20
"""Below this a content is sent whole: a second on the slowest link that is waited for is 50 kB, on Wi-Fi it is 2 MB."""

_LEAST, _USUAL, _MOST = 4 << 10, 16 << 10, 64 << 10
"""Of a chunk's bytes. A change costs some two chunks beside itself, a chunk 20 bytes in the recipe: at 16 KiB both are
far below 1 % of 64 MiB."""
_WINDOW = 32
_STEPS = [(1 << step, np.uint8(factor)) for step, factor in enumerate((0x4D, 0x9B, 0x65, 0xD3, 0x2F))]
"""How sums of twice as many bytes are made of two: the first times an odd factor, and the second so far behind."""
_WHOLE, _HALF = np.uint8(0x5A), np.uint8(16)
"""The easy condition, one place in 4 KiB: a window's sum is this, and that of its first half is less than that. Of
zeros, of which pruned models are full, the sum is 0."""
_FACTORS = [np.uint64(odd) for odd in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)]
"""For each eight bytes of a window, in their order: the golden ratio's and random ones."""
_HARD = np.uint64(1 << 60)
"""The hard condition, one place in 64 KiB: besides, the window's hash is below. Two bits to either side of the usual
size, as FastCDC."""
_BLOCK = 1 << 18
"""Looked at at once: the arrays stay in the processor's cache."""
_CHUNK = struct.Struct("<I16s")

Bytes = NDArray[np.uint8]


def recipe(source: bytes | Path, lengths: Iterable[int]) -> bytes:
    """Return a content's chunks in their order: for each its length and the first 16 bytes of its SHA-256."""
    data, begin, made = bytes_of(source), 0, bytearray()
    for length in lengths:
        made += _CHUNK.pack(length, hashlib.sha256(data[begin : begin + length].data).digest()[:16])
        begin += length
    return bytes(made)


def bytes_of(source: bytes | Path) -> Bytes:
    """Return a content as an array; of a file, nothing is read before it is needed."""
    data: Bytes = np.frombuffer(source, np.uint8) if isinstance(source, bytes) else np.memmap(source, np.uint8, "r")
    return data.view(np.ndarray)  # every slice of a memmap is a Python object with a past


def lengths(data: Bytes) -> Iterator[int]:
    """Yield the length of each chunk, in their order."""
    easy: list[int] = []
    hard: list[int] = []
    begin = 0
    for block in range(0, len(data), _BLOCK):
        at, is_hard = _places(data[block : block + _BLOCK + _WINDOW - 1])
        easy += (at + block).tolist()
        hard += (at[is_hard] + block).tolist()
        known = block + _BLOCK if block + _BLOCK < len(data) else len(data) + _MOST
        while begin < len(data) and begin + _MOST <= known:
            end = _next(easy, hard, begin, len(data))
            yield end - begin
            begin = end


def _next(easy: list[int], hard: list[int], begin: int, size: int) -> int:
    usual, most = min(begin + _USUAL, size), min(begin + _MOST, size)
    for places, least, limit in ((hard, begin + _LEAST, usual), (easy, usual, most)):
        at = bisect_left(places, least)
        if at < len(places) and places[at] < limit:
            return places[at]
    return most


def _places(block: Bytes) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the places after every window that fulfils the easy condition, in order, and which fulfil the hard one."""
    if len(block) < _WINDOW:
        return np.empty(0, np.int64), np.empty(0, np.bool_)
    half = sums = block
    for step, factor in _STEPS:
        half = sums
        sums = half[:-step] * factor
        sums += half[step:]
    at = np.flatnonzero((sums == _WHOLE) & (half[: len(sums)] < _HALF))
    words = np.ndarray(len(block) - 7, "<u8", block, strides=(1,))  # from every byte, the eight that begin there
    hashed = np.zeros(len(at), np.uint64)
    for number, factor in enumerate(_FACTORS):
        hashed += words[at + 8 * number] * factor
    return at + _WINDOW, hashed < _HARD


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
