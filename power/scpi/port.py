"""Questions and answers in SCPI: nothing stale, nothing half, every fault with a name."""

import re
import threading
from typing import Self

from ..errors import FrameError, InstrumentFault, MeterOffline, WrongInstrument
from ..meter import Identity
from ..polling import again
from ..port import Port
from .number import numbers
from .visa import open_visa

_MOST_ERRORS = 50
"""Longer than any error queue (SCPI asks for at least 2, instruments hold about 20): assumed."""
_CODE = re.compile(r"(?::\S+\s+|ERR\s+)?([+-]?\d+)")
"""With a header (Yokogawa) or a word (Aim-TTi) before it, and whatever text behind it."""


LINK_HINT = "look for a second program that talks to the instrument"


class ScpiPort:
    """One instrument's SCPI link. One question at a time, whichever thread asks."""

    def __init__(self, name: str, port: Port, *, timeout_s: float = 2.0, terminator: str = "\n") -> None:
        """Sit on an open port; ``name`` is what errors begin with."""
        self.name = name
        self._port = port
        self._timeout_s = timeout_s
        self._terminator = terminator.encode("ascii")
        self._lock = threading.Lock()  # two threads on one link silently get each other's answers

    @classmethod
    def open(cls, name: str, resource: str, *, timeout_s: float = 2.0, terminator: str = "\n") -> Self:
        """Open a VISA resource. A closed TCP port shows only at the first query.

        Raises:
            MeterOffline: the resource cannot be opened.
        """
        try:
            port = open_visa(resource, timeout_s=timeout_s)
        except OSError as error:
            raise _offline(name, str(error)) from error
        return cls(name, port, timeout_s=timeout_s, terminator=terminator)

    def query(self, command: str) -> str:
        """Return the answer, without its end. What arrived before the question is thrown away.

        Raises:
            MeterOffline: silence, or the link is broken.
            FrameError: the answer has no end, or is not text.
        """
        with self._lock:
            try:
                self._port.discard()
                self._port.write(command.encode("ascii") + self._terminator)
                answer = self._port.read_line(self._terminator, self._timeout_s)
            except OSError as error:
                raise _offline(self.name, f"{command}: {error}") from error
        if not answer:
            raise _offline(self.name, f"{command}: no answer within {self._timeout_s:g} s")
        if not answer.endswith(self._terminator) or not answer.isascii():
            raise FrameError(self.name, f"{command}: half an answer or none: {answer[:60]!r}", hint=LINK_HINT)
        return answer.decode("ascii").strip()

    def query_numbers(self, command: str, count: int = 1) -> list[float]:
        """Return exactly ``count`` numbers: NaN for "no value", infinity beyond the range; raises as :meth:`query`."""
        answer = self.query(command)
        try:
            return numbers(answer, count)
        except ValueError as error:
            raise FrameError(self.name, f"{command}: {error} in {answer[:60]!r}", hint=LINK_HINT) from error

    def write(self, command: str) -> None:
        """Send a command that has no answer; MeterOffline when the link is broken."""
        with self._lock:
            try:
                self._port.write(command.encode("ascii") + self._terminator)
            except OSError as error:
                raise _offline(self.name, f"{command}: {error}") from error

    def errors(self, command: str = "SYST:ERR?") -> list[str]:
        """Empty the instrument's error queue and return what stood in it.

        Raises:
            FrameError: the answer names no error number.
        """
        found: list[str] = []
        while len(found) < _MOST_ERRORS:
            answer = self.query(command)
            code = _CODE.match(answer)
            if code is None:
                raise FrameError(self.name, f"{command}: no error number in {answer!r}")
            if int(code[1]) == 0:
                return found
            found.append(answer)
        return found

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


def identify(port: ScpiPort, *, maker: str, models: tuple[str, ...], serial_number: str | None = None) -> Identity:
    """Ask ``*IDN?`` and hold the answer against what is expected.

    Args:
        port: the open link.
        maker: what the first field begins with, in any case.
        models: what the second field may begin with.
        serial_number: what the third field must be; None when the inventory does not say.

    Raises:
        WrongInstrument: something else answers there.
    """
    answer = again(lambda: port.query("*IDN?"))
    fields = [field.strip() for field in answer.split(",")] + [""] * 4
    found = Identity(*fields[:4])
    if not found.maker.upper().startswith(maker.upper()) or not found.model.upper().startswith(models):
        wanted = f"{maker} {' or '.join(models)}".strip()
        raise WrongInstrument(port.name, f"{answer!r} answers, not a {wanted}", hint=_WRONG_HINT)
    if serial_number is not None and found.serial_number != serial_number:
        raise WrongInstrument(
            port.name, f"serial number {found.serial_number} answers, not {serial_number}", hint=_WRONG_HINT
        )
    return found


_WRONG_HINT = "compare the address in the inventory with the one on the instrument's display"
