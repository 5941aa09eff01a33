"""A model small enough to write by hand, for whatever needs one that really runs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from farm.artifact.dataset import Dataset, load_dataset, save_dataset
from farm.artifact.deploy import Deployment
from farm.artifact.manifest import Manifest, identity
from farm.artifact.preprocess import tensor_sha256
from farm.artifact.unpack import Artifact

RUNNER = Path(__file__).parent.parent.parent / "farm" / "runner"
SIDE = 8
CLASSES = 10


def field(number: int, value: int | str | bytes) -> bytes:
    """One field of a protocol buffer: varint or length-delimited."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    head = bytearray()
    while value > 0x7F:
        head.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*head, value])


def onnx_model(weights: np.ndarray, side: int) -> bytes:
    """Flatten, then one matrix product: scores = pixels @ weights. Field numbers are those of onnx.proto3."""

    def tensor(name: str, *shape: int) -> bytes:
        dims = b"".join(field(1, field(1, size)) for size in shape)
        return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))

    def node(operator: str, inputs: list[str], output: str) -> bytes:
        return b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, operator)

    constant = b"".join(field(1, size) for size in weights.shape)
    constant += field(2, 1) + field(8, "weights") + field(9, weights.astype("<f4").tobytes())
    graph = (
        field(1, node("Flatten", ["pixels"], "flat"))
        + field(1, node("MatMul", ["flat", "weights"], "scores"))
        + field(2, "tiny")
        + field(5, constant)
        + field(11, tensor("pixels", 1, 1, side, side))
        + field(12, tensor("scores", 1, weights.shape[1]))
    )
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))


@pytest.fixture
def tiny_dataset(tmp_path) -> Dataset:
    """40 images whose brightest of the first ten pixels is their class."""
    labels = (np.arange(40) * 7 % CLASSES).astype(np.uint8)
    images = np.zeros((40, SIDE, SIDE), np.uint8)
    images[np.arange(40), 0, 1] = 1  # class 9 is 2 pixels into the next row
    flat = images.reshape(40, -1)
    flat[np.arange(40), labels] = 16
    save_dataset(tmp_path / "tiny-dataset", images, labels, name="tiny", source="made up")
    return load_dataset(tmp_path / "tiny-dataset")


@pytest.fixture
def tiny(tmp_path, tiny_dataset) -> Callable[..., Deployment]:
    """``tiny(wrong=0, upscale=1, columns=10)``: a model deployed in this machine's own file system.

    ``wrong`` is how many classes it confuses; more columns make it slower.
    """

    def make(*, wrong: int = 0, upscale: int = 1, columns: int = CLASSES, **changes: object) -> Deployment:
        side = SIDE * upscale
        weights = np.zeros((side, side, columns), np.float32)
        for label in range(CLASSES):
            row, column = divmod(label, SIDE)
            weights[row * upscale, column * upscale, (label + 1) % CLASSES if label < wrong else label] = 1
        return deployed(tmp_path, tiny_dataset, onnx_model(weights.reshape(side * side, columns), side), side, changes)

    return make


def deployed(folder: Path, dataset: Dataset, model: bytes, side: int, changes: dict[str, object]) -> Deployment:
    score = {"correct": len(dataset.labels), "total": len(dataset.labels)}
    value = {
        "name": "tiny",
        "model": "one product",
        "runtime": "onnx",
        "precision": "float32",
        "entry": "model.onnx",
        "input": {"name": "pixels", "shape": (1, 1, side, side), "dtype": "float32", "layout": "NCHW"},
        "output": {"name": "scores", "shape": (1, CLASSES), "dtype": "float32"},
        "preprocess": {
            "steps": [{"name": "upscale-nearest", "height": side, "width": side}, {"name": "scale", "factor": 0.0625}],
            "sha256": "0" * 64,
        },
        "decode": "argmax",
        "dataset": {"id": dataset.id, "name": dataset.name},
        "baseline": {**score, "artifact": "tiny"},
        "expected": score,
        "files": {"model.onnx": {"sha256": "0" * 64, "size": len(model)}},
    }
    manifest = Manifest.model_validate(value)
    value["preprocess"]["sha256"] = tensor_sha256(dataset.images, manifest)
    manifest = Manifest.model_validate(value | changes)
    (folder / "model.onnx").write_bytes(model)
    (folder / "manifest.json").write_text(manifest.model_dump_json(exclude_none=True))
    return Deployment(
        Artifact(manifest, identity(manifest), {"model.onnx": folder / "model.onnx"}, len(model)),
        dataset,
        model_path=str(folder / "model.onnx"),
        images_path=str(dataset.images_path),
        runner_path=str(RUNNER),
        manifest_path=str(folder / "manifest.json"),
        bytes_sent=0,
        bytes_reused=0,
    )
