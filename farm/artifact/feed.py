"""The images that a model is fed with: the data set that its manifest names, and no other.

A model that names none, for its weights are random, is fed with any data set that is given, else with noise; there
is nothing that it could be right about.
"""

from math import prod
from pathlib import Path

import numpy as np

from ..errors import UsageFault
from .dataset import Dataset, find_dataset, load_dataset, save_dataset
from .manifest import Manifest, UpscaleNearest
from .preprocess import tensor
from .unpack import Artifact

_NOISE_IMAGES = 8
"""So that no frame is the one before it; assumed to be enough, for no kernel here depends on what it computes."""

_COLOURS = 3


def feed(artifact: Artifact, near: Path, given: Path | None = None) -> Dataset:
    """Return the images for an artifact.

    Args:
        artifact: As it was opened.
        near: The packed file: a data set that is not given is looked for near it.
        given: The data set's folder.

    Raises:
        UsageFault: there is none, or it is another than the artifact's.
    """
    manifest = artifact.manifest
    if manifest.dataset is None:
        return _any(manifest, given) if given is not None else _noise(artifact)
    dataset = load_dataset(given or find_dataset(manifest.dataset.name, near))
    require_same(manifest, dataset, str(near))
    return dataset


def require_same(manifest: Manifest, dataset: Dataset, where: str) -> None:
    """Raise UsageFault where a data set is not the one that a manifest names; a manifest that names none takes any."""
    named = manifest.dataset
    if named is not None and dataset.id != named.id:
        raise UsageFault(
            f"{where}: scored on data set {named.id[:12]} ({named.name}), given {dataset.id[:12]} ({dataset.name}); "
            "accuracies of different data sets cannot be compared"
        )


def _any(manifest: Manifest, given: Path) -> Dataset:
    dataset = load_dataset(given)
    try:
        tensor(dataset.images[0], manifest)
    except ValueError as error:
        fault = (
            f"{given}: its images do not become the input of {manifest.name}: {error}; without --dataset it gets noise"
        )
        raise UsageFault(fault) from error
    return dataset


def _noise(artifact: Artifact) -> Dataset:
    """Make the same noise each time, of a size that the steps bring to the model's input."""
    shape = _image_shape(artifact.manifest)
    images = np.random.default_rng(0).integers(0, 256, (_NOISE_IMAGES, *shape), np.uint8)
    labels = np.zeros(_NOISE_IMAGES, np.uint8)
    folder = artifact.folder / "noise"
    name = f"noise-{'x'.join(map(str, shape))}"
    save_dataset(folder, images, labels, name=name, source="numpy's default_rng(0): noise, for speed and watts alone")
    return load_dataset(folder)


def _image_shape(manifest: Manifest) -> tuple[int, ...]:
    """Return the shape of an image that needs no enlarging: of colours where the model takes three channels."""
    *before, rows, columns, last = (1, 1, 1, *manifest.input.shape)
    channels, height, width = (rows, columns, last) if manifest.input.layout == "NCHW" else (last, rows, columns)
    scaled = [(step.height, step.width) for step in manifest.preprocess.steps if isinstance(step, UpscaleNearest)]
    if channels == _COLOURS and (not scaled or scaled[-1] == (height, width)):
        return height, width, channels
    # else the tensor's numbers as one grey image, channels that there may be one below the other
    return scaled[0] if scaled else (prod(before) * rows * columns, last)
