"""ONNX model files, by the field numbers of onnx/onnx.proto3.

The onnx package would do it in one call, and weighs 9 MB with a parser in C++ that strangers' files would be fed to.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .malformed import Malformed, malformed
from .net import Constant, Net, Node, Port, Shape, constant
from .onnx_shapes import shapes
from .protobuf import Message

Beside = Callable[[str], bytes | None]
"""Returns a file that lies beside the model by its name, None where there is none."""

TYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    8: "string",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
    16: "bfloat16",
    21: "uint4",
    22: "int4",
}
"""TensorProto.DataType; others are told by their number."""

_EXTERNAL = 1
"""TensorProto.DataLocation: the numbers lie in another file."""
_DEFAULT_DOMAINS = ("", "ai.onnx")


@malformed()
def read_onnx(data: bytes | memoryview, beside: Beside = lambda _: None) -> Net:
    """Return the net; :class:`Malformed` where the file is none."""
    model = Message(data)
    graph = model.message(7)
    if 7 not in model or 1 not in graph:
        raise Malformed("no ONNX file: it holds no graph with operators")
    constants = {tensor.text(8): _tensor(tensor, beside) for tensor in graph.messages(5)}
    nodes: list[Node] = []
    for message in graph.messages(1):
        node = _node(message, beside)
        value = node.attributes.get("value")
        if node.operator == "Constant" and isinstance(value, Constant):
            constants[node.outputs[0]] = value
        else:
            nodes.append(node)
    ports = [_port(info) for info in graph.messages(11) if info.text(1) not in constants]
    outputs = [_port(info) for info in graph.messages(12)]
    known: dict[str, Shape] = {port.name: port.shape for port in ports}
    known |= {name: one.shape for name, one in constants.items()}
    known |= {port.name: port.shape for port in map(_port, graph.messages(13)) if port.shape}
    known = shapes(nodes, constants, known)
    inputs = tuple(_quantised(port, nodes, constants) for port in ports)
    return Net("ONNX", inputs, tuple(outputs), tuple(nodes), constants, known)


def external_files(data: bytes | memoryview) -> list[str]:
    """Return the names of the files, beside the model, that hold some of its numbers."""
    tensors = Message(data).message(7).messages(5)
    return sorted({_external(tensor).get("location", "") for tensor in tensors if tensor.integer(14) == _EXTERNAL})


def _external(tensor: Message) -> dict[str, str]:
    return {pair.text(1): pair.text(2) for pair in tensor.messages(13)}


def _tensor(tensor: Message, beside: Beside) -> Constant:
    shape, number, name = tensor.integers(1), tensor.integer(2), tensor.text(8)
    dtype = TYPES.get(number, f"type {number}")
    if tensor.integer(14) == _EXTERNAL:
        where = _external(tensor)
        file = beside(where.get("location", ""))
        offset, length = (where.get(key, "") for key in ("offset", "length"))
        if file is None or not (offset or "0").isdigit() or not length.isdigit():
            return Constant(shape, dtype, int(length) if length.isdigit() else 0, None)
        begin = int(offset or 0)
        return constant(shape, dtype, file[begin : begin + int(length)], f"tensor {name}")
    if 9 in tensor:
        return constant(shape, dtype, tensor.blob(9), f"tensor {name}")
    return constant(shape, dtype, _typed(tensor, dtype), f"tensor {name}")


def _typed(tensor: Message, dtype: str) -> bytes:
    """Return the bytes of numbers that stand in the typed fields, one a number, instead of in ``raw_data``."""
    if dtype == "float32":
        return np.array(tensor.floats(4), "<f4").tobytes()
    if dtype == "int64":
        return np.array(tensor.integers(7), "<i8").tobytes()
    if dtype == "float64":
        return b"".join(map(bytes, tensor.blobs(10)))
    if dtype in ("uint32", "uint64"):
        return np.array(tensor.integers(11), np.int64).astype(dtype).tobytes()
    wide = {"float16": "uint16", "bfloat16": "uint16", "int4": "uint8", "uint4": "uint8"}.get(dtype, dtype)
    known = wide in ("uint8", "int8", "uint16", "int16", "int32", "bool")
    return np.array(tensor.integers(5), np.int64).astype(wide).tobytes() if known else b""


def _node(message: Message, beside: Beside) -> Node:
    domain, operator = message.text(7), message.text(4)
    return Node(
        operator if domain in _DEFAULT_DOMAINS else f"{domain}.{operator}",
        message.text(3),
        tuple(message.texts(1)),
        tuple(message.texts(2)),
        {one.text(1): _attribute(one, beside) for one in message.messages(5)},
    )


def _attribute(one: Message, beside: Beside) -> Any:  # noqa: ANN401 -- a value of five types
    read: Mapping[int, Callable[[], Any]] = {
        2: lambda: one.floats(2)[0],
        3: lambda: one.integer(3),
        4: lambda: one.text(4),
        5: lambda: _tensor(one.message(5), beside),
        7: lambda: one.floats(7),
        8: lambda: one.integers(8),
    }
    return next((value() for number, value in read.items() if number in one), None)


def _port(info: Message) -> Port:
    tensor = info.message(2).message(1)
    sides = [dim.integer(1) if 1 in dim else None for dim in tensor.message(2).messages(1)]
    number = tensor.integer(1)
    return Port(info.text(1), tuple(sides), TYPES.get(number, f"type {number}"))


def _quantised(port: Port, nodes: list[Node], constants: Mapping[str, Constant]) -> Port:
    """Return the port with scale and zero point: those of the first operator that takes integers and says both."""
    for node in nodes:
        kind = node.operator.rpartition(".")[2]
        if port.name in node.inputs[:1] and (kind.startswith("QLinear") or kind in ("QGemm", "DequantizeLinear")):
            found = [_scalar(constants.get(name)) for name in (*node.inputs[1:3], "", "")[:2]]
            if found[0]:  # a scale of 0 says nothing
                return Port(port.name, port.shape, port.dtype, float(found[0]), int(found[1] or 0))
    return port


def _scalar(one: Constant | None) -> float | None:
    return (
        float(one.values.reshape(-1)[0])
        if one is not None and one.values is not None and one.values.size == 1
        else None
    )
