"""A board without any Python: busybox, and an artifact that brings the C runner. From packing to PASS, with watts."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from farm.artifact.model.onnx import read_onnx
from farm.artifact.reference import reference_of
from farm.artifact.unpack import open_artifact

from ...held_up import HELD_UP, TRIES
from .conftest import MODELS, REPOSITORY, Whole

NET = MODELS / "artifacts" / "lenet5-pruned-int8-onnx.tar.zst"
DATASET = MODELS / "datasets" / "digits-540"
COMMANDS = ("--command", "./runner {model} {images} upscale-nearest=32x32", "--clock", "./runner clock")
STATED = ("--correct", "526", "--scored-with", "C reference 1", "--dataset", str(DATASET), *COMMANDS)
HOW = (
    "--board atom-01 --rate-hz 20 --duration-s 1 --idle-s 0.5 --set governor=performance "
    "--limit max_mean_watts=14 --limit min_accuracy=0.97"
)


@pytest.fixture
def brought(fresh_atom: Whole) -> Path:
    """A folder with a model and the runner, which is built for this machine, whose processor the twin has."""
    folder = fresh_atom.folder / "lenet5-c"
    folder.mkdir()
    if lacks := [name for name in ("make", "cc", "busybox") if shutil.which(name) is None]:
        pytest.skip(f"needs {', '.join(lacks)}")
    words = ["make", "-s", "-C", REPOSITORY / "docs" / "c-runner", f"OUT={folder}", "CFLAGS=-std=c99 -O1 -static"]
    subprocess.run(words, check=True, timeout=100)
    model = open_artifact(NET, fresh_atom.folder / "opened").model_path
    (folder / "lenet5-c.npz").write_bytes(reference_of(read_onnx(model.read_bytes()), "lenet5-c"))
    return folder


def test_the_c_runner_passes_with_watts_on_a_board_that_has_no_python(fresh_atom, brought):
    fresh_atom.fault("no-python")
    parent = MODELS / "artifacts" / "lenet5-float-onnx.tar.zst"
    packed = fresh_atom.farm("artifact", "pack", str(brought), "--parent", str(parent), *STATED)
    assert packed.returncode == 0, packed.stderr
    for _ in range(TRIES):
        done = fresh_atom.farm("run", "lenet5-c.tar.zst", "--dataset", str(DATASET), "--json", *HOW.split())
        assert done.stdout, done.stderr
        told = json.loads(done.stdout)
        if not (done.returncode == 3 and HELD_UP.search(done.stdout)):
            break
    assert done.returncode == 0, done.stdout + done.stderr
    record = told["record"]
    assert (record["board"]["runtime"], record["board"].get("python")) == ("C reference 1", None)
    assert record["power"][0]["mean"]["watts"] > 1
    assert record["state_during"]["watched"] > 0.8
    assert [demand["held"] for demand in record["demands"]] == [True]
