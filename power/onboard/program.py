"""A program that prints lines by itself, as a :class:`~power.port.Port`: its output is what arrives."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

_CHUNK_BYTES = 65536
_END_S = 2.0
"""Assumed: what prints sensors ends at once when it is told to."""


class ProgramPort:
    """Reads the standard output of a process of its own; it takes no questions."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        """Take over a process whose output is a pipe."""
        if process.stdout is None:
            raise ValueError("the process has no pipe for its output")
        self._process, self._output = process, process.stdout
        self._arrived = bytearray()

    @classmethod
    def start(cls, words: Sequence[str]) -> Self:
        """Start a program; OSError when it cannot be."""
        nothing, pipe = subprocess.DEVNULL, subprocess.PIPE
        return cls(subprocess.Popen(words, stdin=nothing, stdout=pipe, stderr=nothing, start_new_session=True))

    def discard(self) -> None:
        """Forget what it has printed so far."""
        while self._more(time.monotonic_ns()):
            pass
        self._arrived.clear()

    def write(self, data: bytes) -> None:
        """Take nothing: the program asks nobody."""

    def read_line(self, terminator: bytes, timeout_s: float) -> bytes:
        """Return bytes up to and with the terminator; without it what came in ``timeout_s``."""
        deadline_ns = time.monotonic_ns() + round(timeout_s * 1e9)
        while terminator not in self._arrived and self._more(deadline_ns):
            pass
        at = self._arrived.find(terminator)
        return self._take(len(self._arrived) if at < 0 else at + len(terminator))

    def read_exactly(self, size_bytes: int, timeout_s: float) -> bytes:
        """Return ``size_bytes`` bytes, or the fewer that came within ``timeout_s``."""
        deadline_ns = time.monotonic_ns() + round(timeout_s * 1e9)
        while len(self._arrived) < size_bytes and self._more(deadline_ns):
            pass
        return self._take(size_bytes)

    def close(self) -> None:
        """End the process and what it started. May be called twice."""
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(_END_S)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
                self._process.wait()
        self._output.close()

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _more(self, deadline_ns: int) -> bool:
        """Take in what comes until then; False when nothing did. Raises OSError once the program has ended."""
        left_s = (deadline_ns - time.monotonic_ns()) / 1e9
        if not select.select([self._output], [], [], max(0.0, left_s))[0]:
            return False
        data = os.read(self._output.fileno(), _CHUNK_BYTES)
        if not data:
            raise BrokenPipeError("the program has ended")
        self._arrived += data
        return True

    def _take(self, size_bytes: int) -> bytes:
        taken = bytes(self._arrived[:size_bytes])
        del self._arrived[:size_bytes]
        return taken
