"""The high watts of a window: what a supply, a battery or a fuse must bear. Pure.

A reading stands for the time that is nearer to it than to its neighbours, and watts are constant in it. So

    peak        is the highest reading: a mean over the meter's aperture.
    p99         is what is not exceeded for 99 % of the window's time; time counts, not the number of readings.
    short term  is the highest mean over any stretch of a length: the integral is a line between the readings' borders,
                so the highest stretch begins or ends at one of them, and is found exactly.

A peak that is shorter than a reading, or between two, is not seen: the reading is then a lower bound of it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .block import Block
from .budget import expanded
from .energy import energy, has_value, of_accuracy
from .errors import MissingReadings
from .meter import Accuracy

_P99 = 0.99
_READINGS_A_STRETCH = 4.0
"""Fewer leave open how much of the highest ones lies outside the stretch (assumed)."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Level:
    """Watts, and half of the interval that holds the truth with 95 %."""

    watts: float
    u_watts: float


@dataclass(frozen=True, slots=True)
class Levels:
    """The high watts of one window."""

    peak: Level
    p99: Level
    short_term: Level | None
    """None where the meter is too slow for the length, or the window too short."""
    short_term_why: str
    """Why it is not there; empty when it is."""


def levels(
    block: Block,
    start_ns: int,
    end_ns: int,
    *,
    rate_hz: float,
    aperture_s: float,
    accuracy: Accuracy,
    short_term_s: float,
) -> Levels:
    """Return the high watts between two moments of the controller's clock.

    Args:
        block: readings in time order; those without a value are left out, the others stand for their time too.
        start_ns: where the window begins.
        end_ns: where it ends.
        rate_hz: the meter's nominal rate.
        aperture_s: each reading is the mean over this long.
        accuracy: the meter's limits of error.
        short_term_s: the length of the short-term mean.

    Raises:
        MissingReadings: no reading inside.
    """
    known = block.pick(has_value(block))
    inside = (known.t_ns >= start_ns) & (known.t_ns <= end_ns)
    if not inside.any():
        raise MissingReadings("", "no reading inside the window")
    seen = known.pick(inside)
    watts, (borders_s, joules) = seen.watts, _running(seen, start_ns, end_ns)
    p99 = _exceeded_never(watts, np.diff(borders_s), _P99)
    found, why = None, _too_short(rate_hz, borders_s[-1], short_term_s)
    if not why:
        from_s, most = _highest(borders_s, joules, short_term_s)
        u_watts = _u_over(
            known, start_ns, from_s, short_term_s, rate_hz=rate_hz, aperture_s=aperture_s, accuracy=accuracy
        )
        found = None if u_watts is None else Level(most / short_term_s, u_watts)
        why = "" if found else "too few readings around it"
    return Levels(
        peak=_level(seen, int(np.argmax(watts)), accuracy),
        p99=_level(seen, int(np.argmin(np.abs(watts - p99))), accuracy),
        short_term=found,
        short_term_why=why,
    )


def _running(seen: Block, start_ns: int, end_ns: int) -> tuple[Floats, Floats]:
    """Return the readings' borders, seconds from the window's start, and the joules up to each."""
    t_s = (seen.t_ns - start_ns) / 1e9
    borders_s = np.concatenate([[0.0], (t_s[1:] + t_s[:-1]) / 2, [(end_ns - start_ns) / 1e9]])
    return borders_s, np.concatenate([[0.0], np.cumsum(seen.watts * np.diff(borders_s))])


def _exceeded_never(watts: Floats, seconds: Floats, share: float) -> float:
    """Return the least watts that are not exceeded for a share of the time."""
    order = np.argsort(watts)
    passed = np.cumsum(seconds[order]) / seconds.sum()
    return float(watts[order][np.searchsorted(passed, share - 1e-12)])


def _too_short(rate_hz: float, seconds: float, short_term_s: float) -> str:
    if rate_hz * short_term_s < _READINGS_A_STRETCH:
        return f"it reads {rate_hz:g} times a second, which tells no mean over {short_term_s:g} s"
    if seconds < short_term_s:
        return f"the frames last {seconds:.3g} s, no {short_term_s:g} s"
    return ""


def _highest(borders_s: Floats, joules: Floats, length_s: float) -> tuple[float, float]:
    """Return where the stretch of the most joules begins, seconds from the window's start, and those joules."""
    starts = np.concatenate([borders_s, borders_s - length_s])
    starts = starts[(starts >= 0) & (starts <= borders_s[-1] - length_s)]
    held = np.interp(starts + length_s, borders_s, joules) - np.interp(starts, borders_s, joules)
    best = int(np.argmax(held))
    return float(starts[best]), float(held[best])


def _u_over(
    known: Block,
    start_ns: int,
    from_s: float,
    length_s: float,
    *,
    rate_hz: float,
    aperture_s: float,
    accuracy: Accuracy,
) -> float | None:
    """Return the uncertainty of a mean over a stretch, as any window's; None where the readings end too soon."""
    begin_ns = start_ns + int(from_s * 1e9)
    try:
        mean = energy(
            known,
            begin_ns,
            begin_ns + int(length_s * 1e9),
            rate_hz=rate_hz,
            aperture_s=aperture_s,
            accuracy=accuracy,
            allow_lost=True,
        )
    except MissingReadings:
        return None
    return mean.u_watts


def _level(seen: Block, at: int, accuracy: Accuracy) -> Level:
    """Return one reading, and what the meter's limits of error leave open of it."""
    one = seen.pick(slice(at, at + 1))
    twice = Block.join([one, one])
    terms = tuple(of_accuracy(np.array([0.0, 1.0]), twice, accuracy, 1.0))
    return Level(float(one.watts[0]), expanded(terms))
