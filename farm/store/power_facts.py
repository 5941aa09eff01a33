"""What a record says of the watts: of each meter, what it is, what it read and how sure that is."""

from typing import Literal

from power.kind import Kind

from .part import Made, Part


class Watts(Part):
    """Mean power over a window."""

    watts: float
    u_watts: float


class MovingWatts(Part):
    """The highest mean over any stretch of a length."""

    watts: float
    u_watts: float
    over_s: float


class BurstFacts(Part):
    """How a burst of load that the runner made beside its frames shows in a meter's trace; seconds, positive: late."""

    where: Literal["before", "after"]
    lag_s: float
    low_s: float
    high_s: float
    """95 % interval of the lag by the noise of the readings."""
    allowed_s: float
    """What clocks, stamps and the meter's rate may explain."""
    step_watts: float
    u_step_watts: float
    """Standard error."""


class PartFacts(Part):
    """What a part of a frame's work takes, the mean over all frames; see :mod:`power.parts`."""

    name: str
    """``frame``: from its waking to its end; else a stage of it."""
    seconds: float
    joules: float
    """Gross."""
    u_joules: float
    joules_above_idle: float | None = None
    """Less what idling as long would have taken; absent where idle watts were not read."""
    u_joules_above_idle: float | None = None


class BudgetTerm(Part):
    """One source of error of the joules; see :mod:`power.budget`."""

    name: str
    joules: float
    """Half width of a rectangular term, standard deviation of a normal one, size of a full one."""
    shape: Literal["rectangular", "normal", "full"]


class CorrectionFacts(Part):
    """How a unit reads one quantity: ``reading = gain * true + offset``. The record holds what was found true."""

    gain: float
    offset: float
    u_gain: float | None = None
    """By the certificate; absent: the maker's limit of error counts. Likewise the offset's."""
    u_offset: float | None = None


class CalibrationFacts(Part):
    """A meter's calibration by the inventory, and what was corrected by it."""

    date: str | None = None
    """ISO 8601, as the next; absent: it has none, and one is demanded."""
    valid_until: str | None = None
    certificate: str | None = None
    volts: CorrectionFacts | None = None
    amps: CorrectionFacts | None = None
    watts: CorrectionFacts | None = None
    warning: str | None = None
    """What was to be said against it when the trial ran."""


class PowerFacts(Part):
    """One meter on one rail over the measured window."""

    meter: str
    driver: str
    rail: str
    kind: Kind | None = None
    """Absent in older records: not known."""
    within: str | None = None
    """The meter of the same board whose watts hold these."""
    made: Made
    how: Literal["measured", "estimated"] = "measured"
    estimated_why: str | None = None
    """What of it was not measured; absent where all was."""
    maker: str | None = None
    instrument: str | None = None
    serial_number: str | None = None
    firmware: str | None = None
    accuracy_source: str
    accuracy_assumed: bool | None = None
    """Whether any of the limits is nobody's word for this instrument; absent in older records."""
    calibration: CalibrationFacts | None = None
    """Absent: what the unit said stands uncorrected."""
    nominal_rate_hz: float
    rate_hz: float
    jitter_ms: float | None = None
    """Standard deviation of the time from one reading to the next, over all that was read, where none is missing."""
    stale: int = 0
    """Readings, of all, in which the instrument repeated an old value."""
    doubled: int = 0
    """Readings that came a second time and were left out."""
    aperture_s: float
    readings: int
    lost: int
    """Readings that should be inside the window and are not."""
    mean: Watts
    peak_watts: float
    """The highest reading: a mean over ``aperture_s``."""
    u_peak_watts: float | None = None
    """Absent in older records."""
    p99: Watts | None = None
    """What is not exceeded for 99 % of the window's time."""
    short_term: MovingWatts | None = None
    too_slow_for: dict[str, str] = {}
    """What the meter cannot tell → why: figures that are absent; and ``peak_watts``, which then is a lower bound."""
    volts_mean: float | None = None
    """None of a meter that tells watts only."""
    volts_least: float | None = None
    """The lowest reading, under load."""
    u_volts: float | None = None
    """Limit of error of the volts."""
    joules: float
    u_joules: float
    joules_mean_times_duration: float
    """The cross-check: mean of the readings times the window."""
    joules_per_inference: float
    """Gross: idle between frames included."""
    u_joules_per_inference: float
    joules_per_inference_above_idle: float | None = None
    u_joules_per_inference_above_idle: float | None = None
    """None in records from before it was kept."""
    parts: list[PartFacts] = []
    """A frame and its stages, where the meter can tell them apart; ``too_slow_for`` says of the others why not."""
    idle_before: Watts | None = None
    idle_after: Watts | None = None
    budget: list[BudgetTerm] = []
    """What ``u_joules`` is made of; empty in records from before it was kept."""
    bursts: list[BurstFacts] = []
    """Empty where none was made, or the readings around it do not tell."""
