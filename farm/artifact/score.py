"""What a model gets right on this machine: its own runner over its own data set."""

import json
import sys
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from subprocess import run

from ..errors import UsageFault
from .dataset import Dataset

MODULES = {"onnx": "onnxruntime", "tflite": "ai_edge_litert"}
"""Runtime → what must be installed here."""
EXTRAS = {"onnx": "onnx", "tflite": "litert"}

_LONGEST_S = 1800.0
"""Assumed: ten thousand images by a net of a tenth of a second take a thousand."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A count, and by what."""

    correct: int
    total: int
    by: str
    """Runtime and version."""


def scores_here(runtime: str) -> bool:
    """Return whether a runtime is installed on this machine."""
    return runtime in MODULES and find_spec(MODULES[runtime]) is not None


def score(model: Path, manifest: Path, dataset: Dataset) -> Scored:
    """Predict every image, one a call, and count.

    Args:
        model: The model's file.
        manifest: JSON, as a board gets it.
        dataset: What it names.

    Raises:
        UsageFault: the runtime refuses the model, or did not come to the end.
    """
    with resources.as_file(resources.files("farm") / "runner") as runner:
        words = [sys.executable, str(runner), "--model", str(model), "--manifest", str(manifest)]
        words += ["--images", str(dataset.images_path), "--rate-hz", "1000", "--duration-s", "0.001", "--quiet-s", "0"]
        done = run([*words, "--score-s", str(_LONGEST_S)], capture_output=True, timeout=_LONGEST_S, check=False)
    found: dict[int, int] = {}
    by = ""
    at = (0, 0)
    for line in done.stdout.splitlines():
        event = json.loads(line)
        if event["event"] == "error":
            raise UsageFault(f"{model}: {event['detail']}")
        if event["event"] == "hello":
            by, at = event["runtime"], (event["columns"].index("image"), event["columns"].index("prediction"))
        elif event["event"] == "frames":
            found |= {row[at[0]]: row[at[1]] for row in event["rows"]}
        elif event["event"] == "scored":
            found |= dict(event["rows"])
    if len(found) != len(dataset.labels):
        said = done.stderr.decode("utf-8", "replace").strip() or f"status {done.returncode}"
        raise UsageFault(f"{model}: {len(found)} of {len(dataset.labels)} images were predicted: {said}")
    return Scored(sum(found[n] == label for n, label in enumerate(dataset.labels.tolist())), len(found), by)
