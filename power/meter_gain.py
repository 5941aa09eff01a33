"""Is the scale of a meter right? Its readings against a known load, or against another meter on the same rail. Pure."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .block import Block
from .meter import Accuracy, Tolerance
from .meter_check import LEAST_READINGS, LINK_HINT, SIGMAS, UNITS, Finding, Floats, standard_error

_STEP_NOISES = 10.0
"""A step is no noise when it is so many times as high (assumed)."""
_EDGES = 2
"""A load that was switched on, off, or on and off again."""
_LOW, _HIGH = 0.1, 0.9
_LEAST_STRETCHES = 3
_PERIODS = 3.0
"""Readings of the slower meter in a stretch over which two are compared (assumed): their stamps differ by less."""
_GAIN_HINT = "is the load what was said, measured at its terminals? Look at shunt, range and scale; have it calibrated"


@dataclass(frozen=True, slots=True)
class Load:
    """A known load."""

    ohms: float | None = None
    watts: float | None = None
    """Either one."""
    tolerance: float = 0.01
    """Of it, as a fraction."""


def against_load(block: Block, accuracy: Accuracy, load: Load) -> Finding:
    """Return whether the readings are what a known load makes of them; where it was switched meanwhile, their step."""
    name = "amps" if load.ohms is not None else "watts"
    if load.ohms is not None and not np.isfinite(block.volts * block.amps).any():
        what = "tells not both volts and amps, which a load in ohms is held against"
        return Finding("load", "not held against it", {}, what, "say what it takes: --load-watts")
    found = _levels(block, name)
    if found is None:
        return Finding("load", "too few readings", {}, "too few readings with a value to tell", LINK_HINT)
    low, high, stepped = found
    size = high - low
    true = size.volts / load.ohms if load.ohms is not None else (load.watts or math.nan)
    if stepped and load.ohms is not None:
        true = high.volts / load.ohms  # what else hangs on the rail goes on
    if not true > 0:
        return Finding("load", "no volts on it", {}, "no volts lie on the load", "switch the rail on, the load with it")
    allowed, why = _allowed(high, size, true, accuracy, load, stepped=stepped)
    got = size.amps if name == "amps" else size.watts
    gain, unit, u = got / true, UNITS[name], SIGMAS * size.u(name) / true
    figures: dict[str, float | None] = {
        "got": got,
        "expected": true,
        "gain": gain,
        "allowed": allowed,
        "u_gain": u,
        "stepped": int(stepped),
    }
    how = "its step is" if stepped else "reads"
    said = f"{how} {got:.5g} {unit} where the load takes {true:.5g} {unit}: gain {gain:.4f}, allowed 1 ± {allowed:.4f}"
    if stepped:
        figures["rise_s"] = took_s = rise_s(block, name)
        said += f"; from {_LOW:.0%} to {_HIGH:.0%} in {took_s:.3g} s"
    wrong = ""
    if abs(gain - 1) - u > allowed:
        wrong = f"reads {gain:.4g} times the {true:.5g} {unit} of the load; {why} allow 1 ± {allowed:.3g}"
    return Finding("load", said, figures, wrong, _GAIN_HINT)


@dataclass(frozen=True, slots=True)
class _Level:
    """Means over readings of one state of the load, and their standard errors."""

    volts: float
    amps: float
    watts: float
    u_amps: float = 0.0
    u_watts: float = 0.0

    def u(self, name: str) -> float:
        """Return the standard error of a quantity."""
        return self.u_amps if name == "amps" else self.u_watts

    def __sub__(self, other: "_Level") -> "_Level":
        return _Level(
            self.volts - other.volts,
            self.amps - other.amps,
            self.watts - other.watts,
            math.hypot(self.u_amps, other.u_amps),
            math.hypot(self.u_watts, other.u_watts),
        )


_NOTHING = _Level(0.0, 0.0, 0.0)


def _levels(block: Block, name: str) -> tuple[_Level, _Level, bool] | None:
    """Return the level without and with the load, and whether both were seen; else nothing and the one that was."""
    usable = block.pick(np.isfinite(block.volts * block.amps if name == "amps" else block.watts))
    if len(usable) < LEAST_READINGS:
        return None
    on = _on(usable, name)
    if on is None:
        return _NOTHING, _mean(usable), False
    return _plateau(usable.pick(~on)), _plateau(usable.pick(on)), True


def _on(block: Block, name: str) -> NDArray[np.bool_] | None:
    """Return which readings lie above the middle of a step; None where there is none."""
    column = block.amps if name == "amps" else block.watts
    on = column > (column.min() + column.max()) / 2
    if min(on.sum(), (~on).sum()) < LEAST_READINGS:
        return None
    height = column[on].mean() - column[~on].mean()
    scatter = max(float(np.median(np.abs(part - np.median(part)))) for part in (column[on], column[~on]))
    return on if np.count_nonzero(np.diff(on)) <= _EDGES and height > _STEP_NOISES * scatter else None


def _plateau(block: Block) -> _Level:
    """Return the medians of a level: a few readings on the flank of its step change nothing."""
    volts, amps, watts = (float(np.median(column)) for column in (block.volts, block.amps, block.watts))
    return _Level(volts, amps, watts, _of_median(block.amps), _of_median(block.watts))


def _of_median(column: Floats) -> float:
    """Return the standard error of a median, by the median of its deviations; of Gaussian noise."""
    return 1.4826 * 1.2533 * float(np.median(np.abs(column - np.median(column)))) / math.sqrt(len(column))


def _mean(block: Block) -> _Level:
    volts, amps, watts = (float(column.mean()) for column in (block.volts, block.amps, block.watts))
    return _Level(volts, amps, watts, standard_error(block.amps), standard_error(block.watts))


def _allowed(
    high: _Level, size: _Level, true: float, accuracy: Accuracy, load: Load, *, stepped: bool
) -> tuple[float, str]:
    """Return by how much the gain may be off 1, as a fraction, and what allows it. In a step, offsets cancel."""
    watts, volts, amps = accuracy.watts, accuracy.volts, accuracy.amps
    told = f"the load's {load.tolerance:.3g}"
    if load.ohms is None and watts is not None:
        own = watts.of_reading + (0.0 if stepped else watts.offset / true)
        return load.tolerance + own, f"{told} and its limit of error of {own:.3g}"
    if volts is None or amps is None:
        own = 0.0 if watts is None else watts.of_reading + watts.offset / true
        return load.tolerance + own, f"{told} and its limit of error of {own:.3g}"
    of_volts = volts.of_reading + volts.offset / max(abs(high.volts), 1e-9)
    of_amps = amps.of_reading + (0.0 if stepped else amps.offset / max(abs(size.amps), 1e-9))
    return load.tolerance + of_volts + of_amps, f"{told}, its volts' {of_volts:.3g} and its amps' {of_amps:.3g}"


def rise_s(block: Block, name: str) -> float:
    """Return how long the readings take from a tenth to nine tenths of their step; at least the gap between two."""
    column = block.amps if name == "amps" else block.watts
    kept = block.pick(np.isfinite(column))
    column = column[np.isfinite(column)]
    if column[-1] < column[0]:
        column = -column
    low, high = float(np.median(column[column < column.mean()])), float(np.median(column[column > column.mean()]))
    part = (column - low) / (high - low)
    above = int(np.argmax(part >= _HIGH))
    below = int(np.flatnonzero(part[: above + 1] <= _LOW)[-1]) if (part[: above + 1] <= _LOW).any() else 0
    return float(kept.t_ns[above] - kept.t_ns[below]) / 1e9


@dataclass(frozen=True, slots=True)
class Read:
    """What one meter read, and how far it may be off."""

    name: str
    block: Block
    accuracy: Accuracy
    rate_hz: float


def against_meter(one: Read, other: Read) -> list[Finding]:
    """Return whether two meters that read one rail at the same time agree, quantity by quantity.

    Which of them is right is not known. Where the load changed enough, gain and offset are told apart.
    """
    names = [
        name
        for name in ("volts", "amps", "watts")
        if np.isfinite(_column(one.block, name)).any() and np.isfinite(_column(other.block, name)).any()
    ]
    return [_compared(name, one, other) for name in names]


def _column(block: Block, name: str) -> Floats:
    return {"volts": block.volts, "amps": block.amps, "watts": block.watts}[name]


def _compared(name: str, one: Read, other: Read) -> Finding:
    what, unit = f"{name} against {other.name}", UNITS[name]
    y, x = _stretches(name, one, other)
    if len(x) < _LEAST_STRETCHES:
        return Finding(what, f"{len(x)} common stretches", {}, "too few readings at the same time to tell", LINK_HINT)
    mean, apart, u = float(x.mean()), float((y - x).mean()), SIGMAS * standard_error(y - x)
    limits = [_limit(read, name) for read in (one, other)]
    figures: dict[str, float | None] = {
        "mean": float(y.mean()),
        "mean_of_other": mean,
        "difference": apart,
        "u_difference": u,
        "limit": limits[0],
        "limit_of_other": limits[1],
        "gain": None,
        "offset": None,
    }
    said = f"{y.mean():.5g} {unit}, and {mean:.5g} {unit} by {other.name}: ratio {y.mean() / mean:.4f}" if mean else ""
    if np.ptp(x) > _STEP_NOISES * max(float(np.median(np.abs(np.diff(x)))), u, 1e-12):
        gain, offset = (float(value) for value in np.polyfit(x, y, 1))
        figures |= {"gain": gain, "offset": offset}
        said += f"; gain {gain:.4f}, offset {offset:+.3g} {unit}"
    allowed = f"± {limits[0]:.3g} and ± {limits[1]:.3g} {unit}"
    said += f"; limits of error {allowed}"
    wrong = ""
    if abs(apart) - u > sum(limits):
        wrong = f"reads {y.mean():.5g} {unit} where {other.name} reads {mean:.5g}; their limits of error are {allowed}"
    return Finding(
        what, said, figures, wrong, "do both sit on this rail, with nothing between them? Check each by a load"
    )


def _stretches(name: str, one: Read, other: Read) -> tuple[Floats, Floats]:
    """Return the means of both over common stretches of time in which both have readings."""
    length_ns = round(_PERIODS / min(one.rate_hz, other.rate_hz) * 1e9)
    first = max(int(read.block.t_ns[0]) for read in (one, other))
    last = min(int(read.block.t_ns[-1]) for read in (one, other))
    count = max(0, (last - first) // length_ns)
    means = [_means(read.block.t_ns, _column(read.block, name), first, length_ns, count) for read in (one, other)]
    both = np.isfinite(means[0]) & np.isfinite(means[1])
    return means[0][both], means[1][both]


def _means(t_ns: NDArray[np.int64], column: Floats, first: int, length_ns: int, count: int) -> Floats:
    places = (t_ns - first) // length_ns
    kept = (places >= 0) & (places < count) & np.isfinite(column) & (t_ns >= first)
    sums = np.bincount(places[kept], column[kept], minlength=count)
    sizes = np.bincount(places[kept], minlength=count)
    return np.where(sizes > 0, sums / np.maximum(sizes, 1), np.nan)


def _limit(read: Read, name: str) -> float:
    """Return how far the mean of a quantity may be off."""
    accuracy = read.accuracy
    if name == "watts" and accuracy.watts is not None:
        return _off(accuracy.watts, read.block.watts)[1]
    if accuracy.volts is None or accuracy.amps is None:
        raise ValueError("no limits of error of volts and amps")
    if name != "watts":
        return _off(accuracy.volts if name == "volts" else accuracy.amps, _column(read.block, name))[1]
    (volts, of_volts), (amps, of_amps) = (
        _off(limit, column) for limit, column in ((accuracy.volts, read.block.volts), (accuracy.amps, read.block.amps))
    )
    return of_volts * amps + of_amps * volts


def _off(limit: Tolerance, column: Floats) -> tuple[float, float]:
    """Return the size of a quantity, and how far it may be off."""
    size = float(np.abs(column[np.isfinite(column)]).mean())
    return size, limit.of_reading * size + limit.offset
