"""Yokogawa WT310E and WT330E power meters: one element, or the sum of several.

Commands as in the communication manual IM WT310E-17EN and in public programs that drive the unit (intel/yoko-tool,
mlcommons/power-dev); firmware seen in their logs F1.04. Not yet tried on a unit here.
"""

import math
import re
import time
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from ..block import Block, Flag
from ..errors import FrameError, InstrumentFault, MeterOffline
from ..gaps import is_long
from ..meter import Accuracy, Identity, Tolerance
from ..polling import Pace, PolledMeter
from .asked import finite
from .number import number, numbers
from .opening import ScpiOptions, opened, unconfirmed
from .port import LINK_HINT, ScpiPort
from .setup import asked, settle

_ERRORS = ":STAT:ERR?"
_RATES = {0.1: "100MS", 0.25: "250MS", 0.5: "500MS", 1.0: "1S", 2.0: "2S", 5.0: "5S", 10.0: "10S", 20.0: "20S"}
_VOLTS_RANGES = (15.0, 30.0, 60.0, 150.0, 300.0, 600.0)
_AMPS_RANGES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
"""With crest factor 3 (IM WT310E-01EN, "Measurement Conditions")."""
_VALUES = ":NUM:NORM:VAL?"
_CHOSEN = ("volts", "amps", "watts")
_ITEMS = ":NUM:NORM?"
_SPELT_OUT = {_VALUES: ":NUMERIC:NORMAL:VALUE?", _ITEMS: ":NUMERIC:NORMAL?"}
"""As public conversations have them."""
_NEXT = f":COMM:WAIT 1;:STAT:EESR?;{_VALUES}"
"""Wait for the end of an update (bit 0 of the extended event register), clear that event, give the values:
IM WT310E-17EN, section 5.5. Asking at will may give the same update twice, or miss one."""
_WAITED = 0.1
"""An answer that took this share of the update interval did wait: the update was not there before."""
_FORGET_AFTER_UPDATES = 2
"""After a pause this long the waiting update is of unknown age."""
_LIST = re.compile(r"(?:\S+ )?\d+;(?:\S+ )?[A-Z]", re.IGNORECASE)
"""How a list of items begins."""
_QUANTITIES = {"U": "volts", "URMS": "volts", "UMN": "volts", "UDC": "volts", "P": "watts"} | dict.fromkeys(
    ("I", "IRMS", "IMN", "IDC"), "amps"
)
"""Names of items that are volts, amps and watts."""
_REFUSALS = 2
"""So many readings must fail to be waited for before they are asked for at will, once and for all; one where it was
silent."""


def places(items: str, element: str) -> tuple[int, dict[str, int]]:
    """Return how many values are told, and where volts, amps and watts of an element stand among them.

    Args:
        items: what the instrument answers: ``10;URMS,1;IRMS,1;P,1;LAMB,1;FU,1;URMS,2;…``, or the same with headers.
        element: ``1``, ``2``, ``3`` or ``SIGMA``.

    Raises:
        ValueError: no such answer, or no watts of that element in it.
    """
    count, *told = (field.rpartition(" ")[2].upper() for field in items.split(";"))
    found: dict[str, int] = {}
    for place, (quantity, _, of) in enumerate(item.partition(",") for item in told):
        if _QUANTITIES.get(quantity) and (of or "1") == element[: max(len(of), 1)]:
            found.setdefault(_QUANTITIES[quantity], place)
    if not count.isdigit() or len(told) < int(count) or "watts" not in found:
        raise ValueError(f"no watts of element {element} in {items[:60]!r}")
    return int(count), found


def _one_of(choices: tuple[float, ...]) -> AfterValidator:
    def check(value: float) -> float:
        if value not in choices:
            raise ValueError(f"the instrument has {', '.join(f'{c:g}' for c in choices)}")
        return value

    return AfterValidator(check)


