"""What every way of running commands on a board offers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Protocol, Self

from pydantic import BaseModel

STANDING_S = 366 * 86_400.0
"""A stream needs a deadline. For a helper that stands on the board as long as it is asked: longer than any trial."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a command that ran to its end left behind."""

    command: str
    exit_status: int
    """0 to 255. A lost connection is an exception, never a number here."""
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """Standard output as text, bytes that are not UTF-8 replaced, without the last newline."""
        return self.stdout.decode("utf-8", "replace").rstrip("\n")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a running command's standard output."""

    t_ns: int
    """Controller monotonic clock when its last byte arrived."""
    data: bytes
    """Without the newline."""


class Stream(Protocol):
    """A command that runs. Leaving its ``with`` block ends it on the board too."""

    def lines(self, *, idle_timeout_s: float) -> Iterator[Line]:
        """Yield lines until the command closes its output.

        Raises:
            DeadlineExceeded: nothing came for ``idle_timeout_s``, or the stream's deadline passed.
            ConnectionLost: the link broke. A command's end is never inferred from it.
        """
        ...

    def send(self, data: bytes) -> None:
        """Write to the command's standard input."""
        ...

    def send_eof(self) -> None:
        """Close the command's standard input."""
        ...

    def readline(self, *, timeout_s: float) -> Line:
        """Return the next line; raises as :meth:`lines`, and ConnectionLost at the end of output."""
        ...

    def exit_status(self, *, timeout_s: float) -> int:
        """Wait for the command's end and return its status; raises as :meth:`lines`."""
        ...

    def stderr(self) -> bytes:
        """Return what has come on standard error so far."""
        ...

    def __enter__(self) -> Self:
        """Return the stream itself."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the command and close the channel."""
        ...


class Shell(Protocol):
    """Runs commands on one board. Safe to use from several threads; blocking."""

    name: str
    """The board's name: what errors begin with."""

    def run(self, command: str, *, timeout_s: float = 30.0, stdin: bytes = b"", check: bool = True) -> Result:
        """Run a command line in the board's POSIX shell and wait for its end.

        Raises:
            CommandFailed: status other than 0, unless ``check`` is false.
            DeadlineExceeded: not over after ``timeout_s``; the command is ended on the board.
            ConnectionLost, Unreachable: the link.
        """
        ...

    def sudo(self, command: str, *, timeout_s: float = 30.0, stdin: bytes = b"", check: bool = True) -> Result:
        """Run as root: through ``sudo -n`` unless the login is root already. Raises as :meth:`run`."""
        ...

    def stream(self, command: str, *, timeout_s: float) -> Stream:
        """Start a command whose output is wanted while it runs; ``timeout_s`` bounds its whole life."""
        ...

    def upload(self, source: bytes | Path, path: str, *, mode: int = 0o644, timeout_s: float = 300.0) -> int:
        """Write a file on the board: beside it first, then renamed. Return the bytes sent."""
        ...

    def download(self, path: str, *, timeout_s: float = 300.0) -> bytes:
        """Return a file's content; CommandFailed when it is not there."""
        ...

    def close(self) -> None:
        """Close the connection; commands still running are ended. May be called twice."""
        ...


class ShellDriver(Shell, Protocol):
    """A way to reach a board that does not speak SSH: what a package adds under ``edge_test_farm.shells``."""

    Config: ClassVar[type[BaseModel]]
    """The driver's own options in the inventory."""

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Name a board; the first command connects."""
        ...
