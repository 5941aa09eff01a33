"""Key to repaint on a real pseudo-terminal: the screen is a process of its own, and what it writes is read."""

import fcntl
import json
import os
import pty
import random
import re
import select
import struct
import subprocess
import sys
import termios
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from .keys import pause_s, presses
from .lab import BOARDS, HANGING
from .waiting import Press, Waiting

_PATIENCE_S = 10.0
_ESCAPE = re.compile(rb"\x1b\[[0-9;?<>=]*[a-zA-Z]")


@dataclass(slots=True)
class Terminal:
    """The screen in a terminal of this size."""

    ports: list[int]
    every_s: float
    deadline_s: float
    size: tuple[int, int]
    seen: bytes = b""
    """All that it wrote since it was last cleared."""
    written: int = 0
    all_red_s: float = 0.0
    """From the start of the process until every board that hangs was shown as a fault; 0: not yet."""
    _begun_s: float = 0.0
    _master: int = -1
    _process: subprocess.Popen[bytes] | None = field(default=None)

    def __enter__(self) -> Self:
        self._master, slave = pty.openpty()
        width, height = self.size
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        how = json.dumps({"ports": self.ports, "every_s": self.every_s, "deadline_s": self.deadline_s})
        command = [sys.executable, "-m", "benchmarks.tui", "--screen", how]
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        environment.pop("NO_COLOR", None)
        self._begun_s = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, env=environment
        )
        os.close(slave)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)
        os.close(self._master)

    def read(self, timeout_s: float) -> None:
        """Take in what it has written; return after that time, or as soon as there was something."""
        if select.select([self._master], [], [], timeout_s)[0]:
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:  # the process has ended
                time.sleep(min(timeout_s, 0.01))
                return
            self.seen += data
            if not self.all_red_s and f"{HANGING} fault".encode() in self.seen[-len(data) - 16 :]:
                self.all_red_s = time.perf_counter() - self._begun_s
            self.written += len(data)

    def until(self, text: str, timeout_s: float = _PATIENCE_S) -> float:
        """Return the seconds until the screen has shown a text since it was last cleared."""
        begin_s = time.perf_counter()
        while text.encode() not in _ESCAPE.sub(b"", self.seen):
            if time.perf_counter() - begin_s > timeout_s:
                raise TimeoutError(f"{text!r} was not shown in {timeout_s:g} s; last: {self.seen[-300:]!r}")
            self.read(0.05)
        return time.perf_counter() - begin_s

    def idle(self, seconds: float) -> None:
        """Read and throw away."""
        end_s = time.perf_counter() + seconds
        while (left_s := end_s - time.perf_counter()) > 0:
            self.read(left_s)
        self.seen = b""

    def press(self, data: bytes) -> None:
        """Type."""
        os.write(self._master, data)

    def cpu_s(self) -> float:
        """Return the processor time that the screen has used."""
        assert self._process is not None
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime and stime of proc(5)

    @property
    def pid(self) -> int:
        """The screen's process."""
        assert self._process is not None
        return self._process.pid

    def leave(self) -> float:
        """Quit, and return the seconds until the process has ended."""
        assert self._process is not None
        begin_s = time.perf_counter()
        self.press(b"q")
        while self._process.poll() is None:
            self.read(0.005)
            if time.perf_counter() - begin_s > _PATIENCE_S:
                raise TimeoutError("q did not end it")
        return time.perf_counter() - begin_s


@dataclass(frozen=True, slots=True)
class Measured:
    """One run."""

    took: list[Press]
    all_red_s: float
    leave_s: float


def measure(ports: list[int], count: int, *, every_s: float, deadline_s: float, size: tuple[int, int]) -> Measured:
    """Press keys and read how soon the screen answers."""
    dice, took = random.Random(3), []
    with Terminal(ports, every_s, deadline_s, size) as terminal:
        terminal.until(f"1/{BOARDS}", 30)
        page = _page(terminal)
        for _, data, line in presses(count, page):
            terminal.idle(pause_s(dice))
            waiting, pressed_s = Waiting(terminal.pid, os.getpid()), time.perf_counter()
            terminal.press(data)
            terminal.until(f" {line}/{BOARDS} ")
            took.append(Press(1e3 * (time.perf_counter() - pressed_s), waiting.ms()))
        while not terminal.all_red_s:
            terminal.read(0.05)
            if time.perf_counter() - terminal._begun_s > 4 * deadline_s + 60:  # noqa: SLF001 -- its own module
                raise TimeoutError("boards that hang were not told")
        return Measured(took, terminal.all_red_s, terminal.leave())


def _page(terminal: Terminal) -> int:
    """Find out by how many lines a page goes: the only thing that depends on the layout."""
    terminal.idle(0.5)
    terminal.press(b"\x1b[6~")
    shown = re.compile(rb" (\d+)/%d " % BOARDS)
    while (found := shown.findall(_ESCAPE.sub(b"", terminal.seen))) == [] or found[-1] == b"1":
        terminal.read(0.05)
    terminal.press(b"\x1b[H")
    terminal.seen = b""
    terminal.until(f" 1/{BOARDS} ")
    return int(found[-1]) - 1


@dataclass(frozen=True, slots=True)
class Idle:
    """What the screen costs while nobody touches it."""

    cpu_percent: float
    bytes_per_s: float


def idle(ports: list[int], *, every_s: float, deadline_s: float, size: tuple[int, int], seconds: float) -> Idle:
    """Let it run without a key, after its first round."""
    with Terminal(ports, every_s, deadline_s, size) as terminal:
        terminal.until(f"1/{BOARDS}", 30)
        terminal.idle(deadline_s + 20.0)  # the first round takes 13 s, and the deaf ones their deadline more
        cpu_s, written, begin_s = terminal.cpu_s(), terminal.written, time.perf_counter()
        terminal.idle(seconds)
        took_s = time.perf_counter() - begin_s
        return Idle(100 * (terminal.cpu_s() - cpu_s) / took_s, (terminal.written - written) / took_s)
