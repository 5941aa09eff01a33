"""What a model gets right on this machine: the runner's own pipeline, image by image, over its own data set."""

import json
import sys
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from subprocess import TimeoutExpired, run

from ..errors import UsageFault
from .dataset import Dataset

MODULES = {"onnx": "onnxruntime", "tflite": "ai_edge_litert", "openvino": "openvino", "numpy": "numpy"}
"""Runtime → what must be installed here."""
EXTRAS = {"onnx": "onnx", "tflite": "litert", "openvino": "openvino"}

_LONGEST_S = 1800.0
"""Assumed: ten thousand images by a net of a tenth of a second take a thousand."""

_PREDICT = """\
import json, sys
from types import SimpleNamespace
runner, model, manifest, images = sys.argv[1:]
sys.path.insert(0, runner)
from faults import Fault
try:
    from pipeline import Pipeline
    pipeline = Pipeline(SimpleNamespace(model=model, manifest=manifest, images=images))
    found = [pipeline.predict(image)[0] for image in range(len(pipeline.images))]
    print(json.dumps({"by": pipeline.backend.version, "predictions": found}))
except Fault as fault:
    print(json.dumps({"fault": fault.detail}))
"""
"""Runs in a process of its own: a runtime that crashes takes nothing with it. The runner is no package: boards start it
by its folder."""


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
        words = [sys.executable, "-c", _PREDICT, *map(str, (runner, model, manifest, dataset.images_path))]
        try:
            done = run(words, capture_output=True, timeout=_LONGEST_S, check=False)
        except TimeoutExpired as error:
            raise UsageFault(f"{model.name}: not done after {_LONGEST_S:.0f} s; score it elsewhere") from error
    answer = done.stdout.splitlines()[-1] if done.stdout and not done.returncode else b""
    if not answer:
        said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise UsageFault(f"{model.name}: its runtime ended with status {done.returncode}: {said or 'nothing more'}")
    value = json.loads(answer)
    if "fault" in value:
        raise UsageFault(f"{model.name}: {value['fault']}")
    pairs = zip(value["predictions"], dataset.labels.tolist(), strict=True)
    return Scored(sum(found == label for found, label in pairs), len(dataset.labels), value["by"])
