"""The reference for a manifest's preprocessing; the runner on the board repeats it in its own few lines."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from .manifest import Manifest, UpscaleNearest


def tensor(image: NDArray[np.uint8], manifest: Manifest) -> NDArray[np.generic]:
    """Make the model's input from one grey image, shape ``(h, w)``."""
    values = image.astype(np.float32)
    for step in manifest.preprocess.steps:
        if isinstance(step, UpscaleNearest):
            height, width = values.shape
            rows = np.arange(step.height) * height // step.height
            columns = np.arange(step.width) * width // step.width
            values = values[rows][:, columns]
        else:
            values = values * np.float32(step.factor) + np.float32(step.offset)
    dtype = np.dtype(manifest.input.dtype)
    if dtype.kind in "iu":
        values = np.rint(values)
    return values.astype(dtype).reshape(manifest.input.shape)


def tensor_sha256(images: NDArray[np.uint8], manifest: Manifest) -> str:
    """Hash the tensors of all images, shape ``(n, h, w)``, one at a time: a large input never fills the memory."""
    digest = hashlib.sha256()
    for image in images:
        made = tensor(image, manifest)
        digest.update(made.astype(made.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()
