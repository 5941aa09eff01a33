"""Student's t of a mean, unit after unit, as a walk that keeps within bounds: its law.

Of ``n`` independent normal units of mean 0, let ``sqrt(n) * sin(angle)`` be their sum over the root of their sum of
squares; then ``t = sqrt(n - 1) * tan(angle)``. The angle after one unit more depends on all before through the last
angle alone: their direction is independent of their length. Seen backwards, what the last unit adds to the mean is a
coordinate of a direction drawn evenly among those at right angles to the mean; so what is integrated is smooth.
"""

from dataclasses import dataclass
from functools import cache
from math import asin, exp, lgamma, pi, sin, sqrt, tan
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageFault

Floats = NDArray[np.float64]

_GRID = 200
"""Angles at which the law is kept; between them it is a line. Of 120 looks all levels are right to 0.4 %: eight times
as many angles, and four times as many nodes, change less. A look takes a millisecond."""
_NODES = 32
"""Gauss-Legendre nodes of an integral."""
_FAR = 8.5
"""Standard deviations of the last unit's share that are integrated over: less than 1e-16 lies beyond."""


def scipy() -> Any:  # noqa: ANN401 -- ships without types
    """Return SciPy's ``optimize`` and ``special``.

    Raises:
        UsageFault: it is not installed.
    """
    try:
        from scipy import optimize, special
    except ImportError:
        raise UsageFault("comparisons with an interval need scipy: pip install 'edge-test-farm[gate]'") from None
    return optimize, special


@cache
def rule() -> tuple[Floats, Floats]:
    """Return nodes from -1 to 1 and their weights, together 2."""
    return np.polynomial.legendre.leggauss(_NODES)


def angles(units: int, tails: Floats) -> Floats:
    """Return the angles beyond which these shares of all lie, one side."""
    _, special = scipy()
    return np.arctan(-special.stdtrit(units - 1, tails) / sqrt(units - 1))


def share_beyond(units: int, angle: float) -> float:
    """Return how much lies beyond an angle, one side."""
    _, special = scipy()
    return float(special.stdtr(units - 1, -sqrt(units - 1) * tan(angle)))


@dataclass(frozen=True, slots=True)
class Uncrossed:
    """How likely a walk has kept within all bounds so far."""

    units: int
    edge: float
    """The bound after so many: an angle, the same on both sides."""
    at: Floats
    """Angles from 0 to the edge."""
    likely: Floats
    """At each of them: how likely all bounds before were kept."""

    @classmethod
    def after(cls, past: Self | None, units: int, edge: float) -> Self:
        """Return the law one unit later; without a past, where the first bound is."""
        at = np.linspace(0.0, edge * (1 - 1e-9), _GRID)
        return cls(units, edge, at, np.ones(_GRID) if past is None else past(at))

    @property
    def reach(self) -> float:
        """The largest angle that one unit more can lead to."""
        return asin(min(1.0, sqrt((1 + self.units * sin(self.edge) ** 2) / (self.units + 1))))

    def __call__(self, now: Floats) -> Floats:
        """Return, for angles one unit later, how likely all bounds so far were kept."""
        n, square = self.units, self.units * sin(self.edge) ** 2
        total, scatter = sqrt(n + 1) * np.sin(now), np.cos(now) * sqrt(n / (n + 1))
        room = 1 + square - total**2
        # the last unit, over the root of all squares, is total / (n + 1) + scatter * sin(turn); between two values
        # of it the bound before it was kept
        middle, half = total / (1 + square), np.sqrt(square * np.maximum(room, 0)) / (1 + square)
        low, high = (_turn((middle + side * half - total / (n + 1)) / scatter, n) for side in (-1, 1))
        nodes, weights = rule()
        turn = ((low + high) / 2)[:, None] + ((high - low) / 2)[:, None] * nodes
        last = (total / (n + 1))[:, None] + scatter[:, None] * np.sin(turn)
        before = np.arcsin(np.clip((total[:, None] - last) / np.sqrt(n * np.maximum(1 - last**2, 1e-300)), -1, 1))
        density = np.cos(turn) ** (n - 2) * exp(lgamma(n / 2) - lgamma((n - 1) / 2)) / sqrt(pi)
        kept = (np.interp(np.abs(before), self.at, self.likely) * density) @ weights
        return np.where(room > 0, (high - low) / 2 * kept, 0.0)


def _turn(sine: Floats, units: int) -> Floats:
    """Return the angle, no farther out than is integrated over."""
    far = min(pi / 2, _FAR / sqrt(units))
    return np.clip(np.arcsin(np.clip(sine, -1, 1)), -far, far)
