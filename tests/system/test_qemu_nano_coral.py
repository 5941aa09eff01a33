"""A Jetson Nano and a Coral Dev Board that really boot, side by side, each the board that its device tree says."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devices.twin.qemu.machines import MACHINES
from devices.twin.qemu.missing import missing
from farm.lab.bench import borrow
from farm.lab.inventory import Lab, load
from farm.lab.twins import running

SOURCE = Path(__file__).with_name("inventory-qemu.yaml")
BOARDS = ["nano-qemu", "coral-qemu"]
CORES = {"nano-qemu": "0xd07", "coral-qemu": "0xd03"}
"""Cortex-A57 and Cortex-A53, as ``/proc/cpuinfo`` numbers them."""

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("qemu")]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    for board in BOARDS:
        if lacks := missing(load(SOURCE).boards[board].model):
            pytest.skip(f"no QEMU twin of {board} here: {'; '.join(lacks)}")
    with running(SOURCE, tmp_path / ".farm", only=BOARDS) as lab:
        yield lab


def test_a_nano_and_a_coral_boot_are_what_they_say_and_boot_anew_after_a_power_cut(lab: Lab, tmp_path: Path) -> None:
    def work(name: str) -> None:
        with borrow(lab, name, state=tmp_path / ".farm") as bench:
            report = bench.power_on()
            assert report is not None
            assert [str(stage) for stage in report.stages] == [
                "bootloader", "kernel", "initramfs", "userspace", "login",
            ]  # fmt: skip
            assert not report.faults

            first = bench.board.identity()
            assert first.serial_number == lab.boards[name].serial_number
            told = bench.shell.run(
                "tr '\\0' '\\n' < /proc/device-tree/model; grep 'CPU part' /proc/cpuinfo; touch ~/kept; sync",
                timeout_s=60,
            ).text
            assert told.startswith(MACHINES[lab.boards[name].model].named + "\n")
            assert told.endswith(CORES[name])

            bench.power_off()
            assert bench.switch.state() is False
            bench.power_on()
            assert bench.board.boot_id(timeout_s=60) not in (None, first.boot_id)
            assert bench.shell.run("ls ~/kept", timeout_s=60).exit_status == 0  # the disk is the board's own

    with ThreadPoolExecutor(len(BOARDS)) as pool:
        for ended in [pool.submit(work, name) for name in BOARDS]:
            ended.result()
