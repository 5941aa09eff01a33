"""ONNX as bytes, by the wire format (onnx.proto of IR version 8): nothing to install, and no copy of large weights.

A message is a list of pieces, so that a weight is written from where it lies.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

Piece = bytes | memoryview
Message = list[Piece]

OPSET = 13
IR_VERSION = 8
"""Read by onnxruntime 1.10 and later, as the trained nets are."""

TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6}
"""TensorProto.DataType."""

_VARINT, _BYTES = 0, 2
_INT, _INTS = 2, 7
"""AttributeProto.AttributeType."""


def constant(name: str, value: np.ndarray) -> Message:
    """Return a TensorProto."""
    dims = [_number(1, side) for side in value.shape]
    flat = np.ascontiguousarray(value).reshape(-1).view(np.uint8)  # little-endian, as all machines that this runs on
    return [*dims, _number(2, TYPES[value.dtype.name]), *_text(8, name), *_inside(9, [flat.data])]


def node(operator: str, inputs: Sequence[str], output: str, attributes: Mapping[str, int | list[int]]) -> Message:
    """Return a NodeProto, named after its output."""
    names = [*(_text(1, name) for name in inputs), _text(2, output), _text(3, output), _text(4, operator)]
    return [*_joined(names), *_joined(_inside(5, _attribute(*pair)) for pair in attributes.items())]


def port(name: str, shape: Sequence[int] | None) -> Message:
    """Return a ValueInfoProto of floats; a shape that is left out follows from the graph."""
    sides = [] if shape is None else _inside(2, _joined(_inside(1, [_number(1, side)]) for side in shape))
    return [*_text(1, name), *_inside(2, _inside(1, [_number(1, TYPES["float32"]), *sides]))]


def model(nodes: Iterable[Message], constants: Iterable[Message], given: Message, wanted: Iterable[Message]) -> Message:
    """Return a ModelProto."""
    graph = [
        *_joined(_inside(1, one) for one in nodes),
        *_text(2, "farm"),
        *_joined(_inside(5, one) for one in constants),
        *_inside(11, given),
        *_joined(_inside(12, one) for one in wanted),
    ]
    opset = _inside(8, [*_text(1, ""), _number(2, OPSET)])
    return [_number(1, IR_VERSION), *_text(2, "edge-test-farm"), *_inside(7, graph), *opset]


def _attribute(name: str, value: int | list[int]) -> Message:
    if isinstance(value, int):
        return [*_text(1, name), _number(3, value), _number(20, _INT)]
    return [*_text(1, name), *(_number(8, one) for one in value), _number(20, _INTS)]


def _joined(messages: Iterable[Message]) -> Message:
    return [piece for message in messages for piece in message]


def _inside(field: int, message: Message) -> Message:
    return [_varint(field << 3 | _BYTES) + _varint(sum(map(len, message))), *message]


def _text(field: int, text: str) -> Message:
    return _inside(field, [text.encode()])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value)


def _varint(value: int) -> bytes:
    if value < 0:
        raise ValueError(f"{value}: nothing here is below 0")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
