"""A power trace as bytes, small enough to stand beside its record: exact, or with volts and amps as float32.

Float32 keeps seven digits, of which the best meters mean five: what it changes, 6e-8 of a reading, is a thousandth of
their limits of error. The moments are exact in both.
"""

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from power.block import Block

_HEAD = struct.Struct("<4sI")
_MAGIC, _MAGIC_OWN = b"pwt1", b"pwt2"
"""Without and with a column of watts that the instrument measured as such."""
_COMPACT, _COMPACT_OWN = b"pwt3", b"pwt4"
"""The same with float32, each column byte by byte: all first bytes, all second ones, … (measured: 4.5 bytes a reading
of noisy volts and amps, instead of 14; 2.2 where the converter has 16 bits)."""
_LEVEL = 3
"""zstd's own default: higher levels gain little on measured noise and cost ten times as much."""


def pack(block: Block) -> bytes:
    """Return a trace as one compressed piece: head, differences of the times, volts, amps, own watts if any, flags."""
    columns = [_steps(block), *(of.astype("<f8") for of in _values(block)), block.flags]
    return _packed(_MAGIC if block.own_watts is None else _MAGIC_OWN, block, [column.tobytes() for column in columns])


def pack_compact(block: Block) -> bytes:
    """Return the same with volts, amps and watts as float32."""
    columns = [_steps(block), *(of.astype("<f4") for of in _values(block)), block.flags]
    by_byte = [column.view(np.uint8).reshape(len(block), -1).T.tobytes() for column in columns]
    return _packed(_COMPACT if block.own_watts is None else _COMPACT_OWN, block, by_byte)


def unpack(piece: bytes) -> Block:
    """Return the trace that was packed; ValueError when the bytes are damaged."""
    try:
        body = zstandard.ZstdDecompressor().decompress(piece)
    except zstandard.ZstdError as error:
        raise ValueError(f"not a trace: {error}") from error
    magic, readings = _HEAD.unpack_from(body) if len(body) >= _HEAD.size else (b"", 0)
    numbers = {_MAGIC: 2, _MAGIC_OWN: 3, _COMPACT: 2, _COMPACT_OWN: 3}.get(magic)
    compact = magic in (_COMPACT, _COMPACT_OWN)
    width = 4 if compact else 8
    if numbers is None or len(body) != _HEAD.size + (9 + width * numbers) * readings:
        raise ValueError(f"{len(body)} bytes from {magic!r} are not a trace of {readings} readings")
    at = _HEAD.size
    columns: list[NDArray[Any]] = []
    for kind in ("<i8", *(f"<f{width}",) * numbers, "u1"):
        columns.append(_column(body, kind, readings, at, by_byte=compact))
        at += columns[-1].nbytes
    steps, *told, flags = columns
    volts, amps, *own = (of.astype(np.float64) for of in told)
    return Block(np.cumsum(steps, dtype=np.int64), volts, amps, flags.copy(), *own)


def _column(body: bytes, kind: str, readings: int, at: int, *, by_byte: bool) -> NDArray[Any]:
    if not by_byte:
        return np.frombuffer(body, kind, readings, at)
    width = np.dtype(kind).itemsize
    raw = np.frombuffer(body, np.uint8, width * readings, at).reshape(width, readings)
    return np.ascontiguousarray(raw.T).view(kind).reshape(readings)


def _steps(block: Block) -> NDArray[np.int64]:
    return np.diff(block.t_ns, prepend=np.int64(0)).astype("<i8")


def _values(block: Block) -> Sequence[NDArray[np.float64]]:
    return (block.volts, block.amps) if block.own_watts is None else (block.volts, block.amps, block.own_watts)


def _packed(magic: bytes, block: Block, columns: Sequence[bytes]) -> bytes:
    body = _HEAD.pack(magic, len(block)) + b"".join(columns)
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(body)
