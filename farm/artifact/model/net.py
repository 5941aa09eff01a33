"""A net as every format's reader gives it: operators, what flows between them, and the numbers it was trained to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .malformed import Malformed

Values = NDArray[Any]
Shape = tuple[int | None, ...]
"""None stands for a side that the file leaves open."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A tensor that stands in the file."""

    shape: tuple[int, ...]
    dtype: str
    """As numpy names it, and ``bfloat16``, ``int4``, ``uint4``."""
    stored_bytes: int
    values: Values | None
    """In its shape; None where the file stores it in a way that is not read here."""
    scale: Values | None = None
    zero_point: Values | None = None
    axis: int = 0
    """Along which scale and zero point are many."""


@dataclass(frozen=True, slots=True)
class Node:
    """One operator at work."""

    operator: str
    name: str
    inputs: tuple[str, ...]
    """Names of tensors; an empty one is left out."""
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Port:
    """A tensor that goes in or comes out."""

    name: str
    shape: Shape
    dtype: str
    scale: float | None = None
    """Where it is quantised, and the file says how."""
    zero_point: int | None = None


@dataclass(frozen=True, slots=True)
class Net:
    """All of a model file."""

    format: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    nodes: tuple[Node, ...]
    constants: Mapping[str, Constant]
    shapes: Mapping[str, Shape]
    """Of every tensor whose shape is known."""


_NUMPY = "float64 float32 float16 int64 int32 int16 int8 uint64 uint32 uint16 uint8 bool"
DTYPES = {name: np.dtype(name).newbyteorder("<") for name in _NUMPY.split()}


def constant(shape: tuple[int, ...], dtype: str, data: bytes | memoryview, what: str) -> Constant:
    """Return a tensor of the little-endian bytes that a file holds; :class:`Malformed` where they are too few or many.

    What has neither a numpy type nor one of three that are unpacked here keeps no values.
    """
    count = prod(shape)
    bits = 16 if dtype == "bfloat16" else 4 if dtype in ("int4", "uint4") else 8 * _size(dtype)
    if bits == 0:
        return Constant(shape, dtype, len(data), None)
    if any(side < 0 for side in shape) or len(data) != -(-count * bits // 8):
        raise Malformed(f"{what}: {len(data)} bytes for a {dtype} of shape {shape}")
    return Constant(shape, dtype, len(data), _unpacked(data, dtype, count).reshape(shape))


def _size(dtype: str) -> int:
    return DTYPES[dtype].itemsize if dtype in DTYPES else 0


def _unpacked(data: bytes | memoryview, dtype: str, count: int) -> Values:
    if dtype in DTYPES:
        return np.frombuffer(data, DTYPES[dtype])
    if dtype == "bfloat16":  # the upper half of a float32
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    pairs = np.frombuffer(data, np.uint8)
    halves = np.stack([pairs & 0x0F, pairs >> 4], axis=-1).reshape(-1)[:count]
    return halves if dtype == "uint4" else (halves ^ 8).astype(np.int8) - np.int8(8)
