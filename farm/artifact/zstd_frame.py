"""Where a zstd frame ends: an artifact is one whole frame, and nothing comes after it.

A reader that stops at the end of its tar archive would see neither a cut-off checksum nor what somebody hung on.
Only block headers are looked at (RFC 8878, section 3.1.1); nothing is decompressed.
"""

from pathlib import Path
from typing import BinaryIO

import zstandard

_HEADER_BYTES = 18
"""A frame header's largest size."""
_RLE, _RESERVED = 1, 3
"""Types of a block: one byte repeated, and none that exists."""
_CHECKSUM_BYTES = 4
_MOST_BYTES = 2 << 30
"""Twice what may come out: where nothing packs, zstd adds 3 bytes to a block of 128 KiB."""
_MOST_BLOCKS = 200_000
"""1 GiB in blocks of 5 KiB, where zstd makes them of up to 128 KiB; empty ones would else be counted for hours."""


def require_one_frame(path: Path) -> None:
    """Look that a file is exactly one zstd frame.

    Raises:
        ValueError: it is not; says in what.
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise ValueError(f"{size:,} bytes; at most {_MOST_BYTES:,} are read")
    with path.open("rb") as file:
        end = _end(file, size)
    if end > size:
        raise ValueError("ends too early: the copy is not complete")
    if end < size:
        raise ValueError(f"{size - end:,} bytes come after its end")


def _end(file: BinaryIO, size: int) -> int:
    head = file.read(_HEADER_BYTES)
    if not head.startswith(zstandard.FRAME_HEADER):  # nor a frame that decoders pass over in silence
        raise ValueError("not zstd, so no packed model; `farm artifact pack` makes one")
    try:
        at = zstandard.frame_header_size(head)
        facts = zstandard.get_frame_parameters(head)
    except zstandard.ZstdError as error:
        raise ValueError(f"not zstd, or damaged: {error}") from error
    for _ in range(_MOST_BLOCKS):
        file.seek(at)
        word = int.from_bytes(file.read(3), "little")
        last, kind, length = word & 1, word >> 1 & 3, word >> 3
        if kind == _RESERVED:
            raise ValueError("not zstd, or damaged: a block of no known type")
        at += 3 + (1 if kind == _RLE else length)
        if last or at >= size:
            return at + (0 if not last or not facts.has_checksum else _CHECKSUM_BYTES) + (0 if last else 3)
    raise ValueError(f"more than {_MOST_BLOCKS:,} blocks")
