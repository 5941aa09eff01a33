"""The committed models are what their manifests say, on this machine's runtimes too."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from farm.artifact.dataset import load_dataset
from farm.artifact.document import identity
from farm.artifact.preprocess import require_fit
from farm.artifact.score import score
from farm.artifact.unpack import open_artifact, read_manifest

REPOSITORY = Path(__file__).parents[3]
LAB = REPOSITORY / "tests" / "lab"
NAMES = sorted(path.name.removesuffix(".tar.zst") for path in (LAB / "artifacts").glob("*.tar.zst"))
MODULES = {"onnx": "onnxruntime", "tflite": "ai_edge_litert"}
SAMPLES_BYTES = 6_000_000
"""What the repository may carry of data."""


@pytest.fixture(scope="module")
def digits():
    return load_dataset(LAB / "datasets" / "digits-540")


def manifest_of(name: str):
    return read_manifest(LAB / "artifacts" / f"{name}.tar.zst")


def predicted(artifact, dataset, folder: Path, **plan: float) -> dict[int, int]:
    """Let the runner run a plan, and return image → class."""
    listed = folder / "manifest.json"
    listed.write_bytes((artifact.model_path.parent / "manifest.json").read_bytes())
    line = [sys.executable, str(REPOSITORY / "farm" / "runner"), "--model", str(artifact.model_path)]
    line += ["--manifest", str(listed), "--images", str(dataset.images_path), "--plan", json.dumps(plan)]
    done = subprocess.run(line, capture_output=True, timeout=550, check=True)
    found: dict[int, int] = {}
    for event in map(json.loads, done.stdout.splitlines()):
        if event["event"] == "hello":
            image, prediction = (event["columns"].index(name) for name in ("image", "prediction"))
        elif event["event"] == "frames":
            found |= {row[image]: row[prediction] for row in event["rows"]}
        elif event["event"] == "scored":
            found |= {image_: said for image_, said, _margin in event["rows"]}
    return found


def test_every_net_comes_as_baseline_and_compressed_for_both_runtimes():
    forms = {"float", "pruned-int8", "shared"}
    wanted = {f"{net}-{form}-{runtime}" for net in ("lenet-300-100", "lenet5") for form in forms for runtime in MODULES}
    assert wanted <= set(NAMES)
    assert {manifest_of(name).name for name in wanted} == wanted


def test_the_samples_stay_small():
    files = [*(LAB / "artifacts").iterdir(), *(LAB / "datasets").rglob("*")]
    assert sum(path.stat().st_size for path in files if path.is_file()) <= SAMPLES_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_whole_and_fits_its_data_set(name, digits, tmp_path):
    artifact = open_artifact(LAB / "artifacts" / f"{name}.tar.zst", tmp_path)
    assert artifact.manifest.name == name
    assert artifact.manifest.expected.total == len(digits.labels)
    require_fit(artifact.manifest, digits, name)
    assert artifact.model_path.is_file()


@pytest.mark.parametrize("name", NAMES)
def test_a_samples_loss_is_against_the_float_model_of_the_same_net(name):
    manifest = manifest_of(name)
    baseline = manifest_of(manifest.baseline.artifact)
    assert baseline.compression == []
    assert (baseline.model, baseline.runtime, baseline.precision) == (manifest.model, manifest.runtime, "float32")
    assert baseline.expected.correct == manifest.baseline.correct
    trained = "random" not in name
    assert (manifest.expected.fraction >= 0.95) == trained
    assert (manifest.baseline.fraction - manifest.expected.fraction <= 0.02) == trained


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", [name for name in NAMES if "x4" not in name])
def test_the_runner_predicts_what_the_training_script_counted(name, digits, tmp_path):
    pytest.importorskip(MODULES[manifest_of(name).runtime])
    artifact = open_artifact(LAB / "artifacts" / f"{name}.tar.zst", tmp_path)
    scored = score(artifact.model_path, artifact.folder / "manifest.json", digits)
    assert (scored.correct, scored.total) == (artifact.manifest.expected.correct, len(digits.labels))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("runtime", MODULES)
def test_the_heavy_model_is_right_but_far_too_slow(runtime, digits, tmp_path):
    pytest.importorskip(MODULES[runtime])
    artifact = open_artifact(LAB / "artifacts" / f"lenet5-x4-float-{runtime}.tar.zst", tmp_path)
    found = predicted(artifact, digits, tmp_path, rate_hz=100, duration_s=0.06, warmup=0)
    assert set(range(6)) >= set(found) > set()  # as many as this machine came to
    assert all(label == digits.labels[image] for image, label in found.items())


def test_the_two_runtimes_hold_the_same_weights_so_each_file_has_its_own_identity():
    assert len({identity(manifest_of(name)) for name in NAMES}) == len(NAMES)
