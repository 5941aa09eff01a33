"""Data sets: images and their labels as IDX files beside a manifest, known by content.

IDX is the format of the MNIST files: ``0 0 type rank``, the sizes as big-endian 32-bit integers, the values. Grey
images have three dimensions, colours a fourth: red, green, blue.
"""

import hashlib
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageFault
from .document import Count, FileFacts, Name, Part, PlainPath, Sha256, Size, check, decode, identity

MANIFEST = "dataset.json"
IMAGES = "images.idx"
LABELS = "labels.idx"

_UINT8 = 0x08
_RGB: Literal[3] = 3
_MAGIC = struct.Struct(">HBB")


class CollectedFrom(Part):
    """Where the images of a data set were collected; see :mod:`.collect`."""

    records: list[str] | None = None
    """Ids of the trials that told of them."""
    artifacts: list[Sha256] | None = None
    """Identities of the models that were tried."""
    dataset: Sha256 | None = None
    """Id of the data set that they are of; absent: a board acquired them."""
    indices: list[Count] | None = None
    """Of each image there."""
    board: str | None = None
    """That acquired them."""
    files: list[str] | None = None
    """That they came in, in their order: SHA-256 and name."""


class DatasetManifest(Part):
    """What a data set says of itself."""

    format: Literal[1] = 1
    name: Name
    images: Size
    height: Size
    width: Size
    channels: Literal[3] | None = None
    """Red, green, blue; absent: grey."""
    value_max: Size
    """Largest grey or colour value; the smallest is 0."""
    classes: Size | None = None
    """Absent with the file of labels: nobody has said yet what the images show."""
    source: str
    """Where the images come from, and which of them these are."""
    collected: CollectedFrom | None = None
    """Absent: they were not collected on boards."""
    files: dict[PlainPath, FileFacts]


@dataclass(frozen=True, slots=True)
class Dataset:
    """Images with their true classes."""

    id: str
    """SHA-256 of the canonical manifest, hex; the manifest holds the hashes of both files."""
    name: str
    images: NDArray[np.uint8]
    """(n, h, w) grey values, or (n, h, w, 3): red, green, blue."""
    labels: NDArray[np.uint8]
    """(n,) classes, counted from 0."""
    folder: Path
    manifest: DatasetManifest

    @property
    def images_path(self) -> Path:
        """The IDX file of the images: what goes to a board. Labels stay here."""
        return self.folder / IMAGES


def load_dataset(path: Path) -> Dataset:
    """Read a data set's folder (or its manifest's path) and check every hash.

    Raises:
        UsageFault: not there, or not what its manifest says.
    """
    folder = path.parent if path.name == MANIFEST else path
    where = str(folder / MANIFEST)
    manifest = check(DatasetManifest, decode(_read(folder / MANIFEST), where), where)
    if set(manifest.files) == {IMAGES} and manifest.classes is None:
        raise UsageFault(f"{where}: has no labels, so that nothing is right or wrong; docs/datasets.md: labelling")
    if set(manifest.files) != {IMAGES, LABELS} or manifest.classes is None:
        raise UsageFault(f"{where}: files: want {IMAGES} and {LABELS}, and `classes`")
    images = _checked(folder / IMAGES, manifest.files[IMAGES])
    labels = _checked(folder / LABELS, manifest.files[LABELS])
    wanted = (manifest.images, manifest.height, manifest.width, *([manifest.channels] if manifest.channels else []))
    if images.shape != wanted or labels.shape != wanted[:1]:
        raise UsageFault(f"{where}: images {images.shape} and labels {labels.shape}; the manifest says {wanted}")
    if images.max() > manifest.value_max or labels.max() >= manifest.classes:
        raise UsageFault(f"{where}: a value over {manifest.value_max} or a class from {manifest.classes} upwards")
    return Dataset(identity(manifest), manifest.name, images, labels, folder, manifest)


def _checked(path: Path, facts: FileFacts) -> NDArray[np.uint8]:
    data = _read(path)
    if (found := hashlib.sha256(data).hexdigest()) != facts.sha256:
        raise UsageFault(f"{path}: SHA-256 is {found[:12]}…, its manifest says {facts.sha256[:12]}…")
    try:
        return parse_idx(data)
    except ValueError as error:
        raise UsageFault(f"{path}: {error}") from error


