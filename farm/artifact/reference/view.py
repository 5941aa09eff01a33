"""A model as the converter asks it: what is constant, who uses what, and which integers stand for a real tensor."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

import numpy as np

from ...errors import UsageFault
from ..model.folding import along
from ..model.net import Net, Node, Values
from ..model.onnx import TYPES


@dataclass(frozen=True, slots=True)
class Steps:
    """How integers count real values: ``scale * (integer - zero)``; both arrays have one number, or one a channel."""

    scale: Values
    zero: Values

    @property
    def one(self) -> bool:
        """Whether there is a single scale, and a single zero."""
        return self.scale.size == 1 and self.zero.size == 1


@dataclass(frozen=True, slots=True)
class Integers:
    """A real tensor that is a QuantizeLinear's or DequantizeLinear's."""

    name: str
    """Of the tensor of integers."""
    steps: Steps
    axis: int = 1


@dataclass(frozen=True, slots=True)
class Tail:
    """What becomes of a result that is made integer at once: after ReLU and Clip."""

    output: str
    """Of the QuantizeLinear."""
    steps: Steps
    dtype: str
    low: float
    high: float
    nodes: tuple[Node, ...]
    """That are done with it."""


class View:
    """One net."""

    def __init__(self, net: Net, where: str) -> None:
        """Take the net, and what faults begin with; UsageFault where an operator takes what none before it gives."""
        self.net, self.where = net, where
        self.made: Mapping[str, Node] = {output: node for node in net.nodes for output in node.outputs if output}
        self._users: dict[str, list[Node]] = {}
        for node in net.nodes:
            for name in node.inputs:
                self._users.setdefault(name, []).append(node)
        self._fixed = set(net.constants)
        self._in_order()

    def _in_order(self) -> None:
        known = {port.name for port in self.net.inputs} | self._fixed
        for node in self.net.nodes:
            given = [name for name in node.inputs if name]
            if missing := [name for name in given if name not in known]:
                raise self.fault(node, f"takes {missing[0]}, which nothing before it gives")
            if node.operator in _FOLDED and given and self._fixed.issuperset(given):
                self._fixed.update(node.outputs)
            known.update(node.outputs)

    def fault(self, node: Node, what: str) -> UsageFault:
        """Return a fault of one operator."""
        name = node.name or (node.outputs[0] if node.outputs else "without a name")
        return UsageFault(f"{self.where}: operator {node.operator} ({name}): {what}")

    def constant(self, name: str) -> Values | None:
        """Return a tensor's values where they stand in the file, or follow from what does; None otherwise."""
        if (one := self.net.constants.get(name)) is not None:
            return one.values
        node = self.made.get(name)
        if node is None or node.operator not in _FOLDED:
            return None
        given = [self.constant(one) for one in node.inputs if one]
        if not given or any(one is None for one in given):
            return None
        return _folded(node, [one for one in given if one is not None])

    def fixed(self, name: str) -> bool:
        """Return whether a tensor never changes; nothing is worked out."""
        return name in self._fixed

    def shape(self, name: str, node: Node) -> tuple[int, ...]:
        """Return a shape that must be known."""
        shape = self.net.shapes.get(name)
        if shape is None:
            raise self.fault(node, f"the shape of {name} does not follow from the file")
        return tuple(1 if side is None else side for side in shape)

    def scalar(self, node: Node, at: int, default: float) -> float:
        """Return a single number that an operator takes as an input."""
        if at >= len(node.inputs) or not node.inputs[at]:
            return default
        found = self.constant(node.inputs[at])
        if found is None or found.size != 1:
            raise self.fault(node, f"its input {node.inputs[at]} is not one number that stands in the file")
        return float(found.reshape(-1)[0])

    def steps(self, node: Node, at: int) -> Steps | None:
        """Return scale and zero point that an operator takes at ``at`` and behind; None where it takes none."""
        if at >= len(node.inputs) or not node.inputs[at]:
            return None
        zero = node.inputs[at + 1] if at + 1 < len(node.inputs) else ""
        found = [self.constant(node.inputs[at]), self.constant(zero) if zero else np.int32(0)]
        if found[0] is None or found[1] is None:
            raise self.fault(node, "its scale and zero point do not stand in the file")
        scale, offset = (np.asarray(one).reshape(-1) for one in found)
        return Steps(scale.astype(np.float32), offset.astype(np.int32))

    def integers(self, name: str) -> Integers | None:
        """Return the integers that a real tensor was made of; None where it was not."""
        node = self.made.get(name)
        if node is None or node.operator != "DequantizeLinear":
            return None
        steps = self.steps(node, 1)
        return None if steps is None else Integers(node.inputs[0], steps, int(node.attributes.get("axis", 1)))

    def tail(self, name: str) -> Tail | None:
        """Return how a real tensor becomes integers, where nothing else is made of it."""
        low, high = -inf, inf
        nodes: list[Node] = []
        outputs = {port.name for port in self.net.outputs}
        while name not in outputs and len(users := self._users.get(name, [])) == 1:
            node = users[0]
            nodes.append(node)
            if node.operator == "Relu":
                low = max(low, 0.0)
            elif node.operator == "Clip":
                least, most = clip_bounds(self, node)
                low, high = max(low, least), min(high, most)
            elif node.operator == "QuantizeLinear":
                steps = self.steps(node, 1)
                if steps is None or not steps.one:
                    return None
                return Tail(node.outputs[0], steps, quantised_type(self, node), low, high, tuple(nodes))
            else:
                return None
            name = node.outputs[0]
        return None


def clip_bounds(view: View, node: Node) -> tuple[float, float]:
    """Return what a Clip keeps its numbers between: attributes in old operator sets, inputs in newer ones."""
    least, most = (float(node.attributes.get(name, default)) for name, default in (("min", -inf), ("max", inf)))
    return view.scalar(node, 1, least), view.scalar(node, 2, most)


def quantised_type(view: View, node: Node, at: int = 2) -> str:
    """Return the type of the integers that an operator makes: that of its zero point."""
    zero = view.constant(node.inputs[at]) if len(node.inputs) > at and node.inputs[at] else None
    dtype = "uint8" if zero is None else zero.dtype.newbyteorder("=").name
    if dtype not in ("uint8", "int8"):
        raise view.fault(node, f"makes {dtype}; want uint8 or int8")
    return dtype


_FOLDED = ("Cast", "Identity", "Reshape", "Transpose", "DequantizeLinear", "Gather")


def _folded(node: Node, given: list[Values]) -> Values | None:
    values = given[0]
    match node.operator:
        case "Cast":
            kind = TYPES.get(node.attributes.get("to", 1), "")
            return values.astype(kind) if kind in ("float32", "uint8", "int8", "int32", "int64") else None
        case "Identity":
            return values
        case "Reshape":
            sides = [values.shape[i] if side == 0 else int(side) for i, side in enumerate(given[1].reshape(-1))]
            return values.reshape(sides)
        case "Transpose":
            return values.transpose(node.attributes.get("perm"))
        case "Gather" if node.attributes.get("axis", 0) == 0:
            return values[given[1].astype(np.int64)]
        case "DequantizeLinear":
            axis = int(node.attributes.get("axis", 1))
            zero = given[2].reshape(-1) if len(given) > 2 else np.zeros(1)
            step, nought = (along(one.reshape(-1), values.shape, axis) for one in (given[1], zero))
            return ((values.astype(np.int32) - nought).astype(np.float32) * np.float32(step)).astype(np.float32)
        case _:
            return None
