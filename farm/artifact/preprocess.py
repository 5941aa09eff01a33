"""The reference for a manifest's preprocessing; the runner on the board repeats it in its own few lines."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageFault
from .dataset import Dataset
from .manifest import ChannelOrder, Manifest, PreprocessStep, UpscaleNearest

_COLOUR = 3
"""Dimensions of an image that has them."""


def tensor(image: NDArray[np.uint8], manifest: Manifest) -> NDArray[np.generic]:
    """Make the model's input from one image: grey, shape ``(h, w)``, or colours, shape ``(h, w, 3)``.

    Raises:
        ValueError: the steps do not lead from the one to the other.
    """
    values = image.astype(np.float32)
    for step in manifest.preprocess.steps:
        values = _done(step, values)
    dtype, shape = np.dtype(manifest.input.dtype), manifest.input.shape
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)  # what lies beyond stays at its end: a cast wraps on one processor, and not on another
        values = np.rint(values).clip(limits.min, limits.max)
    if values.ndim == _COLOUR:
        first = manifest.input.layout == "NCHW"
        values = values.transpose(2, 0, 1) if first else values
        if shape[-3:] != values.shape:  # as many numbers in another shape would be another picture
            raise ValueError(f"a colour image of {values.shape} is none of {shape}, {manifest.input.layout}")
    return values.astype(dtype).reshape(shape)


def _done(step: PreprocessStep, values: NDArray[np.float32]) -> NDArray[np.float32]:
    if isinstance(step, UpscaleNearest):
        height, width = values.shape[:2]
        rows = np.arange(step.height) * height // step.height
        columns = np.arange(step.width) * width // step.width
        return values[rows][:, columns]
    if values.ndim != _COLOUR and (isinstance(step, ChannelOrder) or step.per_channel):
        raise ValueError(f"step {step.name} is for colours, and the images are grey")
    if isinstance(step, ChannelOrder):
        return values[..., ::-1]
    return values * np.asarray(step.factor, np.float32) + np.asarray(step.offset, np.float32)


def tensor_sha256(images: NDArray[np.uint8], manifest: Manifest) -> str:
    """Hash the tensors of all images, one at a time: a large input never fills the memory."""
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
