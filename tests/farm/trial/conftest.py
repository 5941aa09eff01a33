"""A bench made of this machine: commands run here, and the meter shows what a function says."""

import contextlib
import os
import queue
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from devices.accelerator import Attached
from devices.board import Board, BoardState
from devices.errors import CommandFailed, ConnectionLost, DeadlineExceeded
from devices.shell import Line, Result
from farm.lab.inventory import MeterEntry
from farm.store.record import BootFacts, CalibrationFacts
from power.block import Block
from power.errors import MeterOffline
from power.meter import Accuracy, Identity, Tolerance

CLOCK_SHIFT = """\
import time
for name, unit in (("clock_gettime", 1), ("clock_gettime_ns", 10**9)):
    def shifted(clock, real=getattr(time, name), unit=unit):
        return real(clock) + (%r * unit if clock == time.CLOCK_MONOTONIC else 0)
    setattr(time, name, shifted)
"""


class LocalStream:
    """A command that runs here."""

    def __init__(self, shell, command, timeout_s):
        self._shell = shell
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=shell.env,
            start_new_session=True,
        )
        self._deadline_ns = time.monotonic_ns() + int(timeout_s * 1e9)
        self._lines: queue.Queue[Line | None] = queue.Queue()
        self._stderr = bytearray()
        self._threads = [threading.Thread(target=read) for read in (self._read, self._read_stderr)]
        for thread in self._threads:
            thread.start()

    def _read(self):
        for data in self._process.stdout:
            self._lines.put(Line(time.monotonic_ns(), data.rstrip(b"\n")))
        self._lines.put(None)

    def _read_stderr(self):
        for data in self._process.stderr:
            self._stderr += data

    def lines(self, *, idle_timeout_s) -> Iterator[Line]:
        while (line := self._next(idle_timeout_s)) is not None:
            self._shell.heard.append(line.data)
            if self._shell.cut_after is not None and len(self._shell.heard) > self._shell.cut_after:
                raise ConnectionLost(self._shell.name, "the link broke")
            yield line

    def _next(self, timeout_s):
        left_s = (self._deadline_ns - time.monotonic_ns()) / 1e9
        try:
            return self._lines.get(timeout=max(0, min(timeout_s, left_s)))
        except queue.Empty:
            raise DeadlineExceeded(self._shell.name) from None

    def readline(self, *, timeout_s) -> Line:
        line = self._next(timeout_s)
        if line is None:
            raise ConnectionLost(self._shell.name, "no more output")
        return line

    def send(self, data):
        try:
            os.write(self._process.stdin.fileno(), data)
        except BrokenPipeError:
            raise ConnectionLost(self._shell.name, "nobody reads") from None

    def send_eof(self):
        self._process.stdin.close()

    def exit_status(self, *, timeout_s):
        status = self._process.wait(timeout_s)
        self._threads[1].join(timeout_s)  # what it said last
        return status % 256

    def stderr(self):
        return bytes(self._stderr)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(60)
        for thread in self._threads:
            thread.join(10)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            pipe.close()


class LocalShell:
    """:class:`devices.shell.Shell` on this machine, with a ``python3`` that is ours and has a clock of its own."""

    def __init__(self, folder: Path, shift_s: int):
        self.name = "here"
        self.heard: list[bytes] = []
        self.cut_after: int | None = None
        (folder / "bin").mkdir()
        python = folder / "bin" / "python3"
        python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
        python.chmod(0o755)
        (folder / "site").mkdir()
        (folder / "site" / "sitecustomize.py").write_text(CLOCK_SHIFT % shift_s)
        self.env = os.environ | {
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(folder / "site"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def stream(self, command, *, timeout_s):
        return LocalStream(self, command, timeout_s)

    def run(self, command, *, timeout_s=30.0, stdin=b"", check=True):
        done = subprocess.run(["/bin/sh", "-c", command], input=stdin, capture_output=True, timeout=timeout_s)
        if check and done.returncode:
            raise CommandFailed(self.name, command, exit_status=done.returncode)
        return Result(command, done.returncode, done.stdout, done.stderr)

    sudo = run

    def close(self):
        pass


class LocalBoard(Board):
    model = "this-machine"
    states: list[BoardState]

    def state(self):
        return self.states.pop(0)


class FunctionMeter:
    """Shows ``watts(t_ns)`` at 5 V, 20 times a second."""

    name = "m1"
    rate_hz = 20.0
    aperture_s = 0.05
    bandwidth_hz: float | None = None
    stamp_bound_s = 0.0
    accuracy = Accuracy(Tolerance(0.0005, 0.0), Tolerance(0.0005, 0.0), "made up")

    def __init__(self, watts: Callable[[int], float]):
        self.watts = watts
        self.silent = threading.Event()
        self.skip = 0
        self.streams = 0

    def identity(self):
        return Identity("ACME", "Function", firmware="1")

    def stream(self):
        self.streams += 1
        due_ns = time.monotonic_ns()
        while True:
            due_ns += 50_000_000
            time.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)
            if self.silent.is_set():
                raise MeterOffline(self.name, "says nothing", hint="look at its cable")
            if self.skip:
                self.skip -= 1
                continue
            yield Block.one(due_ns, 5.0, self.watts(due_ns) / 5.0)


@dataclass
class OnRail:
    name: str
    meter: FunctionMeter
    driver: str = "scpi"
    rail: str = "5 V"
    made: str = "process twin"
    calibration: CalibrationFacts | None = None


def bench_inventory(**meter: object) -> SimpleNamespace:
    """An inventory of one board with one meter, and with no records."""
    plain = MeterEntry(driver="scpi", rail="5 V").model_copy(update=meter)
    boards = {"here": SimpleNamespace(meters=["m1"])}
    return SimpleNamespace(boards=boards, meters={"m1": plain}, database=lambda state: state / "results.sqlite")


@dataclass
class LocalBench:
    shell: LocalShell
    board: LocalBoard
    meters: dict[str, OnRail] = field(default_factory=dict)
    name: str = "here"
    lab: str = "desk"
    made: str = "process twin"
    boot: BootFacts | None = None
    lease: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(token=7))
    inventory: SimpleNamespace = field(default_factory=lambda: bench_inventory())
    state: Path = Path("nowhere")
    entry: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(ambient=None, console=None))
    hanging: list[list[Attached]] = field(default_factory=list)
    """What each look at the accelerators finds."""

    def cut_links(self) -> None:
        """What waits for this machine waits in vain anyway."""

    def accelerators(self) -> list[Attached]:
        return self.hanging.pop(0) if self.hanging else []


def five_watts(t_ns: int) -> float:
    return 5.0


@pytest.fixture
def local_bench(tmp_path) -> Callable[..., LocalBench]:
    """``local_bench(watts=…, shift_s=…)``: a bench of this machine, its board clock shifted."""

    def make(watts=None, shift_s=1000):
        shell = LocalShell(tmp_path, shift_s)
        board = LocalBoard("here", shell)
        board.states = [BoardState(throttled=False), BoardState(throttled=False)]
        return LocalBench(shell, board, {"m1": OnRail("m1", FunctionMeter(watts or five_watts))})

    return make
