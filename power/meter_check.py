"""Is a meter right? What its readings over some seconds say of it, each by itself. Pure.

Limits of error are bounds: what several of them may add up to is their sum. Where the mean of many readings is held
against a bound, two standard errors of that mean are added.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .block import Block, Flag
from .gaps import missing_before
from .meter import Accuracy, Tolerance

_RATE_WITHIN = 0.1
"""Assumed: a meter that delivers a tenth less than it should has a wrong link, setting or host."""
_MOST_LOST = 0.01
"""Assumed. A link that loses more is not one to measure by."""
LEAST_READINGS = 5
SIGMAS = 2.0
"""Of a mean, when it is held against a bound: about 95 %."""
LINK_HINT = "look at the meter's cable, at other programs that use it, and at the load of this machine"

Floats = NDArray[np.float64]
UNITS = {"volts": "V", "amps": "A", "watts": "W"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    said: str
    """What was found, in a line."""
    figures: Mapping[str, float | None] = field(default_factory=dict[str, float | None])
    """The same for programs, units in the names."""
    wrong: str = ""
    """What is not right, with figures; empty: all is."""
    hint: str = ""
    doubt: bool = False
    """Nothing is wrong with the meter, and somebody should see to it all the same."""


def rate(block: Block, nominal_hz: float) -> Finding:
    """Return whether readings come as often as they should, and how evenly."""
    if len(block) < LEAST_READINGS:
        return Finding(
            "rate", f"{len(block)} readings", {"readings": len(block)}, "too few readings to tell", LINK_HINT
        )
    gaps_s = np.diff(block.t_ns) / 1e9
    got_hz = float(len(gaps_s) / gaps_s.sum())
    lost = int(missing_before(block, nominal_hz).sum())
    jitter_s, largest_s = float(np.std(gaps_s)), float(gaps_s.max())
    late = _flagged(block, Flag.LATE)
    figures = {
        "readings": len(block),
        "nominal_hz": nominal_hz,
        "rate_hz": got_hz,
        "jitter_s": jitter_s,
        "largest_gap_s": largest_s,
        "lost": lost,
        "asked_late": late,
    }
    said = f"{got_hz:.4g} readings/s of {nominal_hz:.4g}, jitter {jitter_s * 1e3:.3g} ms, largest gap {largest_s:.3g} s"
    said += f", {lost} lost" * bool(lost) + f", {late} asked for late" * bool(late)
    wrong = ""
    if lost > _MOST_LOST * (len(block) + lost):
        wrong = f"{lost} of {len(block) + lost} readings are lost"
    elif got_hz < nominal_hz * (1 - _RATE_WITHIN):
        wrong = f"{got_hz:.4g} readings a second come, not {nominal_hz:.4g}"
    return Finding("rate", said, figures, wrong, LINK_HINT)


def values(block: Block) -> Finding:
    """Return whether the readings have values, and within the range."""
    count = len(block)
    known = int(np.any([np.isfinite(column) for column in (block.volts, block.amps, block.watts)], axis=0).sum())
    beyond, stale, moved = (_flagged(block, flag) for flag in (Flag.OVERLOAD, Flag.STALE, Flag.RANGE_MOVED))
    figures = {
        "with_value": known,
        "overload": beyond,
        "stale": stale,
        "range_moved": moved,
    }
    told = [f"{n} {words}" for n, words in ((beyond, "beyond the range"), (stale, "stale"), (moved, "ranging")) if n]
    said = "; ".join([f"{known} of {count} have a value", *told])
    if beyond:
        hint = "choose a wider range, or look for a short or a wrong shunt"
        return Finding("values", said, figures, f"{beyond} of {count} readings are beyond its range", hint)
    if count and not known:
        return Finding(
            "values", said, figures, "no reading has a value", "look at its leads, its range and its functions"
        )
    return Finding("values", said, figures, f"all {count} readings are stale" if stale == count else "", LINK_HINT)


def _flagged(block: Block, flag: Flag) -> int:
    return int(((block.flags & np.uint8(flag)) > 0).sum())


def noise(block: Block) -> list[Finding]:
    """Return how each quantity scatters: all, the part that is slow, and the Allan deviation at a second."""
    return [found for name, column in columns(block).items() if (found := _noise(name, block.t_ns, column)) is not None]


def columns(block: Block) -> dict[str, Floats]:
    """Return what the block has values of, by name; watts only where they are all it has, or its own."""
    named = {"volts": block.volts, "amps": block.amps}
    told = {name: column for name, column in named.items() if np.isfinite(column).any()}
    return told if len(told) == 2 and block.own_watts is None else {**told, "watts": block.watts}


def _noise(name: str, t_ns: NDArray[np.int64], column: Floats) -> Finding | None:
    known = np.isfinite(column)
    kept, unit = column[known], UNITS[name]
    if len(kept) < LEAST_READINGS:
        return None
    whole = float(np.std(kept, ddof=1))
    white = float(np.sqrt(np.mean(np.diff(kept) ** 2) / 2))
    slow = math.sqrt(max(0.0, whole**2 - white**2))
    allan = _allan(t_ns[known], kept)
    figures = {
        "mean": float(kept.mean()),
        "standard_deviation": whole,
        "white": white,
        "slow": slow,
        "allan_1s": allan,
    }
    said = f"mean {kept.mean():.6g} {unit}, standard deviation {whole:.2g}, of that slow (1/f, drift) {slow:.2g} {unit}"
    return Finding(
        f"noise, {name}", said + (f", Allan at 1 s {allan:.2g} {unit}" if allan is not None else ""), figures
    )


def _allan(t_ns: NDArray[np.int64], column: Floats) -> float | None:
    """Return the Allan deviation at an averaging time of a second; None for fewer than three of them."""
    seconds = (t_ns - t_ns[0]) // 10**9
    last = int(seconds[-1])  # the last one is not whole
    means = [float(column[seconds == n].mean()) for n in range(last) if (seconds == n).any()]
    return None if len(means) < 3 else float(np.sqrt(np.mean(np.diff(means) ** 2) / 2))


def standard_error(column: Floats) -> float:
    """Return that of the mean; readings in a row are taken for independent."""
    return float(np.std(column, ddof=1)) / math.sqrt(len(column)) if len(column) > 1 else 0.0


def zero(block: Block, accuracy: Accuracy) -> list[Finding]:
    """Return what it reads with the load off: no amps, and of a meter that measures power as such no watts."""
    limits = {"amps": (block.amps, accuracy.amps), "watts": (block.own_watts, accuracy.watts)}
    return [
        _zero(name, column[np.isfinite(column)], limit)
        for name, (column, limit) in limits.items()
        if column is not None and limit is not None and np.isfinite(column).sum() >= LEAST_READINGS
    ]


def _zero(name: str, column: Floats, limit: Tolerance) -> Finding:
    mean, u, unit = float(column.mean()), SIGMAS * standard_error(column), UNITS[name]
    figures = {"offset": mean, "allowed": limit.offset, "u_mean": u}
    said = f"{mean:+.3g} {unit} with the load off; {limit.offset:.3g} {unit} are allowed"
    wrong = ""
    if abs(mean) - u > limit.offset:
        wrong = f"reads {mean:+.4g} {unit} with the load off, and its limit of error there is {limit.offset:.3g} {unit}"
    return Finding(f"zero, {name}", said, figures, wrong, _ZERO_HINT)


_ZERO_HINT = (
    "is the load off, the wiring without a second path? Zero it, or have it calibrated and write its offset down"
)
