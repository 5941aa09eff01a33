"""SPEC PTDaemon as a meter: an analyser that the daemon drives, asked over its TCP port.

The conversation is that of published MLPerf sessions (versions 1.9 and 1.11) and of public clients; the program itself
is closed, and was not yet tried here. Lines end CR LF. ``Hello``, ``Identify``, ``RR``, ``SR,V|A,…``, ``Go``, ``RL``
(unread samples), ``Stop``.
"""

import time
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ..block import Block
from ..errors import FrameError, InstrumentFault, MeterOffline, PowerError, WrongInstrument
from ..kind import Kind
from ..meter import Accuracy, Identity, Tolerance
from ..polling import PolledMeter
from ..port import Port
from ..timebase import TimeBase
from ..usb.serial_port import SerialPort
from .line import Sample, parse, samples_to_come

_HINT = "is PTDaemon running there (-p PORT), and no other client on it?"
_GREETING = "Hello, PTDaemon here!"
_TIMEOUT_S = 5.0
"""Assumed. A change of range took up to 2 s in published sessions."""
_POLLS_A_PERIOD = 5
_SILENT_PERIODS, _SILENT_S = 3, 2.0
_UNREAD = ("RL,*", "RL,*,*", "RL", "DC-RL")
"""How to ask for unread samples: of one channel, of several, of an older daemon, of a meter of direct current."""


def _range(value: object) -> object:
    return value.lower() if isinstance(value, str) and value.lower() == "auto" else value


Range = Annotated[Literal["auto"] | Annotated[float, Field(gt=0)], BeforeValidator(_range)]


