"""Rewrites operators of onnxruntime that take and give integers, as the real ones that they stand for."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ..model.net import Net, Node
from ..model.onnx_shapes import shapes

_PLACES: Mapping[str, tuple[tuple[int, ...], int]] = {
    "QLinearAdd": ((0, 3), 6),
    "QLinearMul": ((0, 3), 6),
    "QLinearAveragePool": ((0,), 3),
    "QLinearGlobalAveragePool": ((0,), 3),
    "QLinearConcat": ((), 0),
}
"""Where each input stands, its scale and zero point behind it; where the result's stand."""


def expanded(net: Net) -> Net:
    """Return the same net with each such operator between DequantizeLinear and QuantizeLinear."""
    nodes = tuple(one for node in net.nodes for one in _expanded(node))
    return replace(net, nodes=nodes, shapes=shapes(nodes, net.constants, net.shapes))


def _expanded(node: Node) -> Iterator[Node]:
    kind = node.operator.rpartition(".")[2]
    places = _PLACES.get(kind)
    if places is None or node.attributes.get("channels_last", 0):
        yield node
        return
    inputs, result = places
    if kind == "QLinearConcat":
        inputs = tuple(range(2, len(node.inputs), 3))
    reals: list[str] = []
    for at in inputs:
        reals.append(f"{node.outputs[0]}/real{at}")
        yield Node("DequantizeLinear", node.name, node.inputs[at : at + 3], (reals[-1],))
    real = f"{node.outputs[0]}/real"
    yield Node(kind.removeprefix("QLinear"), node.name, tuple(reals), (real,), node.attributes)
    yield Node("QuantizeLinear", node.name, (real, *node.inputs[result : result + 2]), node.outputs)
