"""The figures of a record that limits can be held against."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from ..lab.rails import WORDS
from ..store.record import MovingWatts, PowerFacts, Record, VoidKind, Watts

Family = Literal["speed", "accuracy", "power", "release", "boot"]
"""What a figure tells of; the last two are made before the first frame."""


TAINTS: dict[VoidKind, frozenset[Family]] = {
    "throttled": frozenset({"speed", "power"}),
    "settings": frozenset({"speed", "power"}),
    "starved": frozenset({"power"}),  # speed is judged by the figures that leave the waiting out
    "readings lost": frozenset({"power"}),
    "bandwidth": frozenset({"power"}),
    "clock": frozenset({"power"}),  # latency is measured on one clock, the board's
    "bursts": frozenset({"power"}),
    "host": frozenset({"power"}),
    "supply": frozenset({"speed", "power"}),  # a board that lacks volts holds itself back
    "meters": frozenset({"power"}),
    "short": frozenset({"speed", "power"}),
    "link": frozenset({"speed", "power"}),
    "demand": frozenset({"speed", "power"}),
    "unwatched": frozenset({"speed", "power"}),
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
    at_least: str = ""
    """Why the truth may be higher: then it can miss a limit, and keep none."""
    of: str = ""
    """Whose it is, where a board has several: the meter, its rail and kind."""


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
    exact: bool = False
    """A count that every trial of a release repeats: it has no scatter."""
    compares: bool = True
    """Whether a ratio to the baseline's means anything: not of what may be 0, nor of a boot that many trials share."""
    slack: float = 1e-9
    """Fraction of the limit that counts as keeping it; by default what floats lose in a subtraction."""


def _untimed(record: Record) -> str:
    return "" if record.scenario.timed else f"in the scenario {record.scenario.name} nothing is said of speed"


def _fps(record: Record) -> Figure:
    if why := _untimed(record):
        return Figure(None, why=why)
    return Figure(record.deadlines.fps, unstarved=record.deadlines.fps_unstarved)


def _p99_ms(record: Record) -> Figure:
    if why := _untimed(record):
        return Figure(None, why=why)
    return Figure(record.latency.p99_ms, unstarved=record.latency.p99_unstarved_ms)


def _missed(record: Record) -> Figure:
    frames, unstarved = record.scenario.frames, record.deadlines.missed_unstarved
    if record.deadlines.missed is None:
        return Figure(None, why=f"in the scenario {record.scenario.name} nothing has a deadline")
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


def _size(record: Record) -> Figure:
    return Figure(record.artifact.size_bytes)


def _boot_s(record: Record) -> Figure:
    if record.boot is None:
        return Figure(None, why="no boot was watched: the board was up already")
    return Figure(record.boot.up_s)


def _power(take: Callable[[PowerFacts], Figure]) -> Callable[[Record], Figure]:
    """Hold the limit against the bench's first meter: it stands for the board's supply."""

    def figure(record: Record) -> Figure:
        if (supply := record.supply) is None:
            return Figure(None, why="the record states no power")
        found = take(supply)
        return replace(found, why=_estimates(supply) or found.why, of=_of(supply))

    return figure


def _of(power: PowerFacts) -> str:
    kind = "" if power.kind is None else f", {WORDS[power.kind]}"
    return f"{power.meter}, {power.rail}{kind}"


def _estimates(power: PowerFacts) -> str:
    if power.how == "measured":
        return ""
    because = f" ({power.estimated_why})" if power.estimated_why else ""
    return f"{power.meter} estimates: only a measurement decides{because}"


def _mean(power: PowerFacts) -> Figure:
    return Figure(power.mean.watts, power.mean.u_watts)


def _peak(power: PowerFacts) -> Figure:
    """Return the highest reading; of an older record its uncertainty is in proportion to the mean's."""
    relative = power.mean.u_watts / power.mean.watts if power.mean.watts else 0.0
    u_watts = abs(relative * power.peak_watts) if power.u_peak_watts is None else power.u_peak_watts
    slow = power.too_slow_for.get("peak_watts", "")
    return Figure(power.peak_watts, u_watts, at_least=slow and f"{power.meter}: {slow}")


def _high(name: str, take: Callable[[PowerFacts], Watts | MovingWatts | None]) -> Callable[[PowerFacts], Figure]:
    def figure(power: PowerFacts) -> Figure:
        found = take(power)
        if found is None:
            slow = power.too_slow_for.get(name, "the record is older than this figure")
            return Figure(None, why=f"{power.meter}: {slow}")
        return Figure(found.watts, found.u_watts)

    return figure


def _joules(power: PowerFacts) -> Figure:
    return Figure(power.joules_per_inference, power.u_joules_per_inference)


def _idle(record: Record) -> Figure:
    """Return the larger of the idle watts before and after."""
    if (supply := record.supply) is None:
        return Figure(None, why="the record states no power")
    found = [idle for idle in (supply.idle_before, supply.idle_after) if idle is not None]
    if not found:
        return Figure(None, why="idle watts were not measured")
    most = max(found, key=lambda idle: idle.watts)
    return Figure(most.watts, most.u_watts, why=_estimates(supply), of=_of(supply))


KINDS = (
    # a board's clock is known to about 100 ppm, so its frames per second are too
    Kind("min_fps", "fps", "fps", at_most=False, family="speed", figure=_fps, slack=1e-4),
    Kind("max_p99_ms", "p99_ms", "ms", at_most=True, family="speed", figure=_p99_ms),
    Kind("max_missed_fraction", "missed_fraction", "", at_most=True, family="speed", figure=_missed, compares=False),
    Kind("min_accuracy", "accuracy", "", at_most=False, family="accuracy", figure=_accuracy, exact=True),
    Kind("max_accuracy_loss", "accuracy_loss", "", True, "accuracy", _loss, exact=True, compares=False),
    Kind("max_mean_watts", "mean_watts", "W", at_most=True, family="power", figure=_power(_mean)),
    Kind("max_peak_watts", "peak_watts", "W", at_most=True, family="power", figure=_power(_peak)),
    Kind("max_p99_watts", "p99_watts", "W", True, "power", _power(_high("p99_watts", lambda p: p.p99))),
    Kind(
        "max_short_term_watts",
        "short_term_watts",
        "W",
        True,
        "power",
        _power(_high("short_term_watts", lambda p: p.short_term)),
    ),
    Kind("max_joules_per_inference", "joules_per_inference", "J", True, "power", _power(_joules)),
    Kind("max_idle_watts", "idle_watts", "W", at_most=True, family="power", figure=_idle),
    Kind("max_size_bytes", "size_bytes", "B", at_most=True, family="release", figure=_size, exact=True),
    Kind("max_boot_s", "boot_s", "s", at_most=True, family="boot", figure=_boot_s, compares=False),
)
"""Every limit there is, in the order in which they are printed."""
