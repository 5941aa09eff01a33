"""A net as a list of operators, and what follows from their shapes alone: parameters and multiplications."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Literal

Operator = Literal["Conv", "Gemm", "MaxPool", "GlobalAveragePool", "Add", "Concat", "Flatten"]
Activation = Literal["none", "relu", "relu6"]
Shape = tuple[int, ...]

IMAGE = 0
"""Number of the net's input among its tensors; tensor n is what operator n gives, counted from 1."""

CLASSES = 1000


@dataclass(frozen=True)
class Node:
    """One operator, and the activation after it. Batch normalisation is in weight and bias already."""

    operator: Operator
    inputs: tuple[int, ...]
    shape: Shape
    """Of its output."""
    weight: Shape = ()
    """(out, in a group, height, width), or (out, in); empty where it has none. The bias is (out,)."""
    activation: Activation = "none"
    attributes: Mapping[str, int | list[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Net:
    """A whole net; the last operator gives the scores."""

    title: str
    shape: Shape
    nodes: tuple[Node, ...]

    @property
    def parameters(self) -> int:
        """Weights and biases, one bias an output channel."""
        return sum(prod(node.weight) + node.weight[0] for node in self.nodes if node.weight)

    @property
    def macs(self) -> int:
        """Multiplications of one inference: every result is a sum over the weights of its channel."""
        return sum(prod(node.shape) * prod(node.weight[1:]) for node in self.nodes if node.weight)

    @property
    def positive(self) -> list[bool]:
        """Tensor by tensor, whether it is never below 0."""
        found = [False]
        for node in self.nodes:
            kept = node.operator in ("MaxPool", "GlobalAveragePool", "Concat", "Flatten")
            found.append(node.activation != "none" or (kept and all(found[i] for i in node.inputs)))
        return found


class Builder:
    """Adds operators one by one; each method returns the number of its output."""

    def __init__(self, size: int, width: float = 1.0) -> None:
        """Begin with a colour image.

        Args:
            size: Its height and width, pixels.
            width: Times the channels of every layer, those of the scores and of ``keep`` excepted.
        """
        self.shapes: list[Shape] = [(1, 3, size, size)]
        self.nodes: list[Node] = []
        self._width = width

    def thinned(self, channels: int) -> int:
        """Return channels times the width: a multiple of 8, and never under nine tenths (MobileNetV2's own rule)."""
        if self._width == 1.0:
            return channels
        wanted = channels * self._width
        near = max(8, int(wanted + 4) // 8 * 8)
        return near if near >= 0.9 * wanted else near + 8

    def conv(
        self,
        x: int,
        channels: int,
        kernel: int,
        *,
        stride: int = 1,
        pad: int | None = None,
        groups: int = 1,
        activation: Activation = "relu",
    ) -> int:
        """Add a convolution to so many channels, thinned already; padded to keep the size unless told otherwise."""
        pad = kernel // 2 if pad is None else pad
        before = self.shapes[x][1]
        attributes = _window(kernel, stride, pad) | ({"group": groups} if groups > 1 else {})
        shape = (1, channels, *self._after(x, kernel, stride, pad))
        weight = (channels, before // groups, kernel, kernel)
        return self._add(Node("Conv", (x,), shape, weight, activation, attributes))

    def depthwise(self, x: int, *, stride: int = 1) -> int:
        """Add a 3 x 3 convolution, each channel by itself, with ReLU6."""
        channels = self.shapes[x][1]
        return self.conv(x, channels, 3, stride=stride, groups=channels, activation="relu6")

    def max_pool(self, x: int, kernel: int, stride: int, pad: int = 0) -> int:
        """Add the largest of each window."""
        shape = (1, self.shapes[x][1], *self._after(x, kernel, stride, pad))
        return self._add(Node("MaxPool", (x,), shape, attributes=_window(kernel, stride, pad)))

    def average(self, x: int) -> int:
        """Add the mean of each channel, as a row."""
        pooled = self._add(Node("GlobalAveragePool", (x,), (*self.shapes[x][:2], 1, 1)))
        return self.flatten(pooled)

    def flatten(self, x: int) -> int:
        """Add a row of all there is."""
        return self._add(Node("Flatten", (x,), (1, prod(self.shapes[x]))))

    def dense(self, x: int, outputs: int, *, activation: Activation = "none") -> int:
        """Add a full connection of a row."""
        weight = (outputs, self.shapes[x][1])
        return self._add(Node("Gemm", (x,), (1, outputs), weight, activation, {"transB": 1}))

    def add(self, x: int, y: int, *, activation: Activation = "none") -> int:
        """Add two tensors number by number."""
        if self.shapes[x] != self.shapes[y]:
            raise ValueError(f"{self.shapes[x]} and {self.shapes[y]} cannot be added")
        return self._add(Node("Add", (x, y), self.shapes[x], activation=activation))

    def concat(self, x: int, y: int) -> int:
        """Put the channels of two tensors one after the other."""
        one, channels, *sides = self.shapes[x]
        shape = (one, channels + self.shapes[y][1], *sides)
        return self._add(Node("Concat", (x, y), shape, attributes={"axis": 1}))

    def net(self, title: str) -> Net:
        """Return what was built."""
        return Net(title, self.shapes[IMAGE], tuple(self.nodes))

    def _after(self, x: int, kernel: int, stride: int, pad: int) -> tuple[int, int]:
        height, width = ((side + 2 * pad - kernel) // stride + 1 for side in self.shapes[x][2:])
        if height < 1 or width < 1:
            raise ValueError(f"nothing is left of {self.shapes[x]} under a window of {kernel} x {kernel}")
        return height, width

    def _add(self, node: Node) -> int:
        self.nodes.append(node)
        self.shapes.append(node.shape)
        return len(self.nodes)


def _window(kernel: int, stride: int, pad: int) -> dict[str, int | list[int]]:
    return {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4}
