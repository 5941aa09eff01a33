"""TensorRT 8.2, as JetPack 4.6 has it: engines have bindings by number; tensors by name are not there yet."""

import trt_engine
from trt_engine import DataType, ILogger, run

__version__ = "8.2.1.8"
__all__ = ["DataType", "ILogger", "Runtime"]


class OldEngine:
    def __init__(self, engine):
        self._engine = engine
        self.num_bindings = 2

    def get_binding_name(self, at):
        return self._engine.ports[at].name

    def binding_is_input(self, at):
        return self._engine.ports[at].is_input

    def get_binding_shape(self, at):
        return self._engine.ports[at].shape

    def get_binding_dtype(self, at):
        return self._engine.ports[at].dtype

    def create_execution_context(self):
        return OldContext(self._engine)


class OldContext:
    def __init__(self, engine):
        self._engine = engine

    def execute_v2(self, bindings):
        if not isinstance(bindings, list) or not all(isinstance(one, int) for one in bindings):
            raise TypeError("execute_v2(): incompatible function arguments: List[int]")
        return run(self._engine, *bindings)


class Runtime(trt_engine.Runtime):
    version, kind = __version__, OldEngine
