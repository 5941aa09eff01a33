"""Shapes of what flows through an ONNX graph, for the operators of nets that look at images.

What an operator not listed here gives is unknown, and so is what follows from it: never guessed.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from .net import Constant, Node, Shape

Sides = tuple[int, ...]
Known = Mapping[str, Sides]
Rule = Callable[[Node, list[Sides], Mapping[str, Constant]], Sides | None]


def shapes(nodes: Sequence[Node], constants: Mapping[str, Constant], known: Mapping[str, Shape]) -> dict[str, Shape]:
    """Return the shapes that are known, and those that follow; a side that the model leaves open counts 1."""
    # the one that is left open is the batch, in practice
    sides: dict[str, Sides] = {n: tuple(1 if s is None else s for s in shape) for n, shape in known.items()}
    for node in nodes:
        if not node.outputs or node.outputs[0] in sides:
            continue
        rule = _RULES.get(node.operator.rpartition(".")[2])
        given = [sides[name] for name in node.inputs[: _needed(node)] if name in sides]
        if rule is not None and given and len(given) == len([name for name in node.inputs[: _needed(node)] if name]):
            try:
                found = rule(node, given, constants)
            except _CANNOT_BE:
                found = None
            if found is not None and all(side > 0 for side in found):
                sides[node.outputs[0]] = found
    return dict(sides)


def _needed(node: Node) -> int:
    """Return how many inputs must be known; others hold parameters that rules look up themselves."""
    kind = node.operator.rpartition(".")[2]
    if kind in ("Add", "Sub", "Mul", "Div", "Concat", "Sum", "Max", "Min", "Pow", "Where"):
        return len(node.inputs)
    return 4 if kind in ("QLinearConv", "QLinearMatMul", "QGemm", "QLinearAdd") else 2 if kind in _TWO else 1


_CANNOT_BE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What comes of attributes of another type, or of sides that do not go together: the graph is not one that runs."""
_TWO = ("Conv", "ConvInteger", "ConvTranspose", "Gemm", "MatMul", "MatMulInteger", "Gather", "IntConv", "IntGemm")


def _same(node: Node, given: list[Sides], constants: Mapping[str, Constant]) -> Sides:
    del node, constants
    return given[0]


def _broadcast(node: Node, given: list[Sides], constants: Mapping[str, Constant]) -> Sides:
    del node, constants
    return tuple(np.broadcast_shapes(*given))


