"""TensorFlow Lite's model files: the first subgraph, by the field numbers of tensorflow/lite/schema/schema.fbs."""

from collections import Counter
from typing import TypeVar

import numpy as np

from .flatbuffer import Table
from .malformed import Malformed, malformed
from .net import Constant, Net, Node, Port, Values, constant
from .tflite_names import OPERATORS, TYPES

IDENTIFIER = b"TFL3"
"""Bytes 4 to 8 of every such file."""
EDGETPU_OPERATOR = "edgetpu-custom-op"
"""What the Edge TPU's compiler puts in place of the operators that it takes over."""

T = TypeVar("T")

_CUSTOM = 32
_OFFSET_IN_FILE = 1
"""A buffer with this offset or a smaller one keeps its bytes in the table, not behind it."""


def operators(data: bytes | memoryview) -> list[str]:
    """Return the operators that a model names, in the order of its table; nothing else is read."""
    return [_operator(code) for code in _model(data).tables(1)]


@malformed()
def read_tflite(data: bytes | memoryview) -> Net:
    """Return the net; :class:`Malformed` where the file is none."""
    model = _model(data)
    names = [_operator(code) for code in model.tables(1)]
    subgraphs = model.tables(2)
    if not subgraphs:
        raise Malformed("holds no subgraph")
    graph = subgraphs[0]
    tensors, buffers = graph.tables(0), model.tables(4)
    keys = _keys([tensor.text(3) for tensor in tensors])
    constants = {keys[n]: found for n, one in enumerate(tensors) if (found := _constant(one, buffers)) is not None}
    nodes = tuple(
        Node(
            _at(names, operator.number(0, "uint32"), "operator"),
            _name(tensors, operator),
            _references(operator.integers(1), keys),
            _references(operator.integers(2), keys),
        )
        for operator in graph.tables(3)
    )
    return Net(
        "TFLite",
        tuple(_port(_at(tensors, n, "tensor")) for n in graph.integers(1)),
        tuple(_port(_at(tensors, n, "tensor")) for n in graph.integers(2)),
        nodes,
        constants,
        {keys[n]: tuple(None if side < 0 else side for side in t.integers(0)) for n, t in enumerate(tensors)},
    )


def _model(data: bytes | memoryview) -> Table:
    if data[4:8] != IDENTIFIER:
        raise Malformed(f"no TFLite file: bytes 4 to 8 are not {IDENTIFIER!r}")
    return Table.root(data)


def _operator(code: Table) -> str:
    # the newer, wider field counts; files from before it have 0 there
    number = max(code.number(3, "int32"), code.number(0, "int8"))
    if number == _CUSTOM:
        return code.text(1) or "CUSTOM"
    return OPERATORS[number] if 0 <= number < len(OPERATORS) else f"builtin {number}"


def _at(items: list[T], n: int, what: str) -> T:
    if not 0 <= n < len(items):
        raise Malformed(f"names {what} {n} of {len(items)}")
    return items[n]


def _keys(names: list[str]) -> list[str]:
    """Return a name for each tensor that is its alone: its own where no other has it, else with its number."""
    often = Counter(names)
    return [name if often[name] == 1 and name and "#" not in name else f"{name}#{n}" for n, name in enumerate(names)]


def _references(numbers: tuple[int, ...], keys: list[str]) -> tuple[str, ...]:
    return tuple("" if n < 0 else _at(keys, n, "tensor") for n in numbers)


def _name(tensors: list[Table], operator: Table) -> str:
    outputs = operator.integers(2)
    return _at(tensors, outputs[0], "tensor").text(3) if outputs else ""


def _type(tensor: Table) -> str:
    number = tensor.number(1, "int8")
    return TYPES[number] if 0 <= number < len(TYPES) else f"type {number}"


def _quantisation(tensor: Table) -> tuple[Values | None, Values | None]:
    facts = tensor.table(4)
    if facts is None or not len(scale := facts.vector(2, 4)):
        return None, None
    zero_point = np.frombuffer(facts.vector(3, 8), "<i8")
    return np.frombuffer(scale, "<f4"), zero_point if len(zero_point) else None


def _port(tensor: Table) -> Port:
    shape = tuple(None if side < 0 else side for side in tensor.integers(0))
    scale, zero_point = _quantisation(tensor)
    one = scale is not None and len(scale) == 1
    return Port(
        tensor.text(3),
        shape,
        _type(tensor),
        float(scale[0]) if scale is not None and one and scale[0] else None,
        int(zero_point[0]) if zero_point is not None and one and len(zero_point) else None,
    )


def _constant(tensor: Table, buffers: list[Table]) -> Constant | None:
    buffer = _at(buffers, tensor.number(2, "uint32"), "buffer")
    data = buffer.vector(0, 1)
    if (offset := buffer.number(1, "uint64")) > _OFFSET_IN_FILE:
        data = buffer.data[offset : offset + buffer.number(2, "uint64")]
    if not len(data):
        return None
    what, dtype = f"tensor {tensor.text(3)}", _type(tensor)
    if tensor.table(6) is not None:  # sparse: only what is not zero is stored, in an order of its own
        return Constant(tensor.integers(0), dtype, len(data), None)
    plain = constant(tensor.integers(0), dtype, data, what)
    scale, zero_point = _quantisation(tensor)
    facts = tensor.table(4)
    axis = 0 if facts is None else facts.number(6, "int32")
    return Constant(plain.shape, dtype, plain.stored_bytes, plain.values, scale, zero_point, axis)
