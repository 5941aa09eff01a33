"""TensorRT: an engine that was built for this very GPU and this very version.

Follows the Python binding of JetPack: 8.2 (JetPack 4.6: engines have bindings by number, ``execute_v2``) and 8.5 to 10
(tensors by name, ``execute_async_v3``; 10 has no bindings any more). Tried on stand-ins of both; and held against the
real binding of 11.4, whose names and signatures are those of 10, on a machine without a GPU.
"""

import numpy as np
from faults import Fault
from gpu_memory import Cuda
from installed import require

_TYPES = {"FLOAT": "float32", "HALF": "float16", "INT8": "int8", "INT32": "int32", "INT64": "int64", "UINT8": "uint8"}
"""TensorRT's names → numpy's. ``tensorrt.nptype`` fails in 8.2 where numpy is newer than 1.23."""


class TensorRt:
    """A serialised engine with one input and one output of fixed shapes."""

    takes_device = True
    """``cuda:1`` is the second GPU; absent: the first."""

    def __init__(self, path, manifest):
        """Load the engine and its buffers; Fault where this TensorRT, or this GPU, refuses it."""
        tensorrt = require("tensorrt")
        self._cuda = Cuda(_ordinal(manifest.get("device")))
        self.version = "TensorRT {}".format(tensorrt.__version__)
        self.device = "cuda:{} compute capability {}".format(self._cuda.ordinal, self._cuda.capability())
        said = []
        self._logger = _logger(tensorrt, said)  # the runtime keeps no reference to it
        self._runtime = tensorrt.Runtime(self._logger)
        if said:  # it ends the process when it is used all the same
            raise Fault("runtime", "{} cannot run here: {}".format(self.version, "; ".join(said)))
        with open(path, "rb") as file:
            self._engine = self._runtime.deserialize_cuda_engine(file.read())
        if self._engine is None:
            why = "; ".join(said) or "it does not say why"
            raise Fault("model", "{}: {} refuses the engine: {}".format(path, self.version, why))
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise Fault("runtime", "{}: no room for its work: {}".format(path, "; ".join(said)))
        self._said = said
        ports = _named(tensorrt, self._engine) if hasattr(self._engine, "num_io_tensors") else _numbered(self._engine)
        self._bind(ports, manifest)

    def _bind(self, ports, manifest):
        """Make room for input and output, and tell the context where they are."""
        self._addresses = []
        for name, is_input, shape, dtype in ports:
            wanted = manifest["input" if is_input else "output"]
            if name != wanted["name"] or shape != tuple(wanted["shape"]):
                text = "the engine has {} {} {}, the manifest names {} {}"
                which = "input" if is_input else "output"
                raise Fault("model", text.format(which, name, shape, wanted["name"], tuple(wanted["shape"])))
            host = np.empty(shape, dtype)
            address = self._cuda.allocate(host.nbytes)
            self._addresses.append((name, address))
            if is_input:
                self._input = address, host.dtype, host.shape
            else:
                self._output, self._scores = address, host
        if len(self._addresses) != 2:
            raise Fault("model", "the engine has {} tensors; want one input and one output".format(len(ports)))
        if hasattr(self._context, "set_tensor_address"):
            for name, address in self._addresses:
                self._context.set_tensor_address(name, address)

    def feed(self, tensor):
        """Copy the tensor to the GPU; return when it is there."""
        address, dtype, shape = self._input
        if tensor.dtype != dtype or tensor.shape != shape:
            text = "the engine takes {} {}, it is given {} {}"
            raise Fault("model", text.format(dtype, shape, tensor.dtype, tensor.shape))
        self._cuda.put(address, tensor)
        self._cuda.wait()

    def infer(self, fed):
        """Return the class scores, copied back from the GPU."""
        del fed
        if hasattr(self._context, "execute_async_v3"):
            done = self._context.execute_async_v3(self._cuda.stream)
        else:
            done = self._context.execute_v2([address for _, address in self._addresses])
        if not done:
            raise Fault("runtime", "TensorRT did not run the engine: {}".format("; ".join(self._said)))
        self._cuda.get(self._scores, self._output)
        self._cuda.wait()
        return self._scores


def _ordinal(device):
    if device is None:
        return 0
    kind, _, number = device.partition(":")
    if kind != "cuda" or not number.isdigit():
        raise Fault("model", "device {!r}: TensorRT's are cuda:0, cuda:1 and so on".format(device))
    return int(number)


def _named(tensorrt, engine):
    """Return name, whether it is an input, shape and type of each tensor: from 8.5 on."""
    names = [engine.get_tensor_name(at) for at in range(engine.num_io_tensors)]
    return [
        (
            name,
            engine.get_tensor_mode(name) == tensorrt.TensorIOMode.INPUT,
            tuple(engine.get_tensor_shape(name)),
            _dtype(engine.get_tensor_dtype(name)),
        )
        for name in names
    ]


def _numbered(engine):
    """Return the same of the bindings before that, in their order."""
    return [
        (
            engine.get_binding_name(at),
            engine.binding_is_input(at),
            tuple(engine.get_binding_shape(at)),
            _dtype(engine.get_binding_dtype(at)),
        )
        for at in range(engine.num_bindings)
    ]


def _dtype(kind):
    name = _TYPES.get(kind.name)
    if name is None:
        raise Fault("model", "the engine has a tensor of type {}, which is none of a frame's".format(kind.name))
    return np.dtype(name)


def _logger(tensorrt, said):
    """Return what keeps TensorRT's errors: it prints them, and returns None, where it refuses an engine."""
    worst = (tensorrt.ILogger.Severity.INTERNAL_ERROR, tensorrt.ILogger.Severity.ERROR)

    class Logger(tensorrt.ILogger):
        def __init__(self):
            tensorrt.ILogger.__init__(self)

        def log(self, severity, msg):
            if severity in worst:
                said.append(msg)

    return Logger()
