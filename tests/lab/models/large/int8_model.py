"""A net in 8-bit integers, as ONNX: every operator between DequantizeLinear and QuantizeLinear.

A runtime that knows these pairs runs what is between them on integers. Activations have a scale each, weights one for
every output channel. After a ReLU the lowest integer is the real 0, so that clamping is the ReLU and none is written.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from . import onnx_file
from .float_model import INPUT, OUTPUT, name_of, write_float
from .graph import Net, Node
from .onnx_file import Message
from .weights import weights_of

ACTIVATIONS: Mapping[str, type[np.int8 | np.uint8]] = {"s8s8": np.int8, "u8s8": np.uint8}
"""Forms of a file. Arm computes either. On x86 onnxruntime turns int8 activations into uint8 when it loads a model, but
not those that two operators take: what is around them runs in floats (seen with 1.15 and 1.31). U8S8 needs no turn."""

WEIGHT_MAX = 63
"""Weights stay within 6 bits and a sign, as in the trained nets: x86 with AVX2 or AVX-512 and without VNNI adds two
products of uint8 by int8 in saturating 16 bits, whichever form the file has (seen with onnxruntime 1.31 on an emulated
Haswell: with weights to 127 both gave a third of the right sum). 2 · 255 · 63 fits in, 2 · 255 · 127 does not."""

CALIBRATION_IMAGES = 4
"""Assumed to be enough: noise through random weights looks much alike."""

FACTOR, OFFSET = 1 / 127.5, -1.0
"""From grey values, 0 to 255, to what a net is fed, -1 to 1."""

_KEPT = ("MaxPool", "Flatten")
"""What they give are numbers that they took: the scale stays."""


@dataclass(frozen=True)
class Steps:
    """How a tensor is counted: real value = ``scale * (integer - zero)``."""

    scale: np.float32
    zero: np.int8 | np.uint8


def write_int8(net: Net, seed: int, form: str = "s8s8") -> Message:
    """Return the model in one of the :data:`ACTIVATIONS`, calibrated on random images."""
    return _write(net, seed, _steps(net, largest(net, seed), ACTIVATIONS[form]))


def largest(net: Net, seed: int) -> np.ndarray:
    """Run the float model with onnxruntime on random images; return how far each tensor goes from 0."""
    import onnxruntime

    shown = range(1, len(net.nodes))
    model = io.BytesIO()
    model.writelines(write_float(net, seed, show=shown))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # else the last bits, and so the file, may differ
    session = onnxruntime.InferenceSession(model.getbuffer().tobytes(), options, providers=["CPUExecutionProvider"])
    reach = np.zeros(len(net.nodes) + 1, np.float32)
    reach[0] = 1
    random = np.random.default_rng([seed, 0])
    for _ in range(CALIBRATION_IMAGES):
        image = random.integers(0, 256, net.shape).astype(np.float32) * np.float32(FACTOR) + np.float32(OFFSET)
        found = session.run([*(name_of(net, i) for i in shown), OUTPUT], {INPUT: image})
        reach[1:] = np.maximum(reach[1:], [np.abs(values).max() for values in found])
    return reach


def _steps(net: Net, reach: np.ndarray, kind: type[np.int8 | np.uint8]) -> list[Steps]:
    low = np.iinfo(kind).min
    found: list[Steps] = []
    for number, (positive, most) in enumerate(zip(net.positive, reach, strict=True)):
        node = net.nodes[number - 1] if number else None
        if node is not None and node.operator in _KEPT:
            found.append(found[node.inputs[0]])
        else:
            found.append(Steps(np.float32(most / (255 if positive else 127)), kind(low if positive else low + 128)))
    return found


def _write(net: Net, seed: int, steps: list[Steps]) -> Message:
    nodes: list[Message] = []
    constants: list[Message] = []
    for number, (scale, zero) in enumerate((one.scale, one.zero) for one in steps[:-1]):
        constants += [onnx_file.constant(f"scale{number}", scale), onnx_file.constant(f"zero{number}", zero)]
    nodes.append(_quantised(INPUT, 0))
    for number, node in enumerate(net.nodes, 1):
        given = [f"real{number}_{i}" for i in node.inputs]  # its own: onnxruntime would copy a shared one anyway
        for i, name in zip(node.inputs, given, strict=True):
            nodes.append(onnx_file.node("DequantizeLinear", [f"int{i}", f"scale{i}", f"zero{i}"], name, {}))
        if node.weight:
            given += [f"weight{number}", f"bias{number}"]
            _weights(node, number, seed, steps[node.inputs[0]], nodes, constants)
        last = number == len(net.nodes)
        out = OUTPUT if last else f"real{number}"
        nodes.append(onnx_file.node(node.operator, given, out, node.attributes))
        if not last:
            nodes.append(_quantised(out, number))
    wanted = [onnx_file.port(OUTPUT, net.nodes[-1].shape)]
    return onnx_file.model(nodes, constants, onnx_file.port(INPUT, net.shape), wanted)


def _quantised(name: str, number: int) -> Message:
    return onnx_file.node("QuantizeLinear", [name, f"scale{number}", f"zero{number}"], f"int{number}", {})


def _weights(node: Node, number: int, seed: int, before: Steps, nodes: list[Message], constants: list[Message]) -> None:
    """Add weight and bias as integers, and the operators that make them real."""
    weight, bias = weights_of(node, number, seed)
    scale = np.abs(weight.reshape(len(weight), -1)).max(1) / np.float32(WEIGHT_MAX)
    column = scale.reshape(-1, *[1] * (weight.ndim - 1))
    integers = {
        "weight": (np.rint(weight / column).astype(np.int8), scale, np.zeros(len(weight), np.int8)),
        "bias": (np.rint(bias / (scale * before.scale)).astype(np.int32), scale * before.scale, None),
    }
    for kind, (values, steps, zero) in integers.items():
        parts = {f"{kind}_int{number}": values, f"{kind}_scale{number}": steps}
        parts |= {} if zero is None else {f"{kind}_zero{number}": zero}  # of 32 bits none is needed
        constants += [onnx_file.constant(name, value) for name, value in parts.items()]
        nodes.append(onnx_file.node("DequantizeLinear", list(parts), f"{kind}{number}", {"axis": 0}))
