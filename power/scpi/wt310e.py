"""Yokogawa WT310E power meter (also WT310EH, WT332E, WT333E: first element).

Commands as in the communication manual IM WT310E-17EN and in public programs that drive the unit (intel/yoko-tool,
mlcommons/power-dev); firmware seen in their logs F1.04. Not yet tried on a unit here.
"""

import math
import time
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ..block import Block, Flag
from ..errors import FrameError
from ..gaps import is_long
from ..meter import Accuracy, Identity, Tolerance
from ..polling import PolledMeter
from .number import numbers
from .port import LINK_HINT, ScpiPort, identify
from .setup import set_up

_ERRORS = ":STAT:ERR?"
_RATES = {0.1: "100MS", 0.25: "250MS", 0.5: "500MS", 1.0: "1S", 2.0: "2S", 5.0: "5S", 10.0: "10S", 20.0: "20S"}
_VOLTS_RANGES = (15.0, 30.0, 60.0, 150.0, 300.0, 600.0)
_AMPS_RANGES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
"""With crest factor 3 (IM WT310E-01EN, "Measurement Conditions")."""
_NEXT = ":COMM:WAIT 1;:STAT:EESR?;:NUM:NORM:VAL?"
"""Wait for the end of an update (bit 0 of the extended event register), clear that event, give the values:
IM WT310E-17EN, section 5.5. Asking at will would give the same update twice."""
_WAITED = 0.1
"""An answer that took this share of the update interval did wait: the update was not there before."""
_FORGET_AFTER_UPDATES = 2
"""After a pause this long the waiting update is of unknown age."""


def _one_of(choices: tuple[float, ...]) -> AfterValidator:
    def check(value: float) -> float:
        if value not in choices:
            raise ValueError(f"the instrument has {', '.join(f'{c:g}' for c in choices)}")
        return value

    return AfterValidator(check)


def watts_to_amps(volts: float, amps: float, watts: float) -> float:
    """Return the current whose product with ``volts`` is the measured power.

    The instrument multiplies instant by instant: on alternating or pulsed current its watts are not volts times amps.
    """
    return watts / volts if volts else amps


