"""The same class for every image, whatever runs the model and on whatever processor: on machines that really boot.

Held against what this machine's own run of the very same file says, image by image.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.shell import Shell
from devices.twin.qemu.images import cache
from devices.twin.qemu.missing import missing
from farm.artifact.dataset import load_dataset
from farm.artifact.deploy import deploy
from farm.artifact.model.onnx import read_onnx
from farm.artifact.pack import pack
from farm.artifact.reference import reference_of
from farm.artifact.unpack import open_artifact
from farm.lab.bench import Bench, borrow
from farm.lab.inventory import load, usable
from farm.trial.remote import run_on_board
from farm.trial.scenario import SingleStream

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
SOURCE = HERE / "inventory-qemu.yaml"
LAB = HERE.parent / "lab"
FARM = Path(sys.executable).with_name("farm")
C_RUNNER = REPOSITORY / "docs" / "c-runner"
BOARDS = ("tx2-qemu", "zero-qemu")
LEFT_OUT = ("lenet5-x4", "lenet5-fine")
"""Emulated, a frame of these takes a minute, and two seconds: oversampled nets, whose answers are LeNet-5's own."""
NETS = sorted(
    path.name.removesuffix("-onnx.tar.zst")
    for path in (LAB / "artifacts").glob("*-onnx.tar.zst")
    if not path.name.startswith(LEFT_OUT)
)
IMAGES = 540

pytestmark = [pytest.mark.timeout(900), pytest.mark.xdist_group("qemu")]


def farm(folder: Path, *words: str | Path) -> None:
    environment = os.environ | {"FARM_IMAGES": str(cache())}
    done = subprocess.run(
        [FARM, *words], cwd=folder, env=environment, text=True, capture_output=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Path]:
    """A lab of both boards, powered off."""
    for board in BOARDS:
        if lacks := missing(load(SOURCE).boards[board].model):
            pytest.skip(f"no QEMU twin of {board} here: {'; '.join(lacks)}")
    folder = tmp_path_factory.mktemp("lab")
    farm(folder, "lab", "up", *(word for board in BOARDS for word in ("--board", board)), "--inventory", SOURCE)
    yield folder
    farm(folder, "lab", "down")


def lent(lab: Path, board: str) -> Iterator[Bench]:
    with borrow(usable(state=lab / ".farm"), board, state=lab / ".farm") as bench:
        bench.power_cycle()
        yield bench


@pytest.fixture(scope="module")
def tx2(lab) -> Iterator[Bench]:
    """Booted, until its tests are over."""
    yield from lent(lab, "tx2-qemu")


@pytest.fixture(scope="module")
def zero(lab) -> Iterator[Bench]:
    yield from lent(lab, "zero-qemu")


@pytest.fixture(scope="module")
def digits():
    return load_dataset(LAB / "datasets" / "digits-540")


@pytest.fixture(scope="module")
def models(tmp_path_factory, digits) -> Path:
    """``NET-KIND/`` with manifest and model for each net as onnx, tflite and numpy; the runner and the images."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(REPOSITORY / "farm" / "runner", folder / "runner", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(digits.images_path, folder)
    shutil.copy(HERE / "classify.py", folder)
    for net in NETS:
        for kind in ("onnx", "tflite"):
            opened = open_artifact(LAB / "artifacts" / f"{net}-{kind}.tar.zst", folder / "opened")
            shutil.copytree(opened.model_path.parent, folder / f"{net}-{kind}")
        written = json.loads((folder / f"{net}-onnx" / "manifest.json").read_text())
        made = folder / f"{net}-numpy"
        made.mkdir()
        (made / "model.npz").write_bytes(
            reference_of(read_onnx((folder / f"{net}-onnx" / "model.onnx").read_bytes()), net)
        )
        (made / "manifest.json").write_text(json.dumps({**written, "runtime": "numpy", "entry": "model.npz"}))
    return folder


@pytest.fixture(scope="module")
def here(models) -> dict[str, list[int]]:
    """What this machine predicts with each."""
    names = [f"{net}-{kind}" for net in NETS for kind in ("onnx", "tflite", "numpy")]
    words = [sys.executable, models / "classify.py", models, *names]
    done = subprocess.run(words, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert {len(classes) for classes in found.values()} == {IMAGES}
    return found


def send(shell: Shell, folder: Path, names: list[str]) -> None:
    """Bring files and folders to ``models/`` on a board, in one piece: the links of emulated boards are slow."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        for name in names:
            archive.add(folder / name, name)
    shell.upload(packed.getvalue(), "models.tar.gz")
    shell.run("mkdir -p models && tar -xzf models.tar.gz -C models", timeout_s=200)


def built(architecture: str, folder: Path) -> Path:
    """Return the C runner for a board; skipped by name where nothing compiles it here."""
    compiler = {"armv6l": "arm-linux-gnueabi-gcc", "aarch64": "aarch64-linux-gnu-gcc"}[architecture]
    if lacks := [name for name in ("make", compiler) if shutil.which(name) is None]:
        pytest.skip(f"needs {', '.join(lacks)}: gcc-{compiler.removesuffix('-gcc')}")
    words = ["make", "-s", "-C", C_RUNNER, f"OUT={folder}", architecture]
    subprocess.run(words, check=True, timeout=100)
    (folder / f"runner-{architecture}").rename(folder / "program")
    return folder / "program"


