"""A small artifact and data set, and a board that is a folder of this machine."""

import hashlib
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from devices.shell import Result
from farm.artifact.dataset import load_dataset, save_dataset
from farm.artifact.pack import pack

ZEROS = "0" * 64


@pytest.fixture
def dataset(tmp_path):
    images = (np.arange(3 * 8 * 8) % 17).astype(np.uint8).reshape(3, 8, 8)
    save_dataset(tmp_path / "three", images, np.array([0, 1, 2], np.uint8), name="three", source="made up")
    return load_dataset(tmp_path / "three")


@pytest.fixture
def described(dataset) -> dict:
    """A manifest as its author writes it, without the list of files."""
    return {
        "name": "tiny",
        "model": "Tiny",
        "runtime": "onnx",
        "precision": "float32",
        "entry": "model.onnx",
        "input": {"name": "image", "shape": [1, 1, 16, 16], "dtype": "float32", "layout": "NCHW"},
        "output": {"name": "scores", "shape": [1, 10], "dtype": "float32"},
        "preprocess": {
            "steps": [
                {"name": "upscale-nearest", "height": 16, "width": 16},
                {"name": "scale", "factor": 0.0625},
            ],
            "sha256": ZEROS,
        },
        "decode": "argmax",
        "dataset": {"id": dataset.id, "name": "three"},
        "baseline": {"correct": 3, "total": 3, "artifact": "tiny"},
        "expected": {"correct": 3, "total": 3},
    }


@pytest.fixture
def source(tmp_path, described) -> Path:
    """A folder ready to be packed."""
    folder = tmp_path / "source"
    (folder / "notes").mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(described, indent=2))
    (folder / "model.onnx").write_bytes(b"not really a model" * 100)
    (folder / "notes" / "origin.txt").write_bytes(b"made for a test\n")
    return folder


@pytest.fixture
def packed(tmp_path, source) -> Path:
    pack(source, tmp_path / "tiny.tar.zst")
    return tmp_path / "tiny.tar.zst"


class FolderShell:
    """Runs commands here; keeps count of what was uploaded. ``damage`` spoils what arrives."""

    name = "folder-1"

    def __init__(self) -> None:
        self.uploads: list[str] = []
        self.damage = False
        self.answers: dict[str, str] = {}

    def run(self, command, *, timeout_s=30.0, stdin=b"", check=True) -> Result:
        for begin, answer in self.answers.items():
            if command.startswith(begin):
                return Result(command, 0, answer.encode(), b"")
        done = subprocess.run(  # noqa: S602 -- a shell is what this stands for
            command, shell=True, input=stdin, capture_output=True, timeout=timeout_s
        )
        assert done.returncode == 0 or not check, done.stderr
        return Result(command, done.returncode, done.stdout, done.stderr)

    def upload(self, source, path, *, mode=0o644, timeout_s=300.0) -> int:
        data = source if isinstance(source, bytes) else source.read_bytes()
        self.uploads.append(hashlib.sha256(data).hexdigest())
        Path(path).write_bytes(data[:-1] if self.damage else data)
        return len(data)


@pytest.fixture
def shell() -> FolderShell:
    return FolderShell()
