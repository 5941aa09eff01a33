"""OpenVINO's intermediate representation, versions 10 and 11: ``model.xml`` with the graph, ``model.bin`` with numbers.

A document type is refused, and with it every entity: the format has none, and a stranger's may be a bomb.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from .malformed import Malformed, malformed
from .net import Constant, Net, Node, Port, Shape, constant

_TYPES = {
    "f32": "float32",
    "f16": "float16",
    "f64": "float64",
    "bf16": "bfloat16",
    **{
        f"{short}{bits}": f"{long}{bits}"
        for short, long in (("i", "int"), ("u", "uint"))
        for bits in (4, 8, 16, 32, 64)
    },
    "boolean": "bool",
}
_PRECISIONS = {"FP32": "f32", "FP16": "f16", "FP64": "f64", "BOOL": "boolean"}
"""How ports spell types that their data spells otherwise; all others differ in case alone."""


@dataclass(slots=True)
class _Element:
    tag: str
    attributes: Mapping[str, str]
    inner: list["_Element"] = field(default_factory=list["_Element"])
    text: str = ""

    def all(self, *path: str) -> list["_Element"]:
        found: list[_Element] = [self]
        for tag in path:
            found = [inner for one in found for inner in one.inner if inner.tag == tag]
        return found


@malformed()
def read_openvino(xml: bytes, numbers: bytes) -> Net:
    """Return the net of both files; :class:`Malformed` where they are none."""
    net = _parse(xml)
    if net.tag != "net":
        raise Malformed(f"no OpenVINO graph: its root is <{net.tag}>")
    layers = {layer.attributes.get("id", ""): layer for layer in net.all("layers", "layer")}
    feeds = {_end(edge, "to"): _end(edge, "from") for edge in net.all("edges", "edge")}
    shapes: dict[str, Shape] = {}
    constants: dict[str, Constant] = {}
    nodes: list[Node] = []
    ends: dict[str, list[Port]] = {"Parameter": [], "Result": []}
    for number, layer in layers.items():
        kind, name = layer.attributes.get("type", ""), layer.attributes.get("name", "")
        outputs = [(f"{number}:{port.attributes.get('id', '')}", port) for port in layer.all("output", "port")]
        shapes |= {tensor: _shape(port) for tensor, port in outputs}
        inputs = [feeds.get(f"{number}:{port.attributes.get('id', '')}", "") for port in layer.all("input", "port")]
        if kind == "Const" and outputs:
            constants[outputs[0][0]] = _constant(layer, numbers, name)
        elif kind in ends:
            ports = [port for _, port in outputs] or layer.all("input", "port")
            ends[kind] += [Port(name, _shape(port), _dtype(port)) for port in ports]
        else:
            data = next(iter(layer.all("data")), None)
            nodes.append(
                Node(
                    kind, name, tuple(inputs), tuple(t for t, _ in outputs), data.attributes if data is not None else {}
                )
            )
    if not nodes:
        raise Malformed("no OpenVINO graph: it holds no operators")
    return Net("OpenVINO", tuple(ends["Parameter"]), tuple(ends["Result"]), tuple(nodes), constants, shapes)


def _parse(xml: bytes) -> _Element:
    root = _Element("", {})
    stack = [root]

    def begin(tag: str, attributes: dict[str, str]) -> None:
        stack[-1].inner.append(one := _Element(tag, attributes))
        stack.append(one)

    def text(data: str) -> None:
        stack[-1].text += data

    def refuse(*_: object) -> None:
        raise Malformed("holds a document type; no OpenVINO graph does")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = begin
    parser.EndElementHandler = lambda _: stack.pop()
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(xml, True)
    except expat.ExpatError as error:
        raise Malformed(f"not XML: {error}") from error
    return root.inner[0]


def _end(edge: _Element, side: str) -> str:
    return f"{edge.attributes.get(f'{side}-layer', '')}:{edge.attributes.get(f'{side}-port', '')}"


def _shape(port: _Element) -> Shape:
    sides = [dim.text.strip() for dim in port.all("dim")]
    return tuple(int(side) if side.isdigit() else None for side in sides)


def _dtype(port: _Element) -> str:
    precision = port.attributes.get("precision", "")
    short = _PRECISIONS.get(precision, precision.lower())
    return _TYPES.get(short, short)


def _constant(layer: _Element, numbers: bytes, name: str) -> Constant:
    data = next(iter(layer.all("data")), None)
    facts: Mapping[str, str] = data.attributes if data is not None else {}
    sides = [side.strip() for side in facts.get("shape", "").split(",") if side.strip()]
    offset, size = facts.get("offset", ""), facts.get("size", "")
    if not all(word.isdigit() for word in (offset, size, *sides)):
        raise Malformed(f"constant {name}: no offset, size and shape in numbers")
    begin, end = int(offset), int(offset) + int(size)
    if end > len(numbers):
        raise Malformed(f"constant {name}: ends at byte {end} of {len(numbers)}")
    kind = facts.get("element_type", "")
    return constant(tuple(map(int, sides)), _TYPES.get(kind, kind), numbers[begin:end], f"constant {name}")
