"""How far an estimate must lie from a limit when it is looked at again and again.

What is looked at is the mean of units that are independent of each other: quads of trials in a gate, pairs of rounds
in a comparison. Nothing but how they scatter is believed of its error, for then all that is the same within a unit and
new in the next is in it: of ``n`` units Student's t with ``n - 1`` degrees of freedom.

The bounds are group-sequential, by alpha spending (Lan and DeMets 1983): of the risk alpha of a wrong call over all
looks, ``alpha * (n / N) ** RHO`` is spent by the look at ``n`` of at most ``N`` units (the power family of Kim and
DeMets 1987). They follow from the joint law of the t of all looks (:mod:`.walk`), integrated numerically look by look
(Armitage, McPherson and Rowe 1969).
"""

from functools import cache
from math import sqrt

import numpy as np

from .walk import Uncrossed, angles, rule, scipy, share_beyond

RHO = 1.5
"""Between Pocock's bounds (about 1: fewest trials where the answer is plain) and O'Brien and Fleming's (about 3: most
power for the same largest number). Assumed: about half a pair more than 1 on average, in benchmarks/gate."""
_NEVER = 1e-9
"""Of the risk: the tail, one side, that is not followed where there is no look."""


@cache
def levels(alpha: float, looks: tuple[int, ...]) -> tuple[float, ...]:
    """Return each look's one-sided level: together they are crossed with probability ``alpha`` at the limit itself.

    Args:
        alpha: risk over all looks.
        looks: numbers of units, growing, from 2; the last one is the most there may be.

    Raises:
        UsageFault: scipy is not installed.
    """
    found: list[float] = []
    past: Uncrossed | None = None
    spent = 0.0
    for units in range(looks[0], looks[-1] + 1):
        tail = _NEVER * alpha
        if units in looks:
            due = alpha * (units / looks[-1]) ** RHO
            tail = due if past is None else _tail(past, due - spent, due)
            spent = due
            found.append(tail)
        edge = float(angles(units, np.array([tail]))[0])
        past = Uncrossed.after(past, units, edge)
    return tuple(found)


def _tail(past: Uncrossed, spend: float, due: float) -> float:
    """Return how often a bound may be exceeded, one side, so that it is crossed for the first time as often as may be.

    It lies between the two risks: whoever is beyond it has crossed it now, or a bound before.
    """
    optimize, _ = scipy()
    nodes, weights = rule()
    share = (nodes + 1) / 2
    least = share_beyond(past.units + 1, past.reach)  # whoever comes farther than this has crossed before

    def too_much(tail: float) -> float:
        tails = least + (tail - least) * share**2  # the law begins like a root there: this makes it smooth
        return float((past(angles(past.units + 1, tails)) * share) @ weights) * (tail - least) - spend

    return float(optimize.brentq(too_much, max(spend, least), due, rtol=1e-9, xtol=1e-9 * spend))


@cache
def multiplier(alpha: float, looks: tuple[int, ...], look: int) -> float:
    """Return how many standard errors an estimate must lie from a limit at a look, counted from 0.

    Args:
        alpha: risk over all looks.
        looks: see :func:`levels`.
        look: which of them. The standard error is that of so many units, by their own scatter.
    """
    _, special = scipy()
    return float(-special.stdtrit(looks[look] - 1, levels(alpha, looks)[look]))


def more(alpha: float, looks: tuple[int, ...], units: int, deviation: float, distance: float) -> int:
    """Return about how many more units bring a limit out of the interval, were estimate and scatter to stay.

    Where those that there may be are not enough: how many a plan of more would need.

    Args:
        alpha: risk over all looks.
        looks: see :func:`levels`.
        units: that there are, and that leave it open.
        deviation: standard deviation of a unit.
        distance: from the estimate to the limit, above 0.
    """
    tails, wanted = levels(alpha, looks), distance / deviation
    for count, tail in zip(looks, tails, strict=True):
        if count > units and _tells(count, tail, wanted):
            return count - units
    # a plan of more units spends about as much at its last look, and knows the scatter better there than this one does
    few = many = looks[-1]
    while not _tells(many, tails[-1], wanted):
        few, many = many, 2 * many
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if _tells(middle, tails[-1], wanted) else (middle, many)
    return max(many, looks[-1] + 1) - units


def _tells(units: int, tail: float, wanted: float) -> bool:
    """Return whether so many standard deviations of a unit are more than the interval is wide, one side."""
    _, special = scipy()
    return -special.stdtrit(units - 1, tail) < wanted * sqrt(units)
