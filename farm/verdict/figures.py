"""The figures of a record that limits can be held against."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ..store.record import PowerFacts, Record, VoidKind

Family = Literal["speed", "accuracy", "power"]

TAINTS: dict[VoidKind, frozenset[Family]] = {
    "throttled": frozenset({"speed", "power"}),
    "settings": frozenset({"speed", "power"}),
    "starved": frozenset({"power"}),  # speed is judged by the figures that leave the waiting out
    "readings lost": frozenset({"power"}),
    "clock": frozenset({"power"}),  # latency is measured on one clock, the board's
    "host": frozenset({"power"}),
}
"""What a void makes worthless. Correct predictions are correct on a throttled board too."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a record, and how far to trust it."""

    got: float | None
    """Absent when the record does not hold it."""
    u: float | None = None
    """Expanded uncertainty; absent for a count."""
    unstarved: float | None = None
    """What it would have been had no frame waited for a processor; absent where unknown or without meaning."""
    why: str = ""
    """Why nothing can be decided by it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One limit that there can be."""

    limit: str
    """Its name in :class:`.criteria.Limits`."""
    name: str
    unit: str
    at_most: bool
    family: Family
    figure: Callable[[Record], Figure]
    slack: float = 1e-9
    """Fraction of the limit that counts as keeping it; by default what floats lose in a subtraction."""


def _fps(record: Record) -> Figure:
    return Figure(record.deadlines.fps, unstarved=record.deadlines.fps_unstarved)


def _p99_ms(record: Record) -> Figure:
    return Figure(record.latency.p99_ms, unstarved=record.latency.p99_unstarved_ms)


def _missed(record: Record) -> Figure:
    frames, unstarved = record.scenario.frames, record.deadlines.missed_unstarved
    return Figure(record.deadlines.missed / frames, unstarved=None if unstarved is None else unstarved / frames)


def _accuracy(record: Record) -> Figure:
    if record.accuracy is None:
        return Figure(None, why="the record states no accuracy")
    return Figure(record.accuracy.fraction, why=_not_all_images(record))


def _loss(record: Record) -> Figure:
    if record.accuracy is None or record.accuracy.loss is None:
        return Figure(None, why=_not_all_images(record) or "the record states no accuracy loss")
    return Figure(record.accuracy.loss)


def _not_all_images(record: Record) -> str:
    if record.accuracy is None or record.accuracy.total == record.dataset.images:
        return ""
    return f"only {record.accuracy.total} of the data set's {record.dataset.images} images were predicted"


def _power(take: Callable[[PowerFacts], tuple[float, float]]) -> Callable[[Record], Figure]:
    """Hold the limit against the bench's first meter: it stands for the board's supply."""

    def figure(record: Record) -> Figure:
        if (supply := record.supply) is None:
            return Figure(None, why="the record states no power")
        got, u = take(supply)
        why = f"{supply.meter} estimates: only a measurement decides" if supply.how == "estimated" else ""
        return Figure(got, u, why=why)

    return figure


def _mean(power: PowerFacts) -> tuple[float, float]:
    return power.mean.watts, power.mean.u_watts


def _peak(power: PowerFacts) -> tuple[float, float]:
    """Return the highest reading; its uncertainty in proportion to the mean's."""
    relative = power.mean.u_watts / power.mean.watts if power.mean.watts else 0.0
    return power.peak_watts, abs(relative * power.peak_watts)


def _joules(power: PowerFacts) -> tuple[float, float]:
    return power.joules_per_inference, power.u_joules_per_inference


KINDS = (
    # a board's clock is known to about 100 ppm, so its frames per second are too
    Kind("min_fps", "fps", "fps", at_most=False, family="speed", figure=_fps, slack=1e-4),
    Kind("max_p99_ms", "p99_ms", "ms", at_most=True, family="speed", figure=_p99_ms),
    Kind("max_missed_fraction", "missed_fraction", "", at_most=True, family="speed", figure=_missed),
    Kind("min_accuracy", "accuracy", "", at_most=False, family="accuracy", figure=_accuracy),
    Kind("max_accuracy_loss", "accuracy_loss", "", at_most=True, family="accuracy", figure=_loss),
    Kind("max_mean_watts", "mean_watts", "W", at_most=True, family="power", figure=_power(_mean)),
    Kind("max_peak_watts", "peak_watts", "W", at_most=True, family="power", figure=_power(_peak)),
    Kind("max_joules_per_inference", "joules_per_inference", "J", at_most=True, family="power", figure=_power(_joules)),
)
"""Every limit there is, in the order in which they are printed."""
