"""Every frame of a trial, on the clock of its power traces."""

import json
import struct
from dataclasses import dataclass

import numpy as np
import zstandard
from numpy.typing import NDArray

_HEAD = struct.Struct("<4sI")
_MAGIC = b"fr01"
_LEVEL = 3
"""As for traces: see :mod:`.pieces`."""

Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FrameTimes:
    """Frames that were begun, in their order. All arrays (n,) int64."""

    arrival_ns: Int64
    """When each was due, on the controller's monotonic clock."""
    finish_ns: Int64
    stages_ns: dict[str, Int64]
    """Stage → how long each frame spent in it, in the pipeline's order."""
    image: Int64
    """Index in the data set."""
    prediction: Int64

    def __len__(self) -> int:
        """Return how many."""
        return len(self.arrival_ns)

    @property
    def latency_ms(self) -> NDArray[np.float64]:
        """From the scheduled arrival to the end, shape (n,), ms."""
        return (self.finish_ns - self.arrival_ns) / 1e6


def pack(frames: FrameTimes) -> bytes:
    """Return frames as one compressed piece: names of the columns as JSON, then the columns."""
    columns = _columns(frames)
    names = json.dumps(list(columns)).encode()
    body = _HEAD.pack(_MAGIC, len(names)) + names + b"".join(c.astype("<i8").tobytes() for c in columns.values())
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(body)


def unpack(piece: bytes) -> FrameTimes:
    """Return what :func:`pack` was given; ValueError when the bytes are damaged."""
    try:
        body = zstandard.ZstdDecompressor().decompress(piece)
        magic, length = _HEAD.unpack_from(body)
        names = json.loads(body[_HEAD.size : _HEAD.size + length])
        flat = np.frombuffer(body, "<i8", offset=_HEAD.size + length).astype(np.int64)
        columns = dict(zip(names, flat.reshape(len(names), -1), strict=True))
        if magic != _MAGIC:
            raise ValueError(f"begins with {magic!r}")
        plain = {name: columns.pop(name) for name in ("arrival_ns", "finish_ns", "image", "prediction")}
    except (zstandard.ZstdError, struct.error, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"not the frames of a trial: {error}") from error
    stages = {name.removeprefix("stage."): column for name, column in columns.items()}
    return FrameTimes(stages_ns=stages, **plain)


def _columns(frames: FrameTimes) -> dict[str, Int64]:
    columns = {name: getattr(frames, name) for name in ("arrival_ns", "finish_ns", "image", "prediction")}
    return columns | {f"stage.{name}": spent for name, spent in frames.stages_ns.items()}
