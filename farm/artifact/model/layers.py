"""The layers of a net that have weights, or that multiply: how many multiplications, by which numbers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Literal

import numpy as np

from .folding import Folding, Weights, along
from .net import Net, Node, Shape

Per = Literal["output", "input"]


@dataclass(frozen=True, slots=True)
class _Slots:
    """Where an operator takes what, counted from 0."""

    weight: int
    channels: tuple[int, ...]
    """Axes of the weights that a single result (or input, see ``per``) has one of."""
    bias: int
    zero: int | None = None
    per: Per = "output"
    """Whether every weight of a channel meets each result, or each input."""
    data: int = 0


_PRODUCT = (-1,)
"""Of operators that multiply any two matrices: both may be computed."""

_SLOTS = {
    "Conv": _Slots(1, (0,), 2),
    "ConvInteger": _Slots(1, (0,), -1, 3),
    "QLinearConv": _Slots(3, (0,), 8, 5),
    "ConvTranspose": _Slots(1, (0,), 2, per="input"),
    "Gemm": _Slots(1, (1,), 2),
    "QGemm": _Slots(3, (1,), 6, 5),
    "MatMul": _Slots(1, _PRODUCT, -1),
    "MatMulInteger": _Slots(1, _PRODUCT, -1, 3),
    "QLinearMatMul": _Slots(3, _PRODUCT, -1, 5),
    "IntConv": _Slots(1, (0,), 2),
    "IntGemm": _Slots(1, (0,), 2),
    "CONV_2D": _Slots(1, (0,), 2),
    "DEPTHWISE_CONV_2D": _Slots(1, (3,), 2),
    "FULLY_CONNECTED": _Slots(1, (0,), 2),
    "TRANSPOSE_CONV": _Slots(1, (3,), 3, per="input", data=2),
    "BATCH_MATMUL": _Slots(1, _PRODUCT, -1),
    "Convolution": _Slots(1, (0,), -1),
    "GroupConvolution": _Slots(1, (0, 1), -1),
    "ConvolutionBackpropData": _Slots(1, (0,), -1, per="input"),
}
"""ONNX, onnxruntime's own, the reference's, TFLite and OpenVINO; names that meet (MatMul, Conv, Gemm) mean the same."""


_UNREAD = """
Attention DeformConv DynamicQuantizeLSTM DynamicQuantizeMatMul Einsum FusedConv FusedGemm FusedMatMul GRU LSTM
MatMulIntegerToFloat MatMulNBits MultiHeadAttention NhwcConv QAttention QLinearConvTranspose RNN
BIDIRECTIONAL_SEQUENCE_LSTM BIDIRECTIONAL_SEQUENCE_RNN CONV_3D CONV_3D_TRANSPOSE STABLEHLO_CONVOLUTION
STABLEHLO_DOT_GENERAL SVDF UNIDIRECTIONAL_SEQUENCE_LSTM UNIDIRECTIONAL_SEQUENCE_RNN
BinaryConvolution DeformableConvolution GRUCell GRUSequence GroupConvolutionBackpropData LSTMCell LSTMSequence
RNNCell RNNSequence ScaledDotProductAttention
"""
"""Operators that multiply by weights in ways that are not read here: a sum without them would be a wrong one."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer."""

    name: str
    operator: str
    weights: Weights | None
    """None where two tensors that are both computed are multiplied, or the weights cannot be found."""
    biases: int
    macs: int | None
    """Multiplications of one inference; None where a shape that they follow from is unknown."""
    unseen: bool = False
    """Its weights are in the file, in a way that is not read here."""

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return (prod(self.weights.shape) if self.weights is not None else 0) + self.biases

    def zeros(self) -> int | None:
        """Return how many weights are a real 0; None where they are not read."""
        if self.weights is None or self.weights.values is None:
            return None
        try:
            return int(np.count_nonzero(self.weights.values == self.weights.zero))
        except ValueError:  # zero points of a shape that does not go with the weights'
            return None


def layers(net: Net) -> list[Layer]:
    """Return the layers in the order in which they run."""
    return list(_layers(net, Folding(net)))


def layers_and_rest(net: Net) -> tuple[list[Layer], int]:
    """Return the layers, and the bytes of all constants that are none of their weights and biases."""
    folding = Folding(net)
    found = list(_layers(net, folding))
    return found, sum(one.stored_bytes for name, one in net.constants.items() if name not in folding.used)


def _layers(net: Net, folding: Folding) -> Iterator[Layer]:
    for node in net.nodes:
        kind = node.operator.rpartition(".")[2]
        if kind in _UNREAD.split() and node.outputs:
            yield Layer(node.name or node.outputs[0], node.operator, None, 0, None, unseen=True)
        slots = _SLOTS.get(kind)
        if slots is None or len(node.inputs) <= slots.weight or not node.outputs:
            continue
        weights = folding.weights(node.inputs[slots.weight])
        if weights is not None and slots.zero is not None and len(node.inputs) > slots.zero:
            zero = net.constants.get(node.inputs[slots.zero])
            if zero is not None and zero.values is not None:
                axis = _channels(node, slots)[0]
                weights = replace(weights, zero=along(zero.values, weights.shape, axis))
        biases = folding.weights(node.inputs[slots.bias]) if 0 <= slots.bias < len(node.inputs) else None
        yield Layer(
            node.name or node.outputs[0],
            node.operator,
            weights,
            0 if biases is None else prod(biases.shape),
            _macs(net, node, slots, weights),
            unseen=weights is None and slots.channels != _PRODUCT,
        )


def _macs(net: Net, node: Node, slots: _Slots, weights: Weights | None) -> int | None:
    """Return how many multiplications: each result is a sum over the weights of its channel."""
    if weights is None:
        return _product(net, node) if slots.channels == _PRODUCT else None
    where = node.outputs[0] if slots.per == "output" else node.inputs[slots.data]
    times = _count(net.shapes.get(where))
    axes = _channels(node, slots)
    if times is None or not all(-len(weights.shape) <= axis < len(weights.shape) for axis in axes):
        return None
    channels = prod(weights.shape[axis] for axis in axes)
    return times * prod(weights.shape) // channels if channels else None


def _product(net: Net, node: Node) -> int | None:
    """Return how many multiplications a product of two computed matrices takes."""
    results, left = _count(net.shapes.get(node.outputs[0])), net.shapes.get(node.inputs[0])
    return None if results is None or not left or left[-1] is None else results * left[-1]


def _channels(node: Node, slots: _Slots) -> tuple[int, ...]:
    if node.operator.endswith("Gemm") and node.attributes.get("transB"):
        return (0,)
    if node.operator == "MatMul" and node.attributes.get("transpose_b") in ("true", "1"):
        return (-2,)
    return slots.channels


def _count(shape: Shape | None) -> int | None:
    """Return how many numbers a tensor has; a side that is left open, the batch, counts 1."""
    return None if shape is None else prod(1 if side is None else side for side in shape)
