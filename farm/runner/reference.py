"""The NumPy reference: a net that is worked out as it is written, in numpy and nothing else.

Integers are summed as whole numbers that no type cuts off, and scaled once; real numbers are float32. What the file
holds, docs/artifacts.md tells.
"""

import numpy as np
from faults import Fault

_EXACT = {np.float32: 2**24, np.float64: 2**53}
"""Up to here each holds every whole number. numpy multiplies matrices of these by BLAS, of integers by a slow loop."""
_LARGEST = 255
"""Of an 8-bit integer less its zero point."""


class Reference:
    """A ``.npz`` that ``farm artifact pack --runtime numpy`` has made."""

    def __init__(self, path, manifest):
        """Load it; it has one input and one output, so the manifest's names are not needed."""
        del manifest
        self.version = "NumPy reference, numpy " + np.__version__
        with np.load(path, allow_pickle=False) as archive:
            values = {name: archive[name] for name in archive.files}
        self._steps = []
        for line in values.pop("graph"):
            operator, output, inputs, attributes = _parsed(line.decode("ascii"))
            given = [None if name == "-" else values.get(name) for name in inputs]
            if operator == "input":
                self._input = output
            elif operator == "output":
                self._output = output
            elif operator not in _OPERATORS:
                raise Fault("model", "{}: unknown operator {}: this runner is too old".format(path, operator))
            elif None not in [name if name in values else None for name in inputs]:
                values[output] = _OPERATORS[operator](attributes, *given)(*given)  # once, for it never changes
            else:
                taken = [name for name in inputs if name != "-"]
                self._steps.append((_OPERATORS[operator](attributes, *given), taken, output))
        used = {name for _, taken, _ in self._steps for name in taken}
        self._constants = {name: value for name, value in values.items() if name in used}

    def infer(self, tensor):
        """Return the class scores."""
        values = dict(self._constants)
        values[self._input] = tensor
        for work, taken, output in self._steps:
            values[output] = work(*[values[name] for name in taken])
        return values[self._output]


def _parsed(line):
    """Return operator, output, inputs and attributes of one line."""
    words = line.split()
    names = [word for word in words if "=" not in word]
    return names[0], names[1], names[2:], dict(word.split("=", 1) for word in words if "=" in word)


def _ints(text):
    return [int(word) for word in text.split(",")]


# Each of these takes a line's attributes and those of its inputs that never change (else None), and returns what works
# it out from all of its inputs.


def _conv(attributes, _data, weight, bias):
    window = _Window(attributes, weight.shape[2:])
    product = _Filter(weight, bias, int(attributes["group"]))
    return lambda data, *_: product(window, data)


def _gemm(attributes, _data, weight, bias):
    del attributes
    turned = np.ascontiguousarray(weight.T)
    return lambda data, *_: np.dot(data, turned) if bias is None else np.dot(data, turned) + bias


def _int_conv(attributes, _data, weight, bias, scale):
    kind = _summing(weight, bias)
    window = _Window(attributes, weight.shape[2:])
    product = _Filter(weight.astype(kind), None if bias is None else bias.astype(kind), int(attributes["group"]))
    zero, scaled = int(attributes["zero_in"]), _scaled(attributes, scale.reshape(-1, 1, 1))
    return lambda data, *_: scaled(product(window, data.astype(kind) - kind(zero)))


def _int_gemm(attributes, _data, weight, bias, scale):
    kind = _summing(weight, bias)
    turned, offset = np.ascontiguousarray(weight.T.astype(kind)), 0 if bias is None else bias.astype(kind)
    zero, scaled = int(attributes["zero_in"]), _scaled(attributes, scale)
    return lambda data, *_: scaled(np.dot(data.astype(kind) - kind(zero), turned) + offset)


def _summing(weight, bias):
    """Return a type that holds every sum on the way to a result exactly."""
    most = np.abs(weight.reshape(len(weight), -1).astype(np.int64)).sum(1) * _LARGEST
    if bias is not None:
        most = most + np.abs(bias.astype(np.int64))
    return next(kind for kind in (np.float32, np.float64) if most.max() <= _EXACT[kind])


def _scaled(attributes, scale):
    """Return what makes integers of sums, or real numbers where the line says so."""
    if attributes["to"] == "float32":
        return lambda sums: sums.astype(np.float32) * scale
    zero, low, high = (int(attributes[name]) for name in ("zero", "low", "high"))
    dtype = np.dtype(attributes["to"])
    return lambda sums: np.clip(np.rint(sums.astype(np.float32) * scale) + zero, low, high).astype(dtype)


