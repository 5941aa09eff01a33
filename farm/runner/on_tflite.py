"""LiteRT, or the tflite_runtime that came before it, on the processor."""

from faults import Fault
from installed import first, require, version_of

LITERT, TFLITE_RUNTIME = "ai_edge_litert", "tflite_runtime"


class TFLite:
    """A TFLite model of one input; of several outputs the one that the manifest names is read."""

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
        self._output = _output(self.model.get_output_details(), manifest)["index"]

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


def _output(outputs, manifest):
    """Return the only one, whatever it is called, or the one of several that the manifest names."""
    if len(outputs) == 1:
        return outputs[0]
    wanted = manifest["output"]["name"]
    for one in outputs:
        if one["name"] == wanted:
            return one
    names = ", ".join(one["name"] for one in outputs)
    raise Fault("model", "the model has the outputs {}; the manifest names {}".format(names, wanted))
