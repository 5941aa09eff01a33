"""What needs a booted machine and no boot of its own: it boots once, and is before each test what it was then."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from devices.twin.qemu.missing import missing
from farm.lab.bench import Bench, borrow
from farm.lab.inventory import load, usable
from farm.lab.twins import inject, restore, snapshot, status

from .test_qemu_main_job import SOURCE, Farm

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("qemu")]

BOARD = "tx2-qemu"


@pytest.fixture(scope="module")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Farm, str]]:
    """A lab whose board has booted once, been used, and been kept; and the id of that boot."""
    if lacks := missing(load(SOURCE).boards[BOARD].model):
        pytest.skip(f"no QEMU twin of {BOARD} here: {'; '.join(lacks)}")
    farm = Farm(tmp_path_factory.mktemp("booted"), BOARD)
    up = farm.run("lab", "up", "--board", BOARD, "--inventory", SOURCE)
    assert up.returncode == 0, up.stdout + up.stderr
    try:
        with lent(farm) as bench:
            bench.settings.leave_on()
            bench.power_on()
            boot_id = bench.board.boot_id(timeout_s=60)
        snapshot(farm.state, BOARD)
        yield farm, boot_id
    finally:
        farm.run("lab", "down")


@contextmanager
def lent(farm: Farm) -> Iterator[Bench]:
    with borrow(usable(state=farm.state), BOARD, state=farm.state) as bench:
        yield bench


@pytest.fixture
def farm(booted: tuple[Farm, str]) -> Farm:
    """The lab, its board as it was kept."""
    farm, _ = booted
    restore(farm.state, BOARD)
    return farm


@pytest.fixture
def boot_id(booted: tuple[Farm, str]) -> str:
    """Of its one boot."""
    return booted[1]


def test_a_restored_board_answers_and_is_what_it_was(farm, boot_id):
    with lent(farm) as bench:
        bench.shell.run("echo later > ~/later; sync; nohup sleep 4321 > /dev/null 2>&1 &", timeout_s=60)
        assert bench.shell.run("cat ~/later; pgrep -c sleep", timeout_s=60).text == "later\n1"
    restore(farm.state, BOARD)
    with lent(farm) as bench:
        assert bench.shell.run("ls ~/later", check=False, timeout_s=60).exit_status == 2
        assert bench.shell.run("pgrep sleep", check=False, timeout_s=60).exit_status == 1
        bench.login()
        answer = bench.console.run("ls ~/later; cat /proc/sys/kernel/random/boot_id", timeout_s=60)
        assert answer.text == boot_id  # it has not booted, and does not claim it
        assert bench.board.boot_id(timeout_s=60) == boot_id


def switched_off(bench: Bench) -> None:
    bench.power_off()


def hung(bench: Bench) -> None:
    inject(bench.state, BOARD, "hang")


def panicked(bench: Bench) -> None:
    inject(bench.state, BOARD, "kernel-panic")
    until = time.monotonic() + 60
    while b"Kernel panic" not in bench.console.log():
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.parametrize("spoilt", [switched_off, hung, panicked])
def test_whatever_a_test_left_behind_the_next_one_finds_a_board_that_runs(farm, boot_id, spoilt):
    with lent(farm) as bench:
        spoilt(bench)
    restore(farm.state, BOARD)
    with lent(farm) as bench:
        assert bench.switch.state() is True
        assert bench.board.boot_id(timeout_s=60) == boot_id
    assert [one.faults for one in status(farm.state)] == [()]
