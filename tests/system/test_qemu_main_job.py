"""The whole job on machines that really boot: emulated ones, with a boot loader, a kernel, systemd and sshd of Debian.

What an emulated machine needs for a frame is no board's figure: order and plumbing are held here, never milliseconds.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devices.boot_patterns import STALL_S, Stage
from devices.errors import BootFault
from devices.twin.qemu.images import cache
from devices.twin.qemu.missing import missing
from farm.lab.bench import Bench, borrow
from farm.lab.inventory import load, usable
from farm.lab.twins import inject

from ..held_up import HELD_UP, TRIES

HERE = Path(__file__).parent
SOURCE = HERE / "inventory-qemu.yaml"
MODELS = HERE.parent / "lab"
FARM = Path(sys.executable).with_name("farm")
RUNTIMES = {"tx2-qemu": ("onnx", "onnxruntime 1."), "atom-qemu": ("tflite", "ai_edge_litert 2.")}
"""Which sample model goes there, and what the board's own inference runtime calls itself."""

pytestmark = [pytest.mark.timeout(900), pytest.mark.xdist_group("qemu")]

STAGES = {
    "tx2-qemu": ["bootloader", "kernel", "initramfs", "userspace", "login"],
    "atom-qemu": ["firmware", "bootloader", "kernel", "initramfs", "userspace", "login"],
}


class Farm:
    """A lab of one QEMU twin, and the farm's commands on it."""

    def __init__(self, folder: Path, board: str) -> None:
        self.folder, self.board = folder, board
        self.state = folder / ".farm"

    def run(self, *words: str | Path, timeout_s: float = 400) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        environment = os.environ | {"FARM_IMAGES": str(cache())}
        return subprocess.run(
            [FARM, *words],
            cwd=self.folder,
            env=environment,
            text=True,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )

    def answer(self, *words: str | Path) -> Any:
        """Return what a command prints as JSON; it must end well."""
        ended = self.run(*words, "--json")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return json.loads(ended.stdout)


@pytest.fixture
def farm(request, tmp_path) -> Iterator[Farm]:
    """The lab of ``request.param``, powered off; ended with the test."""
    board: str = request.param
    model = load(SOURCE).boards[board].model
    if lacks := missing(model):
        pytest.skip(f"no QEMU twin of {model} here: {'; '.join(lacks)}")
    farm = Farm(tmp_path, board)
    up = farm.run("lab", "up", "--board", board, "--inventory", SOURCE)
    assert up.returncode == 0, up.stdout + up.stderr
    yield farm
    down = farm.run("lab", "down")
    assert down.returncode == 0, down.stdout + down.stderr


@pytest.fixture
def bench(farm) -> Iterator[Bench]:
    """The board's bench."""
    with borrow(usable(state=farm.state), farm.board, state=farm.state) as bench:
        yield bench


@pytest.mark.parametrize("farm", ["tx2-qemu", "atom-qemu"], indirect=True)
def test_the_whole_job_from_power_off_to_watts_and_a_record(farm):
    on = farm.run("power", "on", farm.board)
    assert on.returncode == 0, on.stdout + on.stderr
    assert f"{farm.board} (qemu twin): booted: {', '.join(STAGES[farm.board])}" in on.stdout

    done = farm.run("provision", farm.board, "--leave-on")
    assert done.returncode == 0, done.stdout + done.stderr
    again = farm.answer("provision", farm.board, "--check", "--leave-on")
    assert (again[farm.board]["changed"], again[farm.board].get("fault")) == (0, None)

    kind, runtime = RUNTIMES[farm.board]
    artifact = MODELS / "artifacts" / f"lenet5-pruned-int8-{kind}.tar.zst"
    words = ["run", artifact, "--board", farm.board, "--dataset", MODELS / "datasets" / "digits-540"]
    words += ["--rate-hz", "1", "--duration-s", "8", "--limit", "max_accuracy_loss=0.02", "--json"]
    for _ in range(TRIES):  # an emulator that gets no processor time draws no watts
        trial = farm.run(*words)
        if not (trial.returncode == 3 and HELD_UP.search(trial.stdout)):
            break
    assert trial.returncode == 0, trial.stdout + trial.stderr
    record = json.loads(trial.stdout)["record"]
    assert record["board"]["made"] == "qemu twin"
    assert record["board"]["serial_number"] == load(SOURCE).boards[farm.board].serial_number
    assert record["board"]["runtime"].startswith(runtime)
    assert record["deadlines"]["missed"] <= record["scenario"]["frames"] == 8
    assert record["accuracy"]["total"] == 540
    assert record["accuracy"]["fraction"] > 0.9
    (watts,) = record["power"]
    assert watts["mean"]["watts"] > 0
    assert watts["made"] == "process twin"
    # what an emulated machine has not is absent, never made up
    assert record["state_before"]["celsius"] == {}
    assert record["state_before"].get("governor") is None


@pytest.mark.parametrize("farm", ["tx2-qemu"], indirect=True)
def test_hang_and_power_cut_are_seen_as_what_they_are(farm, bench, monkeypatch):
    monkeypatch.setitem(STALL_S, Stage.KERNEL, 10.0)  # the machine stands still from the kernel's first words on
    inject(farm.state, farm.board, "hang-at-boot")
    with pytest.raises(BootFault, match=r"bootloader|kernel"):
        bench.power_cycle()
    assert bench.switch.state() is True  # a board that hangs still has power, and draws
    bench.power_off()
    assert bench.switch.state() is False
