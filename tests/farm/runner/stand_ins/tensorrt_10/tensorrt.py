"""TensorRT 10: tensors by name and an asynchronous call; bindings are gone."""

import enum

import trt_engine
from trt_engine import DataType, ILogger, run

__version__ = "10.3.0"
__all__ = ["DataType", "ILogger", "Runtime", "TensorIOMode"]


class TensorIOMode(enum.Enum):
    NONE = 0
    INPUT = 1
    OUTPUT = 2


class NewEngine:
    def __init__(self, engine):
        self._engine, self._named = engine, {port.name: port for port in engine.ports}
        self.num_io_tensors = 2

    def get_tensor_name(self, at):
        return self._engine.ports[at].name

    def get_tensor_mode(self, name):
        return TensorIOMode.INPUT if self._named[name].is_input else TensorIOMode.OUTPUT

    def get_tensor_shape(self, name):
        return self._named[name].shape

    def get_tensor_dtype(self, name):
        return self._named[name].dtype

    def create_execution_context(self):
        return NewContext(self._engine)


class NewContext:
    def __init__(self, engine):
        self._engine, self._places = engine, {}

    def set_tensor_address(self, name, memory):
        if not isinstance(memory, int):
            raise TypeError("set_tensor_address(): incompatible function arguments: int")
        self._places[name] = memory
        return True

    def execute_async_v3(self, stream_handle):
        if not isinstance(stream_handle, int):
            raise TypeError("execute_async_v3(): incompatible function arguments: int")
        if len(self._places) != 2:
            return False
        return run(self._engine, *(self._places[port.name] for port in self._engine.ports))


class Runtime(trt_engine.Runtime):
    version, kind = __version__, NewEngine
