"""Writes layers as TFLite, straight through the format's generated classes: no TensorFlow needed."""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as tfl
from compress import INPUT_SCALE, Quantised
from nets import Conv, Enlarge, Layer, Pool

INPUT, OUTPUT = "image", "scores"
_ZERO_RELU = -128
"""Zero point of an int8 activation after a ReLU: all 256 steps are positive, and clamping is the ReLU."""

_KINDS = {
    np.dtype(np.float32): tfl.TensorType.FLOAT32,
    np.dtype(np.int8): tfl.TensorType.INT8,
    np.dtype(np.int32): tfl.TensorType.INT32,
}


class _Graph:
    """Tensors and operators in the order they are made; ``tip`` is the last operator's output."""

    def __init__(self, shape: list[int], dtype: type, quantised: tuple[float, int] | None = None) -> None:
        self.buffers, self.tensors, self.operators, self.codes = [tfl.BufferT()], [], [], []
        self.shape = shape
        self.tip = self.tensor(INPUT, shape, dtype, quantised=quantised)

    def tensor(self, name, shape, dtype, *, data=None, quantised: tuple[float, int] | None = None) -> int:
        tensor = tfl.TensorT()
        tensor.name, tensor.shape, tensor.type = name.encode(), list(shape), _KINDS[np.dtype(dtype)]
        tensor.buffer = 0
        if data is not None:
            buffer = tfl.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            tensor.buffer = len(self.buffers)
            self.buffers.append(buffer)
        if quantised:
            tensor.quantization = tfl.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [quantised[0]], [quantised[1]]
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def constant(self, name: str, data: np.ndarray, scale: float = 0.0) -> int:
        return self.tensor(name, data.shape, data.dtype, data=data, quantised=(scale, 0) if scale else None)

    def operator(self, code: int, options, *inputs: int, shape, dtype, name="", quantised=None, version=1) -> int:
        operator = tfl.OperatorT()
        operator.opcodeIndex = self._code(code, version)
        operator.inputs = list(inputs)
        operator.builtinOptionsType = getattr(tfl.BuiltinOptions, type(options).__name__[:-1])
        operator.builtinOptions = options
        self.shape = list(shape)
        self.tip = self.tensor(name or f"t{len(self.operators)}", shape, dtype, quantised=quantised)
        operator.outputs = [self.tip]
        self.operators.append(operator)
        return self.tip

    def _code(self, builtin: int, version: int) -> int:
        known = [(code.builtinCode, code.version) for code in self.codes]
        if (builtin, version) not in known:
            code = tfl.OperatorCodeT()
            code.builtinCode, code.version = builtin, version
            code.deprecatedBuiltinCode = builtin  # readers older than 2.4 look here; all of ours are below 127
            self.codes.append(code)
            known.append((builtin, version))
        return known.index((builtin, version))

    def model(self) -> bytes:
        subgraph = tfl.SubGraphT()
        subgraph.name, subgraph.tensors, subgraph.operators = b"main", self.tensors, self.operators
        subgraph.inputs, subgraph.outputs = [0], [self.tip]
        model = tfl.ModelT()
        model.version, model.description = 3, b"edge-test-farm"
        model.operatorCodes, model.subgraphs, model.buffers = self.codes, [subgraph], self.buffers
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    def pool(self, size: int, dtype: type, quantised: tuple[float, int] | None = None) -> None:
        options = tfl.Pool2DOptionsT()
        options.padding = tfl.Padding.VALID
        options.strideH = options.strideW = options.filterHeight = options.filterWidth = size
        one, height, width, channels = self.shape
        shape = (one, height // size, width // size, channels)
        version = 1 if quantised is None else 2
        code = tfl.BuiltinOperator.MAX_POOL_2D
        self.operator(code, options, self.tip, shape=shape, dtype=dtype, quantised=quantised, version=version)

    def convolution(self, dtype, weight: int, bias: int, channels: int, dilation: int = 1, quantised=None) -> None:
        options = tfl.Conv2DOptionsT()
        options.padding = tfl.Padding.VALID
        options.strideH = options.strideW = 1
        options.dilationHFactor = options.dilationWFactor = dilation
        options.fusedActivationFunction = tfl.ActivationFunctionType.RELU
        one, height, width, _ = self.shape
        shape = (one, height - 4 * dilation, width - 4 * dilation, channels)
        version = 3 if quantised else 1 if dilation == 1 else 2
        code, inputs = tfl.BuiltinOperator.CONV_2D, (self.tip, weight, bias)
        self.operator(code, options, *inputs, shape=shape, dtype=dtype, quantised=quantised, version=version)

    def flatten(self, dtype: type, quantised: tuple[float, int] | None = None) -> None:
        shape = (1, int(np.prod(self.shape)))
        options = tfl.ReshapeOptionsT()
        options.newShape = list(shape)
        wanted = self.constant("flat", np.array(shape, np.int32))
        code = tfl.BuiltinOperator.RESHAPE
        self.operator(code, options, self.tip, wanted, shape=shape, dtype=dtype, quantised=quantised)

    def dense(self, dtype, weight: int, bias: int, outputs: int, *, relu: bool, quantised=None) -> None:
        options = tfl.FullyConnectedOptionsT()
        kinds = tfl.ActivationFunctionType
        options.fusedActivationFunction = kinds.RELU if relu else kinds.NONE
        name = "" if relu else OUTPUT
        version = 4 if quantised else 1
        code, inputs, shape = tfl.BuiltinOperator.FULLY_CONNECTED, (self.tip, weight, bias), (1, outputs)
        self.operator(code, options, *inputs, shape=shape, dtype=dtype, name=name, quantised=quantised, version=version)


def _channels_last(weight: np.ndarray, before: list[int]) -> np.ndarray:
    """Reorder a weight: (out, in, 5, 5) → (out, 5, 5, in); a dense one after feature maps likewise."""
    if weight.ndim == 4:
        return weight.transpose(0, 2, 3, 1)
    if len(before) == 4:
        _, height, width, channels = before
        weight = weight.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
    return weight.reshape(len(weight), -1)


def write_float(layers: list[Layer], shape: list[int]) -> bytes:
    """Write float32 layers; ``shape`` is the NHWC input."""
    graph = _Graph(shape, np.float32)
    for at, layer in enumerate(layers):
        if isinstance(layer, Enlarge):
            _enlarge(graph, at, layer.factor)
            continue
        if isinstance(layer, Pool):
            graph.pool(layer.size, np.float32)
            continue
        weight = graph.constant(f"weight{at}", _channels_last(layer.weight, graph.shape))
        bias = graph.constant(f"bias{at}", layer.bias)
        if isinstance(layer, Conv):
            graph.convolution(np.float32, weight, bias, len(layer.bias), layer.dilation)
            continue
        if len(graph.shape) == 4:
            graph.flatten(np.float32)
        graph.dense(np.float32, weight, bias, len(layer.bias), relu=layer.relu)
    return graph.model()


def _enlarge(graph: _Graph, at: int, factor: int) -> None:
    one, height, width, channels = graph.shape
    size = graph.constant(f"size{at}", np.array([height * factor, width * factor], np.int32))
    shape = (one, height * factor, width * factor, channels)
    code, options = tfl.BuiltinOperator.RESIZE_NEAREST_NEIGHBOR, tfl.ResizeNearestNeighborOptionsT()
    graph.operator(code, options, graph.tip, size, shape=shape, dtype=np.float32)


def write_int8(layers: list[Quantised | Pool], shape: list[int]) -> bytes:
    """Write integer layers: int8 throughout, scores included."""
    now = (INPUT_SCALE, 0)
    graph = _Graph(shape, np.int8, now)
    for at, layer in enumerate(layers):
        if isinstance(layer, Pool):
            graph.pool(layer.size, np.int8, now)
            continue
        weight = graph.constant(f"weight{at}", _channels_last(layer.weight, graph.shape), layer.scale)
        bias = graph.constant(f"bias{at}", layer.bias, layer.scale * layer.input_scale)
        after = (layer.output_scale, _ZERO_RELU if layer.relu else 0)
        if layer.weight.ndim == 4:
            graph.convolution(np.int8, weight, bias, len(layer.bias), quantised=after)
        else:
            if len(graph.shape) == 4:
                graph.flatten(np.int8, now)
            graph.dense(np.int8, weight, bias, len(layer.bias), relu=layer.relu, quantised=after)
        now = after
    return graph.model()
