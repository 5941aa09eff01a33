"""The reference for a manifest's preprocessing; the runner on the board repeats it in its own few lines."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageFault
from .dataset import Dataset
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


def require_fit(manifest: Manifest, dataset: Dataset, where: str) -> None:
    """Check that a data set is the artifact's, and that its preprocessing gives the stated tensors.

    A manifest that names no data set takes any that its steps bring to the model's input.

    Raises:
        UsageFault: it is not, or does not; the line begins with ``where``.
    """
    named = manifest.dataset
    if named is not None and dataset.id != named.id:
        stated = f"{named.id[:12]} ({named.name})"
        raise UsageFault(f"{where}: dataset.id: {stated}, given {dataset.id[:12]} ({dataset.name})")
    try:
        found = tensor_sha256(dataset.images, manifest)
    except ValueError as error:
        raise UsageFault(f"{where}: preprocess.steps: do not give input.shape: {error}") from error
    if named is not None and found != manifest.preprocess.sha256:
        raise UsageFault(f"{where}: preprocess.sha256: the steps give {found}")
