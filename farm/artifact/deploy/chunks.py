"""Cuts a large content where its bytes say so, so that an insertion moves the cuts with it and most chunks stay.

FastCDC's rule (Xia et al., USENIX ATC 2016): a hard condition for a cut before the usual size and an easy one after
it, never below the least and always at the most. Its gear hash goes byte by byte, which in Python takes seconds and in
packages a compiler or a single maintainer. Here each place is judged by the eight bytes before it, multiplied
(Fibonacci hashing): arrays do that at 1.5 ns a byte, and a float's or eight weights' bits are enough to tell places.
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
_HARD, _EASY = np.uint64(1 << 48), np.uint64(1 << 52)
"""A cut where the hash is below: one in 64 KiB, one in 4 KiB; two bits to either side of the usual size, as FastCDC."""
_WINDOW = 8
_FACTOR, _OFFSET = np.uint64(0x9E3779B97F4A7C15), np.uint64(1 << 63)
"""2^64 over the golden ratio; and what keeps zeros, of which pruned models are full, from being a cut everywhere."""
_BLOCK = 1 << 18
"""Hashed at once: the arrays stay in the processor's cache."""
_CHUNK = struct.Struct("<I16s")

Bytes = NDArray[np.uint8]


def recipe_of(source: bytes | Path) -> bytes:
    """Return a content's chunks in their order: for each its length and the first 16 bytes of its SHA-256."""
    data: Bytes = np.frombuffer(source, np.uint8) if isinstance(source, bytes) else np.memmap(source, np.uint8, "r")
    data = data.view(np.ndarray)  # every slice of a memmap is a Python object with a past
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
    easy: list[int] = []
    hard: list[int] = []
    for begin in range(0, len(data), _BLOCK):
        block = data[begin : begin + _BLOCK + _WINDOW - 1]
        at, is_hard = _in_block(block)
        easy += (at + begin).tolist()
        hard += (at[is_hard] + begin).tolist()
    return easy, hard


def _in_block(block: Bytes) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the places after every window that fulfils the easy condition, in order, and which fulfil the hard one."""
    places: list[NDArray[np.int64]] = []
    hashes: list[NDArray[np.uint64]] = []
    for first in range(_WINDOW):  # all windows that begin there, eight bytes apart
        count = max(len(block) - first, 0) // _WINDOW
        hashed = block[first : first + count * _WINDOW].view("<u8") * _FACTOR + _OFFSET
        at = np.flatnonzero(hashed < _EASY)
        places.append(at * _WINDOW + first + _WINDOW)
        hashes.append(hashed[at])
    found = np.concatenate(places)
    order = np.argsort(found)
    return found[order], np.concatenate(hashes)[order] < _HARD


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
