"""Digital multimeters: one quantity measured, the other known from elsewhere or not at all.

A multimeter in series tells amps, one in parallel volts. Watts need both: ``assume_volts: 5.0`` (or ``assume_amps``)
states the other one, within ``assume_tolerance``; every record then says that it was assumed. Without it the other
quantity is unknown, and so are the watts.

With ``sample_rate_hz`` the instrument measures by its own timer into its memory, which is fetched in blocks.
"""

import math
import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..apart import Exchange
from ..block import Block, Flag
from ..errors import InstrumentFault
from ..meter import Accuracy, Identity, Tolerance
from .asked import AskedMeter, Way
from .memory import Memory, lots
from .opening import ScpiOptions, opened, unconfirmed
from .port import ScpiPort
from .setup import SILENT, asked, knows_not, settle, told

Limits = Mapping[float, tuple[float, float]]
"""Range in volts or amps → limits of error as a fraction of the reading and as a fraction of the range."""
_TIMER_SHARE = 0.8
"""Of the timer's interval: the rest goes into starting the next conversion (assumed)."""
_FUNCTIONS = ("VOLT", "CURR", "RES", "FRES", "FREQ", "PER", "TEMP", "DIOD", "CONT", "CAP")
"""What multimeters measure, as they name it; any other word says nothing."""
_UNKNOWN = Tolerance(0.05, 0.0)
"""Of a quantity that is neither measured nor assumed. Its readings are NaN, so no watts are ever judged by it."""


