"""A model small enough to write by hand, for whatever needs one that really runs."""

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from farm.artifact.dataset import Dataset, load_dataset, save_dataset
from farm.artifact.deploy import Deployment
from farm.artifact.document import identity
from farm.artifact.manifest import Manifest
from farm.artifact.preprocess import tensor_sha256
from farm.artifact.unpack import Artifact
from farm.store.record import Record

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


@pytest.fixture
def a_record() -> Callable[..., Record]:
    """``a_record(board__name="tx2-01", power__0__mean__watts=7.0)``: a record, with some fields changed."""

    def make(**changes: object) -> Record:
        value = copy.deepcopy(RECORD)
        for path, new in changes.items():
            *folders, last = (int(part) if part.isdigit() else part for part in path.split("__"))
            inner = value
            for folder in folders:
                inner = inner[folder]
            inner[last] = new
        return Record.model_validate(value)

    return make


RECORD = {
    "id": "00c0ffee00c0ffee",
    "started_utc": "2026-01-02T03:04:05Z",
    "lab": "demo",
    "board": {"name": "zero-01", "model": "pi-zero-aiy", "made": "process twin", "boot_id": "b007"},
    "artifact": {
        "id": "a" * 64,
        "name": "lenet5-int8",
        "model": "LeNet-5",
        "runtime": "tflite",
        "precision": "int8",
        "size_bytes": 60_000,
    },
    "dataset": {"id": "d" * 64, "name": "digits-test", "images": 360},
    "scenario": {"name": "fixed rate", "rate_hz": 20.0, "duration_s": 20.0, "frames": 400, "warmup_frames": 5},
    "latency": {"p50_ms": 3.0, "p90_ms": 4.0, "p99_ms": 9.0, "max_ms": 12.0, "mean_ms": 3.2},
    "deadlines": {"deadline_ms": 50.0, "missed": 0, "missed_unstarved": 0, "fps": 20.0, "wake_lateness_max_ms": 0.2},
    "accuracy": {"correct": 354, "total": 360, "fraction": 354 / 360, "baseline_fraction": 0.9875, "loss": 0.0042},
    "power": [
        {
            "meter": "um25c-1",
            "driver": "um25c",
            "rail": "USB 5 V",
            "made": "process twin",
            "accuracy_source": "data sheet",
            "nominal_rate_hz": 2.0,
            "rate_hz": 1.99,
            "aperture_s": 0.5,
            "readings": 40,
            "lost": 0,
            "mean": {"watts": 1.2, "u_watts": 0.02},
            "peak_watts": 1.5,
            "volts_mean": 5.1,
            "joules": 24.0,
            "u_joules": 0.4,
            "joules_mean_times_duration": 24.1,
            "joules_per_inference": 0.06,
            "u_joules_per_inference": 0.001,
            "idle_before": {"watts": 0.8, "u_watts": 0.02},
        }
    ],
    "supply_meter": "um25c-1",
    "clock": {"offset_ns": -17_000_000_000, "bound_ns": 90_000, "drift_ppm": 12.5},
    "state_before": {"celsius": {"soc": 41.2}, "throttled": False},
    "state_after": {"celsius": {"soc": 47.9}, "throttled": False},
    "host": {"farm_version": "0.1.0", "python": "3.11.7", "lateness_max_ms": 4.0},
}