class PtDaemon(PolledMeter):
    """Volts, amps and watts of an analyser, each a mean over the daemon's interval, ranges fixed.

    ``t_ns`` maps the daemon's own times, which count in milliseconds of its host's clock, onto the controller's.
    """

    verified: ClassVar[tuple[str, ...]] = ("published bytes",)

    kinds: ClassVar[tuple[Kind, ...]] = ("wall", "inlet")

    class Config(BaseModel):
        """Options in the inventory."""

        model_config = ConfigDict(extra="forbid", frozen=True)

        address: str
        """``host:port``; the daemon's own default is port 8888."""
        volts_range: Range | None = None
        """The least range that holds this many volts, or ``auto``, for which nobody knows the uncertainty. Absent: as
        the daemon has it."""
        amps_range: Range | None = None
        """Likewise; MLPerf takes 1.1 times the highest amps that were seen."""
        interval_ms: int = Field(1000, ge=100, le=60_000)
        """MLPerf asks for 1000."""
        channel: int | None = Field(None, ge=1)
        """Of an analyser with several; absent, their sum."""
        mark: str = Field("farm", pattern=r"^[\w-]+$")
        """What its own log calls the rows."""
        serial_number: str | None = None
        """Of the analyser; absent: any will do."""

    def __init__(self, name: str, port: Port, options: "PtDaemon.Config", *, identity: Identity | None = None) -> None:
        """Sit on a daemon that measures."""
        super().__init__(name, identity or Identity("SPEC", "PTDaemon"))
        self._port, self._channel = port, options.channel
        self.aperture_s = options.interval_ms / 1000
        self.rate_hz = 1 / self.aperture_s
        self.accuracy = _accuracy(options)
        self._unread = _UNREAD[0]
        self._times = TimeBase()
        self._first_ns: int | None = None
        self._restore: list[str] = []

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Connect, identify daemon and analyser, fix the ranges, begin to measure.

        Raises:
            MeterOffline: nothing answers there.
            WrongInstrument: no PTDaemon, or another analyser behind it.
            InstrumentFault: it refuses a range, or to begin.
        """
        options = cls.Config.model_validate(config)
        try:
            port = SerialPort.open(name, options.address, baud=9600)
        except MeterOffline as error:
            raise MeterOffline(name, f"{options.address}: nothing answers", hint=_HINT) from error
        meter = cls(name, port, options)
        try:
            meter.begin(options)
        except BaseException:
            meter.close()
            raise
        return meter

    def begin(self, options: "PtDaemon.Config") -> None:
        """Introduce itself, set the ranges and start; raises as :meth:`open`."""
        if self._ask("Hello") != _GREETING:
            raise WrongInstrument(self.name, "what answers there is no PTDaemon", hint=_HINT)
        self._identity = _identity(self._ask("Identify"))
        found = self._identity.serial_number
        if options.serial_number not in (None, found):
            raise WrongInstrument(self.name, f"the analyser {found or 'without a number'} answers", hint=_HINT)
        before = _ranges(self._ask("RR"))
        for quantity, wanted in (("V", options.volts_range), ("A", options.amps_range)):
            if wanted is None:
                continue
            value = "Auto" if wanted == "auto" else f"{wanted:f}"
            self._command(f"SR,{quantity},{value}", f"Range {quantity} changed")
            self._restore.append(f"SR,{quantity},{before[quantity]}")
        self._command(f"Go,{options.interval_ms},0,{options.mark}", "Starting untimed measurement")
        self._restore.insert(0, "Stop")
        self._unread = self._question()

    def read(self) -> Block:
        """Return the next sample, shape (1,); those before are forgotten.

        Raises:
            MeterOffline: no answer, or no sample.
            FrameError: an answer that is none.
        """
        self._samples()
        return self._place(self._fresh()[-1:])

    def stream(self) -> Iterator[Block]:
        """Yield the samples in blocks as they come; raises as :meth:`read`."""
        while True:
            yield self._place(self._fresh())

    def close(self) -> None:
        """Stop measuring, set the ranges as they were, close the link. May be called twice."""
        undo, self._restore = self._restore, []
        for command in undo:
            try:
                self._ask(command)
            except PowerError:
                break  # whoever does not answer cannot be set back; the link is closed all the same
        self._port.close()

    def _fresh(self) -> list[Sample]:
        deadline_ns = time.monotonic_ns() + round((_SILENT_S + _SILENT_PERIODS * self.aperture_s) * 1e9)
        while not (samples := self._samples()):
            if time.monotonic_ns() > deadline_ns:
                raise MeterOffline(self.name, "the daemon answers, and has no sample", hint="look at the daemon's log")
            time.sleep(self.aperture_s / _POLLS_A_PERIOD)
        return samples

    def _samples(self) -> list[Sample]:
        said = self._ask(self._unread)
        try:
            return [parse(self._line(self._unread), self._channel) for _ in range(samples_to_come(said))]
        except ValueError as error:
            raise FrameError(self.name, str(error), hint=_HINT) from error

    def _place(self, samples: list[Sample]) -> Block:
        self._first_ns = samples[0].utc_ns if self._first_ns is None else self._first_ns
        seconds = np.array([(one.utc_ns - self._first_ns) / 1e9 for one in samples])
        t_ns = self._times.place(seconds, time.monotonic_ns()) - round(self.aperture_s * 5e8)
        volts, amps, watts = (
            np.array(column) for column in zip(*((s.volts, s.amps, s.watts) for s in samples), strict=True)
        )
        return Block(t_ns, volts, amps, np.zeros(len(samples), np.uint8), watts)

    def _question(self) -> str:
        """Return the question for unread samples that this daemon knows."""
        said = ""
        for question in _UNREAD:
            said = self._ask(question)
            try:
                for _ in range(samples_to_come(said)):
                    self._line(question)
            except ValueError:
                continue
            return question
        raise InstrumentFault(self.name, f"this daemon tells no samples: {said!r}", hint="PTDaemon 1.11 or later does")

    def _command(self, command: str, wanted: str) -> None:
        said = self._ask(command)
        if not said.startswith(wanted):
            raise InstrumentFault(self.name, f"{command}: {said!r}", hint="does the analyser have that range?")

    def _ask(self, command: str) -> str:
        try:
            self._port.discard()
            self._port.write(f"{command}\r\n".encode())
        except OSError as error:
            raise MeterOffline(self.name, f"{command}: {error}", hint=_HINT) from error
        return self._line(command)

    def _line(self, command: str) -> str:
        try:
            line = self._port.read_line(b"\n", _TIMEOUT_S)
        except OSError as error:
            raise MeterOffline(self.name, f"{command}: {error}", hint=_HINT) from error
        if not line:
            raise MeterOffline(self.name, f"{command}: no answer within {_TIMEOUT_S:g} s", hint=_HINT)
        if not line.endswith(b"\n") or not line.isascii():
            raise FrameError(self.name, f"{command}: half an answer or none: {line[:60]!r}", hint=_HINT)
        return line.decode("ascii").strip()


def _identity(said: str) -> Identity:
    """Return the analyser's, and both versions as firmware: ``…,version=…,…,YOKOGAWA;WT333E;C3VD30030E;F1.04``."""
    words = said.split(",")
    version = next((word.removeprefix("version=") for word in words if word.startswith("version=")), "")
    analyser = next((word.split(";") for word in reversed(words) if word.count(";") >= 2), list[str]())
    maker, model, serial_number, *firmware = (*analyser, *[""] * 4)[:4] if analyser else ("", words[0], "", "")
    return Identity(maker or "SPEC", model, serial_number, " ".join(filter(None, (*firmware, f"PTDaemon {version}"))))


def _ranges(said: str) -> dict[str, str]:
    """Return what to set back, by quantity: ``Ranges,<amps auto>,<amps>,<volts auto>,<volts>``; -1 is unknown."""
    words = said.split(",")
    pairs = {"A": words[1:3], "V": words[3:5]}
    fixed = {
        q: pair[1] for q, pair in pairs.items() if len(pair) == 2 and pair[0] == "0" and not pair[1].startswith("-")
    }
    return {q: fixed.get(q, "Auto") for q in pairs}


def _accuracy(options: PtDaemon.Config) -> Accuracy:
    fixed = not {"auto", None} & {options.volts_range, options.amps_range}
    return Accuracy(
        volts=Tolerance(0.01, 0.0),
        amps=Tolerance(0.01, 0.0),
        watts=Tolerance(0.01 if fixed else 0.05, 0.0),
        source="SPEC's rule for an accepted analyser on a fixed range: at most 1 % of the reading"
        if fixed
        else "assumed: 5 %, for PTDaemon itself calls the uncertainty of automatic ranges unknown",
        assumed=not fixed,
    )