class _Window:
    """How a window goes over height and width."""

    def __init__(self, attributes, kernel):
        self.kernel = kernel
        self._strides, self._pads = _ints(attributes["strides"]), _ints(attributes["pads"])
        self._dilations = _ints(attributes["dilations"])

    def padded(self, data, value):
        """Return data with its rim, (channels, height, width)."""
        if not any(self._pads):
            return data[0]
        top, left, bottom, right = self._pads
        return np.pad(data[0], ((0, 0), (top, bottom), (left, right)), "constant", constant_values=value)

    def views(self, padded):
        """Return what each place of the window meets, (channels, rows, columns, height, width): no copy."""
        strides, dilations = self._strides, self._dilations
        sides = [(padded.shape[1 + i] - dilations[i] * (self.kernel[i] - 1) - 1) // strides[i] + 1 for i in range(2)]
        channel, row, column = padded.strides
        steps = (channel, row * dilations[0], column * dilations[1], row * strides[0], column * strides[1])
        shape = (padded.shape[0],) + tuple(self.kernel) + tuple(sides)
        return np.lib.stride_tricks.as_strided(padded, shape, steps)


class _Filter:
    """A convolution's weights, laid out for what it does."""

    def __init__(self, weight, bias, group):
        self._weight, self._group = weight, group
        self._bias = None if bias is None else bias.reshape(-1, 1, 1)
        self._each = weight.shape[1] == 1 and weight.shape[0] == group > 1  # a channel by itself
        self._rows = weight.reshape(group, len(weight) // group, -1)

    def __call__(self, window, data):
        views = window.views(window.padded(data, 0))
        height, width = views.shape[3:]
        if self._each:
            sums = np.zeros((self._group, height, width), self._weight.dtype)
            for row in range(views.shape[1]):
                for column in range(views.shape[2]):
                    sums += views[:, row, column] * self._weight[:, 0, row, column, None, None]
        else:
            columns = views.reshape(self._group, -1, height * width)  # the one copy
            sums = np.concatenate([np.dot(rows, part) for rows, part in zip(self._rows, columns)])
            sums = sums.reshape(-1, height, width)
        return (sums if self._bias is None else sums + self._bias)[None]


def _max_pool(attributes, _data):
    window = _Window(attributes, _ints(attributes["kernel_shape"]))

    def work(data):
        lowest = -np.inf if data.dtype.kind == "f" else np.iinfo(data.dtype).min
        return window.views(window.padded(data, lowest)).max(axis=(1, 2))[None]

    return work


def _average_pool(attributes, _data):
    window = _Window(attributes, _ints(attributes["kernel_shape"]))
    all_of_it = int(attributes["count_include_pad"])

    def work(data):
        sums = window.views(window.padded(data, 0)).sum(axis=(1, 2))
        inside = np.ones_like(data[:, :1])
        counted = window.views(window.padded(inside, 1 if all_of_it else 0)).sum(axis=(1, 2))
        return (sums / counted)[None]

    return work


def _softmax(attributes, _data):
    del attributes

    def work(data):
        powers = np.exp(data - data.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)

    return work


def _quantise(attributes, _data):
    dtype, scale, zero = np.dtype(attributes["to"]), np.float32(attributes["scale"]), int(attributes["zero"])
    info = np.iinfo(dtype)
    return lambda data: np.clip(np.rint(data / scale) + zero, info.min, info.max).astype(dtype)


def _dequantise(attributes, _data):
    scale, zero = np.float32(attributes["scale"]), int(attributes["zero"])
    return lambda data: (data.astype(np.int32) - zero).astype(np.float32) * scale


def _clip(attributes, _data):
    low, high = np.float32(attributes["low"]), np.float32(attributes["high"])
    return lambda data: np.clip(data, low, high)


def _enlarge(attributes, _data):
    rows, columns = _ints(attributes["by"])
    return lambda data: data.repeat(rows, axis=2).repeat(columns, axis=3)


_OPERATORS = {
    "Conv": _conv,
    "Gemm": _gemm,
    "IntConv": _int_conv,
    "IntGemm": _int_gemm,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": lambda _attributes, _data: lambda data: data.mean(axis=(2, 3), keepdims=True),
    "Relu": lambda _attributes, _data: lambda data: np.maximum(data, 0),
    "Clip": _clip,
    "Reshape": lambda attributes, _data: lambda data: data.reshape(_ints(attributes["shape"])),
    "Add": lambda _attributes, *_data: np.add,
    "Mul": lambda _attributes, *_data: np.multiply,
    "Concat": lambda attributes, *_data: lambda *data: np.concatenate(data, int(attributes["axis"])),
    "Softmax": _softmax,
    "QuantizeLinear": _quantise,
    "DequantizeLinear": _dequantise,
    "Gather": lambda _attributes, *_given: lambda table, numbers: table[numbers],
    "Enlarge": _enlarge,
}
