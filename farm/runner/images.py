"""Images as the data set holds them, and the tensors that the model is fed."""

import hashlib
import struct

import numpy as np
from faults import Fault

_UBYTE_3D = 0x00000803
"""Magic number of an IDX file of unsigned bytes in three dimensions (format of the MNIST files)."""


def load(path):
    """Return the images of an IDX file, shape (n, h, w), uint8; Fault when it is none."""
    with open(path, "rb") as file:
        data = file.read()
    if len(data) < 16:
        raise Fault("dataset", "{}: {} bytes are no IDX file".format(path, len(data)))
    magic, count, height, width = struct.unpack(">IIII", data[:16])
    if magic != _UBYTE_3D:
        raise Fault("dataset", "{}: magic number {:#010x}, want {:#010x}".format(path, magic, _UBYTE_3D))
    if count == 0 or len(data) - 16 != count * height * width:
        text = "{}: {} bytes of pixels; the header says {} images of {} x {}"
        raise Fault("dataset", text.format(path, len(data) - 16, count, height, width))
    return np.frombuffer(data, np.uint8, offset=16).reshape(count, height, width)


class Preprocess:
    """One image to the model's input tensor, by the steps that the manifest lists."""

    def __init__(self, manifest, height, width):
        """Prepare the steps for images of this size; Fault for a step that this runner does not know."""
        tensor = manifest["input"]
        self._dtype = np.dtype(tensor["dtype"]).newbyteorder("<")
        self._shape = tensor["shape"]
        self._sha256 = manifest["preprocess"].get("sha256")  # absent: no data set is named
        self._steps = []
        for step in manifest["preprocess"]["steps"]:
            if step["name"] == "upscale-nearest":
                rows = (np.arange(step["height"]) * height) // step["height"]
                columns = (np.arange(step["width"]) * width) // step["width"]
                self._steps.append(_upscale(np.ix_(rows, columns)))
                height, width = step["height"], step["width"]
            elif step["name"] == "scale":
                self._steps.append(_scale(np.float32(step["factor"]), np.float32(step.get("offset", 0.0))))
            else:
                raise Fault("preprocess", "unknown step {!r}: this runner is too old".format(step["name"]))

    def __call__(self, image):
        """Return the tensor of one image, shape (h, w), uint8."""
        values = image
        for step in self._steps:
            values = step(values)
        if self._dtype.kind != "f":
            values = np.rint(values)
        return np.ascontiguousarray(values.astype(self._dtype).reshape(self._shape))

    def check(self, images):
        """Raise Fault unless the tensors of all images are, to the bit, those the model was trained on, if any."""
        if self._sha256 is None:
            return
        digest = hashlib.sha256()
        for image in images:
            digest.update(self(image).tobytes())
        if digest.hexdigest() != self._sha256:
            text = "the preprocessed data set hashes to {}, the manifest says {}"
            raise Fault("preprocess", text.format(digest.hexdigest(), self._sha256))


def _upscale(index):
    return lambda values: values[index]


def _scale(factor, offset):
    return lambda values: values.astype(np.float32) * factor + offset
