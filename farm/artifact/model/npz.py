"""The reference's own format: numpy's ``.npz``, stored without compression, so that a few lines of C read it too.

The array ``graph`` holds a line of text for each operator, in the order in which they run; all others are weights::

    input image shape=1,1,32,32 dtype=uint8 scale=0.0625 zero=0
    IntConv t0 image weight0 bias0 multiplier0 strides=1,1 pads=0,0,0,0 dilations=1,1 group=1 …
    MaxPool t1 t0 kernel_shape=2,2 strides=2,2 pads=0,0,0,0 dilations=1,1
    …
    output scores

A word with ``=`` is an attribute; the others are the operator, what it gives, and what it takes (``-``: nothing).
Operators are ONNX's, as is what their attributes mean; ``IntConv``, ``IntGemm`` and ``Enlarge`` are not, and
docs/artifacts.md tells what they do.
"""

import io
import re
import struct
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from .malformed import Malformed, malformed
from .net import Constant, Net, Node, Port, Shape, constant
from .onnx_shapes import shapes

GRAPH = "graph"
NOTHING = "-"
_MEMBER = ".npy"
_ZIP = b"PK\x03\x04"
_HEADER_BYTES = 10_000
"""numpy's own bound on what it reads as Python."""
_NUMBERS = re.compile(r"-?\d{1,12}(,-?\d{1,12})*")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the graph."""

    operator: str
    output: str
    inputs: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])

    def __str__(self) -> str:
        words = [self.operator, self.output, *self.inputs]
        return " ".join([*words, *(f"{name}={value}" for name, value in self.attributes.items())])


def is_reference(data: bytes | memoryview) -> bool:
    """Return whether a file is of this format: a zip archive that holds a graph."""
    if bytes(data[:4]) != _ZIP:
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return GRAPH + _MEMBER in archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error):
        return False


@malformed()
def read_npz(data: bytes | memoryview) -> Net:
    """Return the net; :class:`Malformed` where the file is none."""
    arrays = dict(_arrays(data))
    graph = arrays.pop(GRAPH, None)
    if graph is None:
        raise Malformed(f"no reference: it holds no array {GRAPH!r}")
    lines = [parse_line(line) for line in _lines(graph)]
    given = [line for line in lines if line.operator == "input"]
    wanted = [line.output for line in lines if line.operator == "output"]
    if len(given) != 1 or len(wanted) != 1:
        raise Malformed(f"{len(given)} inputs and {len(wanted)} outputs; want one each")
    nodes = [_node(line) for line in lines if line.operator not in ("input", "output")]
    port = _input(given[0])
    known: dict[str, Shape] = {port.name: port.shape, **{name: one.shape for name, one in arrays.items()}}
    known = shapes(nodes, arrays, known)
    dtype = next((_dtype(node) for node in reversed(nodes) if wanted[0] in node.outputs), "float32")
    output = Port(wanted[0], known.get(wanted[0], ()), dtype)
    return Net("NumPy reference", (port,), (output,), tuple(nodes), arrays, known)


def parse_line(text: str) -> Line:
    """Return one line of a graph; :class:`Malformed` where it is none."""
    words = text.split()
    names = [word for word in words if "=" not in word]
    if len(names) < 2 or words[: len(names)] != names:
        raise Malformed(f"graph: {text!r} is no line of operator, names and attributes")
    pairs = [word.partition("=") for word in words[len(names) :]]
    return Line(names[0], names[1], tuple(names[2:]), {name: value for name, _, value in pairs})


def _arrays(data: bytes | memoryview) -> Iterator[tuple[str, Constant]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                if member.compress_type != zipfile.ZIP_STORED:
                    raise Malformed(f"{member.filename}: is compressed; want np.savez, not savez_compressed")
                if not member.filename.endswith(_MEMBER):
                    raise Malformed(f"{member.filename}: is no array")
                name = member.filename.removesuffix(_MEMBER)
                yield name, _array(archive.read(member), name)
    except Malformed:
        raise
    except (
        zipfile.BadZipFile,
        EOFError,
        NotImplementedError,
        OSError,
        RuntimeError,
        ValueError,
        struct.error,
    ) as error:
        raise Malformed(f"no whole zip archive: {error}") from error


def _array(data: bytes, name: str) -> Constant:
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, columns_first, dtype = read(file, max_header_size=_HEADER_BYTES)
    except (ValueError, EOFError, SyntaxError, TypeError) as error:
        raise Malformed(f"array {name}: {error}") from error
    if columns_first and len(shape) > 1:
        raise Malformed(f"array {name}: is in Fortran's order; want C's")
    rest = data[file.tell() :]
    if dtype.kind == "S":
        if name != GRAPH or len(shape) != 1 or len(rest) != shape[0] * dtype.itemsize:
            raise Malformed(f"array {name}: {len(rest)} bytes of text for shape {shape}")
        return Constant(shape, "text", len(rest), np.frombuffer(rest, dtype))
    if dtype.newbyteorder("=").name not in _TYPES or dtype.byteorder == ">":
        raise Malformed(f"array {name}: type {dtype.str}; want {', '.join(_TYPES)}")
    return constant(tuple(shape), dtype.newbyteorder("=").name, rest, f"array {name}")


_TYPES = ("float32", "int8", "uint8", "int16", "int32")


def _lines(graph: Constant) -> list[str]:
    if graph.dtype != "text" or graph.values is None:
        raise Malformed(f"{GRAPH}: is no array of text lines")
    try:
        return [line.decode("ascii") for line in graph.values.tolist()]
    except UnicodeDecodeError as error:
        raise Malformed(f"{GRAPH}: is not ASCII") from error


def _node(line: Line) -> Node:
    inputs = tuple("" if name == NOTHING else name for name in line.inputs)
    values = {name: _value(name, text) for name, text in line.attributes.items()}
    return Node(line.operator, line.output, inputs, (line.output,), values)


_LISTS = ("kernel_shape", "strides", "pads", "dilations", "shape", "by")


def _value(name: str, text: str) -> int | tuple[int, ...] | str:
    if not _NUMBERS.fullmatch(text):
        if name in _LISTS:
            raise Malformed(f"graph: {name}={text} is no list of numbers")
        return text
    numbers = tuple(int(word) for word in text.split(","))
    return numbers if name in _LISTS else numbers[0]


def _input(line: Line) -> Port:
    shape = _value("shape", line.attributes.get("shape", ""))
    if not isinstance(shape, tuple) or min(shape) < 1:
        raise Malformed(f"graph: {line}: no shape")
    dtype, scale, zero = (line.attributes.get(name, "") for name in ("dtype", "scale", "zero"))
    if not scale:
        return Port(line.output, shape, dtype)
    try:
        return Port(line.output, shape, dtype, float(scale), int(zero or "0"))
    except ValueError as error:
        raise Malformed(f"graph: {line}: scale or zero is no number") from error


def _dtype(node: Node) -> str:
    return str(node.attributes.get("to", "float32"))
