"""The inference runtimes. One thread each: the figures are those of one core, and no pool hides a wait.

A backend is a class of ``(path, manifest)`` with ``version``, what it is and of which version, and ``infer(tensor)``,
which returns the class scores. It may have ``device``, on what it runs (else ``cpu``), and ``feed(tensor)``, which
copies to where the net reads (else nothing is copied, and ``infer`` is given the tensor itself).
"""

import importlib

from faults import Fault
from reference import Reference


class Onnx:
    """onnxruntime on the processor."""

    def __init__(self, path, manifest):
        """Load the model."""
        runtime = _import("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors only: warnings would mix with ours
        self.version = "onnxruntime " + runtime.__version__
        self._session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._input = manifest["input"]["name"]
        self._outputs = [manifest["output"]["name"]]

    def infer(self, tensor):
        """Return the class scores."""
        return self._session.run(self._outputs, {self._input: tensor})[0]


class TFLite:
    """LiteRT, or the tflite_runtime that came before it, on the processor."""

    def __init__(self, path, manifest):
        """Load the model; it has one input and one output, so the manifest's names are not needed."""
        del manifest
        runtime, module = _first("ai_edge_litert", "tflite_runtime")
        self.version = "{} {}".format(module, getattr(runtime, "__version__", "of unknown version"))
        interpreter = importlib.import_module(module + ".interpreter")
        try:
            self._model = interpreter.Interpreter(model_path=path, num_threads=1)
        except TypeError:  # tflite_runtime before 2.5 has no num_threads, and one thread
            self._model = interpreter.Interpreter(model_path=path)
        self._model.allocate_tensors()
        self._input = self._model.get_input_details()[0]["index"]
        self._output = self._model.get_output_details()[0]["index"]

    def feed(self, tensor):
        """Copy the tensor to where the net reads it."""
        self._model.set_tensor(self._input, tensor)

    def infer(self, fed):
        """Return the class scores."""
        del fed
        self._model.invoke()
        return self._model.get_tensor(self._output)


_BACKENDS = {"onnx": Onnx, "tflite": TFLite, "numpy": Reference}


def load(path, manifest, tensor):
    """Return the backend that the manifest asks for, with the model loaded and one tensor inferred.

    Raises Fault: ``runtime`` when it is not installed here, ``model`` when it refuses the model.
    """
    backend = _BACKENDS.get(manifest["runtime"])
    if backend is None:
        raise Fault("runtime", "unknown runtime {!r}: this runner is too old".format(manifest["runtime"]))
    try:
        loaded = backend(path, manifest)
        loaded.device = getattr(loaded, "device", "cpu")
        loaded.feed = getattr(loaded, "feed", _as_it_is)
        loaded.infer(loaded.feed(tensor))
    except Fault:
        raise
    except Exception as error:  # each runtime raises classes of its own
        raise Fault("model", "{}: {}: {}".format(path, type(error).__name__, error)) from error
    return loaded


def _as_it_is(tensor):
    return tensor


def _import(module):
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise Fault("runtime", "{} is not installed: {}".format(module, error)) from error


def _first(newer, older):
    try:
        return _import(newer), newer
    except Fault:
        try:
            return _import(older), older
        except Fault as fault:
            raise Fault("runtime", "neither {} nor {} is installed".format(newer, older)) from fault
