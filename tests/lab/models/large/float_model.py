"""A net in float32, as ONNX."""

from collections.abc import Sequence

import numpy as np

from . import onnx_file
from .graph import Net, Node
from .onnx_file import Message
from .weights import weights_of

INPUT, OUTPUT = "image", "scores"


def name_of(net: Net, tensor: int) -> str:
    """Return what a tensor is called in the file."""
    return INPUT if tensor == 0 else OUTPUT if tensor == len(net.nodes) else f"t{tensor}"


def write_float(net: Net, seed: int, *, show: Sequence[int] = ()) -> Message:
    """Return the model.

    Args:
        net: What to write.
        seed: Of its weights.
        show: Tensors that the model gives besides its scores.
    """
    nodes: list[Message] = []
    constants: list[Message] = []
    if any(node.activation == "relu6" for node in net.nodes):
        constants += [onnx_file.constant("zero", np.float32(0)), onnx_file.constant("six", np.float32(6))]
    for number, node in enumerate(net.nodes, 1):
        out, given = name_of(net, number), [name_of(net, i) for i in node.inputs]
        if node.weight:
            for kind, value in zip(("weight", "bias"), weights_of(node, number, seed), strict=True):
                given.append(f"{kind}{number}")
                constants.append(onnx_file.constant(given[-1], value))
        nodes += _activated(node, given, out)
    wanted = [onnx_file.port(OUTPUT, net.nodes[-1].shape), *(onnx_file.port(name_of(net, i), None) for i in show)]
    return onnx_file.model(nodes, constants, onnx_file.port(INPUT, net.shape), wanted)


def _activated(node: Node, given: list[str], out: str) -> list[Message]:
    if node.activation == "none":
        return [onnx_file.node(node.operator, given, out, node.attributes)]
    inner = f"{out}_sum"
    first = onnx_file.node(node.operator, given, inner, node.attributes)
    if node.activation == "relu":
        return [first, onnx_file.node("Relu", [inner], out, {})]
    return [first, onnx_file.node("Clip", [inner, "zero", "six"], out, {})]
