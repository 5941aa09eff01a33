"""Questions and answers in SCPI: nothing stale, nothing half, every fault with a name."""

import re
import threading
import time
from collections.abc import Callable
from typing import Self

from ..errors import FrameError, InstrumentFault, MeterOffline
from ..port import Port, WatchedPort
from ..usb.serial_port import tcp_of
from .number import numbers
from .reopened import Reopener
from .visa import open_link

_MOST_ERRORS = 50
"""Longer than any error queue (SCPI asks for at least 2, instruments hold about 20): assumed."""
_CODE = re.compile(r"(?::\S+\s+|ERR\s+)?([+-]?\d+)")
"""With a header (Yokogawa) or a word (Aim-TTi) before it, and whatever text behind it."""
LINK_HINT = "look for a second program that talks to the instrument"
_MOST_STALE, _STALE_S = 50, 0.02
"""Messages that may lie behind a wrong answer, and how long each may take to show (assumed)."""
_AFTER_COMMAND_S = 0.02
"""Between a command without an answer and what follows it: some take what comes meanwhile for a part of it, or lose it.
Public programs wait 10 to 100 ms."""
_LATE_S = 2.0
"""How much longer than its timeout an answer may take that comes after all (assumed)."""
_MOST_MISSES = 2
"""So often in a row an instrument may leave out who it is; then it is not asked again."""
BLANKS = " \t\r\n\0"
"""What stands around an answer and is none of it; some firmware ends its lines with a zero byte."""


