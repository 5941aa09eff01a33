"""Operators on integers, as lines of a reference: sums are whole numbers, and are scaled once.

A runtime does the same with what stands between DequantizeLinear and QuantizeLinear. Where a model leaves that open,
because a result is used as a real number too, the real numbers are worked out as they are written.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..model.folding import along
from ..model.net import Node, Values
from .floats import constant, narrow, window
from .view import Steps, Tail, View, quantised_type
from .writer import Writer

_BIAS_TOLERANCE = 1e-4
"""Of a bias's scale, relative to the product of the two that it must be (assumed: rounding of float32)."""
_MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Product:
    """A convolution or full connection of integers."""

    data: str
    """The tensor of integers."""
    given: Steps
    weight: Values
    """With its zero point still in it; (out, …)."""
    weights: Steps
    bias: Values | None
    """In steps of both scales multiplied."""
    name: str
    """Of the weights, in the model."""


def write(view: View, node: Node, one: Product, tail: Tail | None, out: Writer, output: str) -> None:
    """Write a product whose result is integer, or real where there is no tail."""
    zero = along(one.weights.zero, one.weight.shape, 0)
    weight = one.weight.astype(np.int32) - np.asarray(zero, np.int32)
    _require_room(view, node, weight, one.bias)
    scale = one.given.scale[0] * one.weights.scale  # float32, in the order in which runtimes multiply
    facts: dict[str, str | int] = {"zero_in": int(one.given.zero[0])}
    if tail is None:
        facts |= {"to": "float32"}
    else:
        scale = scale / tail.steps.scale[0]
        low, high = _limits(tail)
        facts |= {"to": tail.dtype, "zero": int(tail.steps.zero[0]), "low": low, "high": high}
    arrays = (
        out.array(out.new(one.name, "integers"), narrow(weight)),
        "-" if one.bias is None else out.array(out.new(one.name, "bias"), one.bias.astype(np.int32)),
        out.array(out.new(one.name, "scale"), scale.astype(np.float32)),
    )
    if weight.ndim == 2:
        out.line("IntGemm", out.name(output), out.name(one.data), *arrays, transB=1, **facts)
    else:
        around = window(view, node, one.data, weight.shape[2:])
        group = int(node.attributes.get("group", 1))
        out.line("IntConv", out.name(output), out.name(one.data), *arrays, **around, group=group, **facts)


def _limits(tail: Tail) -> tuple[int, int]:
    """Return what the integers are kept between: their type's range, and what ReLU and Clip leave of it."""
    info = np.iinfo(tail.dtype)
    scale, zero = tail.steps.scale[0], int(tail.steps.zero[0])
    real = np.array([tail.low, tail.high], np.float32)
    low, high = np.clip(np.rint(real / scale) + zero, info.min, info.max)
    return int(low), int(high)


def _require_room(view: View, node: Node, weight: Values, bias: Values | None) -> None:
    sums = np.abs(weight.reshape(len(weight), -1)).astype(np.int64).sum(1) * 255
    if bias is not None:
        sums += np.abs(bias.astype(np.int64))
    if sums.max(initial=0) > _MOST:
        raise view.fault(node, f"its sums may reach {sums.max():,}, which is more than 32 bits hold")


def product(view: View, node: Node) -> Product | None:
    """Return the product of integers that a real operator stands for; None where it stands for none."""
    given = view.integers(node.inputs[0])
    weights = view.integers(node.inputs[1])
    if given is None or weights is None or not given.steps.one or view.fixed(given.name):
        return None
    weight = view.constant(weights.name)
    odd = any(
        node.attributes.get(k, default) != default for k, default in (("alpha", 1.0), ("beta", 1.0), ("transA", 0))
    )
    if weight is None or odd or (weight.ndim == 2 and len(view.shape(given.name, node)) != 2):
        return None
    turned = weight.ndim == 2 and not node.attributes.get("transB", 0)
    along_outputs = weights.steps.one or weights.axis % weight.ndim == (1 if turned else 0)
    scale = given.steps.scale[0] * weights.steps.scale
    found, bias = _bias(view, node.inputs[2] if len(node.inputs) > 2 else "", scale)
    if not along_outputs or not found:
        return None
    return Product(given.name, given.steps, weight.T if turned else weight, weights.steps, bias, weights.name)


def _bias(view: View, name: str, scale: Values) -> tuple[bool, Values | None]:
    """Return whether a bias counts in a product's steps, and it."""
    if not name:
        return True, None
    integers = view.integers(name)
    if integers is None or integers.steps.zero.any() or integers.steps.scale.size not in (1, scale.size):
        return False, None
    values = view.constant(integers.name)
    same = np.allclose(integers.steps.scale, scale, rtol=_BIAS_TOLERANCE, atol=0)
    return (True, values.reshape(-1)) if values is not None and same else (False, None)


def qlinear_conv(view: View, node: Node, out: Writer) -> None:
    """ONNX's QLinearConv."""
    one = _qlinear(view, node, bias=8)
    write(view, node, one, _tail(view, node, 6), out, node.outputs[0])


def qlinear_matmul(view: View, node: Node, out: Writer) -> None:
    """ONNX's QLinearMatMul with a matrix that stands in the file."""
    one = _qlinear(view, node, bias=-1)
    write(view, node, replace(one, weight=one.weight.T), _tail(view, node, 6), out, node.outputs[0])


def qgemm(view: View, node: Node, out: Writer) -> None:
    """QGemm of onnxruntime; without an output scale its result is real."""
    one = _qlinear(view, node, bias=6)
    if node.attributes.get("alpha", 1.0) != 1.0 or node.attributes.get("transA", 0):
        raise view.fault(node, "alpha or transA; want a plain product")
    if not node.attributes.get("transB", 0):
        one = replace(one, weight=one.weight.T)
    write(view, node, one, _tail(view, node, 7), out, node.outputs[0])


def _qlinear(view: View, node: Node, *, bias: int) -> Product:
    given, weights = view.steps(node, 1), view.steps(node, 4)
    if given is None or weights is None or not given.one:
        raise view.fault(node, "want one scale of its input, and one of its weights or one a channel")
    named = node.inputs[bias] if 0 <= bias < len(node.inputs) else ""
    values = constant(view, node, named).reshape(-1) if named else None
    return Product(node.inputs[0], given, constant(view, node, node.inputs[3]), weights, values, node.inputs[3])


def _tail(view: View, node: Node, at: int) -> Tail | None:
    steps = view.steps(node, at)
    if steps is None:
        return None
    if not steps.one:
        raise view.fault(node, "has a scale for each channel of its result; want one")
    return Tail(node.outputs[0], steps, quantised_type(view, node, at + 1), -np.inf, np.inf, ())
