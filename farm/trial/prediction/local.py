"""This machine as a board's shell: what runs the runner here, each command under the same limits."""

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic_ns
from types import TracebackType
from typing import IO, Self, cast

from devices.errors import CommandFailed, ConnectionLost, DeadlineExceeded
from devices.shell import Line, Result

_PIECE_BYTES = 1 << 16
_LIMITED = Path(__file__).with_name("limited.py")


@dataclass(frozen=True, slots=True)
class Held:
    """What each process is held to before it becomes a command."""

    cores: Sequence[int]
    data_bytes: int | None = None
    """By ``prlimit``, a process; None: its group bounds its memory."""
    join: Sequence[Path] = ()


class LocalStream:
    """A command that runs here, in a session of its own; it may be ended while another thread reads it."""

    def __init__(self, name: str, argv: Sequence[str], environment: Mapping[str, str], timeout_s: float) -> None:
        """Start it."""
        self._name, self._end_ns = name, monotonic_ns() + int(timeout_s * 1e9)
        self._said = TemporaryFile()  # noqa: SIM115 -- closed with the stream
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=environment,
            start_new_session=True,
        )
        self._stdin = cast("IO[bytes]", self._process.stdin)
        self._stdout = cast("IO[bytes]", self._process.stdout)
        self._wakes, self._wake = os.pipe()
        self._reading, self._closed = threading.Lock(), False
        self._part = b""
        self._whole: list[Line] = []
        self._open = True

    @property
    def pid(self) -> int:
        """The process that became the command."""
        return self._process.pid

    def lines(self, *, idle_timeout_s: float) -> Iterator[Line]:
        """Yield lines until the output is closed; raises as :class:`devices.shell.Stream` says."""
        while (line := self._next(idle_timeout_s)) is not None:
            yield line

    def readline(self, *, timeout_s: float) -> Line:
        """Return the next line."""
        if (line := self._next(timeout_s)) is None:
            raise ConnectionLost(self._name, "the command's output has ended")
        return line

    def send(self, data: bytes) -> None:
        """Write to its standard input."""
        self._stdin.write(data)
        self._stdin.flush()

    def send_eof(self) -> None:
        """Close its standard input."""
        self._stdin.close()

    def exit_status(self, *, timeout_s: float) -> int:
        """Wait for its end; a signal's number is added to 128, as a shell tells it."""
        ended = os.pidfd_open(self._process.pid)
        try:
            if not _ready(timeout_s, ended):
                raise DeadlineExceeded(self._name, f"the command has not ended after {timeout_s:g} s")
        finally:
            os.close(ended)
        self.kill()
        status = self._process.wait()
        return status if status >= 0 else 128 - status

    def stderr(self) -> bytes:
        """Return what it has said on standard error so far."""
        return os.pread(self._said.fileno(), os.fstat(self._said.fileno()).st_size, 0)

    def kill(self) -> None:
        """Kill its group, while the leader, ended or not, is not waited for: until then nobody else has its number."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def __enter__(self) -> Self:
        """Return the stream itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it and all of its session's group, and whoever reads its lines. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self.kill()
        os.write(self._wake, b"!")
        with self._reading, suppress(BrokenPipeError):
            self._stdin.close()
        self._stdout.close()
        os.close(self._wakes)
        os.close(self._wake)
        self._process.wait()
        self._said.close()

    def _next(self, idle_timeout_s: float) -> Line | None:
        until_ns = min(self._end_ns, monotonic_ns() + int(idle_timeout_s * 1e9))
        while not self._whole and self._open:
            with self._reading:
                self._read(until_ns, idle_timeout_s)
        return self._whole.pop(0) if self._whole else None

    def _read(self, until_ns: int, idle_timeout_s: float) -> None:
        """Take what has come, or wait for it."""
        if not self._closed:
            left_s = max(0.0, (until_ns - monotonic_ns()) / 1e9)
            if not _ready(left_s, self._stdout.fileno(), self._wakes):
                raise DeadlineExceeded(self._name, f"the command said nothing for {idle_timeout_s:g} s, or is not over")
        if self._closed:
            raise ConnectionLost(self._name, "the command was ended")
        piece = os.read(self._stdout.fileno(), _PIECE_BYTES)
        *whole, self._part = (self._part + piece).split(b"\n")
        if not piece:
            self._open = False
            whole, self._part = [self._part] if self._part else [], b""
        self._whole += [Line(monotonic_ns(), data) for data in whole]


def _ready(timeout_s: float, *descriptors: int) -> bool:
    """Wait until one of them can be read; descriptors may be any number, which select(2) does not take."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(timeout_s * 1e3))


class LocalShell:
    """What :class:`devices.shell.Shell` asks for, on this machine. ``sudo`` is not given: nothing here needs it."""

    def __init__(self, name: str, held: Held, environment: Mapping[str, str]) -> None:
        """Name what is predicted; the environment is that of every command."""
        self.name = name
        self._held, self._environment = held, dict(environment)
        self.latest: LocalStream | None = None

    def stream(self, command: str, *, timeout_s: float) -> LocalStream:
        """Start a command under the limits."""
        given = {
            "join": [str(path) for path in self._held.join],
            "cores": list(self._held.cores),
            "data_bytes": self._held.data_bytes,
        }
        argv = [sys.executable, "-I", str(_LIMITED), json.dumps(given), command]
        self.latest = LocalStream(self.name, argv, self._environment, timeout_s)
        return self.latest

    def run(self, command: str, *, timeout_s: float = 30.0, stdin: bytes = b"", check: bool = True) -> Result:
        """Run a command under the limits, and wait for its end."""
        with self.stream(command, timeout_s=timeout_s) as stream:
            stream.send(stdin)
            stream.send_eof()
            out = b"".join(line.data + b"\n" for line in stream.lines(idle_timeout_s=timeout_s))
            result = Result(command, stream.exit_status(timeout_s=timeout_s), out, stream.stderr())
        if check and result.exit_status:
            said = result.stderr.decode("utf-8", "replace").strip()
            raise CommandFailed(self.name, f"{command}: status {result.exit_status}: {said}")
        return result

    def sudo(self, command: str, *, timeout_s: float = 30.0, stdin: bytes = b"", check: bool = True) -> Result:
        """Refuse: a prediction changes nothing on this machine."""
        del timeout_s, stdin, check
        raise CommandFailed(self.name, f"{command}: root is for boards, not for this machine")

    def upload(self, source: bytes | Path, path: str, *, mode: int = 0o644, timeout_s: float = 300.0) -> int:
        """Write a file."""
        del timeout_s
        data = source if isinstance(source, bytes) else source.read_bytes()
        beside = Path(f"{path}.part")
        beside.write_bytes(data)
        beside.chmod(mode)
        beside.replace(path)
        return len(data)

    def download(self, path: str, *, timeout_s: float = 300.0) -> bytes:
        """Return a file's content."""
        del timeout_s
        try:
            return Path(path).read_bytes()
        except OSError as error:
            raise CommandFailed(self.name, f"{path}: {error.strerror}") from error

    def close(self) -> None:
        """Streams end themselves."""
