"""How far two variants differ in one figure: ratios within a board and a round, an interval that is good at every look.

What is averaged is ``log(b / a)`` of the two trials that a board ran in the same round, over the two rounds of a pair
(:mod:`.order`). A factor that a board, its meter or the hour adds to both is gone; what drifts in a line cancels in
the pair. The scatter is found as the gate finds it (:func:`farm.verdict.compare.scatter`, of which this is the form
for more than two): the larger of what rounds show, the drift taken out, and of what pairs of rounds show, so that
noise that outlasts a round is not taken for none.

The intervals are group-sequential (:mod:`farm.verdict.sequential`): one look after each pair of rounds of any board,
up to the most there may be. Bonferroni's share of the risk makes all of them good together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, exp, inf, log, log1p, sqrt
from statistics import fmean
from typing import Literal

from ..sequential import multiplier

FIRST_LOOK = 2
"""Pairs of rounds without which nothing scatters."""
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
class Twice:
    """What a pair of rounds on a board says: log ratios, and where in the round they come from."""

    there: float
    """``log(b / a)`` in the first round."""
    back: float
    """In the second, which runs backwards."""
    apart: int
    """Places that b comes after a in the first round; in the second it comes before a by as many."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """The ratio of two variants."""

    pairs: int
    """Of rounds, that it rests on."""
    change: float | None = None
    """b over a, less one: the geometric mean. Absent where nothing was compared."""
    low: float | None = None
    """Bounds of the change; absent where two pairs of rounds are not there yet."""
    high: float | None = None
    state: State = "open"
    """Of b beside a."""
    more: int | None = None
    """About so many more pairs of rounds would decide, were change and scatter to stay; absent where that is open."""


def contrast(seen: Sequence[Twice], sure: Sure, *, at_most: bool) -> Contrast:
    """Return what the pairs of rounds at hand say, which are no more than the most there may be.

    Args:
        seen: in any order.
        sure: how sure to be.
        at_most: less is better.
    """
    pairs = len(seen)
    if pairs == 0:
        return Contrast(0)
    mean = fmean((one.there + one.back) / 2 for one in seen)
    if pairs < FIRST_LOOK:
        return Contrast(pairs, exp(mean) - 1)
    looks = tuple(range(FIRST_LOOK, max(sure.most, pairs) + 1))
    times = multiplier(sure.alpha / 2, looks, pairs - FIRST_LOOK, 2 * pairs - 2)
    half = times * max(scatter(seen), FLOOR) / sqrt(pairs)
    margin = log1p(sure.resolution)
    state = _state(-mean if at_most else mean, half, margin)
    return Contrast(
        pairs,
        exp(mean) - 1,
        exp(mean - half) - 1,
        exp(mean + half) - 1 if mean + half < _MOST else inf,
        state,
        _more(pairs, abs(mean), half, margin) if state == "open" else None,
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


def _more(pairs: int, distance: float, half: float, margin: float) -> int:
    """Return how many more until the interval leaves 0, or lies within what matters: whichever is sooner."""
    wanted = max(distance, margin - distance)
    return max(1, ceil(pairs * (half / wanted) ** 2) - pairs)


def scatter(seen: Sequence[Twice]) -> float:
    """Return the standard deviation of a pair of rounds, from two of them or more."""
    pairs = len(seen)
    means = [(one.there + one.back) / 2 for one in seen]
    centre = fmean(means)
    of_pairs = sum((value - centre) ** 2 for value in means)
    halves = [(one.there - one.back) / 2 for one in seen]
    # what is left between the two rounds of a pair when a drift, the same for each place, is taken out
    places = sum(one.apart**2 for one in seen)
    drift = sum(half * one.apart for half, one in zip(halves, seen, strict=True)) / places
    of_halves = sum((half - drift * one.apart) ** 2 for half, one in zip(halves, seen, strict=True))
    return sqrt(max((of_pairs + of_halves) / (2 * pairs - 2), of_pairs / (pairs - 1)))
