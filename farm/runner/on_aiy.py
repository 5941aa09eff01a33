"""A graph on the AIY Vision Bonnet: Google's ``aiy.vision.inference`` speaks with its Myriad over SPI.

Follows that module as in the AIY image of 2018 and later (firmware 1.x): ``ImageInference`` of a ``ModelDescriptor``,
images as PIL has them, scores as lists by tensor name. The bonnet normalises: it is sent bytes, and computes
``(byte - mean) / stddev``. Tried on a stand-in only, and with the module of 2021 itself, which spoke with a stand-in of
the bonnet.
"""

import atexit
import hashlib

import numpy as np
from faults import Fault
from installed import require

_MODE = {1: "L", 3: "RGB"}


class Bonnet:
    """A ``.binaryproto`` that the bonnet's compiler made."""

    device = "AIY Vision Bonnet"

    def __init__(self, path, manifest):
        """Load the graph onto the bonnet."""
        given = manifest["input"]
        if given["layout"] != "NHWC" or given["dtype"] != "uint8" or len(given["shape"]) != 4:
            raise Fault("model", "the bonnet takes bytes, 1 x height x width x 3, NHWC: see input in the manifest")
        if given.get("scale") is None:
            raise Fault("model", "input.scale and zero_point are missing: the bonnet normalises by them")
        vision = require("aiy.vision.inference")
        self._image = require("PIL.Image")
        self._output = manifest["output"]["name"]
        normalizer = float(given.get("zero_point") or 0), 1.0 / given["scale"]
        with open(path, "rb") as file:
            graph = file.read()
        shape = tuple(given["shape"])
        descriptor = vision.ModelDescriptor(_name(graph, shape, normalizer), shape, normalizer, graph)
        try:
            with vision.InferenceEngine() as engine:
                firmware = engine.get_firmware_info()
            self._inference = vision.ImageInference(descriptor)
        except ValueError:
            raise  # of a shape that it cannot take: the model's fault
        except Exception as error:  # of its transport, which has classes of its own
            text = "the Vision Bonnet does not answer: {}: {}"
            raise Fault("runtime", text.format(type(error).__name__, error)) from error
        atexit.register(self._inference.close)  # else the bonnet keeps the graph, and has less room for the next
        self.version = "aiy.vision.inference, firmware {}.{}".format(*firmware)

    def feed(self, tensor):
        """Return the tensor as the image that is sent."""
        pixels = tensor[0]
        return self._image.fromarray(pixels if pixels.shape[2] > 1 else pixels[..., 0], _MODE[pixels.shape[2]])

    def infer(self, fed):
        """Return the class scores; the way to the bonnet and back is in it."""
        tensors = self._inference.run(fed).tensors
        if self._output not in tensors:
            text = "the graph gives {}; the manifest names {}"
            raise Fault("model", text.format(", ".join(sorted(tensors)), self._output))
        return np.array(tensors[self._output].data, np.float32)


def _name(graph, shape, normalizer):
    """Return the name of just this graph: one that the bonnet still has under a name is not loaded again."""
    digest = hashlib.sha256(repr((shape, normalizer)).encode() + graph)
    return "farm-" + digest.hexdigest()[:16]