class WT310E(PolledMeter):
    """Volts and watts of a direct or alternating supply, up to ten updates a second, ranges fixed.

    The instrument updates its values by itself, and is asked to answer when it has: each update is delivered once.
    A value is the mean over the update interval that ended then, so ``t_ns`` is the arrival of the answer less half
    the interval: late by the link's delay. An update that was there before the question, or whose answer came late,
    is placed by the instrument's rhythm. ``amps`` are those that carry the measured power: ``watts`` of a block are the
    instrument's own.
    """

    verified: ClassVar[tuple[str, ...]] = ("twin", "published bytes")

    class Config(BaseModel):
        """Options in the inventory."""

        model_config = ConfigDict(extra="forbid", frozen=True)

        resource: str
        """VISA name, e.g. ``TCPIP::192.0.2.21::INSTR``."""
        volts_range: Annotated[float, _one_of(_VOLTS_RANGES), Field(json_schema_extra={"enum": [*_VOLTS_RANGES]})]
        """Fixed, because auto-ranging leaves the uncertainty unknown. Good to 130 % of it."""
        amps_range: Annotated[float, _one_of(_AMPS_RANGES), Field(json_schema_extra={"enum": [*_AMPS_RANGES]})]
        """As small as the load's peaks allow: crest factor 3, good to 130 % of it."""
        update_rate_s: Annotated[float, _one_of(tuple(_RATES)), Field(json_schema_extra={"enum": [*_RATES]})] = 0.1
        mode: Literal["RMS", "VMEAN", "DC"] = "RMS"
        """How volts are formed. RMS suits both direct and alternating supplies; watts are the same in all."""
        serial_number: str | None = None
        """What ``*IDN?`` must name; absent: any unit will do."""

    _timeout_s: ClassVar[float] = 1.0
    """Beyond an update interval. Assumed; public programs wait up to 0.5 s for this instrument."""

    def __init__(self, name: str, port: ScpiPort, options: "WT310E.Config", identity: Identity | None = None) -> None:
        """Sit on an open port to an instrument that :func:`prepare` has set up."""
        super().__init__(name, identity or Identity("YOKOGAWA", "WT310E"))
        self._port = port
        self.aperture_s = options.update_rate_s
        self.rate_hz = 1 / self.aperture_s
        self.accuracy = _accuracy(self._identity.model, options)
        self._shown_ns: int | None = None

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Open the link, identify the instrument, fix its ranges and choose its values.

        Raises:
            MeterOffline: nothing answers there.
            WrongInstrument: something else answers there.
            InstrumentFault: it refuses a setting, or does not keep it.
        """
        options = cls.Config.model_validate(config)
        port = ScpiPort.open(name, options.resource, timeout_s=cls._timeout_s + options.update_rate_s)
        try:
            identity = identify(
                port, maker="YOKOGAWA", models=("WT310E", "WT332E", "WT333E"), serial_number=options.serial_number
            )
            prepare(port, options)
        except BaseException:
            port.close()
            raise
        return cls(name, port, options, identity)

    def read(self) -> Block:
        """Return the next update, shape (1,). NaN where the instrument has no value.

        Raises:
            MeterOffline: no answer.
            FrameError: not three numbers.
        """
        asked_ns = time.monotonic_ns()
        if self._shown_ns is None or asked_ns - self._shown_ns > _FORGET_AFTER_UPDATES * self.aperture_s * 1e9:
            self._port.query(":STAT:EESR?")  # an update that ended before now is old
            self._shown_ns, asked_ns = None, time.monotonic_ns()
        volts, amps, watts = self._next()
        shown_ns, flags = self._placed(asked_ns, time.monotonic_ns())
        if math.isinf(volts) or math.isinf(amps) or math.isinf(watts):
            volts, amps, flags = math.nan, math.nan, flags | Flag.OVERLOAD
        else:
            amps = watts_to_amps(volts, amps, watts)
        return Block.one(shown_ns - round(self.aperture_s * 5e8), volts, amps, flags)

    def close(self) -> None:
        """Close the link. May be called twice."""
        self._port.close()

    def _next(self) -> list[float]:
        answer = self._port.query(_NEXT)
        try:
            return numbers(answer.partition(";")[2], 3)
        except ValueError as error:
            raise FrameError(self.name, f"{_NEXT}: {error} in {answer[:60]!r}", hint=LINK_HINT) from error

    def _placed(self, asked_ns: int, answered_ns: int) -> tuple[int, Flag]:
        """Return the moment of an update, and whether others passed unseen before it."""
        period_ns, last_ns = self.aperture_s * 1e9, self._shown_ns
        self._shown_ns = answered_ns
        if last_ns is None:
            return answered_ns, Flag(0)
        if not _WAITED <= (answered_ns - asked_ns) / period_ns <= 1 + _WAITED:
            by_ns = min(answered_ns, asked_ns + period_ns)  # an answer that took longer came late: it waits for one
            updates = max(1, math.floor((by_ns - last_ns) / period_ns + _WAITED))
            self._shown_ns = min(answered_ns, last_ns + round(updates * period_ns))
        lost = is_long(self._shown_ns - last_ns, self.rate_hz)
        return self._shown_ns, Flag.LOST_BEFORE if lost else Flag(0)


def _accuracy(model: str, options: WT310E.Config) -> Accuracy:
    """Return the larger of the limits for direct current and for 45 to 66 Hz; of watts at power factor 1."""
    amps_of_reading = 0.003 if model.upper().startswith("WT310EH") else 0.001
    return Accuracy(
        volts=Tolerance(0.001, 0.002 * options.volts_range),
        amps=Tolerance(amps_of_reading, 0.002 * options.amps_range),
        watts=Tolerance(amps_of_reading, 0.002 * options.volts_range * options.amps_range),
        source=f"Yokogawa IM WT310E-02EN, section 7.3, 12 months: DC watts {amps_of_reading:.1%} of reading + 0.2 % "
        "of volts range times amps range",
    )


def prepare(port: ScpiPort, options: WT310E.Config) -> None:
    """Set the instrument up and read back what decides about right or wrong numbers."""
    commands = (
        ":COMM:HEAD OFF",
        ":COMM:VERB OFF",
        ":COMM:REM ON",
        f":INP:MODE {options.mode}",
        ":INP:CFAC 3",
        ":INP:VOLT:AUTO OFF",
        f":INP:VOLT:RANG {options.volts_range:g}",
        ":INP:CURR:AUTO OFF",
        f":INP:CURR:RANG {options.amps_range:g}",
        ":MEAS:AVER:STATE OFF",
        f":RATE {_RATES[options.update_rate_s]}",
        ":HOLD OFF",
        ":NUM:FORM ASC",
        ":NUM:NORM:NUM 3",
        ":NUM:NORM:ITEM1 U,1",
        ":NUM:NORM:ITEM2 I,1",
        ":NUM:NORM:ITEM3 P,1",
        ":STAT:FILT1 FALL",
    )
    kept = {
        ":INP:VOLT:RANG?": options.volts_range,
        ":INP:CURR:RANG?": options.amps_range,
        ":INP:VOLT:AUTO?": 0,
        ":INP:CURR:AUTO?": 0,
    }
    set_up(port, commands, kept, errors=_ERRORS, hint="is its front panel in use?")
