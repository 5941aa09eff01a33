"""How far two variants differ in one figure: ratios within a board and a round, an interval that is good at every look.

What is averaged is ``log(b / a)`` of the two trials that a board ran in the same round, over the two rounds of a pair
(:mod:`.order`). A factor that a board, its meter or the hour adds to both is gone; what drifts in a line cancels in
the pair. Pairs of rounds are the units whose scatter counts: so noise that outlasts a round is not taken for none.

The intervals are group-sequential (:mod:`farm.verdict.sequential`, as the gate's are): a look after each pair of
rounds of any board, up to the most there may be. Bonferroni's share of the risk makes all of them good together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log, log1p, sqrt
from statistics import fmean, stdev
from typing import Literal

from ..sequential import more, multiplier

LEAST = 2
"""Pairs of rounds without which nothing scatters."""
FIRST_LOOK = 4
"""Pairs of rounds, where there may be so many: of two or three an interval is so wide that a look mostly wastes the
risk that is spent at it (in benchmarks/compare two variants on one board need a twelfth fewer rounds so)."""
FLOOR = 0.002
"""A pair of rounds is never taken to scatter less, relative (assumed, as in the shipped policy of the gate): a meter
that rounds makes three equal numbers, and no certainty."""

State = Literal["better", "worse", "equal", "open"]
"""What is certain of a variant beside another: ``equal`` is a difference below what matters; ``open`` is nothing."""
OPPOSITE: dict[State, State] = {"better": "worse", "worse": "better", "equal": "equal", "open": "open"}


@dataclass(frozen=True, slots=True)
class Sure:
    """How sure a statement must be, and what counts as a difference."""

    alpha: float
    """Risk of one interval, over both its sides and all its looks: its share of the comparison's."""
    most: int
    """Pairs of rounds, on all boards together, that there may be."""
    resolution: float
    """Relative: a smaller difference is none."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """The ratio of two variants."""

    pairs: int
    """Of rounds, that it rests on."""
    change: float | None = None
    """b over a, less one: the geometric mean. Absent where nothing was compared."""
    low: float | None = None
    """Bounds of the change; absent before the first look."""
    high: float | None = None
    state: State = "open"
    """Of b beside a."""
    more: int | None = None
    """About so many more pairs of rounds would decide, were change and scatter to stay; absent where that is open."""


def contrast(seen: Sequence[float], sure: Sure, *, at_most: bool) -> Contrast:
    """Return what the pairs of rounds at hand say, which are no more than the most there may be.

    Args:
        seen: of each the mean of ``log(b / a)`` over its two rounds; in any order.
        sure: how sure to be.
        at_most: less is better.
    """
    pairs = len(seen)
    if pairs == 0:
        return Contrast(0)
    mean, most = fmean(seen), max(sure.most, pairs)
    if pairs < LEAST:
        return Contrast(pairs, exp(mean) - 1)
    looks, alpha = tuple(range(min(FIRST_LOOK, most), most + 1)), sure.alpha / 2
    deviation, margin = max(stdev(seen), FLOOR), log1p(sure.resolution)
    # until the interval leaves 0, or lies within what matters: whichever is sooner
    missing = more(alpha, looks, pairs, deviation, max(abs(mean), margin - abs(mean)))
    if pairs < looks[0]:
        return Contrast(pairs, exp(mean) - 1, more=missing)
    half = multiplier(alpha, looks, pairs - looks[0]) * deviation / sqrt(pairs)
    state = _state(-mean if at_most else mean, half, margin)
    return Contrast(
        pairs,
        exp(mean) - 1,
        exp(mean - half) - 1,
        exp(mean + half) - 1 if mean + half < _MOST else inf,
        state,
        missing if state == "open" else None,
    )


_MOST = log(1e9)
"""A bound beyond this is none."""


def _state(gain: float, half: float, margin: float) -> State:
    """Return what an interval says; ``gain`` is positive where b is better."""
    if abs(gain) + half < margin:
        return "equal"
    if abs(gain) > half:
        return "better" if gain > 0 else "worse"
    return "open"