class WT310E(PolledMeter):
    """Volts and watts of a direct or alternating supply, up to ten updates a second, ranges fixed.

    The instrument updates its values by itself, and is asked to answer when it has: each update is delivered once.
    A value is the mean over the update interval that ended then, so ``t_ns`` is the arrival of the answer less half
    the interval: late by the link's delay. An update that was there before the question, or whose answer came late,
    is placed by the instrument's rhythm. It multiplies instant by instant: ``watts`` of a block are its own, and on
    alternating or pulsed current not volts times amps. Firmware that does not wait is asked at its rate, at will.
    """

    verified: ClassVar[tuple[str, ...]] = ("twin", "published bytes")

    class Config(ScpiOptions):
        """Options in the inventory."""

        volts_range: (
            Annotated[float, _one_of(_VOLTS_RANGES), Field(json_schema_extra={"enum": [*_VOLTS_RANGES]})] | None
        ) = None
        """Fixed, and good to 130 % of it. Absent: as the front panel has it, and the limits of error are those of the
        widest range, 600 V and 20 A: too wide for a board."""
        amps_range: (
            Annotated[float, _one_of(_AMPS_RANGES), Field(json_schema_extra={"enum": [*_AMPS_RANGES]})] | None
        ) = None
        """As small as the load's peaks allow: crest factor 3, good to 130 % of it. Absent: as ``volts_range``."""
        update_rate_s: Annotated[float, _one_of(tuple(_RATES)), Field(json_schema_extra={"enum": [*_RATES]})] = 0.1
        mode: Literal["RMS", "VMEAN", "DC"] = "RMS"
        """How volts are formed. RMS suits both direct and alternating supplies; watts are the same in all."""

        @property
        def where(self) -> str:
            """The element that is read, as the instrument names it."""
            return "1"

    bandwidth_hz = 100e3
    """Up to where its limits of error are stated (IM WT310E-02EN, section 7.3); the 3 dB point is beyond."""
    models: ClassVar[tuple[str, ...]] = ("WT310", "WT332", "WT333")
    """The E models and, with the same commands, their predecessors."""
    _timeout_s: ClassVar[float] = 1.0
    """Beyond an update interval. Assumed; public programs wait up to 0.5 s for this instrument."""

    def __init__(self, name: str, port: ScpiPort, options: "WT310E.Config", identity: Identity | None = None) -> None:
        """Sit on an open port to an instrument that :func:`prepare` has set up."""
        super().__init__(name, identity or Identity("YOKOGAWA", "WT310E"))
        self._port = port
        self.aperture_s = options.update_rate_s
        self.rate_hz = 1 / self.aperture_s
        self.accuracy = _accuracy(self._identity.model, options, ())
        self._shown_ns: int | None = None
        self._pace = Pace(self.aperture_s)
        self._brake = Pace(self.aperture_s / 2)  # for firmware that does not wait, and says so
        self._refusals = 0
        self._where = options.where
        self._question = _VALUES
        self._places: tuple[int, dict[str, int]] | None = None

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Open the link, identify the instrument, fix its ranges and choose its values.

        Raises:
            MeterOffline: nothing answers there.
            WrongInstrument: something else answers there.
            InstrumentFault: it refuses a setting, or does not keep it, or tells no watts of the element.
        """
        options = cls.Config.model_validate(config)

        def make(port: ScpiPort, identity: Identity) -> Self:
            silent = prepare(port, options)
            meter = cls(name, port, options, identity)
            if told := _told_places(port, options.where):
                meter._question, meter._places = told
            else:
                silent.append(_ITEMS)
            meter.accuracy = _accuracy(identity.model, options, silent)
            return meter

        within_s = cls._timeout_s + options.update_rate_s
        return opened(name, options, make, maker="YOKOGAWA", models=cls.models, timeout_s=within_s)

    def read(self) -> Block:
        """Return the next update, shape (1,). NaN where the instrument has no value.

        Raises:
            MeterOffline: no answer.
            FrameError: not three numbers.
        """
        (volts, amps, watts), shown_ns, flags = self._update()
        if math.isinf(volts) or math.isinf(amps) or math.isinf(watts):
            watts, flags = math.nan, flags | Flag.OVERLOAD
        return Block.one(shown_ns - round(self.aperture_s * 5e8), finite(volts), finite(amps), flags, watts=watts)

    def errors(self) -> list[str]:
        """Empty the instrument's error queue and return what stood in it; raises as :meth:`ScpiPort.errors`."""
        return self._port.errors(_ERRORS)

    def close(self) -> None:
        """Close the link. May be called twice."""
        self._port.close()

    def _update(self) -> tuple[list[float], int, Flag]:
        """Return an update's values, the moment it ended, and what is known against it."""
        if self._refusals >= _REFUSALS:
            return self._at_will()
        try:
            found = self._waited()
        except (MeterOffline, FrameError) as error:
            if isinstance(error.__cause__, OSError) or self._refusals < 0:
                raise
            try:
                at_will = self._at_will()
            except FrameError:
                raise
            except MeterOffline:
                raise error from None
            self._refusals += _REFUSALS if isinstance(error, MeterOffline) else 1
            return at_will
        self._refusals = -1  # it can wait: from now on a failure is just that
        return found

    def _waited(self) -> tuple[list[float], int, Flag]:
        """Return the next update when it ends."""
        self._brake.wait()
        asked_ns = time.monotonic_ns()
        if self._shown_ns is None or asked_ns - self._shown_ns > _FORGET_AFTER_UPDATES * self.aperture_s * 1e9:
            self._port.query(":STAT:EESR?")  # an update that ended before now is old
            self._shown_ns, asked_ns = None, time.monotonic_ns()
        values, is_new = self._values(_NEXT)
        shown_ns, flags = self._placed(asked_ns, time.monotonic_ns())
        return values, shown_ns, flags if is_new else flags | Flag.STALE

    def _at_will(self) -> tuple[list[float], int, Flag]:
        """Return the update that is shown now: up to one interval old, and maybe the one before once more."""
        self._pace.wait()
        try:
            values, _ = self._values(self._question)
        except MeterOffline as error:
            if isinstance(error.__cause__, OSError) or self._refusals >= _REFUSALS or self._places is not None:
                raise
            values, _ = self._values(_SPELT_OUT[_VALUES])
            self._question = _SPELT_OUT[_VALUES]
        answered_ns = time.monotonic_ns()
        last_ns, self._shown_ns = self._shown_ns, answered_ns
        lost = last_ns is not None and is_long(answered_ns - last_ns, self.rate_hz)
        return values, answered_ns, Flag.LOST_BEFORE if lost else Flag(0)

    def _values(self, question: str) -> tuple[list[float], bool]:
        """Return volts, amps and watts, and whether the event register before them tells of a new update."""
        answer = self._port.query(question)
        events, _, values = answer.rpartition(";")
        try:
            return self._picked(values), not events or bool(int(number(events)) & 1)
        except ValueError as error:
            self._port.mistrust()
            raise FrameError(self.name, f"{question}: {error} in {answer[:60]!r}", hint=LINK_HINT) from error

    def _picked(self, values: str) -> list[float]:
        """Return volts, amps and watts: the three that were chosen, or where an instrument that tells more has them."""
        told = values.count(",") + 1
        if self._places is None and told > len(_CHOSEN) and (items := asked(self._port, _ITEMS)):
            self._places = places(items, self._where)
        if self._places is None:
            return numbers(values, len(_CHOSEN), "VAW")
        count, where = self._places
        found = numbers(values, count)
        return [found[where[name]] if name in where else math.nan for name in _CHOSEN]

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


