"""Candidate against baseline: paired ratios, their scatter, and what may be concluded at which look.

A pair is a candidate's trial and a baseline's next to it in time. Pairs come in quads, BCCB CBBC (see
:func:`.seats.role_of`). What is estimated is the mean of ``log(candidate / baseline)``:

- what the meter and the board add to both, as a factor, is gone: a systematic uncertainty of 1 % takes nothing here;
- a quad has a pair of either order, so a linear drift, and what the second of two trials inherits from the first,
  neither moves its mean nor counts as scatter;
- noise that lasts longer than a trial is mostly taken out by the pairing. What is left correlates the two pairs of a
  quad; so quads are the units whose scatter counts, and their number says how well it is known. Where single pairs
  scatter more (noise that swings back from trial to trial ties quads to each other), theirs counts, no better known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import fmean
from typing import Literal

from .sequential import more, multiplier


@dataclass(frozen=True, slots=True)
class Question:
    """A limit against the baseline, and how sure an answer must be."""

    limit: float
    """Relative change, 0.015 is +1.5 %."""
    at_most: bool
    """Larger is worse."""
    looks: tuple[int, ...]
    """Numbers of pairs at which it may be answered."""
    false_regression: float
    """Risk over all looks when the true change is exactly the limit; its share of the gate's."""
    false_pass: float
    """Likewise."""
    floor: float
    """Relative; a pair is never taken to scatter less."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the first look that decides says; without one, the last look."""

    outcome: Literal["pass", "regression", "no verdict"]
    pairs: int
    change: float | None = None
    """Candidate over baseline, less one: the geometric mean over the pairs."""
    low: float | None = None
    high: float | None = None
    """Confidence bounds of the change, each good at every look: at the risk of a false regression on the side of a
    regression, of a false pass on the other. ``high`` is absent where it is beyond a thousand million times."""
    more: int | None = None
    """About so many more pairs would decide, were change and scatter to stay as they are."""


def answer(question: Question, ratios: Sequence[float]) -> Answer:
    """Look as often as the pairs at hand allow, and stop at the first look that decides.

    Args:
        question: the limit.
        ratios: candidate over baseline of each pair, positive, in the order in which they ran.
    """
    sign = 1 if question.at_most else -1
    worse = [sign * log(ratio) for ratio in ratios]
    limit = sign * log(1 + question.limit)
    last = Answer("no verdict", len(ratios))
    for look, pairs in enumerate(question.looks):
        if pairs > len(worse):
            break
        last = _look(question, worse[:pairs], limit, look)
        if last.outcome != "no verdict":
            break
    return last


_MOST = log(1e9)
"""A bound beyond this is none."""


def _look(question: Question, worse: Sequence[float], limit: float, look: int) -> Answer:
    pairs = len(worse)
    mean, deviation = fmean(worse), max(scatter(worse), question.floor)
    quads = tuple(pairs // 2 for pairs in question.looks)
    error = deviation / sqrt(pairs)
    down, up = (multiplier(alpha, quads, look) for alpha in (question.false_regression, question.false_pass))
    low, high = mean - down * error, mean + up * error
    outcome = "regression" if low > limit else "pass" if high <= limit else "no verdict"
    sign = 1 if question.at_most else -1
    below, above = sorted((sign * low, sign * high))
    missing = None
    if outcome == "no verdict" and mean != limit:
        alpha = question.false_regression if mean > limit else question.false_pass
        missing = 2 * more(alpha, quads, quads[look], deviation / sqrt(2), abs(mean - limit))
    return Answer(
        outcome, pairs, exp(sign * mean) - 1, exp(below) - 1, exp(above) - 1 if above < _MOST else None, missing
    )


def scatter(worse: Sequence[float]) -> float:
    """Return the standard deviation of a pair, from an even number of them in quads.

    The orders alternate within a quad, and the order of the quads alternates too: pair 0 and 3 of every four have the
    baseline first or the candidate first alike, and so have 1 and 2.
    """
    pairs = len(worse)
    orders = [[y for nth, y in enumerate(worse) if (nth % 4 in (0, 3)) == first] for first in (True, False)]
    squares = 0.0
    for group in orders:
        centre = fmean(group)
        squares += sum((y - centre) ** 2 for y in group)
    by_pair = squares / (pairs - 2)
    quads = [(worse[nth] + worse[nth + 1]) / 2 for nth in range(0, pairs, 2)]
    centre = fmean(quads)
    by_quad = 2 * sum((y - centre) ** 2 for y in quads) / (len(quads) - 1)
    return sqrt(max(by_pair, by_quad))