class ScpiPort:
    """One instrument's SCPI link. One question at a time, whichever thread asks.

    A link that breaks fails the exchange that it breaks in; the next one opens it again, and asks who is there first.
    """

    def __init__(
        self,
        name: str,
        port: Port,
        *,
        timeout_s: float = 2.0,
        terminator: str = "\n",
        pause_s: float = 0.0,
        reopen: Callable[[], Port] | None = None,
    ) -> None:
        """Sit on an open port.

        Args:
            name: what errors begin with.
            port: the open link.
            timeout_s: how long an answer may take.
            terminator: ends commands and answers.
            pause_s: the instrument wants this long between the end of one exchange and the next command.
            reopen: opens the link once more; without it a broken link stays broken.
        """
        self.name = name
        self._port = port
        self._watched: WatchedPort | None = None
        self._timeout_s = timeout_s
        self._terminator = terminator.encode("ascii")
        self._pause_s = pause_s
        self._rested_ns = 0
        self._mistrusted = False
        self._owed = False
        self._known = self._identity = b""
        self._misses = 0
        self._broken = self._unheard = self._unset = False
        self._set_up: Callable[[], object] = lambda: None
        self._reopener = (
            None if reopen is None else Reopener(name, reopen, timeout_s=timeout_s, terminator=self._terminator)
        )
        self._lock = threading.RLock()  # two threads on one link silently get each other's answers

    @classmethod
    def open(
        cls,
        name: str,
        resource: str,
        *,
        timeout_s: float = 2.0,
        terminator: str = "\n",
        pause_s: float = 0.0,
        baud: int = 9600,
    ) -> Self:
        """Open a VISA resource, a serial port or ``host:port``.

        Raises:
            MeterOffline: the resource cannot be opened.
        """
        if tcp := tcp_of(resource):
            resource = "TCPIP::{}::{}::SOCKET".format(*tcp)

        def reopen() -> Port:
            return open_link(name, resource, timeout_s=timeout_s, baud=baud)

        try:
            port = reopen()
        except OSError as error:
            raise _offline(name, str(error)) from error
        return cls(name, port, timeout_s=timeout_s, terminator=terminator, pause_s=pause_s, reopen=reopen)

    def query(self, command: str, *, timeout_s: float | None = None) -> str:
        """Return the answer, without its end. What arrived before the question is thrown away.

        Args:
            command: the question.
            timeout_s: how long this answer may take; by default what the port was opened with.

        Raises:
            MeterOffline: silence, or the link is broken.
            FrameError: the answer has no end, or is not text.
        """
        within_s = self._timeout_s if timeout_s is None else timeout_s
        with self._lock:
            self._ask(command)
            return self._answer(command, within_s, within_s)

    def watched(self) -> int | None:
        """Return the descriptor at which answers arrive; None where a question or its answer may have to wait."""
        in_step = not (self._broken or self._unset or self._mistrusted or (self._owed and self._known))
        self._watched = self._port if isinstance(self._port, WatchedPort) else None
        return self._watched.fileno() if self._watched is not None and in_step and not self._pause_s else None

    def ask(self, command: str) -> int:
        """Send a question alone, on a watched link, and let nobody else ask until :meth:`answer`.

        Returns:
            by when the answer must be whole, monotonic.

        Raises:
            MeterOffline: the link is broken.
        """
        self._lock.acquire()
        try:
            self._ask(command, mends=False)  # another link would be watched by nobody
        except BaseException:
            self._lock.release()
            raise
        return time.monotonic_ns() + round(self._timeout_s * 1e9)

    def answered(self) -> bool:
        """Return whether the answer to what was asked is whole, or no more of it can come."""
        try:
            return self._watched is None or self._watched.has_line(self._terminator)
        except OSError:  # as answer() will see
            return True

    def answer(self, command: str) -> str:
        """Return the answer to what was asked, without waiting for it; raises as :meth:`query`."""
        try:
            return self._answer(command, 0.0, self._timeout_s)
        finally:
            self._lock.release()

    def _ask(self, command: str, *, mends: bool = True) -> None:
        """Send a question. Call with the lock held."""
        try:
            self._send(command, mends=mends)
        except OSError as error:
            self._rest()
            raise self._breaks(command, error) from error

    def _breaks(self, command: str, error: OSError) -> MeterOffline:
        self._broken = True
        return _offline(self.name, f"{command}: {error}")

    def _mend(self) -> None:
        """Open a broken link again and set the instrument up; raises as :meth:`Reopener.reopened` and as what does so.

        Call with the lock held.
        """
        if self._broken and self._reopener is not None:
            self._port = self._reopener.reopened(self._port, self._identity)
            self._broken = self._unheard = self._mistrusted = self._owed = False
            self._misses, self._unset = 0, True
            self._rest()
            self._let_rest()
        if self._unset:
            self._unset = False  # what sets it up asks through this port
            try:
                self._set_up()
            except BaseException:
                self._unset = True
                raise

    def _answer(self, command: str, within_s: float, since_s: float) -> str:
        """Return the answer that comes within ``within_s``, so long after the question. Call with the lock held."""
        try:
            answer = self._port.read_line(self._terminator, within_s)
        except OSError as error:
            raise self._breaks(command, error) from error
        finally:
            self._rest()
        self._unheard = False
        whole = answer.endswith(self._terminator)
        self._owed = not whole or self._misses > 0
        if not answer:
            raise _offline(self.name, f"{command}: no answer within {since_s:g} s")
        if not whole or not answer.isascii():
            self.mistrust()
            raise FrameError(self.name, f"{command}: half an answer or none: {answer[:60]!r}", hint=LINK_HINT)
        return answer.decode("ascii").strip(BLANKS)

    def query_block(self, command: str, *, timeout_s: float | None = None) -> bytes:
        """Return what a definite-length block (``#<n><length><bytes>``, IEEE 488.2) holds; raises as :meth:`query`."""
        within_s = self._timeout_s if timeout_s is None else timeout_s
        with self._lock:
            try:
                self._send(command)
                data = self._read_block(command, within_s)
                self._unheard = False
            except OSError as error:
                raise self._breaks(command, error) from error
            except (FrameError, MeterOffline):
                self.mistrust()
                self._owed = True
                raise
            finally:
                self._rest()
        return data

    def recognise(self, identity: str) -> None:
        """Remember what ``*IDN?`` is answered with: the one answer that is never taken for another's.

        Where an answer stayed out, it may come when the next question waits for its own: volts would be read as amps.
        From now on ``*IDN?`` is asked first then, and what comes before its answer is thrown away.
        """
        self._known = self._identity = identity.encode("ascii")

    def remember(self, set_up: Callable[[], object]) -> None:
        """Remember what sets the instrument up: it is called whenever the link was opened again, before anything else.

        An instrument that was switched off and on closes its links too, and answers as before: but about volts, where
        it had been set to amps.
        """
        self._set_up = set_up

    def mistrust(self) -> None:
        """Say that the last answer was none to its question: others may lie behind it, and are to be thrown away.

        Links that keep messages apart hand out one after the other; what is not thrown away answers the next question.
        """
        self._mistrusted = True

    def _read_block(self, command: str, within_s: float) -> bytes:
        start = self._port.read_exactly(2, within_s)
        if not start:
            raise _offline(self.name, f"{command}: no answer within {within_s:g} s")
        if not re.fullmatch(rb"#[1-9]", start):
            rest = self._port.read_line(self._terminator, within_s)
            raise FrameError(self.name, f"{command}: no block: {(start + rest)[:60]!r}", hint=LINK_HINT)
        digits = self._port.read_exactly(int(start[1:]), within_s)
        if not re.fullmatch(rb"[0-9]{%d}" % int(start[1:]), digits):
            raise FrameError(self.name, f"{command}: a block of {digits!r} bytes", hint=LINK_HINT)
        data = self._port.read_exactly(int(digits), within_s)
        if len(data) != int(digits):
            what = f"{command}: {len(data)} bytes of a block of {int(digits)}"
            raise FrameError(self.name, what, hint=LINK_HINT)
        self._port.read_line(self._terminator, within_s)  # what ends the message
        return data

    def _send(self, command: str, *, mends: bool = True) -> None:
        """Let the instrument rest as long as it must, forget what has arrived, and send. Call with the lock held.

        A link that is found closed is opened again, unless commands went before that may not have arrived.
        """
        self._let_rest()
        if mends:
            self._mend()
        if self._mistrusted:
            self._mistrusted = False
            for _ in range(_MOST_STALE):
                if not self._port.read_line(self._terminator, _STALE_S):
                    break
        if self._owed and self._known:
            self._get_into_step()
        try:
            self._port.discard()
        except OSError:
            self._broken = True
            if self._unheard or not mends or self._reopener is None:
                raise
            self._mend()
        self._port.write(command.encode("ascii") + self._terminator)

    def _get_into_step(self) -> None:
        """Wait for who is there; where nobody says so any more, go on without. Call with the lock held."""
        self._misses += 1
        self._port.discard()
        self._port.write(b"*IDN?" + self._terminator)
        until_ns = time.monotonic_ns() + round((self._timeout_s + _LATE_S) * 1e9)
        for _ in range(_MOST_STALE):
            left_s = (until_ns - time.monotonic_ns()) / 1e9
            line = self._port.read_line(self._terminator, max(0.0, left_s))
            if self._known in line:
                self._owed, self._misses = False, 0
                break
            if not line.endswith(self._terminator):
                break
        if self._misses >= _MOST_MISSES:
            self._known, self._owed, self._misses = b"", False, 0
        self._rest()
        self._let_rest()

    def _rest(self, least_s: float = 0.0) -> None:
        if pause_s := max(self._pause_s, least_s):
            self._rested_ns = time.monotonic_ns() + round(pause_s * 1e9)

    def _let_rest(self) -> None:
        """Wait as long as the instrument must rest. No sleep of 0 s: that takes a tenth of a millisecond."""
        if self._rested_ns and (left_ns := self._rested_ns - time.monotonic_ns()) > 0:
            time.sleep(left_ns / 1e9)

    def query_number(self, command: str, *, timeout_s: float | None = None) -> float:
        """Return the one number of an answer: NaN for "no value", infinity beyond the range; raises as :meth:`query`.

        Args:
            command: the question.
            timeout_s: as :meth:`query`.
        """
        answer = self.query(command, timeout_s=timeout_s)
        try:
            (found,) = numbers(answer, 1)
        except ValueError as error:
            self.mistrust()
            raise FrameError(self.name, f"{command}: {error} in {answer[:60]!r}", hint=LINK_HINT) from error
        return found

    def write(self, command: str) -> None:
        """Send a command that has no answer; MeterOffline when the link is broken."""
        with self._lock:
            try:
                self._let_rest()
                self._mend()
                self._port.write(command.encode("ascii") + self._terminator)
                self._unheard = True
            except OSError as error:
                raise self._breaks(command, error) from error
            finally:
                self._rest(_AFTER_COMMAND_S)

    def errors(self, command: str = "SYST:ERR?", *, timeout_s: float | None = None) -> list[str]:
        """Empty the instrument's error queue and return what stood in it.

        Raises:
            FrameError: the answer names no error number, or the queue has no end: that is how it answers everything.
        """
        found: list[str] = []
        while len(found) < _MOST_ERRORS:
            answer = self.query(command, timeout_s=timeout_s)
            code = _CODE.match(answer)
            if code is None:
                self.mistrust()
                raise FrameError(self.name, f"{command}: no error number in {answer!r}")
            if int(code[1]) == 0:
                return found
            found.append(answer)
        raise FrameError(self.name, f"{command}: {len(found)} errors, and no end: {found[-1][:60]!r}", hint=LINK_HINT)

    def refuse_errors(self, command: str = "SYST:ERR?") -> None:
        """Raise InstrumentFault with everything in the error queue, if anything is."""
        if found := self.errors(command):
            raise InstrumentFault(
                self.name,
                f"the instrument reports {'; '.join(found)}",
                hint="look at the instrument's display; is its firmware as the driver's header names it?",
            )

    def close(self) -> None:
        """Close the link. May be called twice."""
        with self._lock:
            self._port.close()


def _offline(name: str, detail: str) -> MeterOffline:
    return MeterOffline(name, detail, hint="is the instrument on, its network cable in, the resource name right?")
