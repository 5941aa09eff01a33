"""How far an estimate must lie from a limit when it is looked at again and again.

Group-sequential bounds by alpha spending (Lan and DeMets 1983): of the risk alpha of a wrong call over all looks,
``alpha * (n / N) ** RHO`` is spent by the look at ``n`` of at most ``N`` pairs (the power family of Kim and DeMets
1987). The bound of each look follows from the joint normal law of the looks, integrated numerically (Armitage,
McPherson and Rowe 1969). The scatter is estimated too, from few pairs at first: so it is the *level* of each look
that is carried over to Student's t (Jennison and Turnbull 2000, section 11.4).
"""

from functools import cache
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageFault

Floats = NDArray[np.float64]

RHO = 1.5
"""Between Pocock's bounds (about 1: fewest trials where the answer is plain) and O'Brien and Fleming's (about 3: most
power for the same largest number). Assumed: about half a pair more than 1 on average, in benchmarks/gate."""
_NODES = 200
"""Gauss-Legendre nodes a look: levels are right to six digits; a test compares them with the joint normal law."""
_FAR = 9.0
"""Standard deviations below which no path is followed: less than 1e-18 of them come so far."""


def _scipy() -> Any:  # noqa: ANN401 -- ships without types
    try:
        from scipy import optimize, special
    except ImportError:
        raise UsageFault("comparisons with an interval need scipy: pip install 'edge-test-farm[gate]'") from None
    return optimize, special


def _above(bound: float, at: Floats, mass: Floats, step: float, spend: float) -> float:
    """Return how much more of the paths crosses a bound, one step on, than may."""
    _, special = _scipy()
    return float(mass @ special.ndtr((at - bound) / step)) - spend


@cache
def levels(alpha: float, looks: tuple[int, ...]) -> tuple[float, ...]:
    """Return each look's one-sided level: together they are crossed with probability ``alpha`` at the limit itself.

    Args:
        alpha: risk over all looks.
        looks: numbers of pairs, growing; the last one is the most there may be.

    Raises:
        UsageFault: scipy is not installed.
    """
    optimize, special = _scipy()
    points, weights = np.polynomial.legendre.leggauss(_NODES)
    at: Floats = np.zeros(1)
    mass: Floats = np.ones(1)
    found: list[float] = []
    before = spent = 0.0
    for pairs in looks:
        time = pairs / looks[-1]
        step, spend = sqrt(time - before), alpha * time**RHO - spent
        bound = float(optimize.brentq(_above, -1.0, 2 * _FAR, args=(at, mass, step, spend), xtol=1e-10))
        found.append(float(special.ndtr(-bound / sqrt(time))))
        low = -_FAR * sqrt(time)
        new = low + (bound - low) * (points + 1) / 2
        density = np.exp(-(((new[:, None] - at[None, :]) / step) ** 2) / 2) / (step * sqrt(2 * np.pi))
        at, mass = new, (density @ mass) * weights * (bound - low) / 2
        before, spent = time, spent + spend
    return tuple(found)


@cache
def multiplier(alpha: float, looks: tuple[int, ...], look: int, freedom: int) -> float:
    """Return how many standard errors an estimate must lie from a limit at a look, counted from 0.

    Args:
        alpha: risk over all looks.
        looks: see :func:`levels`.
        look: which of them.
        freedom: degrees of freedom of the standard error.
    """
    _, special = _scipy()
    return float(-special.stdtrit(freedom, levels(alpha, looks)[look]))