class WT330(WT310E):
    """One element of a WT332E or WT333E, or the sum of those that are wired together; else as the WT310E."""

    class Config(WT310E.Config):
        """Options in the inventory."""

        element: Annotated[Literal["1", "2", "3", "SIGMA"], BeforeValidator(str)] = "1"
        """``SIGMA``: watts are the sum over the elements, volts and amps their mean (``:INP:WIR`` on the panel)."""

        @property
        def where(self) -> str:
            """The element that is read, as the instrument names it."""
            return self.element

    models = ("WT330", "WT332", "WT333")


def _accuracy(model: str, options: WT310E.Config, silent: Sequence[str]) -> Accuracy:
    """Return the larger of the limits for direct current and for 45 to 66 Hz; of watts at power factor 1."""
    amps_of_reading = 0.003 if model.upper().startswith("WT310EH") else 0.001
    volts_range, amps_range = options.volts_range or _VOLTS_RANGES[-1], options.amps_range or _AMPS_RANGES[-1]
    fixed = options.volts_range is not None and options.amps_range is not None
    return Accuracy(
        volts=Tolerance(0.001, 0.002 * volts_range),
        amps=Tolerance(amps_of_reading, 0.002 * amps_range),
        watts=Tolerance(amps_of_reading, 0.002 * volts_range * amps_range),
        source=f"Yokogawa IM WT310E-02EN, section 7.3, 12 months: watts of direct current, or of 45 to 66 Hz at power "
        f"factor 1, {amps_of_reading:.1%} of reading + 0.2 % of volts range times amps range"
        f"{'' if fixed else '; ranges left to the front panel: those of the widest'}" + unconfirmed(silent),
    )


def _told_places(port: ScpiPort, element: str) -> tuple[str, tuple[int, dict[str, int]]] | None:
    """Return the question for values, and where they stand, as the instrument tells it; None where it does not.

    Raises:
        InstrumentFault: they are there, and no watts of the element among them.
    """
    for question, then in ((_ITEMS, _VALUES), (_SPELT_OUT[_ITEMS], _SPELT_OUT[_VALUES])):
        if (items := asked(port, question, tries=1)) and _LIST.match(items):
            try:
                return then, places(items, element)
            except ValueError as error:
                raise InstrumentFault(port.name, f"{question}: {error}", hint="has it that element?") from error
    return None


def prepare(port: ScpiPort, options: WT310E.Config) -> list[str]:
    """Set the instrument up and read back what decides about right or wrong numbers; return what it did not confirm."""
    ranges: list[str] = []
    kept: dict[str, float | str] = {}
    for quantity, chosen in (("VOLT", options.volts_range), ("CURR", options.amps_range)):
        if chosen is not None:
            ranges += [f":INP:{quantity}:AUTO OFF", f":INP:{quantity}:RANG {chosen:g}"]
            kept |= {f":INP:{quantity}:RANG?": chosen, f":INP:{quantity}:AUTO?": 0}
    deciding = (
        f":INP:MODE {options.mode}",
        ":INP:CFAC 3",
        *ranges,
        ":MEAS:AVER:STATE OFF",
        f":RATE {_RATES[options.update_rate_s]}",
        ":NUM:FORM ASC",
        ":NUM:NORM:NUM 3",
        f":NUM:NORM:ITEM1 U,{options.where}",
        f":NUM:NORM:ITEM2 I,{options.where}",
        f":NUM:NORM:ITEM3 P,{options.where}",
    )
    return settle(
        port,
        wanted=(":COMM:HEAD OFF", ":COMM:VERB OFF", ":COMM:REM ON", ":HOLD OFF", ":STAT:FILT1 FALL"),
        deciding=deciding,
        kept=kept,
        errors=_ERRORS,
        hint="is its front panel in use, and has it that element?",
    )
