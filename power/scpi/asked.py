"""What SCPI meters share that measure when they are asked: the link, the questions, the moment of a reading."""

import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from ..apart import Exchange
from ..block import Block, Flag
from ..errors import FrameError, MeterOffline
from ..gaps import is_long
from ..meter import Accuracy, Identity
from ..polling import Pace, PolledMeter
from .exchange import Asking, ScpiExchange, asked
from .number import numbers
from .port import LINK_HINT, ScpiPort

_REFUSALS = 2
"""Readings that the first way may fail before it is given up: once may be a disturbance (assumed)."""
_HOPELESS = 4
"""Where every way met silence it is asked in the first only, so often less one: a dead instrument is named in time."""
_UNITS = {"volts": "V", "amps": "A", "watts": "W", "seconds": "S"}
_LONG = {"MEAS": "MEASure", "VOLT": "VOLTage", "CURR": "CURRent", "SCAL": "SCALar", "FETC": "FETCh"}
"""What some firmware wants spelt out, as its manual prints it."""


_NOTHING_KNOWN = Flag(0)


class _Nothing(FrameError):
    """An answer without a word in it: a question that was not understood, or no value."""

    others: Mapping[str, float] = MappingProxyType({})
    """What the other questions of the same reading were answered with."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One question of a reading, and what the numbers of its answer are."""

    question: str
    fields: tuple[str, ...]
    """``volts``, ``amps``, ``watts``, ``seconds``, or empty for a number that is not used."""

    def of(self, port: ScpiPort, answer: str) -> dict[str, float]:
        """Return the numbers of an answer by name.

        Raises:
            FrameError: not as many numbers as there are fields, or one of another unit.
        """
        units = "".join(_UNITS.get(field, " ") for field in self.fields)
        if not answer:
            raise _Nothing(port.name, f"{self.question}: an empty answer", hint=LINK_HINT)
        try:
            found = numbers(answer, len(self.fields), units)
        except ValueError as error:
            port.mistrust()
            raise FrameError(port.name, f"{self.question}: {error} in {answer[:60]!r}", hint=LINK_HINT) from error
        return {name: value for name, value in zip(self.fields, found, strict=True) if name}


@dataclass(frozen=True, slots=True)
class Way:
    """One way to get a reading: commands that have no answer, then questions."""

    asks: tuple[Ask, ...]
    before: tuple[str, ...] = ()
    measures_once: bool = False
    """The first question measures all; the others fetch what it measured."""

    def spelt_out(self) -> "Way":
        """Return the same questions in long words."""
        asks = tuple(Ask(re.sub(r"[A-Z]{4}", _long, ask.question), ask.fields) for ask in self.asks)
        return Way(asks, self.before, self.measures_once)

    def nothing(self) -> dict[str, float]:
        """Return what it tells when there is no value."""
        return {name: math.nan for ask in self.asks for name in ask.fields if name}

    def read(self, port: ScpiPort) -> tuple[int, dict[str, float]]:
        """Send and ask; return the moment in the middle of what measures, and the numbers.

        Raises:
            MeterOffline: no answer.
            FrameError: as :meth:`Ask.of`.
        """
        for command in self.before:
            port.write(command)
        return asked(port, self.asking(port))

    def asking(self, port: ScpiPort) -> Asking[tuple[int, dict[str, float]]]:
        """Yield each question, take what was heard, and return as :meth:`read` does; raises FrameError as that."""
        asked_ns, answered_ns = time.monotonic_ns(), 0
        found: dict[str, float] = {}
        empty: _Nothing | None = None
        for ask in self.asks:
            heard = yield ask.question
            try:
                found |= ask.of(port, heard.answer)
            except _Nothing as error:
                empty = empty or error
            if not (self.measures_once and answered_ns):
                answered_ns = heard.arrived_ns
        if empty is not None:
            empty.others = found
            raise empty
        return (asked_ns + answered_ns) // 2, found


def _long(word: re.Match[str]) -> str:
    return _LONG.get(word[0], word[0])


