"""Writes small ONNX files by the wire format alone: a second opinion on the reader."""

import struct

import numpy as np

TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "float16": 10, "float64": 11}


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def blob(field: int, data: bytes | str) -> bytes:
    data = data.encode() if isinstance(data, str) else data
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def tensor(name: str, value: np.ndarray, *, typed: bool = False, external: dict[str, str] | None = None) -> bytes:
    value = np.asarray(value)
    out = b"".join(number(1, side) for side in value.shape) + number(2, TYPES[value.dtype.name]) + blob(8, name)
    if external is not None:
        pairs = b"".join(blob(13, blob(1, key) + blob(2, text)) for key, text in external.items())
        return out + number(14, 1) + pairs
    if not typed:
        return out + blob(9, value.tobytes())
    match value.dtype.name:
        case "float32":
            return out + blob(4, value.tobytes())
        case "int64":
            return out + blob(7, b"".join(map(_varint, value.tolist())))
        case "float16":
            return out + b"".join(number(5, bits) for bits in value.view(np.uint16).tolist())
        case _:
            return out + b"".join(number(5, one) for one in value.tolist())


def attribute(name: str, value: float | str | list[int]) -> bytes:
    match value:
        case int():
            return blob(1, name) + number(3, value) + number(20, 2)
        case float():
            return blob(1, name) + _varint(2 << 3 | 5) + struct.pack("<f", value) + number(20, 1)
        case str():
            return blob(1, name) + blob(4, value) + number(20, 3)
        case _:
            return blob(1, name) + blob(8, b"".join(map(_varint, value))) + number(20, 7)


def node(operator: str, inputs: list[str], outputs: list[str], **attributes: float | str | list[int]) -> bytes:
    names = b"".join(blob(1, name) for name in inputs) + b"".join(blob(2, name) for name in outputs)
    return names + blob(4, operator) + b"".join(blob(5, attribute(name, value)) for name, value in attributes.items())


def port(name: str, shape: list[int | str], dtype: str = "float32") -> bytes:
    dims = b"".join(blob(1, blob(2, side) if isinstance(side, str) else number(1, side)) for side in shape)
    return blob(1, name) + blob(2, blob(1, number(1, TYPES[dtype]) + blob(2, dims)))


def model(
    nodes: list[bytes],
    constants: dict[str, np.ndarray | bytes],
    inputs: dict[str, list[int | str]],
    outputs: dict[str, list[int | str]] | None = None,
    dtype: str = "float32",
) -> bytes:
    graph = b"".join(blob(1, one) for one in nodes)
    for name, value in constants.items():
        graph += blob(5, value if isinstance(value, bytes) else tensor(name, value))
    graph += b"".join(blob(11, port(name, shape, dtype)) for name, shape in inputs.items())
    graph += b"".join(blob(12, port(name, shape, dtype)) for name, shape in (outputs or {}).items())
    return number(1, 8) + blob(7, graph) + blob(8, number(2, 13))
