"""Korad KA3005P bench supply and its sisters (Velleman, Tenma, RND): no SCPI, no line ends, and slow.

Commands as in public drivers (libsigrok's korad-kaxxxxp). Not yet tried on a unit here.
"""

import re
import time
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

from ..block import Block, Flag
from ..errors import FrameError, MeterOffline, WrongInstrument
from ..gaps import is_long
from ..meter import Accuracy, Identity, Tolerance
from ..polling import Pace, PolledMeter, again
from ..port import Port
from ..usb.serial_port import tcp_of
from .visa import open_link

_MAKERS = ("KORAD", "VELLEMAN", "TENMA", "RND", "STAMOS", "S-LS", "JPUTEK", "KD3", "KD6", "KA3", "KA6", "PS3005")
"""Who sells it under their own name, and how units begin that name none (libsigrok's list of models)."""
_PAUSE_S = 0.08
"""It takes this long over a command, and forgets one that comes sooner."""
_TIMEOUT_S = 0.7
"""Slow units answer within 450 ms."""
_AGE_S = 0.1
"""As :mod:`.supply_meters`: assumed."""
_ANSWER_BYTES = 5
_MOST_BYTES = 64
"""Longer than any name that a unit tells."""
_HINT = "is the supply on, its cable in, and no other program using its port?"
_FORMS = {"VOUT1?": re.compile(rb"\d\d\.\d\d"), "IOUT1?": re.compile(rb"\d\.\d{3}")}
"""Volts and amps have their points in different places: one is never taken for the other."""


def parse(question: str, answer: bytes) -> float:
    """Read volts or amps out of an answer of 5 bytes; ValueError when it is none to this question."""
    if not _FORMS[question].fullmatch(answer):
        raise ValueError(f"{answer[:16]!r} does not answer {question}")
    return float(answer)


class KA3005P(PolledMeter):
    """Volts and amps of the output, five readings a second, 80 ms apart."""

    verified: ClassVar[tuple[str, ...]] = ("twin", "published bytes")

    class Config(BaseModel):
        """Options in the inventory."""

        model_config = ConfigDict(extra="forbid", frozen=True)

        port: str
        """Device path, pyserial URL (``socket://host:port``) or VISA name."""
        baud: int = Field(default=9600, gt=0)
        serial_number: str | None = None
        """What the unit must name; only newer firmware tells one."""
        age_s: float = Field(default=_AGE_S, ge=0, le=5)
        """How old what it shows is, in the middle: it may be fresh, or twice as old."""

    rate_hz = 1 / 0.207
    aperture_s = 0.0
    accuracy = Accuracy(
        volts=Tolerance(0.005, 0.02),
        amps=Tolerance(0.005, 0.002),
        source="Korad KA3005P manual: 0.5 % and two digits; how old what it shows is: assumed",
    )

    def __init__(self, name: str, port: Port, identity: Identity | None = None, *, age_s: float = _AGE_S) -> None:
        """Sit on an open port."""
        self.stamp_bound_s = age_s
        super().__init__(name, identity or Identity("KORAD", "KA3005P"))
        self._port = port
        self._pace = Pace(1 / self.rate_hz)
        self._rested_ns = 0
        self._last_ns: int | None = None
        self._unanswered = False

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Open the port and identify the supply. What it puts out stays.

        Raises:
            MeterOffline: nothing answers there.
            WrongInstrument: something else answers there.
        """
        options = cls.Config.model_validate(config)
        link = "TCPIP::{}::{}::SOCKET".format(*tcp) if (tcp := tcp_of(options.port)) else options.port
        try:
            port = open_link(name, link, timeout_s=_TIMEOUT_S, baud=options.baud)
        except OSError as error:
            raise MeterOffline(name, str(error), hint=_HINT) from error
        meter = cls(name, port, age_s=options.age_s)
        try:
            meter._identity = again(lambda: meter._who(options.serial_number))
        except BaseException:
            meter.close()
            raise
        return meter

    def read(self) -> Block:
        """Ask for volts and amps, shape (1,).

        Raises:
            MeterOffline: no answer.
            FrameError: not a number of this unit.
        """
        self._pace.wait()
        flags, self._unanswered = Flag.LOST_BEFORE if self._unanswered else Flag(0), True
        asked_ns = time.monotonic_ns()
        volts, amps = self._number("VOUT1?"), self._number("IOUT1?")
        middle_ns = (asked_ns + time.monotonic_ns()) // 2
        self._unanswered = False
        last_ns, self._last_ns = self._last_ns, middle_ns
        if not flags and last_ns is not None and is_long(middle_ns - last_ns, self.rate_hz):
            flags = Flag.LATE
        return Block.one(middle_ns - round(self.stamp_bound_s * 1e9), volts, amps, flags)

    def close(self) -> None:
        """Close the port. May be called twice."""
        self._port.close()

    def _number(self, question: str) -> float:
        answer = self._ask(question, _ANSWER_BYTES)
        try:
            return parse(question, answer)
        except ValueError as error:
            raise FrameError(self.name, str(error), hint=_HINT) from error

    def _who(self, serial_number: str | None) -> Identity:
        """Ask for the name, which has no end: it is what comes until silence."""
        answer = self._ask("*IDN?", _MOST_BYTES)
        told = answer.decode("latin-1").strip(" \r\n\0")
        if not told.upper().startswith(_MAKERS):
            if not told or re.fullmatch(r"[\d. ]*", told):
                raise FrameError(self.name, f"*IDN?: {told!r} names nobody", hint=_HINT)
            raise WrongInstrument(self.name, f"{told!r} answers, not a KA3005P", hint="which port is it?")
        found = re.match(
            r"(?i)(KORAD|VELLEMAN|TENMA|RND|STAMOS|JPUTEK|)\s*(.*?)\s*(V\d[\d.]*)?\s*(?:SN:?\s*(\S+))?$", told
        )
        maker, model, firmware, serial = found.groups(default="") if found else ("", told, "", "")
        if serial_number is not None and serial != serial_number:
            raise WrongInstrument(self.name, f"serial number {serial or 'none'} answers, not {serial_number}")
        return Identity(maker, model, serial, firmware)

    def _ask(self, question: str, size_bytes: int) -> bytes:
        """Let the unit rest, forget what it sent since (some firmware adds a stray byte), and ask."""
        try:
            time.sleep(max(0, self._rested_ns - time.monotonic_ns()) / 1e9)
            self._port.discard()
            self._port.write(question.encode("ascii"))
            answer = self._port.read_exactly(size_bytes, _TIMEOUT_S)
        except OSError as error:
            raise MeterOffline(self.name, f"{question}: {error}", hint=_HINT) from error
        finally:
            self._rested_ns = time.monotonic_ns() + round(_PAUSE_S * 1e9)
        if not answer:
            raise MeterOffline(self.name, f"{question}: no answer within {_TIMEOUT_S:g} s", hint=_HINT)
        return answer
