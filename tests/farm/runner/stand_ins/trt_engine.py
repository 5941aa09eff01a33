"""What both stand-ins of TensorRT share: the engine file, the logger, the runtime, and the work itself."""

import ctypes
import enum

import numpy as np
from net import says, scores


class DataType(enum.Enum):
    FLOAT = 0
    HALF = 1
    INT8 = 2
    INT32 = 3
    BOOL = 4


_SIZES = {DataType.FLOAT: "float32", DataType.INT8: "int8", DataType.HALF: "float16"}


class ILogger:
    class Severity(enum.Enum):
        INTERNAL_ERROR = 0
        ERROR = 1
        WARNING = 2
        INFO = 3

    def __init__(self):
        self.ready = True


class Port:
    def __init__(self, name, shape, dtype, *, is_input):
        self.name, self.shape, self.dtype, self.is_input = name, tuple(shape), dtype, is_input


class Engine:
    def __init__(self, net):
        kind = DataType[net.get("dtype", "FLOAT")]
        self.ports = [
            Port(net.get("input", "x"), net["shape"], kind, is_input=True),
            Port("scores", (1, 10), DataType.FLOAT, is_input=False),
        ]

    @classmethod
    def of(cls, data, version, logger):
        """Return the engine, or None and an error in the log: that is how TensorRT refuses one."""
        assert logger.ready, "a Python logger must call ILogger.__init__"
        logger.log(ILogger.Severity.WARNING, "Using an engine plan file across different models of devices")
        net = says(data)
        if net["tensorrt"] == version:
            return cls(net)
        told = "The engine plan file is not compatible with this version of TensorRT, expecting library version "
        told += f"{net['tensorrt']} got {version}, please rebuild."
        logger.log(ILogger.Severity.ERROR, told)
        return None


class Runtime:
    """What each version derives its own from."""

    version = ""
    kind = None
    """What is made of an engine that is taken."""

    def __init__(self, logger):
        assert isinstance(logger, ILogger)
        self._logger = logger

    def deserialize_cuda_engine(self, data):
        engine = Engine.of(data, self.version, self._logger)
        return engine and self.kind(engine)


def run(engine, given, taken):
    """Read the GPU's memory, compute, and write there."""
    port = engine.ports[0]
    dtype = np.dtype(_SIZES[port.dtype])
    fed = np.frombuffer(ctypes.string_at(given, int(np.prod(port.shape)) * dtype.itemsize), dtype)
    made = scores(fed).tobytes()
    ctypes.memmove(taken, made, len(made))
    return True
