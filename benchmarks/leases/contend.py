"""Processes that contend for boards, and a witness that knows nothing of leases."""

import fcntl
import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

import yaml

from farm.lab.inventory import Lab, load
from farm.lab.lease import LeaseLost, Leases, Wanted

MODEL = "jetson-tx2"
_TWO_HOLDERS = 42
_FAILED = 43


@dataclass(frozen=True)
class Plan:
    """What the processes do."""

    processes: int
    boards: int
    rounds: int
    hold_s: float
    killed: int
    """So many are killed while they hold a board, in their last round."""
    wait_s: float
    seed: int = 1


@dataclass(frozen=True)
class Turn:
    """One process had one board. Times of the system's monotonic clock, ns."""

    process: int
    round: int
    board: str
    asked_ns: int
    got_ns: int
    left_ns: int
    killed: bool
    fenced: bool
    """It lost its lease because it got no processor time to renew it."""

    @property
    def waited_s(self) -> float:
        return (self.got_ns - self.asked_ns) / 1e9


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    plan: Plan
    turns: list[Turn]
    two_holders: int
    """Processes that met another one on their board."""
    failed: list[str]
    """What others ended with that did not get their turns."""
    seconds: float
    cpu_seconds: float


def lab_of(folder: Path, boards: int) -> Lab:
    """Write an inventory of boards that are wired to nothing: leases do not touch them."""
    entries = {
        f"tx2-{number:02}": {
            "model": MODEL,
            "console": {"port": f"/dev/nowhere{number}"},
            "ssh": {"host": f"nowhere-{number}", "user": "farm"},
        }
        for number in range(1, boards + 1)
    }
    path = folder / "inventory.yaml"
    path.write_text(yaml.safe_dump({"lab": "contention", "boards": entries}))
    return load(path)


def contend(plan: Plan, folder: Path) -> Outcome:
    """Fork the processes, let them begin at once, and wait for their ends."""
    lab = lab_of(folder, plan.boards)
    for name in ("witness", "turns"):
        (folder / name).mkdir()
    Leases.open(lab, folder / ".farm").close()  # the tables are there before the race
    gate_read, gate_write = os.pipe()
    begin_s, cpu_s = time.monotonic(), _children_cpu_s()
    children = {_fork(number, plan, lab, folder, gate_read): number for number in range(plan.processes)}
    os.close(gate_read)
    os.close(gate_write)  # every child reads its end: they are off
    statuses = {children[pid]: os.waitstatus_to_exitcode(status) for pid, status in _ends(children)}
    killed = set(range(plan.killed))
    return Outcome(
        plan,
        [
            Turn(**json.loads(line))
            for file in sorted((folder / "turns").iterdir())
            for line in file.read_text().splitlines()
        ],
        sum(status == _TWO_HOLDERS for status in statuses.values()),
        [
            f"process {number}: {(folder / f'{number}.error').read_text() if status == _FAILED else f'status {status}'}"
            for number, status in statuses.items()
            if status not in (0, _TWO_HOLDERS) and not (number in killed and status == -signal.SIGKILL)
        ],
        time.monotonic() - begin_s,
        _children_cpu_s() - cpu_s,
    )


def _ends(children: dict[int, int]) -> Iterator[tuple[int, int]]:
    for pid in children:
        yield os.waitpid(pid, 0)


def _fork(number: int, plan: Plan, lab: Lab, folder: Path, gate: int) -> int:
    if pid := os.fork():
        return pid
    try:
        os.closerange(gate + 1, gate + 2)  # its writing end: else nobody ever sees it closed
        os.read(gate, 1)
        _contender(number, plan, lab, folder)
    except BaseException:  # noqa: BLE001 -- a forked child must end here, whatever it met
        (folder / f"{number}.error").write_text(traceback.format_exc())
        os._exit(_FAILED)
    sys.stdout.flush()
    os._exit(0)


def _contender(number: int, plan: Plan, lab: Lab, folder: Path) -> None:
    draw = random.Random(f"{plan.seed} {number}")
    with (folder / "turns" / str(number)).open("w") as log:
        for turn in range(plan.rounds):
            _turn(number, turn, draw.uniform(0.5, 1.5) * plan.hold_s, plan, lab, folder, log)


def _turn(number: int, turn: int, hold_s: float, plan: Plan, lab: Lab, folder: Path, log: TextIO) -> None:
    asked_ns = time.monotonic_ns()
    kills_itself = number < plan.killed and turn == plan.rounds - 1
    with (
        suppress(LeaseLost),  # a host without time to spare: it has fenced itself, and its turn says so
        Leases.open(lab, folder / ".farm") as leases,
        leases.use(Wanted(model=MODEL), wait_s=plan.wait_s, reason=f"round {turn}") as lease,
    ):
        got_ns = time.monotonic_ns()
        witness = _Witness(folder / "witness" / lease.board)
        lease.when_lost(witness.close)
        time.sleep(hold_s)
        left_ns = time.monotonic_ns()
        line = Turn(number, turn, lease.board, asked_ns, got_ns, left_ns, kills_itself, not lease.held)
        log.write(json.dumps(asdict(line)) + "\n")
        log.flush()
        if kills_itself:
            os.kill(os.getpid(), signal.SIGKILL)
        witness.close()


class _Witness:
    """Has a file of the board to itself, by the kernel's word, which lets go of it when the process ends."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os._exit(_TWO_HOLDERS)

    def close(self) -> None:
        """Let go; what a bench does with its handles, also when the lease is lost."""
        self._file.close()


def _children_cpu_s() -> float:
    times = os.times()
    return times.children_user + times.children_system