def by_c_runner(shell: Shell, net: str, manifest: Path) -> list[int]:
    """Return what the C runner on a board predicts with a reference that was sent there."""
    steps = [
        f"upscale-nearest={step['height']}x{step['width']}"
        if step["name"] == "upscale-nearest"
        else f"scale={step['factor']}"
        for step in json.loads(manifest.read_text())["preprocess"]["steps"]
    ]
    plan = "FARM_SAMPLES_PER_QUERY=1 FARM_QUIET_S=0 FARM_WARMUP=0 FARM_SCORE_S=300"
    words = ["models/program", f"models/{net}-numpy/model.npz", "models/images.idx", *steps]
    told = shell.run(f"{plan} {' '.join(words)}", timeout_s=300).text
    events = [json.loads(line) for line in told.splitlines()]
    columns = events[0]["columns"]
    image, prediction = columns.index("image"), columns.index("prediction")
    found = {row[image]: row[prediction] for event in events if event["event"] == "frames" for row in event["rows"]}
    found |= {row[0]: row[1] for event in events if event["event"] == "scored" for row in event["rows"]}
    return [found[n] for n in range(IMAGES)]


def test_an_aarch64_board_gives_each_image_the_class_that_this_machine_gives(tx2, models, here):
    send(tx2.shell, models, ["runner", "images.idx", "classify.py", *here])
    for kind in ("onnx", "tflite", "numpy"):
        names = [name for name in here if name.endswith(f"-{kind}")]
        told = tx2.shell.run(f"python3 models/classify.py models {' '.join(names)}", timeout_s=500).text
        assert json.loads(told.splitlines()[-1]) == {name: here[name] for name in names}


def test_the_c_runner_on_aarch64_gives_them_too(tx2, models, here, tmp_path):
    send(tx2.shell, built("aarch64", tmp_path).parent, ["program"])
    integers = [net for net in NETS if "int8" in net]  # the armv6 board runs the floats too
    send(tx2.shell, models, ["images.idx", *(f"{net}-numpy/model.npz" for net in integers)])
    for net in integers:
        assert by_c_runner(tx2.shell, net, models / f"{net}-numpy" / "manifest.json") == here[f"{net}-numpy"]


def test_a_pi_zero_boots_an_armv6_kernel_and_is_the_board_that_it_says(zero):
    identity = zero.board.identity()
    assert identity.serial_number == zero.entry.serial_number
    assert identity.kernel.endswith("-rpi")
    assert zero.shell.run("uname -m", timeout_s=120).text.strip() == "armv6l"
    model = zero.shell.run("cat /proc/device-tree/model", timeout_s=120)
    assert b"Raspberry Pi Zero W" in model.stdout


def test_the_c_runner_gives_an_armv6_board_without_python_runtimes_the_same_classes(zero, models, here, tmp_path):
    send(zero.shell, built("armv6l", tmp_path).parent, ["program"])
    send(zero.shell, models, ["images.idx", *(f"{net}-numpy/model.npz" for net in NETS)])
    for net in NETS:
        assert by_c_runner(zero.shell, net, models / f"{net}-numpy" / "manifest.json") == here[f"{net}-numpy"], net


def test_an_artifact_that_brings_the_c_runner_is_deployed_and_run_like_any(zero, models, here, digits, tmp_path):
    source = tmp_path / "lenet5-c"
    source.mkdir()
    shutil.copy(built("armv6l", tmp_path), source / "runner")
    shutil.copy(models / "lenet5-pruned-int8-numpy" / "model.npz", source)
    written = json.loads((models / "lenet5-pruned-int8-numpy" / "manifest.json").read_text())
    command = ["./runner", "{model}", "{images}", "upscale-nearest=32x32"]
    own = {"name": "lenet5-c", "runtime": "command", "command": command, "architecture": "armv6l"}
    (source / "manifest.json").write_text(json.dumps({k: v for k, v in written.items() if k != "files"} | own))
    pack(source, tmp_path / "lenet5-c.tar.zst")
    artifact = open_artifact(tmp_path / "lenet5-c.tar.zst", tmp_path / "opened")
    deployed = deploy(zero.shell, zero.shell.run("pwd").text + "/farm", artifact, digits)
    scenario = SingleStream(0.1, min_queries=20, score_s=0)
    run = run_on_board(zero.shell, deployed, scenario, quiet_s=0.1, progress=lambda _: None, watch=lambda: None)
    shown = dict(zip(run.column("image").tolist(), run.column("prediction").tolist(), strict=True))
    assert len(shown) >= 20
    assert shown == {image: here["lenet5-pruned-int8-numpy"][image] for image in shown}
    assert run.runtime == "C reference 1"
    assert run.stages == ["acquire", "convert", "marshal", "infer", "decode"]