def _name_ranges(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Add the model's own ranges to the schema, for editors and for who asks for an option's choices."""
    ranges: dict[str, Limits] = getattr(model, "ranges", {})
    for quantity, limits in ranges.items():
        schema["properties"][f"{quantity}_range"]["enum"] = list(limits)


class Multimeter(AskedMeter):
    """Amps or volts of a multimeter, measured on demand; ``t_ns`` is the middle of question and answer."""

    class Config(ScpiOptions):
        """Options in the inventory."""

        model_config = ConfigDict(json_schema_extra=_name_ranges)

        measures: Literal["amps", "volts"] | None = None
        """What its terminals are wired to. Absent: what the other options say, else what its front panel is set to."""
        amps_range: float | None = None
        """Fixed, and good for 120 % of it; absent: automatic, and the limits of error are those of the widest range."""
        volts_range: float | None = None
        """As ``amps_range``."""
        aperture_s: float = Field(default=0.02, gt=0, le=1)
        """Each reading averages over this long. One period of the mains keeps its hum out."""
        sample_rate_hz: float | None = Field(default=None, gt=0)
        """Measured so often by the instrument's timer, and fetched in blocks. Absent: measured on demand."""
        assume_volts: float | None = Field(default=None, gt=0)
        """The supply's volts, where amps are measured. Absent: volts and watts are unknown."""
        assume_amps: float | None = Field(default=None, gt=0)
        """The load's amps, where volts are measured."""
        assume_tolerance: float = Field(default=0.05, gt=0, lt=0.1)
        """How far the assumed value may be off, as a fraction; 5 % is what a USB or ATX supply keeps."""

        ranges: ClassVar[dict[str, Limits]] = {"amps": {}, "volts": {}}
        """The model's: see :data:`Limits`."""
        rates_hz: ClassVar[tuple[float, float]] = (0.0, 0.0)
        """The model's slowest and fastest timer."""

        @model_validator(mode="after")
        def _fits(self) -> Self:
            measured = self.quantity
            for quantity, chosen in (("amps", self.amps_range), ("volts", self.volts_range)):
                if chosen is not None and quantity != measured:
                    raise ValueError(f"{quantity}_range: it measures {measured}; set `measures: {quantity}`")
                if chosen is not None and chosen not in self.ranges[quantity]:
                    has = ", ".join(f"{r:g}" for r in self.ranges[quantity])
                    raise ValueError(f"{quantity}_range {chosen:g}: the instrument has {has}")
            if self.sample_rate_hz is not None:
                slowest, fastest = self.rates_hz
                if not slowest <= self.sample_rate_hz <= fastest:
                    raise ValueError(f"sample_rate_hz: this instrument samples at {slowest:g} to {fastest:g} Hz")
                if self.range is None:
                    has = ", ".join(f"{r:g}" for r in self.ranges[measured])
                    raise ValueError(f"sample_rate_hz needs a fixed {measured}_range; the instrument has {has}")
            if (self.assume_volts if measured == "volts" else self.assume_amps) is not None:
                raise ValueError(f"assume_{measured}: {measured} are measured; assume the other quantity")
            return self

        @property
        def said(self) -> Literal["amps", "volts"] | None:
            """The measured quantity, as far as options say it."""
            if self.measures is not None:
                return self.measures
            if self.amps_range is not None or self.assume_volts is not None:
                return "amps"
            return "volts" if self.volts_range is not None or self.assume_amps is not None else None

        @property
        def quantity(self) -> Literal["amps", "volts"]:
            """The measured quantity; amps where nothing says otherwise."""
            return self.said or "amps"

        @property
        def range(self) -> float | None:
            """The fixed range of the measured quantity."""
            return self.amps_range if self.quantity == "amps" else self.volts_range

        @property
        def averages_s(self) -> float:
            """The aperture, as far as a timer leaves room for it."""
            return min(self.aperture_s, _TIMER_SHARE / self.sample_rate_hz) if self.sample_rate_hz else self.aperture_s

        @property
        def function(self) -> str:
            """The quantity as SCPI names it."""
            return "CURR" if self.quantity == "amps" else "VOLT"

    verified: ClassVar[tuple[str, ...]] = ("twin", "published bytes")
    models: ClassVar[tuple[str, ...]]
    present: ClassVar[str]
    """Asks what it measures."""
    single: ClassVar[tuple[str, ...]]
    """Makes it answer a question with one reading, whatever else its front panel is set to."""
    aperture: ClassVar[str]
    """Asks how long a reading averages; ``{f}`` is the function."""
    source: ClassVar[str]
    """Where the limits of error are written."""
    looked_up: ClassVar[Mapping[tuple[str, float], tuple[float, float, str]]] = {}
    """Quantity and range, measured on demand → limits as in :data:`Limits`, and where the maker states them."""
    _PERIOD_S: ClassVar[float] = 0.092
    """The shortest time between two readings on demand: assumed. No multiple of a usual frame period."""
    _BUSY: ClassVar[float] = 3.0
    """A reading takes this many apertures: it measures its own zero as well (assumed)."""

    def __init__(
        self, name: str, port: ScpiPort, options: "Multimeter.Config", identity: Identity | None = None
    ) -> None:
        """Sit on an open port to a multimeter that is set up."""
        on_demand_s = max(self._PERIOD_S, self._BUSY * options.aperture_s)
        self.rate_hz = options.sample_rate_hz or 1 / on_demand_s
        super().__init__(name, port, identity or Identity("", self.models[0]), self._known_ways(options))
        self.aperture_s = options.averages_s
        self._options = options
        self.accuracy = self._limits(())

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Open the link, identify the multimeter, choose its quantity and range.

        Raises:
            MeterOffline: nothing answers there.
            WrongInstrument: something else answers there.
            InstrumentFault: it refuses the quantity or the range, or does not keep it.
        """
        options = cls.Config.model_validate(config)

        def make(port: ScpiPort, identity: Identity) -> Self:
            is_set = _is_set_to(port, cls.present) if options.said is None else None
            chosen = options if is_set is None else options.model_copy(update={"measures": is_set})
            silent = cls._prepared(port, chosen) if is_set is None else settle(port, wanted=cls.single, hint="")
            meter = cls(name, port, chosen, identity)
            if silent is None:
                silent = [f"that it measures {chosen.quantity}"]
                naming = [way for way in meter._ways if "MEAS" in way.asks[0].question.upper()]
                others = [way for way in meter._ways if way not in naming]
                meter._ways = naming + (others if options.measures else [])  # who wired it knows what it measures
            asks = len(silent) < SILENT and options.sample_rate_hz is None
            if asks and (aperture_s := told(port, cls.aperture.format(f=chosen.function))):
                meter.aperture_s = min(aperture_s, 1 / meter.rate_hz)
            meter.accuracy = meter._limits(silent)
            return meter

        return opened(name, options, make, models=cls.models, timeout_s=2.0 + 2 * cls._BUSY * options.aperture_s)

    @classmethod
    def _prepared(cls, port: ScpiPort, options: "Multimeter.Config") -> list[str] | None:
        """Return as :meth:`prepare`; None where it does not know how to choose: a question must name the quantity."""
        try:
            return cls.prepare(port, options)
        except InstrumentFault as fault:
            if not knows_not(fault) or options.range is not None:
                raise
            return None

    @classmethod
    def _known_ways(cls, options: "Multimeter.Config") -> list[Way]:
        """Return the questions for one reading; of both quantities where nothing says which is measured."""
        if options.said is not None:
            return [*cls.ways(options)]
        both = [cls.ways(options.model_copy(update={"measures": quantity})) for quantity in ("amps", "volts")]
        return [way for alike in zip(*both, strict=True) for way in alike]

    @classmethod
    @abstractmethod
    def prepare(cls, port: ScpiPort, options: "Multimeter.Config") -> list[str]:
        """Choose quantity, range and aperture; return the questions that stayed unanswered."""

    @classmethod
    @abstractmethod
    def ways(cls, options: "Multimeter.Config") -> Sequence[Way]:
        """Return the questions for one reading."""

    def block_of(self, t_ns: int, found: dict[str, float], flags: Flag) -> Block:
        """Add what is assumed of the other quantity; where nobody said what is measured, the answer's unit may."""
        if self._options.quantity not in found:
            (measured,) = found
            self._options = self._options.model_copy(update={"measures": measured})
            self.accuracy = self._limits((self.present,))
        return Block.one(t_ns, *self._both(found[self._options.quantity]), flags)

    def apart(self) -> Exchange | None:
        """Return readings on demand in halves; a timer's are fetched."""
        return super().apart() if self._options.sample_rate_hz is None else None

    def stream(self) -> Iterator[Block]:
        """Yield readings until the caller stops: one by one, or in blocks of what the timer took since the last.

        Raises:
            MeterOffline: no answer, or the timer has stopped.
            FrameError: not numbers, or not as many as there are.
        """
        if self._options.sample_rate_hz is None:
            yield from super().stream()
            return
        for t_ns, values, lost in lots(self.name, self.memory(), self.rate_hz):
            yield self._many(t_ns, values, lost=lost)

    @abstractmethod
    def memory(self) -> Memory:
        """Return the instrument's memory, where its timer puts readings."""

    def _many(self, t_ns: NDArray[np.int64], values: NDArray[np.float64], *, lost: bool) -> Block:
        flags = np.where(np.isinf(values), np.uint8(Flag.OVERLOAD), np.uint8(0))
        flags[0] |= np.uint8(Flag.LOST_BEFORE if lost else 0)
        found = np.where(np.isfinite(values), values, np.nan)
        volts, amps = (np.full(len(values), known) for known in self._both(math.nan))
        volts, amps = (volts, found) if self._options.quantity == "amps" else (found, amps)
        return Block(t_ns + round(self.aperture_s * 5e8), volts, amps, flags)

    def _both(self, value: float) -> tuple[float, float]:
        if self._options.quantity == "amps":
            return math.nan if self._options.assume_volts is None else self._options.assume_volts, value
        return value, math.nan if self._options.assume_amps is None else self._options.assume_amps

    def _limits(self, silent: Sequence[str]) -> Accuracy:
        options, measured = self._options, self._options.quantity
        other = "volts" if measured == "amps" else "amps"
        table = options.ranges[measured]
        on_range = max(table) if options.range is None else options.range
        of_reading = table[on_range][0] if options.range else max(rdg for rdg, _ in table.values())
        stated = self.looked_up.get((measured, options.range or 0.0)) if options.sample_rate_hz is None else None
        of_reading, of_range = stated[:2] if stated else (of_reading, table[on_range][1])
        limit = Tolerance(of_reading, of_range * on_range)
        assumed = options.assume_volts if other == "volts" else options.assume_amps
        source = f"{measured}: {stated[2] if stated else self.source}"
        source += f", {on_range:g} {measured[0].upper()} range" if options.range else ", widest range"
        if assumed is None:
            source += f"; {other} are not measured"
        else:
            source += f"; {other}: assumed {assumed:g}, within {options.assume_tolerance:.1%}"
        others = _UNKNOWN if assumed is None else Tolerance(options.assume_tolerance, 0.0)
        volts, amps = (others, limit) if measured == "amps" else (limit, others)
        by_guess = stated is None or assumed is not None
        return Accuracy(volts, amps, source + unconfirmed(silent), assumed=by_guess)


def _is_set_to(port: ScpiPort, question: str) -> Literal["amps", "volts"] | None:
    """Return what the instrument measures; None where it does not say.

    Raises:
        InstrumentFault: something else.
    """
    answer = (asked(port, question) or "").upper()
    found = re.match(r"[\"'\s]*([A-Z]+)[A-Z]*(:AC)?", answer)
    if found is None or not found[1].startswith(_FUNCTIONS):
        return None
    if found[1].startswith("VOLT") and not found[2]:
        return "volts"
    if found[1].startswith("CURR") and not found[2]:
        return "amps"
    hint = "say what it is wired for: `measures: amps` or `measures: volts`"
    raise InstrumentFault(port.name, f"it is set to {answer[:40]}, which is neither direct volts nor amps", hint=hint)