def _window(node: Node, size: Sides, kernel: Sides) -> Sides:
    """Return the sides after a window has gone over them."""
    n = len(size)
    stride: Sides = node.attributes.get("strides") or (1,) * n
    dilation: Sides = node.attributes.get("dilations") or (1,) * n
    pads: Sides = node.attributes.get("pads") or (0,) * 2 * n
    auto = node.attributes.get("auto_pad", "NOTSET")
    if auto.startswith("SAME"):
        return tuple(-(-size[i] // stride[i]) for i in range(n))
    if auto == "VALID":
        pads = (0,) * 2 * n
    up = node.attributes.get("ceil_mode", 0)
    free = [size[i] + pads[i] + pads[n + i] - dilation[i] * (kernel[i] - 1) - 1 for i in range(n)]
    return tuple((-(-free[i] // stride[i]) if up else free[i] // stride[i]) + 1 for i in range(n))


def _conv(node: Node, given: list[Sides], constants: Mapping[str, Constant]) -> Sides:
    del constants
    data, weight = given[0], given[3 if node.operator == "QLinearConv" else 1]
    return (data[0], weight[0], *_window(node, data[2:], weight[2:]))


def _conv_transpose(node: Node, given: list[Sides], constants: Mapping[str, Constant]) -> Sides | None:
    del constants
    if node.attributes.get("output_shape") or node.attributes.get("auto_pad", "NOTSET") != "NOTSET":
        return None
    size, kernel, n = given[0][2:], given[1][2:], len(given[0]) - 2
    strides, dilations = (node.attributes.get(name) or (1,) * n for name in ("strides", "dilations"))
    pads, extra = node.attributes.get("pads") or (0,) * 2 * n, node.attributes.get("output_padding") or (0,) * n
    reach = [dilations[i] * (kernel[i] - 1) + 1 for i in range(n)]
    sides = (strides[i] * (size[i] - 1) + extra[i] + reach[i] - pads[i] - pads[n + i] for i in range(n))
    return (given[0][0], given[1][1] * node.attributes.get("group", 1), *sides)


def _pool(node: Node, given: list[Sides], constants: Mapping[str, Constant]) -> Sides:
    del constants
    return (*given[0][:2], *_window(node, given[0][2:], node.attributes["kernel_shape"]))


def _global_pool(node: Node, given: list[Sides], constants: Mapping[str, Constant]) -> Sides:
    del node, constants
    return given[0][:2] + (1,) * len(given[0][2:])


def _gemm(node: Node, given: list[Sides], constants: Mapping[str, Constant]) -> Sides:
    del constants
    weight = given[3 if node.operator.endswith("QGemm") else 1]
    rows = given[0][1 if node.attributes.get("transA") else 0]
    return (rows, weight[0 if node.attributes.get("transB") else 1])


def _matmul(node: Node, given: list[Sides], constants: Mapping[str, Constant]) -> Sides:
    del constants
    left, right = given[0], given[3 if node.operator == "QLinearMatMul" else 1]
    return (*np.broadcast_shapes(left[:-2], right[:-2]), left[-2], right[-1])


def _flatten(node: Node, given: list[Sides], constants: Mapping[str, Constant]) -> Sides:
    del constants
    axis = node.attributes.get("axis", 1)
    return (prod(given[0][:axis]), prod(given[0][axis:]))


def _reshape(node: Node, given: list[Sides], constants: Mapping[str, Constant]) -> Sides | None:
    wanted: Sides | None = node.attributes.get("shape") or _ints(node, 1, constants)
    if wanted is None:
        return None
    sides = [given[0][i] if side == 0 else side for i, side in enumerate(wanted)]
    if -1 in sides:
        sides[sides.index(-1)] = prod(given[0]) // -prod(sides)
    return tuple(sides)


def _concat(node: Node, given: list[Sides], constants: Mapping[str, Constant]) -> Sides:
    del constants
    axis: int = node.attributes["axis"] % len(given[0])
    return (*given[0][:axis], sum(one[axis] for one in given), *given[0][axis + 1 :])


def _transpose(node: Node, given: list[Sides], constants: Mapping[str, Constant]) -> Sides:
    del constants
    return tuple(given[0][axis] for axis in node.attributes.get("perm") or reversed(range(len(given[0]))))


def _resize(node: Node, given: list[Sides], constants: Mapping[str, Constant]) -> Sides | None:
    if sizes := _ints(node, 3, constants):
        return sizes
    factors = constants.get(node.inputs[2 if len(node.inputs) > 2 else 1])
    if factors is None or factors.values is None or factors.values.size != len(given[0]):
        return None
    return tuple(int(side * float(by)) for side, by in zip(given[0], factors.values.reshape(-1), strict=True))


def _enlarge(node: Node, given: list[Sides], constants: Mapping[str, Constant]) -> Sides:
    del constants
    rows, columns = node.attributes["by"]
    return (*given[0][:2], given[0][2] * rows, given[0][3] * columns)


def _mean(node: Node, given: list[Sides], constants: Mapping[str, Constant]) -> Sides:
    axes: Sides = node.attributes.get("axes") or _ints(node, 1, constants) or tuple(range(len(given[0])))
    reduced = {axis % len(given[0]) for axis in axes}
    kept = node.attributes.get("keepdims", 1)
    sides = [1 if i in reduced else side for i, side in enumerate(given[0]) if kept or i not in reduced]
    return tuple(sides)


def _squeeze(node: Node, given: list[Sides], constants: Mapping[str, Constant]) -> Sides:
    axes: Sides | None = node.attributes.get("axes") or _ints(node, 1, constants)
    gone = {i for i, s in enumerate(given[0]) if s == 1} if axes is None else {axis % len(given[0]) for axis in axes}
    return tuple(side for i, side in enumerate(given[0]) if i not in gone)


def _gather(node: Node, given: list[Sides], constants: Mapping[str, Constant]) -> Sides:
    del constants
    axis = node.attributes.get("axis", 0)
    return (*given[0][:axis], *given[1], *given[0][axis + 1 :])


def _ints(node: Node, at: int, constants: Mapping[str, Constant]) -> Sides | None:
    found: Any = constants.get(node.inputs[at]) if len(node.inputs) > at else None
    return None if found is None or found.values is None else tuple(int(v) for v in found.values.reshape(-1))


_UNCHANGED = """
Relu LeakyRelu PRelu Clip Sigmoid HardSigmoid HardSwish Tanh Elu Selu Softmax LogSoftmax Identity Dropout Gelu Erf Exp
BatchNormalization LRN InstanceNormalization LayerNormalization Cast Sqrt Abs Neg QuantizeLinear DequantizeLinear
DynamicQuantizeLinear QLinearAdd QLinearMul QLinearSigmoid QLinearLeakyRelu
"""
"""Operators whose first output has the shape of their first input."""

_RULES: dict[str, Rule] = {
    **dict.fromkeys(["Conv", "ConvInteger", "QLinearConv", "IntConv"], _conv),
    "ConvTranspose": _conv_transpose,
    **dict.fromkeys(["MaxPool", "AveragePool", "LpPool", "QLinearAveragePool"], _pool),
    **dict.fromkeys(["GlobalAveragePool", "GlobalMaxPool", "QLinearGlobalAveragePool"], _global_pool),
    **dict.fromkeys(["Gemm", "QGemm", "IntGemm"], _gemm),
    **dict.fromkeys(["MatMul", "MatMulInteger", "QLinearMatMul"], _matmul),
    **dict.fromkeys(["Add", "Sub", "Mul", "Div", "Sum", "Max", "Min", "Pow", "Where"], _broadcast),
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Concat": _concat,
    "Transpose": _transpose,
    "Resize": _resize,
    "Enlarge": _enlarge,
    "ReduceMean": _mean,
    "Squeeze": _squeeze,
    "Gather": _gather,
    **dict.fromkeys(_UNCHANGED.split(), _same),
}
