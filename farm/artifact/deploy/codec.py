"""How contents are packed on the wire: as well as the board can unpack, and not at all where it does not help."""

import gzip
import zlib
from collections.abc import Collection, Iterable, Iterator
from typing import Literal

import zstandard

from .wanted import PIECE_BYTES, Blob, Stretch

Codec = Literal["zstd", "zlib", "gzip", "none"]
"""``zlib`` is for a board's Python, ``gzip`` for its ``gunzip``."""

_SAMPLES = 16
_SAMPLE_BYTES = 16_384
_WORTH = 0.95
"""Packed only where samples shrink below this: the rest costs more time on a fast link than it saves on a slow one."""
_ZSTD_LEVEL = 3
"""368 MiB/s here, where level 6 has 98: above what gigabit Ethernet carries."""
_ZLIB_LEVEL = 1
"""Three times as fast as its default, for some 5 % more bytes of a model (assumed)."""


def chosen(offered: Collection[str], stretches: Iterable[tuple[Blob, Stretch]]) -> Codec:
    """Return the best that the board offers if samples of what is to be sent shrink by it."""
    codec: Codec = "zstd" if "zstd" in offered else "zlib" if "zlib" in offered else "none"
    codec = "gzip" if codec == "none" and "gzip" in offered else codec
    samples = b"".join(_samples(list(stretches)))
    if codec == "none" or not samples or len(packed(samples, codec)) > _WORTH * len(samples):
        return "none"
    return codec


def _samples(stretches: list[tuple[Blob, Stretch]]) -> Iterator[bytes]:
    """Yield pieces at equal distances over all that is to be sent."""
    total = sum(length for _, (_, length) in stretches)
    step = max(total // _SAMPLES, 1)
    at, due = 0, 0
    for blob, (offset, length) in stretches:
        while due < at + length:
            inside = due - at
            yield from blob.pieces(offset + inside, min(_SAMPLE_BYTES, length - inside))
            due += max(step, _SAMPLE_BYTES)
        at += length


def packed(data: bytes, codec: Codec) -> bytes:
    """Pack one frame."""
    if codec == "zstd":
        return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(data)
    if codec == "gzip":
        return gzip.compress(data, _ZLIB_LEVEL, mtime=0)
    return zlib.compress(data, _ZLIB_LEVEL) if codec == "zlib" else data


def frames(pieces: Iterable[bytes], codec: Codec) -> Iterator[bytes]:
    """Gather pieces into frames, each packed by itself: what has arrived before a link breaks can be unpacked."""
    if codec == "none":
        yield from pieces
        return
    gathered = bytearray()
    for piece in pieces:
        gathered += piece
        while len(gathered) >= PIECE_BYTES:
            yield packed(bytes(gathered[:PIECE_BYTES]), codec)
            del gathered[:PIECE_BYTES]
    if gathered:
        yield packed(bytes(gathered), codec)
