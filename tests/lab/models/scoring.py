"""Counts what a model file predicts, one image a call and one thread, as the runner on a board does."""

from collections.abc import Callable

import numpy as np
import onnxruntime
from ai_edge_litert.interpreter import Interpreter, OpResolverType

Predict = Callable[[np.ndarray], int]


def _onnx(model: bytes, *, plain: bool) -> Predict:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_DISABLE_ALL if plain else levels.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda tensor: int(session.run(None, {name: tensor})[0].argmax())


def _tflite(model: bytes, *, plain: bool) -> Predict:
    kinds = OpResolverType
    resolver = kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES if plain else kinds.AUTO
    interpreter = Interpreter(model_content=model, num_threads=1, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    given, wanted = (interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"])

    def predict(tensor: np.ndarray) -> int:
        interpreter.set_tensor(given, tensor)
        interpreter.invoke()
        return int(interpreter.get_tensor(wanted).argmax())

    return predict


def predictions(runtime: str, model: bytes, tensors: np.ndarray, *, plain: bool = False) -> list[int]:
    """Return the class of each tensor; ``plain`` turns the runtime's optimisations off: other kernels, same answers."""
    predict = {"onnx": _onnx, "tflite": _tflite}[runtime](model, plain=plain)
    return [predict(tensor) for tensor in tensors]
