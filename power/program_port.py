"""A running program as a port: its output to read, its input to write."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress

_END_S = 3.0
"""How long a program may take to end before it is killed (assumed)."""
_CHUNK_BYTES = 65536


class ProgramPort:
    """A running program as a :class:`~power.port.Port`; it ends with the port."""

    def __init__(self, argv: Sequence[str]) -> None:
        """Start a program with its arguments; OSError when it cannot be."""
        pipe = subprocess.PIPE  # its input stays open: some end at a key, and at the end of it
        self._process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
        if self._process.stdout is None:  # never: it was asked for
            raise OSError(f"{argv[0]}: no output")
        self._out = self._process.stdout.fileno()
        self._arrived = bytearray()

    def has_line(self) -> bool:
        """Return whether a whole line has arrived."""
        while b"\n" not in self._arrived and select.select([self._out], [], [], 0)[0]:
            self._receive()
        return b"\n" in self._arrived

    def discard(self) -> None:
        """Forget what has arrived."""
        while self.has_line():
            self.read_line(b"\n", 0.0)

    def write(self, data: bytes) -> None:
        """Send it to the program; OSError when that has ended."""
        if self._process.stdin is not None:
            self._process.stdin.write(data)
            self._process.stdin.flush()

    def read_line(self, terminator: bytes, timeout_s: float) -> bytes:
        """Return bytes up to and with the terminator; without it what came in ``timeout_s``."""
        deadline_ns = time.monotonic_ns() + round(timeout_s * 1e9)
        while terminator not in self._arrived:
            left_s = (deadline_ns - time.monotonic_ns()) / 1e9
            if not select.select([self._out], [], [], max(0.0, left_s))[0]:
                break
            self._receive()
        at = self._arrived.find(terminator)
        return self.read_exactly(len(self._arrived) if at < 0 else at + len(terminator), 0.0)

    def read_exactly(self, size_bytes: int, timeout_s: float) -> bytes:  # noqa: ARG002 -- only what has arrived
        """Return at most ``size_bytes`` of what has arrived."""
        taken = bytes(self._arrived[:size_bytes])
        del self._arrived[:size_bytes]
        return taken

    def close(self) -> None:
        """End the program and what it started, and kill them where they do not end. May be called twice."""
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(_END_S)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
                self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _receive(self) -> None:
        data = os.read(self._out, _CHUNK_BYTES)
        if not data:
            said = self._process.stderr.read() if self._process.stderr is not None else b""
            words = said.decode("utf-8", "replace").strip().replace("\n", "; ")[-200:]
            raise OSError(f"the program has ended: {words or 'it said nothing'}")
        self._arrived += data
