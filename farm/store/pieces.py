"""A power trace as bytes: exact, and small enough to stand beside its record."""

import struct

import numpy as np
import zstandard

from power.block import Block

_HEAD = struct.Struct("<4sI")
_MAGIC, _MAGIC_OWN = b"pwt1", b"pwt2"
"""Without and with a column of watts that the instrument measured as such."""
_LEVEL = 3
"""zstd's own default: higher levels gain little on measured noise and cost ten times as much."""


def pack(block: Block) -> bytes:
    """Return a trace as one compressed piece: head, differences of the times, volts, amps, own watts if any, flags."""
    steps = np.diff(block.t_ns, prepend=np.int64(0)).astype("<i8")
    own = () if block.own_watts is None else (block.own_watts.astype("<f8"),)
    columns = (steps, block.volts.astype("<f8"), block.amps.astype("<f8"), *own, block.flags)
    body = _HEAD.pack(_MAGIC_OWN if own else _MAGIC, len(block)) + b"".join(column.tobytes() for column in columns)
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(body)


def unpack(piece: bytes) -> Block:
    """Return the trace that :func:`pack` was given; ValueError when the bytes are damaged."""
    try:
        body = zstandard.ZstdDecompressor().decompress(piece)
    except zstandard.ZstdError as error:
        raise ValueError(f"not a trace: {error}") from error
    magic, readings = _HEAD.unpack_from(body) if len(body) >= _HEAD.size else (b"", 0)
    numbers = {_MAGIC: 2, _MAGIC_OWN: 3}.get(magic)
    if numbers is None or len(body) != _HEAD.size + (9 + 8 * numbers) * readings:
        raise ValueError(f"{len(body)} bytes from {magic!r} are not a trace of {readings} readings")
    at = _HEAD.size
    steps = np.frombuffer(body, "<i8", readings, at)
    told = np.frombuffer(body, "<f8", numbers * readings, at + 8 * readings).astype(np.float64)
    volts, amps, *own = told.reshape(numbers, readings)
    flags = np.frombuffer(body, np.uint8, readings, at + (8 + 8 * numbers) * readings)
    return Block(np.cumsum(steps, dtype=np.int64), volts, amps, flags.copy(), *own)
