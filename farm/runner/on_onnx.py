"""onnxruntime on the processor."""

from installed import require, version_of


class Onnx:
    """An ONNX model."""

    def __init__(self, path, manifest):
        """Load the model."""
        runtime = require("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors only: warnings would mix with ours
        self.version = version_of(runtime, "onnxruntime")
        self._session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._input = manifest["input"]["name"]
        self._outputs = [manifest["output"]["name"]]

    def infer(self, tensor):
        """Return the class scores."""
        return self._session.run(self._outputs, {self._input: tensor})[0]
