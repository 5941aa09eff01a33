"""From an image to the tensor that the model is fed, in two stages: its values (convert), and their order (marshal)."""

import hashlib

import numpy as np
from faults import Fault


class Preprocess:
    """One image to the model's input tensor, by the steps that the manifest lists."""

    def __init__(self, manifest, shape):
        """Prepare the steps for images of a shape; Fault for a step that this runner does not know.

        Swapping the channels is left to the end, where they are put in order anyway: it commutes with the rest, where
        the factors that come after it are swapped instead.
        """
        tensor = manifest["input"]
        self._dtype = np.dtype(tensor["dtype"]).newbyteorder("<")
        self._limits = np.iinfo(self._dtype) if self._dtype.kind in "iu" else None
        self._shape = tuple(tensor["shape"])
        self._channels_first = tensor["layout"] == "NCHW"
        self._sha256 = manifest["preprocess"].get("sha256")  # absent: no data set is named
        self._steps = []
        self._swapped = False
        height, width = shape[:2]
        self._colour = len(shape) == 3
        for step in manifest["preprocess"]["steps"]:
            if step["name"] == "upscale-nearest":
                self._steps.append(_upscale((height, width), (step["height"], step["width"])))
                height, width = step["height"], step["width"]
            elif step["name"] == "scale":
                self._steps.append(_scale(*(self._per_channel(step.get(key, 0.0)) for key in ("factor", "offset"))))
            elif step["name"] == "channel-order" and step["order"] == "bgr":
                self._require_colour("channel-order")
                self._swapped = not self._swapped
            else:
                raise Fault("preprocess", "unknown step {!r}: this runner is too old".format(step["name"]))
        self._require_fit(height, width)

    def _per_channel(self, value):
        """Return one number, or one for each channel in the order that the images have."""
        if not isinstance(value, list):
            return np.float32(value)
        self._require_colour("a factor or an offset for each channel")
        return np.array(value[::-1] if self._swapped else value, np.float32)

    def _require_colour(self, what):
        if not self._colour:
            raise Fault("preprocess", "{}: the data set's images are grey".format(what))

    def _require_fit(self, height, width):
        """Raise Fault where the image that the steps give is not what the model takes."""
        wanted = (3, height, width) if self._channels_first else (height, width, 3)
        fits = self._shape[-3:] == wanted if self._colour else True
        if not fits or np.prod(self._shape) != height * width * (3 if self._colour else 1):
            what = "colour" if self._colour else "grey"
            text = "the steps give a {} image of {} x {}; the model takes {}"
            raise Fault("preprocess", text.format(what, height, width, "x".join(map(str, self._shape))))

    def convert(self, image):
        """Return an image's values as the model wants them, in the image's own order."""
        values = image
        for step in self._steps:
            values = step(values)
        return values

    def marshal(self, values):
        """Return the values in the model's order and type; of whole numbers, those beyond it at its ends."""
        if self._limits is not None and values.dtype != self._dtype:
            values = np.rint(values).clip(self._limits.min, self._limits.max)
        if self._swapped:
            values = values[..., ::-1]
        if self._colour and self._channels_first:
            values = values.transpose(2, 0, 1)
        return np.ascontiguousarray(values, self._dtype).reshape(self._shape)

    def __call__(self, image):
        """Return the tensor of one image, shape (h, w) or (h, w, 3), uint8."""
        return self.marshal(self.convert(image))

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


def _upscale(have, want):
    rows, columns = ((np.arange(wide) * narrow) // wide for narrow, wide in zip(have, want))
    index = np.ix_(rows, columns)
    return lambda values: values[index]


def _scale(factor, offset):
    return lambda values: values.astype(np.float32) * factor + offset
