"""What needs a booted machine and no boot of its own: it boots once, and is before each test what it was then."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from devices.errors import ConnectionLost, DeadlineExceeded, Unreachable
from devices.twin.qemu.missing import missing
from farm.errors import LabFault
from farm.lab.bench import Bench, borrow
from farm.lab.inventory import load, usable
from farm.lab.twins import inject, restore, snapshot, status
from farm.trial.remote import run_on_board
from farm.trial.scenario import FixedRate
from farm.trial.signs import Signs

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


NO_ANSWER = (ConnectionLost, DeadlineExceeded, Unreachable)


@dataclass(frozen=True)
class Spoken:
    """What a board has said: its own boot, and since a fault came."""

    farm: Farm
    begins: int

    @classmethod
    def before(cls, farm: Farm) -> "Spoken":
        return cls(farm, cls._file(farm).stat().st_size)

    @staticmethod
    def _file(farm: Farm) -> Path:
        return farm.state / "lab" / BOARD / "board" / "console.log"

    def since(self) -> bytes:
        return self._file(self.farm).read_bytes()[self.begins :]

    def wait(self, words: bytes) -> None:
        until = time.monotonic() + 60
        while words not in self.since():
            assert time.monotonic() < until, self.since()
            time.sleep(0.1)

    def judged(self) -> dict:
        """What `farm bootlog` makes of the one boot and what came then."""
        whole, log = self._file(self.farm).read_bytes(), self.farm.folder / "told.log"
        first = whole[: whole.index(b" login: ") + len(b" login: ")]
        log.write_bytes(first + b"\r\n" + self.since())
        return self.farm.answer("bootlog", log)


def answers_on_its_console(bench: Bench, _: Spoken) -> None:
    bench.login()
    assert bench.console.run("echo here", timeout_s=60).text == "here"


def shows_its_panic(bench: Bench, spoken: Spoken) -> None:
    spoken.wait(b"end Kernel panic")
    (panic,) = spoken.judged()["faults"]
    assert (panic["kind"], panic["fatal"]) == ("panic", True)


def shows_its_reset(bench: Bench, spoken: Spoken) -> None:
    spoken.wait(b"Starting kernel")
    told = spoken.judged()
    assert told["resets"] == 1
    assert [fault["kind"] for fault in told["faults"]] == ["reset"]


JUDGED: dict[str, Callable[[Bench, Spoken], None]] = {
    "silent-ssh": answers_on_its_console,
    "kernel-panic": shows_its_panic,
    "reset": shows_its_reset,
}
HEALTH = {"silent-ssh": False, "hang": True}
"""Whether `farm health` says of the console too that nothing answers there."""


@pytest.mark.parametrize("fault", ["silent-ssh", "hang", "kernel-panic", "reset"])
def test_a_board_that_fails_while_it_is_used_is_told_by_what_it_still_does(farm, fault):
    spoken = Spoken.before(farm)
    with lent(farm) as bench:
        assert bench.shell.run("true", timeout_s=60).exit_status == 0
        inject(farm.state, BOARD, fault)
        with pytest.raises(NO_ANSWER):  # never the answer of a command that was cut off
            bench.shell.run("sleep 2", timeout_s=4)
        if fault in JUDGED:
            JUDGED[fault](bench, spoken)
    if fault in HEALTH:
        looked = farm.run("health", BOARD)
        assert looked.returncode == 3, looked.stdout
        assert "accepts no SSH session" in looked.stderr
        assert ("nothing answers on the console" in looked.stderr) is HEALTH[fault]


TELLS = """\
echo '{"event": "hello", "runtime": "sh", "columns": ["image", "arrival_ns", "wake_ns", "infer_ns", "prediction"]}'
echo '{"event": "start", "first_arrival_ns": 0, "frames": 1000}'
while :; do echo '{"event": "frames", "rows": [[0, 0, 0, 0, 0]]}'; sleep 0.3; done
"""
"""A program that never ends, of nothing but a shell."""


def telling(bench: Bench) -> Any:
    """What stands for a deployment whose program is that."""
    manifest = SimpleNamespace(name="tells", command=["sh", "-c", TELLS])
    return SimpleNamespace(
        artifact=SimpleNamespace(manifest=manifest),
        dataset=SimpleNamespace(labels=[0]),
        runs_path=f"/tmp/runs-{bench.name}",
        manifest_path="/none/manifest.json",
        model_path="/none",
        images_path="/none",
    )


@pytest.mark.parametrize(("fault", "says"), [("kernel-panic", "panicked"), ("reset", "(went down or )?rebooted")])
def test_a_run_on_a_board_that_goes_is_given_up_by_what_its_console_says(farm, boot_id, fault, says):
    begun: list[int] = []

    def progress(said: str) -> None:
        if said.startswith("frame ") and not begun:
            begun.append(time.monotonic_ns())
            inject(farm.state, BOARD, fault)

    with lent(farm) as bench:
        signs, deployment = Signs.of(bench, boot_id), telling(bench)
        with pytest.raises(LabFault, match=rf"{BOARD}: {says} after .* s of frames") as seen:
            run_on_board(
                bench.shell,
                deployment,
                FixedRate(10, 600),
                quiet_s=0.1,
                progress=progress,
                watch=lambda: None,
                signs=signs,
            )
        assert (time.monotonic_ns() - begun[0]) / 1e9 < 40
    assert "its console says" in str(seen.value)
    assert "farm bootlog" in str(seen.value)
