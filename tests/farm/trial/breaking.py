"""A board of this machine whose link breaks where a test wants it to."""

import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from devices.errors import ConnectionLost, Unreachable
from devices.shell import Line

from .conftest import LocalShell, LocalStream


class BreakingStream(LocalStream):
    """Passes so many bytes of output, then breaks: at once, or like a server that goes down in order."""

    def __init__(self, shell, command, timeout_s):
        kept = ".jsonl" in command  # the clock's has a link that holds
        self._left, self.broken = shell.passes.pop(0) if shell.passes and kept else None, False
        self._stopped = threading.Event()
        super().__init__(shell, command, timeout_s)

    def _read(self):
        pipe, part = self._process.stdout.fileno(), b""
        while not self._stopped.is_set():
            if not select.select([pipe], [], [], 0.02)[0]:
                continue
            data = os.read(pipe, 65536)
            if self._left is not None and len(data) >= self._left:
                data, self.broken = data[: self._left], True
            elif self._left is not None:
                self._left -= len(data)
            *whole, part = (part + data).split(b"\n")
            for line in whole:
                self._lines.put(Line(time.monotonic_ns(), line))
            if self.broken or not data:
                break
        if self.broken:
            self._shell.broke(self._shell)
            if part and self._shell.in_order:
                self._lines.put(Line(time.monotonic_ns(), part))
        self._lines.put(None)

    def _read_stderr(self):
        pipe = self._process.stderr.fileno()
        while not self._stopped.is_set():
            if select.select([pipe], [], [], 0.02)[0]:
                if not (data := os.read(pipe, 65536)):
                    return
                self._stderr += data

    def lines(self, *, idle_timeout_s) -> Iterator[Line]:
        yield from super().lines(idle_timeout_s=idle_timeout_s)
        if self.broken and not self._shell.in_order:
            raise ConnectionLost(self._shell.name, "the link broke")

    def exit_status(self, *, timeout_s):
        if self.broken:
            raise ConnectionLost(self._shell.name, "no exit status")
        return super().exit_status(timeout_s=timeout_s)

    def __exit__(self, kind, error, trace):
        self._stopped.set()
        super().__exit__(kind, error, trace)


class BreakingShell(LocalShell):
    """``passes``: how much of each stream's output comes through, for as many streams; then all of it does.

    After a break the board is not to be reached for so many attempts.
    """

    def __init__(self, folder: Path, shift_s: int = 1000):
        folder.mkdir()
        super().__init__(folder, shift_s)
        self.passes: list[int] = []
        self.in_order = False
        self.away = 0
        self.left = 0
        self.broke: Callable[[BreakingShell], object] = lambda shell: setattr(shell, "left", shell.away)
        self.answers: dict[str, str] = {}
        """Instead of what this machine would say to a command that holds the key."""

    def _reach(self):
        if self.left > 0:
            self.left -= 1
            raise Unreachable(self.name, "this:22 cannot be reached: no route")

    def stream(self, command, *, timeout_s):
        self._reach()
        return BreakingStream(self, command, timeout_s)

    def run(self, command, *, timeout_s=30.0, stdin=b"", check=True):
        self._reach()
        for word, answer in self.answers.items():
            if word in command:
                command = f"printf %s '{answer}'"
        return super().run(command, timeout_s=timeout_s, stdin=stdin, check=check)

    sudo = run
