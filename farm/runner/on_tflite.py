"""LiteRT, or the tflite_runtime that came before it, on the processor."""

from installed import first, require, version_of

LITERT, TFLITE_RUNTIME = "ai_edge_litert", "tflite_runtime"


class TFLite:
    """A TFLite model; it has one input and one output, so the manifest's names are not needed."""

    modules = (LITERT, TFLITE_RUNTIME)

    def __init__(self, path, manifest):
        """Load the model."""
        runtime, module = first(*self.modules)
        self.version = version_of(runtime, module)
        interpreter = require(module + ".interpreter")
        delegates = self.delegates(interpreter, path, manifest)
        options = {"experimental_delegates": delegates} if delegates else {}
        try:
            self.model = interpreter.Interpreter(model_path=path, num_threads=1, **options)
        except TypeError:  # tflite_runtime before 2.5 has no num_threads, and one thread
            self.model = interpreter.Interpreter(model_path=path, **options)
        self.model.allocate_tensors()
        self._input = self.model.get_input_details()[0]["index"]
        self._output = self.model.get_output_details()[0]["index"]

    def delegates(self, interpreter, path, manifest):
        """Return what takes operators off the processor: nothing here."""
        del interpreter, path, manifest
        return []

    def feed(self, tensor):
        """Copy the tensor to where the net reads it."""
        self.model.set_tensor(self._input, tensor)

    def infer(self, fed):
        """Return the class scores."""
        del fed
        self.model.invoke()
        return self.model.get_tensor(self._output)
