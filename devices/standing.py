"""Many short questions to a board through one shell that stays: a tenth of what a command of its own costs.

A command over SSH opens a channel and starts two shells on the board. Here one shell reads the commands and runs
each in a subshell of its own, so none can change the next one's folder, variables or limits. For questions only:
what a command leaves running in the background would speak into the next answer, so nothing may be left.
"""

import secrets
import time
from shlex import quote
from types import TracebackType
from typing import Self

from .errors import CommandFailed, ConnectionLost, DeadlineExceeded
from .shell import Result, Shell, Stream

_LIFE_S = 86_400.0
"""A stream needs a deadline; whoever asks for longer than a day gets a new shell in between."""
_ERRORS_S = 5.0
"""Assumed: what a command said on standard error comes this soon after its end, for both travel on one connection."""
_MOST_STDERR_BYTES = 1_000_000
"""A stream keeps all of it: after this much a new shell begins."""


class Standing:
    """One shell on a board, started at the first question and again after a fault. One question at a time."""

    def __init__(self, shell: Shell) -> None:
        """Take the way to the board; nothing is started yet."""
        self.name = shell.name
        self._shell = shell
        self._stream: Stream | None = None
        self._errors_from = 0
        self._started_ns = 0

    def run(self, command: str, *, timeout_s: float = 30.0, check: bool = True) -> Result:
        """Run a command without standard input; output, error output and status are its own and exact.

        Raises:
            CommandFailed: status other than 0, unless ``check`` is false.
            DeadlineExceeded: not over after ``timeout_s``; it has been ended on the board, and the shell with it.
            ConnectionLost, Unreachable: the link, or the command ended the shell itself.
        """
        mark = secrets.token_hex(8)
        stream, deadline_ns = self._ready(), time.monotonic_ns() + int(timeout_s * 1e9)
        try:
            stream.send(_framed(command, mark).encode())
            status, stdout = self._output(stream, mark, deadline_ns)
            stderr = self._errors(stream, mark)
        except DeadlineExceeded as late:
            self.close()
            raise DeadlineExceeded(self.name, f"`{command}` is not over after {timeout_s:g} s") from late
        except BaseException:  # what is left in the pipe belongs to nobody: a new shell begins
            self.close()
            raise
        result = Result(command, status, stdout, stderr)
        if check and status != 0:
            said = stderr.decode("utf-8", "replace").strip()[-200:]
            what = f"`{command}` ended with status {status}: {said or 'nothing on standard error'}"
            raise CommandFailed(self.name, what, exit_status=status, stderr=said)
        return result

    def close(self) -> None:
        """End the shell on the board. May be called twice."""
        if (stream := self._stream) is not None:
            self._stream = None
            stream.__exit__(None, None, None)

    def __enter__(self) -> Self:
        """Return the shell itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the shell on the board."""
        self.close()

    def _ready(self) -> Stream:
        old = (time.monotonic_ns() - self._started_ns) / 1e9 > _LIFE_S / 2
        if self._stream is not None and (old or self._errors_from > _MOST_STDERR_BYTES):
            self.close()
        if self._stream is None:
            self._stream = self._shell.stream("exec sh", timeout_s=_LIFE_S).__enter__()
            self._errors_from, self._started_ns = 0, time.monotonic_ns()
        return self._stream

    def _output(self, stream: Stream, mark: str, deadline_ns: int) -> tuple[int, bytes]:
        """Return status and output: the lines between the two marks; before the first one nothing may stand."""
        begin, end = f"\x1e{mark}".encode(), f"\x1e{mark} ".encode()
        lines: list[bytes] | None = None
        while True:
            left_s = (deadline_ns - time.monotonic_ns()) / 1e9
            data = stream.readline(timeout_s=max(left_s, 0.001)).data
            if data == begin and lines is None:
                lines = []
            elif lines is None:
                hint = "it must leave nothing behind; run such a command by itself"
                raise ConnectionLost(self.name, f"an earlier command still speaks: {data[:80]!r}", hint=hint)
            elif data.startswith(end):
                return int(data.removeprefix(end)), b"\n".join(lines)
            else:
                lines.append(data)

    def _errors(self, stream: Stream, mark: str) -> bytes:
        """Return what came on standard error, up to the mark: sent before that of the output, it may arrive after."""
        end, deadline_ns = f"\x1e{mark}\n".encode(), time.monotonic_ns() + int(_ERRORS_S * 1e9)
        while (at := (said := stream.stderr()).find(end, self._errors_from)) < 0:
            if time.monotonic_ns() > deadline_ns:
                raise ConnectionLost(self.name, "the end of a command's standard error did not come")
            time.sleep(0.0005)
        errors = said[self._errors_from : at]
        self._errors_from = at + len(end)
        return errors


def _framed(command: str, mark: str) -> str:
    """Return the line for the standing shell: both outputs end with the mark, the output begins with it as well.

    The command stands in quotes, so that one that is no shell syntax fails in its own subshell.
    """
    return (
        rf"printf '\036{mark}\n'; (eval {quote(command)}) </dev/null; s=$?; "
        rf"printf '\036{mark}\n' >&2; printf '\n\036{mark} %d\n' $s" + "\n"
    )
