"""Writes layers as ONNX. Old operator sets, so that the runtimes of older board images read them."""

import numpy as np
from compress import Quantised
from nets import Conv, Dense, Enlarge, Layer, Pool
from onnx import TensorProto, checker, helper, numpy_helper

OPSET = 13
IR_VERSION = 8
"""Read by onnxruntime 1.10 and later."""

INPUT, OUTPUT = "image", "scores"


class _Graph:
    """Nodes and constants in the order they are made; ``tip`` is the last node's output."""

    def __init__(self) -> None:
        self.nodes, self.constants, self.tip = [], [], INPUT

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, *inputs: str, out: str = "", domain: str = "", **attributes) -> str:
        self.tip = out or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [self.tip], domain=domain, **attributes))
        return self.tip

    def model(self, kind: int, shape: list[int]) -> bytes:
        given = helper.make_tensor_value_info(INPUT, kind, shape)
        wanted = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [1, 10])
        graph = helper.make_graph(self.nodes, "farm", [given], [wanted], self.constants)
        domains = sorted({node.domain for node in self.nodes} | {""})
        sets = [helper.make_opsetid(domain, 1 if domain else OPSET) for domain in domains]
        model = helper.make_model(graph, opset_imports=sets, ir_version=IR_VERSION, producer_name="edge-test-farm")
        checker.check_model(model)
        return model.SerializeToString(deterministic=True)


def write_float(layers: list[Layer], shape: list[int], *, shared_values: int = 0) -> bytes:
    """Write float32 layers; ``shared_values`` stores weights as a table of so many values and 8-bit numbers into it."""
    graph = _Graph()
    flat = False
    for at, layer in enumerate(layers):
        match layer:
            case Enlarge():
                scales = graph.constant(f"scales{at}", np.array([1, 1, layer.factor, layer.factor], np.float32))
                how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
                graph.node("Resize", graph.tip, "", scales, **how)
            case Conv():
                names = _weight(graph, at, layer.weight, shared_values), graph.constant(f"bias{at}", layer.bias)
                graph.node(
                    "Conv", graph.tip, *names, **({"dilations": [layer.dilation] * 2} if layer.dilation > 1 else {})
                )
                graph.node("Relu", graph.tip)
            case Pool():
                graph.node("MaxPool", graph.tip, kernel_shape=[layer.size] * 2, strides=[layer.size] * 2)
            case Dense():
                before = graph.tip if flat else graph.node("Flatten", graph.tip)
                flat = True
                names = _weight(graph, at, layer.weight, shared_values), graph.constant(f"bias{at}", layer.bias)
                graph.node("Gemm", before, *names, transB=1, out="" if layer.relu else OUTPUT)
                if layer.relu:
                    graph.node("Relu", graph.tip)
    return graph.model(TensorProto.FLOAT, shape)


def _weight(graph: _Graph, at: int, weight: np.ndarray, shared_values: int) -> str:
    if not shared_values:
        return graph.constant(f"weight{at}", weight)
    codebook, index = np.unique(weight, return_inverse=True)
    if len(codebook) > shared_values:
        raise ValueError(f"layer {at} has {len(codebook)} different weights, not {shared_values}")
    tip = graph.tip
    numbers = graph.constant(f"index{at}", index.reshape(weight.shape).astype(np.uint8))
    wide = graph.node("Cast", numbers, to=TensorProto.INT32)
    name = graph.node("Gather", graph.constant(f"codebook{at}", codebook), wide)
    graph.tip = tip
    return name


def write_int8(layers: list[Quantised | Pool], shape: list[int]) -> bytes:
    """Write integer layers: uint8 between them, where 0 is real 0, so that clamping is the ReLU."""
    graph = _Graph()
    zero_u8, zero_i8 = graph.constant("zero_u8", np.uint8(0)), graph.constant("zero_i8", np.int8(0))
    flat = False
    for at, layer in enumerate(layers):
        if isinstance(layer, Pool):
            graph.node("MaxPool", graph.tip, kernel_shape=[layer.size] * 2, strides=[layer.size] * 2)
            continue
        weight, bias = graph.constant(f"weight{at}", layer.weight), graph.constant(f"bias{at}", layer.bias)
        s_in = graph.constant(f"input_scale{at}", np.float32(layer.input_scale))
        s_weight = graph.constant(f"weight_scale{at}", np.float32(layer.scale))
        s_out = graph.constant(f"output_scale{at}", np.float32(layer.output_scale)) if layer.relu else ""
        if layer.weight.ndim == 4:
            graph.node("QLinearConv", graph.tip, s_in, zero_u8, weight, s_weight, zero_i8, s_out, zero_u8, bias)
            continue
        before = graph.tip if flat else graph.node("Flatten", graph.tip)
        flat = True
        given = (before, s_in, zero_u8, weight, s_weight, zero_i8, bias)
        rest = (s_out, zero_u8) if layer.relu else ()  # without: float scores
        graph.node("QGemm", *given, *rest, domain="com.microsoft", transB=1, out="" if layer.relu else OUTPUT)
    return graph.model(TensorProto.UINT8, shape)
