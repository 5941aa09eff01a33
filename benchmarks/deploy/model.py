"""A model of 64 MiB that nothing can pack, and the same with one stretch of it changed."""

import hashlib
from pathlib import Path

import numpy as np

from farm.artifact.dataset import Dataset, load_dataset, save_dataset
from farm.artifact.document import identity
from farm.artifact.manifest import Manifest
from farm.artifact.unpack import Artifact

SIZE = 64 << 20
_INSERTED = 137
"""Bytes by which the changed stretch has grown: all behind it has moved, and no alignment helps."""


def contents(seed: int) -> bytes:
    """Return a content."""
    return np.random.default_rng(seed).bytes(SIZE)


def changed(content: bytes) -> bytes:
    """Replace one stretch of 1 % of a content by a slightly longer one."""
    begin, length = SIZE // 3, SIZE // 100
    stretch = np.random.default_rng(99).bytes(length + _INSERTED)
    return content[:begin] + stretch + content[begin + length :]


def artifact(folder: Path, content: bytes) -> Artifact:
    """Return an artifact as it lies there once it is unpacked."""
    folder.mkdir()
    (folder / "model.onnx").write_bytes(content)
    manifest = Manifest.model_validate(
        {
            "name": folder.name,
            "model": "random weights",
            "runtime": "onnx",
            "precision": "float32",
            "entry": "model.onnx",
            "input": {"name": "image", "shape": [1, 1, 8, 8], "dtype": "float32", "layout": "NCHW"},
            "output": {"name": "scores", "shape": [1, 10], "dtype": "float32"},
            "preprocess": {"steps": []},
            "decode": "argmax",
            "files": {"model.onnx": {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}},
        }
    )
    return Artifact(manifest, identity(manifest), {"model.onnx": folder / "model.onnx"}, len(content))


def images(folder: Path) -> Dataset:
    """Return a data set of eight images."""
    save_dataset(folder, np.zeros((8, 8, 8), np.uint8) + 1, np.zeros(8, np.uint8), name="eight", source="made up")
    return load_dataset(folder)