def _read(path: Path) -> bytes:
    if path.exists() and not path.is_file():  # a pipe or a device may never end
        raise UsageFault(f"{path}: not a plain file; want a data set's folder")
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageFault(f"{path}: {error.strerror}; want a data set's folder") from error


def parse_idx(data: bytes) -> NDArray[np.uint8]:
    """Decode an IDX file of unsigned bytes; ValueError when it is not one."""
    shape, begin = parse_idx_head(data)
    if len(data) - begin != math.prod(shape):
        raise ValueError(f"{len(data) - begin} values for a shape of {shape}")
    return np.frombuffer(data, np.uint8, offset=begin).reshape(shape)


def parse_idx_head(data: bytes) -> tuple[tuple[int, ...], int]:
    """Return the shape that an IDX file begins with, and where its values begin; ValueError when it is not one."""
    if len(data) < _MAGIC.size:
        raise ValueError(f"{len(data)} bytes are no IDX file")
    zeros, kind, rank = _MAGIC.unpack_from(data)
    if zeros or kind != _UINT8 or not rank:
        raise ValueError(f"begins with {data[:4].hex(' ')}; want 00 00 08 and the number of dimensions")
    begin = _MAGIC.size + 4 * rank
    if len(data) < begin:
        raise ValueError(f"ends inside its header of {begin} bytes")
    return struct.unpack_from(f">{rank}I", data, _MAGIC.size), begin


def format_idx(values: NDArray[np.uint8]) -> bytes:
    """Encode unsigned bytes as an IDX file."""
    head = _MAGIC.pack(0, _UINT8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
    return head + values.astype(np.uint8).tobytes()


def save_dataset(folder: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8], *, name: str, source: str) -> str:
    """Write a data set's three files and return its id; images as :attr:`Dataset.images` has them.

    Raises:
        UsageFault: these are not one image a label, or no whole numbers from 0 to 255: none is changed to be kept.
    """
    for what, values, ranks in (("images", images, (3, 4)), ("labels", labels, (1,))):
        whole = values.dtype.kind in "iu" and values.ndim in ranks and values.size and len(values) == len(labels)
        if not whole or values.min() < 0 or values.max() > np.iinfo(np.uint8).max:
            shape = "x".join(map(str, values.shape))
            want = "whole numbers from 0 to 255: images (n, h, w) or (n, h, w, 3), and n labels"
            raise UsageFault(f"{name}: {what} are {shape} {values.dtype}; want {want}")
    if images.ndim == 4 and images.shape[3] != _RGB:
        raise UsageFault(f"{name}: images have {images.shape[3]} channels; want 3, or (n, h, w) where they are grey")
    value_max, classes = max(1, int(images.max())), int(labels.max()) + 1
    return write_dataset(folder, images, labels, name=name, source=source, value_max=value_max, classes=classes)


def write_dataset(
    folder: Path,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8] | None,
    *,
    name: str,
    source: str,
    value_max: int,
    classes: int | None,
    collected: CollectedFrom | None = None,
) -> str:
    """Write a data set and return its id; one that is a part of another keeps that one's range and classes."""
    files = {IMAGES: format_idx(images)} | ({} if labels is None else {LABELS: format_idx(labels)})
    count, height, width = images.shape[:3]
    manifest = DatasetManifest(
        name=name,
        images=count,
        height=height,
        width=width,
        channels=_RGB if images.ndim == 4 else None,
        value_max=value_max,
        classes=classes,
        source=source,
        collected=collected,
        files={path: FileFacts(sha256=hashlib.sha256(d).hexdigest(), size=len(d)) for path, d in files.items()},
    )
    folder.mkdir(parents=True, exist_ok=True)
    for path, data in files.items():
        (folder / path).write_bytes(data)
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2, exclude_none=True) + "\n", encoding="utf-8")
    return identity(manifest)


def find_dataset(name: str, near: Path) -> Path:
    """Return where a data set lies that an artifact names: beside it, or in a folder ``datasets`` beside or above it.

    Raises:
        UsageFault: it lies in none of them.
    """
    folder = near.resolve().parent
    places = [folder / name, folder / "datasets" / name, folder.parent / "datasets" / name]
    for place in places:
        if (place / MANIFEST).is_file():
            return place
    seen = ", ".join(map(str, places))
    raise UsageFault(f"{near}: its data set {name} is not at {seen}; say where: --dataset, or dataset= in a test")
