"""Weights as the layer sees them: through the casts, tables and scales that a compressed file keeps them behind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from .net import Constant, Net, Node, Values

_UNCHANGED = {"Cast", "CAST", "Convert", "Identity", "FakeQuantize", "FAKE_QUANT", "DENSIFY"}
_RESHAPED = {"Reshape", "RESHAPE", "Squeeze", "SQUEEZE", "Unsqueeze", "EXPAND_DIMS", "Flatten"}
_TRANSPOSED = {"Transpose", "TRANSPOSE"}
_DEQUANTISED = {"DequantizeLinear", "DEQUANTIZE"}
_DEEPEST = 16
"""Operators between a constant and the layer, assumed; formats put one to four there."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A layer's weights."""

    shape: tuple[int, ...]
    values: Values | None
    """Integers stay integers; None where the file keeps them in a way that is not read here."""
    stored_bytes: int
    """All that the file spends on them: tables, scales and zero points too."""
    dtype: str
    """Of what is stored, one a weight."""
    zero: Values | float = 0
    """The value that stands for a real 0; one a channel where they differ."""


class Folding:
    """Finds what a net's tensors are where they are constant."""

    def __init__(self, net: Net) -> None:
        """Take the net."""
        self._net = net
        self.used: set[str] = set()
        """The constants that were weights, or part of them."""
        self._made: Mapping[str, Node] = {output: node for node in net.nodes for output in node.outputs}
        self._found: dict[str, Weights | None] = {}

    def weights(self, name: str, depth: int = 0) -> Weights | None:
        """Return the weights behind a tensor; None where it is no constant."""
        if name not in self._found:
            self._found[name] = None  # what leads back to itself is no constant
            self._found[name] = self._look(name, depth)
        return self._found[name]

    def _look(self, name: str, depth: int) -> Weights | None:
        if (one := self._net.constants.get(name)) is not None:
            self.used.add(name)
            return _plain(one)
        node = self._made.get(name)
        if node is None or depth > _DEEPEST or not node.inputs:
            return None
        if node.operator in ("Gather", "GATHER"):
            return self._looked_up(node, depth)
        if node.operator in ("Multiply", "Mul", "MUL", "Subtract", "Sub", "SUB"):
            return self._scaled(node, depth)
        inner = self.weights(node.inputs[0], depth + 1)
        if inner is None:
            return None
        if node.operator in _UNCHANGED:
            return inner
        if node.operator in _DEQUANTISED:
            return self._dequantised(inner, node)
        if node.operator in _TRANSPOSED:
            return self._transposed(inner, node)
        return self._reshaped(inner, node) if node.operator in _RESHAPED else None

    def _looked_up(self, node: Node, depth: int) -> Weights | None:
        """Weights that are shared: a table, and for each weight a number in it."""
        table, numbers = (self.weights(name, depth + 1) for name in (*node.inputs, "")[:2])
        if table is None or numbers is None:
            return None
        stored_bytes = table.stored_bytes + numbers.stored_bytes
        values = None
        if table.values is not None and numbers.values is not None and table.values.ndim == 1:
            at = numbers.values.astype(np.int64)
            inside = at.size == 0 or (at.min() >= -table.values.size and at.max() < table.values.size)
            values = table.values[at] if inside else None
        return Weights(numbers.shape, values, stored_bytes, numbers.dtype, table.zero)

    def _scaled(self, node: Node, depth: int) -> Weights | None:
        """OpenVINO's way to write quantised weights: less a zero point, times a scale."""
        inner, by = (self.weights(name, depth + 1) for name in (*node.inputs, "")[:2])
        if inner is None or by is None:
            return None
        stored_bytes = inner.stored_bytes + by.stored_bytes
        if node.operator.lower().startswith("mul"):
            return replace(inner, stored_bytes=stored_bytes)
        return replace(inner, stored_bytes=stored_bytes, zero=0 if by.values is None else by.values)

    def _dequantised(self, inner: Weights, node: Node) -> Weights:
        named = [name for name in node.inputs[1:] if name in self._net.constants]
        self.used.update(named)
        extra = [self._net.constants[name] for name in named]
        zero = inner.zero
        if len(extra) > 1 and extra[1].values is not None:
            zero = along(extra[1].values, inner.shape, int(node.attributes.get("axis", 1)))
        return replace(inner, stored_bytes=inner.stored_bytes + sum(e.stored_bytes for e in extra), zero=zero)

    def _transposed(self, inner: Weights, node: Node) -> Weights | None:
        order: Sequence[int] = node.attributes.get("perm") or range(len(inner.shape))[::-1]  # ONNX's way
        second = self._net.constants.get(node.inputs[1]) if len(node.inputs) > 1 else None  # the others'
        if second is not None and second.values is not None:
            order = [int(axis) for axis in second.values.reshape(-1)]
        if sorted(order) != list(range(len(inner.shape))):
            return None
        values, zero = inner.values, inner.zero
        if isinstance(zero, np.ndarray) and zero.ndim == len(order):
            zero = zero.transpose(order)
        shape = tuple(inner.shape[axis] for axis in order)
        return replace(inner, shape=shape, values=None if values is None else values.transpose(order), zero=zero)

    def _reshaped(self, inner: Weights, node: Node) -> Weights:
        shape = self._net.shapes.get(node.outputs[0])
        if shape is None or None in shape:
            return inner
        sides = tuple(side or 0 for side in shape)
        if prod(sides) != prod(inner.shape):
            return inner
        one_zero = not isinstance(inner.zero, np.ndarray) or inner.zero.size == 1
        if inner.values is None or not one_zero:
            return replace(inner, shape=sides) if one_zero else inner
        return replace(inner, shape=sides, values=inner.values.reshape(sides))


def along(values: Values, shape: tuple[int, ...], axis: int) -> Values | float:
    """Return one value, or one a channel in a shape that goes with the weights'."""
    if values.size == 1:
        return float(values.reshape(-1)[0])
    if not -len(shape) <= axis < len(shape) or values.size != shape[axis]:
        return values
    return values.reshape([side if i == axis % len(shape) else 1 for i, side in enumerate(shape)])


def _plain(one: Constant) -> Weights:
    extra = sum(part.nbytes for part in (one.scale, one.zero_point) if part is not None)
    zero: Values | float = 0
    if one.zero_point is not None:
        zero = along(one.zero_point, one.shape, one.axis)
    return Weights(one.shape, one.values, one.stored_bytes + extra, one.dtype, zero)
