"""Every frame of a trial, on the clock of its power traces, and what was predicted of every image."""

import json
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from .predictions import Predictions

_HEAD = struct.Struct("<4sI")
_MAGIC, _MAGIC_TYPED = b"fr01", b"fr02"
"""Columns of frames alone, all of 64 bits; and columns that each say type and length: predictions have other ones."""
_LEVEL = 3
"""As for traces: see :mod:`.pieces`."""
_OF_FRAMES = ("arrival_ns", "finish_ns", "image", "prediction")
_STAGE, _PREDICTED = "stage.", "predicted."
_TYPES = ("<i8", "<f8", "<i4")

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
    predictions: Predictions | None = None
    """Of all images, those too that no frame has shown; absent in older records."""

    def __len__(self) -> int:
        """Return how many."""
        return len(self.arrival_ns)

    @property
    def latency_ms(self) -> NDArray[np.float64]:
        """From the scheduled arrival to the end, shape (n,), ms."""
        return (self.finish_ns - self.arrival_ns) / 1e6


def pack(frames: FrameTimes) -> bytes:
    """Return frames as one compressed piece: what its columns are as JSON, then the columns."""
    columns = _columns(frames)
    told = json.dumps([[name, column.dtype.str, len(column)] for name, column in columns.items()]).encode()
    body = _HEAD.pack(_MAGIC_TYPED, len(told)) + told + b"".join(column.tobytes() for column in columns.values())
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(body)


def unpack(piece: bytes) -> FrameTimes:
    """Return what :func:`pack` was given; ValueError when the bytes are damaged."""
    try:
        body = zstandard.ZstdDecompressor().decompress(piece)
        magic, length = _HEAD.unpack_from(body)
        told = json.loads(body[_HEAD.size : _HEAD.size + length])
        if magic not in (_MAGIC, _MAGIC_TYPED):
            raise ValueError(f"begins with {magic!r}")
        columns = (_typed if magic == _MAGIC_TYPED else _plain)(told, body[_HEAD.size + length :])
        frames = {name: columns[name] for name in _OF_FRAMES}
    except (zstandard.ZstdError, struct.error, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"not the frames of a trial: {error}") from error
    return FrameTimes(stages_ns=_under(_STAGE, columns), predictions=_predictions(columns), **frames)


def _columns(frames: FrameTimes) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {name: getattr(frames, name).astype("<i8") for name in _OF_FRAMES}
    columns |= {_STAGE + name: spent.astype("<i8") for name, spent in frames.stages_ns.items()}
    if frames.predictions is not None:
        columns |= {_PREDICTED + name: column for name, column in frames.predictions.columns().items()}
    return columns


def _typed(told: list[list[Any]], data: bytes) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {}
    at = 0
    for name, kind, length in told:
        if kind not in _TYPES:
            raise ValueError(f"{name}: a column of {kind!r}")
        column = np.frombuffer(data, kind, length, at)
        columns[name] = column.astype(np.float64 if kind == "<f8" else np.int64)
        at += column.nbytes
    if at != len(data):
        raise ValueError(f"{len(data) - at} bytes more than its columns")
    return columns


def _plain(names: list[str], data: bytes) -> dict[str, NDArray[Any]]:
    """Read what farms wrote that kept no predictions."""
    flat = np.frombuffer(data, "<i8").astype(np.int64)
    return dict(zip(names, flat.reshape(len(names), -1), strict=True))


def _under(prefix: str, columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): column for name, column in columns.items() if name.startswith(prefix)}


def _predictions(columns: dict[str, NDArray[Any]]) -> Predictions | None:
    found = _under(_PREDICTED, columns)
    return Predictions.of(found) if found else None
