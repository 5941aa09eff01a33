"""A meter whose readings are put right by its certificate of calibration.

What is written down is how the unit reads: ``reading = gain * true + offset``. A certificate that lists readings beside
true values gives both by a straight line; one that lists correction factors (true = factor * reading) gives
``gain = 1 / factor``. What the unit itself had said can be had back with the same two numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from types import TracebackType
from typing import Annotated, Any, Self, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from .apart import Exchange, apart
from .block import Block
from .meter import Accuracy, Meter, Tolerance

_MOST_OFF = 0.2
"""Assumed: a unit that is further off is broken, or its factor stands the wrong way round."""


def _date(value: object) -> object:
    """Return the date of a text; the inventory's YAML has no dates."""
    if not isinstance(value, str):
        return value
    try:
        read = date.fromisoformat(value)
    except ValueError:
        raise ValueError("is no date; write it as 2026-01-31") from None
    if read > datetime.now(UTC).date() + timedelta(days=1):  # somewhere it is tomorrow already
        raise ValueError(f"{read} lies in the future; write the day of the certificate")
    return read


Day = Annotated[date, BeforeValidator(_date), Field(json_schema_extra={"format": "date"})]


def _near_one(gain: float) -> float:
    if not abs(gain - 1) <= _MOST_OFF:
        raise ValueError(f"{gain:g} is no gain of a meter that works; write reading / true value, near 1")
    return gain


class Correction(BaseModel):
    """How the unit reads one quantity: ``reading = gain * true + offset``."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    gain: Annotated[float, AfterValidator(_near_one)] = 1.0
    """Reading over true value; a certificate's correction factor is one over it."""
    offset: float = 0.0
    """What it reads for nothing, in volts, amps or watts."""
    u_gain: float | None = Field(default=None, ge=0, le=_MOST_OFF)
    """Expanded uncertainty of the gain (k = 2), as a fraction; absent: the maker's limit of error stays."""
    u_offset: float | None = Field(default=None, ge=0)
    """The same of the offset, in volts, amps or watts."""


class Calibration(BaseModel):
    """What a certificate says of one unit."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    date: Day
    """Of the measurement, as in 2026-01-31."""
    valid_days: int = Field(default=365, ge=1, le=3660)
    certificate: str = Field(default="", max_length=200)
    """Its number, and whose it is."""
    volts: Correction | None = None
    amps: Correction | None = None
    watts: Correction | None = None
    """Of a meter that measures power as such; of another one instead of ``volts`` and ``amps``."""

    @model_validator(mode="after")
    def _watts_once(self) -> Self:
        """Refuse watts that would be corrected twice."""
        if self.watts is not None and (self.volts is not None or self.amps is not None):
            raise ValueError("corrects watts, and volts or amps besides; leave one of them out, or watts count twice")
        return self

    @property
    def valid_until(self) -> Day:
        """The last day of it."""
        return self.date + timedelta(days=self.valid_days)

    def expired(self, today: Day) -> bool:
        """Return whether it counts no more."""
        return today > self.valid_until

    def __str__(self) -> str:
        """Say which it is."""
        which = f" (certificate {self.certificate})" if self.certificate else ""
        return f"calibrated on {self.date}{which}, valid until {self.valid_until}"


def calibrated(meter: Meter, calibration: Calibration | None) -> Meter:
    """Return the meter with its readings corrected; itself without a calibration."""
    return meter if calibration is None else cast("Meter", CalibratedMeter(meter, calibration))


def raw(meter: Meter) -> Meter:
    """Return the meter without its calibration: what the unit itself says."""
    return cast("CalibratedMeter", meter).uncorrected if isinstance(meter, CalibratedMeter) else meter


@dataclass(frozen=True, slots=True)
class CalibratedMeter:
    """A :class:`~power.meter.Meter` that says everything as the one inside does, but readings and limits of error."""

    uncorrected: Meter
    calibration: Calibration

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the meter has
        """Return what the meter has."""
        return getattr(self.uncorrected, name)

    @property
    def accuracy(self) -> Accuracy:
        """The certificate's uncertainty where it tells one, else the maker's limits."""
        said, by = self.uncorrected.accuracy, self.calibration
        return replace(
            said,
            volts=_tolerance(said.volts, by.volts),
            amps=_tolerance(said.amps, by.amps),
            watts=_tolerance(said.watts, by.watts),
            source=f"{said.source}; {by}",
        )

    def read(self) -> Block:
        """Return one fresh reading, corrected."""
        return corrected(self.uncorrected.read(), self.calibration)

    def stream(self) -> Iterator[Block]:
        """Yield corrected blocks."""
        for block in self.uncorrected.stream():
            yield corrected(block, self.calibration)

    def apart(self) -> Exchange | None:
        """Return corrected readings in halves, where the meter has them."""
        inside = apart(self.uncorrected)
        return None if inside is None else cast("Exchange", _Corrected(inside, self.calibration))

    def __enter__(self) -> Self:
        """Return the meter itself."""
        self.uncorrected.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the port."""
        self.uncorrected.__exit__(kind, error, trace)


@dataclass(frozen=True, slots=True)
class _Corrected:
    """An exchange whose readings are corrected."""

    uncorrected: Exchange
    calibration: Calibration

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the exchange has
        return getattr(self.uncorrected, name)

    def take(self, arrived_ns: int) -> Block | None:
        block = self.uncorrected.take(arrived_ns)
        return None if block is None else corrected(block, self.calibration)


def corrected(block: Block, calibration: Calibration) -> Block:
    """Return what was true when the unit read this. Of its own watts, only a correction of watts changes them."""
    volts, amps, watts = calibration.volts, calibration.amps, calibration.watts
    if watts is not None:
        return replace(block, own_watts=(block.watts - watts.offset) / watts.gain)
    return replace(
        block,
        volts=block.volts if volts is None else (block.volts - volts.offset) / volts.gain,
        amps=block.amps if amps is None else (block.amps - amps.offset) / amps.gain,
    )


def _tolerance(said: Tolerance | None, by: Correction | None) -> Tolerance | None:
    if by is None:
        return said
    if said is None:
        return None if by.u_gain is None or by.u_offset is None else Tolerance(by.u_gain, by.u_offset)
    return Tolerance(
        said.of_reading if by.u_gain is None else by.u_gain, said.offset if by.u_offset is None else by.u_offset
    )
