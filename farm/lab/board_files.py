"""A board's own sensors, reached over its shell: its files, and programs that print lines.

One shell stays open and answers each reading in one round trip, in which it starts no program: files of sysfs are
lines, and a shell reads lines by itself. The moment of a reading lies between question and answer. The board's own
clock would not tell it better: the only one that a shell reads by itself, ``/proc/uptime``, counts hundredths of a
second, and a program that tells a finer one costs the board more than the reading does.
"""

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from errno import EACCES, EIO, ENODATA, ENOENT, EPERM
from pathlib import PurePosixPath
from shlex import quote

from devices.errors import ConnectionLost, DeadlineExceeded, Unreachable
from devices.shell import STANDING_S, Line, Shell, Stream
from devices.standing import Standing
from power.onboard.files import Files, Unanswered
from power.port import Port

_ANSWER_S = 5.0
"""Assumed: a board that has not read a few lines by then hangs. A connection that has to be made has its own time."""
_NOTHING_S = 0.001
"""What has come is there at once; a stream wants some time all the same."""
_HINT = "is the board up? These sensors are its own, read over its shell"
_ERRORS = {os.strerror(number): number for number in (EACCES, EPERM, ENOENT, ENODATA, EIO)}
_LINES = 'do IFS= read -r l <"$f" && printf \'=%s\\n\' "$l" || echo; done 2>/dev/null'
"""A line of each file behind ``=``; an empty one for a file that is not there, is empty, or holds half a line."""


class BoardReach:
    """See :class:`power.onboard.reach.Reach`. Each meter has a shell of its own, so none waits for another."""

    def __init__(self, shell: Shell, root: str = "/") -> None:
        """Take the way to the board, and the folder in which its paths begin."""
        self._shell, self._root = shell, root

    def files(self, root: str) -> Files:
        """Return the board's files below ``root``."""
        return BoardFiles(self._shell, str(PurePosixPath(self._root) / root.lstrip("/")))

    def program(self, words: Sequence[str]) -> Port:
        """Start a program on the board; Unanswered when it does not answer."""
        return BoardProgram(self._shell, words)

    def stamped(self, words: Sequence[str]) -> Port:
        """Start a program whose lines bear the board's time, where that has Python; raises as :meth:`program`."""
        from .stamped_program import stamped  # few meters need it

        return stamped(self._shell, words)


class BoardFiles:
    """See :class:`power.onboard.files.Files`."""

    def __init__(self, shell: Shell, root: str) -> None:
        """Name the files; the first question starts their shell."""
        self._standing, self._root = Standing(shell), PurePosixPath(root)

    def read(self, path: str) -> str:
        """Return a small file's whole text, by a program: it also tells why a file cannot be read."""
        with answered():
            result = self._standing.run(f"LC_ALL=C cat {self._quoted(path)}", timeout_s=_ANSWER_S, check=False)
        if result.exit_status:
            said = result.stderr.decode("utf-8", "replace").strip()
            number = next((number for words, number in _ERRORS.items() if said.endswith(words)), EIO)
            raise OSError(number, said.rpartition(": ")[2], path)
        return result.stdout.decode("utf-8", "replace")

    def read_all(self, paths: Sequence[str]) -> list[str | OSError]:
        """Return files of one line each in one round trip; one that is something else is looked at by itself."""
        command = f"for f in {' '.join(map(self._quoted, paths))}; {_LINES}"
        with answered():
            lines = self._standing.run(command, timeout_s=_ANSWER_S).stdout.decode("utf-8", "replace").split("\n")[:-1]
        if len(lines) != len(paths):
            raise Unanswered(f"{len(lines)} lines for {len(paths)} files", hint="what prints on that shell's output?")
        return [f"{line[1:]}\n" if line else self._looked_at(path) for path, line in zip(paths, lines, strict=True)]

    def glob(self, pattern: str) -> list[str]:
        """Return the paths that fit, in order."""
        wanted = "*".join(quote(part) for part in str(self._root / pattern).split("*"))
        command = f'for f in {wanted}; do [ -e "$f" ] && printf \'%s\\n\' "$f"; done; :'
        with answered():
            found = self._standing.run(command, timeout_s=_ANSWER_S).text.splitlines()
        return sorted(str(PurePosixPath(path).relative_to(self._root)) for path in found)

    def close(self) -> None:
        """End the shell on the board. May be called twice."""
        with suppress(ConnectionLost, Unreachable):
            self._standing.close()

    def _looked_at(self, path: str) -> str | OSError:
        try:
            return self.read(path)
        except Unanswered:
            raise
        except OSError as error:
            return error

    def _quoted(self, path: str) -> str:
        return quote(str(self._root / path))


class BoardProgram:
    """A program that runs on a board as a :class:`~power.port.Port`: lines to read and to write.

    It ends with the port; where the link breaks, or the controller dies, at the next line that it writes. After a fault
    the next reading starts it again.
    """

    def __init__(self, shell: Shell, words: Sequence[str]) -> None:
        """Start it."""
        self._shell, self._command = shell, "exec " + " ".join(map(quote, words))
        self._stream: Stream | None = None
        with answered():
            self._running()

    def discard(self) -> None:
        """Forget the lines that have come."""
        with answered(), suppress(DeadlineExceeded):
            while True:
                self._next(_NOTHING_S)

    def write(self, data: bytes) -> None:
        """Send it to the program."""
        with answered():
            try:
                self._running().send(data)
            except (ConnectionLost, Unreachable):
                self.close()
                raise

    def read_line(self, terminator: bytes, timeout_s: float) -> bytes:
        """Return the next line and the terminator; nothing where none came in ``timeout_s``."""
        with answered(), suppress(DeadlineExceeded):
            return self._next(timeout_s) + terminator
        return b""

    def read_exactly(self, size_bytes: int, timeout_s: float) -> bytes:
        """Refuse: its lines differ in length."""
        raise OSError(f"the program prints lines, not {size_bytes} bytes in {timeout_s:g} s")

    def close(self) -> None:
        """End the program on the board. May be called twice."""
        if (stream := self._stream) is not None:
            self._stream = None
            with suppress(ConnectionLost, Unreachable):
                stream.__exit__(None, None, None)

    def _next(self, timeout_s: float) -> bytes:
        """Return the next line of the program."""
        return self._line(timeout_s).data

    def _line(self, timeout_s: float) -> Line:
        try:
            return self._running().readline(timeout_s=timeout_s)
        except (ConnectionLost, Unreachable):
            self.close()
            raise

    def _running(self) -> Stream:
        if self._stream is None:
            self._stream = self._shell.stream(self._command, timeout_s=STANDING_S).__enter__()
        return self._stream


@contextmanager
def answered() -> Generator[None]:
    """Turn a board that does not answer into a fault of its files; other faults stay what they are."""
    try:
        yield
    except (ConnectionLost, Unreachable, DeadlineExceeded) as error:
        raise Unanswered(str(error).partition("\n")[0], hint=error.hint or _HINT) from error
