"""A command that runs at the other end of an SSH channel."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Self

import paramiko

from .errors import ConnectionLost, DeadlineExceeded
from .shell import Line
from .ssh_command import MARK_WITHIN_BYTES, find_mark
from .ssh_link import BROKEN, Link

_READ_BYTES = 65_536
_SEND_BYTES = 262_144
"""paramiko copies what is left of a ``bytes`` after every packet: whole megabytes at once are quadratic."""
_SEND_WAIT_S = 0.05
"""While the board takes no input we look this often whether it has output that must be taken first."""
_LAST_OUTPUT_S = 0.5
"""Assumed: where a command has ended and its output is quiet for this long, a process it left behind may hold it."""
_SIGN_OF_LIFE_S = 5.0
"""Assumed: how long a board may take to answer a keepalive before its silence is the link's."""


class _Wake(threading.Event):
    """Set by two buffers; cleared by their reader alone, for one empty buffer says nothing of the other."""

    def clear(self) -> None:
        """Do nothing: the buffers call this."""

    def rearm(self) -> None:
        """Clear it."""
        super().clear()


class SshStream:
    """See :class:`devices.shell.Stream`. One reader at a time."""

    def __init__(
        self,
        link: Link,
        channel: paramiko.Channel,
        *,
        command: str,
        timeout_s: float,
        deadline_ns: int,
        whole: bool,
        end: Callable[[int], object],
        forget: Callable[[Self], object],
    ) -> None:
        """Take over an open channel.

        Args:
            link: the connection that the channel is on.
            channel: the command has been started on it.
            command: what errors quote.
            timeout_s: what errors say of the deadline.
            deadline_ns: controller monotonic clock when the command must be over.
            whole: keep the output for :meth:`finish` instead of cutting it into lines.
            end: ends a process group on the board.
            forget: hears of the close.
        """
        self._link, self._channel, self._command = link, channel, command
        self._end, self._forget = end, forget
        self._timeout_s, self._deadline_ns = timeout_s, deadline_ns
        self._lines: deque[Line] = deque()
        self._tail = bytearray()
        self._stderr = bytearray()
        self._group: int | None = None
        self._marked = False
        self._raw = bytearray() if whole else None
        self._wake = _Wake()
        channel.settimeout(_SEND_WAIT_S)
        channel.in_buffer.set_event(self._wake)
        channel.in_stderr_buffer.set_event(self._wake)

    def lines(self, *, idle_timeout_s: float) -> Iterator[Line]:
        """Yield lines until the command closes its output; see :class:`devices.shell.Stream`."""
        while (line := self._next_line(idle_timeout_s)) is not None:
            yield line

    def readline(self, *, timeout_s: float) -> Line:
        """Return the next line; see :class:`devices.shell.Stream`."""
        line = self._next_line(timeout_s)
        if line is None:
            raise ConnectionLost(self._link.name, f"`{self._short}` closed its output; it said: {self._said()}")
        return line

    def send(self, data: bytes) -> None:
        """Write to the command's standard input.

        Raises:
            ConnectionLost: the command takes no more input, or the link broke.
            DeadlineExceeded: the command did not take it within the stream's deadline.
        """
        # after its end the channel may take bytes for a moment, and nobody reads them
        if self._channel.exit_status_ready() or self.feed([data]) != len(data):
            raise self._lost("a write to its input")

    def send_eof(self) -> None:
        """Close the command's standard input; ConnectionLost when it is closed already."""
        try:
            self._channel.shutdown_write()
        except BROKEN as error:
            raise self._lost("a write") from error

    def feed(self, pieces: Iterable[bytes]) -> int:
        """Write pieces until the command takes no more; return the bytes that went.

        Output is taken in meanwhile: a command that waits for us to read would never read itself.
        """
        sent = 0
        with self._link.guard(self._left_s() + _SIGN_OF_LIFE_S, "the link did not drain"):
            for piece in pieces:
                left = memoryview(piece)
                while left:
                    taken = self._offer(left[:_SEND_BYTES])
                    if taken is None:
                        return sent
                    sent, left = sent + taken, left[taken:]
        return sent

    def _offer(self, data: memoryview) -> int | None:
        """Write what fits; 0 when nothing does now, None when nothing ever will."""
        if self._channel.exit_status_ready():
            return None  # the command has ended; its channel takes bytes for a moment yet, and drops them
        try:
            return self._channel.send(data) or None  # pyright: ignore[reportArgumentType] -- takes any buffer
        except TimeoutError:
            self._take()
            self._check_deadline()
            return 0
        except BROKEN:
            return None  # whether the command ended or the link broke, its exit status tells

    def exit_status(self, *, timeout_s: float) -> int:
        """Wait for the command's end; see :class:`devices.shell.Stream`."""
        self._wait_end(time.monotonic_ns() + int(timeout_s * 1e9), f"did not end within {timeout_s:g} s")
        return self._status()

    def finish(self) -> tuple[int, bytes]:
        """Wait for the end within the stream's own deadline; return exit status and whole output."""
        self._wait_end(self._deadline_ns, "")
        status = self._status()
        if not self._channel.eof_received and not self._link.alive:
            raise self._link.lost(f"the last output of `{self._short}`")
        # a login that is no POSIX shell leaves no mark: then all it said is output
        return status, bytes(self._raw or b"") if self._marked else bytes(self._tail)

    def stderr(self) -> bytes:
        """Return what has come on standard error so far."""
        self._take()
        return bytes(self._stderr)

    def close(self) -> None:
        """End the command on the board if it still runs, and close the channel. May be called twice."""
        try:
            if not self._channel.exit_status_ready() and self._link.alive:
                self._await_mark()
                if self._group is not None:
                    self._end(self._group)
        finally:
            if self._link.alive:
                with self._link.guard(_SIGN_OF_LIFE_S, "the channel could not be closed"), suppress(*BROKEN):
                    self._channel.close()  # one whose link breaks just then is closed as well
            self._forget(self)

    def __enter__(self) -> Self:
        """Return the stream itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the command and close the channel."""
        self.close()

    # -- reading ----------------------------------------------------------------------------------

    def _next_line(self, idle_timeout_s: float) -> Line | None:
        while not self._lines:
            if not self._channel.eof_received:
                self._check_deadline()
            idle_ns = time.monotonic_ns() + int(idle_timeout_s * 1e9)
            if self._fill(min(idle_ns, self._deadline_ns)) or self._lines:
                continue
            if self._ended():
                return self._last_line()
            self._check_deadline()
            raise self._overdue(f"said nothing for {idle_timeout_s:g} s")
        return self._lines.popleft()

    def _last_line(self) -> Line | None:
        """Return what came after the last newline, if anything; ConnectionLost unless the command closed its output."""
        if not self._channel.eof_received and not self._has_status():
            raise self._lost("its output")
        if not self._tail:
            return None
        line = Line(time.monotonic_ns(), bytes(self._tail))
        self._tail.clear()
        return line

    def _wait_end(self, until_ns: int, late: str) -> None:
        """Take in output until the command has ended and its output too."""
        until_ns = min(until_ns, self._deadline_ns)
        quiet_since: int | None = None
        while not (self._channel.exit_status_ready() and self._output_over(quiet_since)):
            now_ns = time.monotonic_ns()
            if now_ns >= until_ns:
                self._check_deadline()
                raise self._overdue(late)
            if self._ended():  # closed its output and goes on
                self._channel.status_event.wait(_SEND_WAIT_S)
            elif self._fill(min(until_ns, now_ns + int(_SEND_WAIT_S * 1e9))):
                quiet_since = None
            elif quiet_since is None and self._channel.exit_status_ready():
                quiet_since = now_ns

    def _output_over(self, quiet_since: int | None) -> bool:
        """Tell whether a command that has ended has said all; a process it left behind may hold its output for ever.

        SSH keeps its order: with the answer to a question everything is here that the board sent before.
        """
        if self._ended():
            return True
        if quiet_since is None or time.monotonic_ns() - quiet_since < _LAST_OUTPUT_S * 1e9:
            return False
        if not self._link.answers(_SIGN_OF_LIFE_S):
            raise self._link.lost(f"the last output of `{self._short}`")
        return not self._take()

    def _fill(self, until_ns: int) -> bool:
        """Take in what arrives until then; True as soon as something has."""
        self._wake.rearm()
        if self._take():
            return True
        if self._ended():
            return False
        if (left_s := (until_ns - time.monotonic_ns()) / 1e9) > 0:
            self._wake.wait(left_s)
        return self._take()  # what is here counts, however late this process looks at it

    def _take(self) -> bool:
        """Take in what has arrived on both outputs: one left full would stop the other."""
        channel, got = self._channel, False
        try:
            while channel.recv_stderr_ready():
                self._stderr += channel.recv_stderr(_READ_BYTES)
                got = True
            if channel.recv_ready():
                self._sort(channel.recv(_READ_BYTES), time.monotonic_ns())
                got = True
        except BROKEN as error:  # paramiko tells the board that there is room again, and what was read is gone
            self._link.cut(str(error) or "the connection broke")
            raise self._link.lost(f"the output of `{self._short}`") from error
        return got

    def _sort(self, data: bytes, t_ns: int) -> None:
        """Put output where it belongs: before the mark nowhere, then in lines, or whole for :meth:`finish`."""
        if not self._marked:
            self._tail += data
            mark = find_mark(bytes(self._tail))
            if mark is None and len(self._tail) < MARK_WITHIN_BYTES:
                return
            data = bytes(self._tail[mark.end if mark else 0 :])
            self._tail.clear()
            self._marked, self._group = True, mark.group if mark else None
        if self._raw is not None:
            self._raw += data
            return
        *whole, rest = data.split(b"\n")
        if whole:
            whole[0] = bytes(self._tail) + whole[0]
            self._tail.clear()
            self._lines.extend(Line(t_ns, line) for line in whole)
        self._tail += rest

    def _await_mark(self) -> None:
        """Wait a little for the process group of a command that is to be ended before it said anything."""
        until_ns = time.monotonic_ns() + int(_SIGN_OF_LIFE_S * 1e9)
        while not self._marked and not self._ended() and time.monotonic_ns() < until_ns:
            self._fill(until_ns)

    def _ended(self) -> bool:
        """True once both outputs are closed and taken in."""
        channel = self._channel
        over = bool(channel.eof_received) or channel.closed
        return over and not channel.recv_ready() and not channel.recv_stderr_ready()

    # -- ends -------------------------------------------------------------------------------------

    @property
    def _short(self) -> str:
        first = self._command.strip().partition("\n")[0]
        return first if len(first) <= 80 else first[:77] + "..."

    def _said(self) -> str:
        return self.stderr()[-200:].decode("utf-8", "replace").strip() or "nothing on standard error"

    def _has_status(self) -> bool:
        return self._channel.exit_status_ready() and 0 <= self._channel.recv_exit_status() <= 255

    def _status(self) -> int:
        """Return the exit status; a channel that ends without one is a lost connection."""
        if not self._has_status():
            raise self._lost(f"`{self._short}`, before its exit status")
        return self._channel.recv_exit_status()

    def _left_s(self) -> float:
        return (self._deadline_ns - time.monotonic_ns()) / 1e9

    def _check_deadline(self) -> None:
        if self._left_s() <= 0:
            raise self._overdue(f"is not over after {self._timeout_s:g} s")

    def _overdue(self, what: str) -> DeadlineExceeded | ConnectionLost:
        """Tell a slow command from a link that stalls: the board's SSH server answers, or it does not."""
        if not self._link.answers(_SIGN_OF_LIFE_S):
            return self._lost(f"`{self._short}`")
        hint = "the board answers: is it overloaded, or the command waiting for something?"
        return DeadlineExceeded(self._link.name, f"`{self._short}` {what}; it said: {self._said()}", hint=hint)

    def _lost(self, doing: str) -> ConnectionLost:
        if self._has_status():
            said = (
                f"`{self._short}` ended with status {self._channel.recv_exit_status()} during {doing}: {self._said()}"
            )
            return ConnectionLost(self._link.name, said)
        if self._link.alive:
            said = f"the board closed `{self._short}` without an exit status, during {doing}"
            hint = "was it killed, or is the board shutting down? Its console and `dmesg` tell"
            return ConnectionLost(self._link.name, said, hint=hint)
        return self._link.lost(doing)