class AskedMeter(PolledMeter):
    """A meter that is asked for each reading, at its own pace.

    ``t_ns`` is the middle between the first question and the last answer. A question that came late loses nothing and
    is flagged LATE: the stretch before went unseen; one without an answer is a lost reading.

    Makers, and firmware of one maker, spell the questions differently: as long as the first way was not answered with
    numbers the others are tried as well, in the end in long words, and the one that helped is kept: at once where the
    first met silence, at the second time where it was answered with something else.
    """

    verified: ClassVar[tuple[str, ...]] = ("twin",)
    accuracy: Accuracy
    rate_hz: float
    aperture_s = 0.0

    def __init__(self, name: str, port: ScpiPort, identity: Identity, ways: Sequence[Way]) -> None:
        """Sit on an open port to an instrument that is set up; at least one way."""
        super().__init__(name, identity)
        self._port = port
        self._ways = list(ways)
        self._ways += [long for way in ways if (long := way.spelt_out()) not in self._ways]
        self._pace = Pace(1 / self.rate_hz)
        self.lateness = self._pace.lateness
        self._last_ns: int | None = None
        self._unanswered = False
        self._refusals = 0
        self._hopeless = 0

    def read(self) -> Block:
        """Ask for one reading, shape (1,). NaN where the instrument has no value, or the range was exceeded.

        Raises:
            MeterOffline: no answer.
            FrameError: not the numbers that were asked for.
        """
        self._pace.wait()
        flags = self._begin()
        try:
            told = self._ask()
        except MeterOffline as broken:
            if not isinstance(broken.__cause__, OSError):
                raise
            told, flags = self._ask(), flags | Flag.LOST_BEFORE  # its first question opens the link again
        return self._told(*told, flags)

    def apart(self) -> Exchange | None:
        """Return readings in halves, once it is known which way of asking is answered."""
        (way, *others), port = self._ways, self._port
        if others or way.before or (descriptor := port.watched()) is None:
            return None
        return ScpiExchange(port, descriptor, self._pace, lambda: self._reading(way))

    def _reading(self, way: Way) -> Asking[Block]:
        flags = self._begin()
        try:
            middle_ns, found = yield from way.asking(self._port)
        except _Nothing:
            middle_ns, found = time.monotonic_ns(), way.nothing()
        return self._told(middle_ns, found, flags)

    def _begin(self) -> Flag:
        """Return what is known before an answer is there: whether the last one stayed out."""
        flags, self._unanswered = Flag.LOST_BEFORE if self._unanswered else _NOTHING_KNOWN, True
        return flags

    def _told(self, middle_ns: int, found: dict[str, float], flags: Flag) -> Block:
        self._unanswered = False
        last_ns, self._last_ns = self._last_ns, middle_ns
        if not flags and last_ns is not None and is_long(middle_ns - last_ns, self.rate_hz):
            flags = Flag.LATE
        if any(math.isinf(value) for value in found.values()):
            flags |= Flag.OVERLOAD
        return self.block_of(middle_ns, {name: finite(value) for name, value in found.items()}, flags)

    def block_of(self, t_ns: int, found: dict[str, float], flags: Flag) -> Block:
        """Make the reading of what was told; a subclass knows what its instrument does not tell."""
        return Block.one(t_ns, found.get("volts", math.nan), found.get("amps", math.nan), flags)

    def errors(self) -> list[str]:
        """Empty the instrument's error queue and return what stood in it; raises as :meth:`ScpiPort.errors`."""
        return self._port.errors()

    def close(self) -> None:
        """Close the link; what the instrument puts out stays. May be called twice."""
        self._port.close()

    def _ask(self) -> tuple[int, dict[str, float]]:
        """Ask in the first way that is answered; where none is, raise what was wrong with the first answer."""
        first: MeterOffline | FrameError | None = None
        wrong: FrameError | None = None
        nothing: dict[str, float] = {}
        silent = True
        for way in self._ways[:1] if self._hopeless else self._ways:
            try:
                middle_ns, found = way.read(self._port)
            except (MeterOffline, FrameError) as error:
                if isinstance(error.__cause__, OSError):
                    raise
                first = first or error
                silent &= isinstance(error, MeterOffline)
                if isinstance(error, _Nothing):
                    nothing = nothing or {**way.nothing(), **error.others}
                elif isinstance(error, FrameError):
                    wrong = wrong or error
            else:
                if first is not None:
                    self._refusals += _REFUSALS if isinstance(first, MeterOffline) else 1
                if way is self._ways[0] or self._refusals >= _REFUSALS:
                    self._ways = [way]
                self._hopeless = 0
                return middle_ns, found
        self._hopeless = (self._hopeless + 1) % _HOPELESS if silent else 0
        if nothing:
            return time.monotonic_ns(), nothing
        raise wrong or first or MeterOffline(self.name, "no way to ask it is known")


def finite(value: float) -> float:
    """Return NaN for what is beyond the range: a lower bound is no value."""
    return value if math.isfinite(value) else math.nan
