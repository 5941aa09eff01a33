"""What makes joules uncertain, term by term, and what all of it comes to. Pure.

After JCGM 101, the supplement to the GUM: each term has a distribution, the sum is drawn many times, and the stated
uncertainty is what 95 % of the draws do not exceed. A maker's specification is a bound: all inside it is equally
likely. Drawn, the bounds of one or two terms are never left, as they would be with two standard deviations of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

_DRAWS = 20_000
"""The 95 % quantile of so many is known to about 1 %."""
_SEED = 95
"""One for all: the same readings always have the same uncertainty."""
_COVERAGE = 95

Shape = Literal["rectangular", "normal", "full"]
"""A full term is as large as it can be, in one direction or the other: what always errs the same way."""


@dataclass(frozen=True, slots=True)
class Term:
    """One source of error of the joules in a window."""

    name: str
    joules: float
    """Half width of a rectangular term, standard deviation of a normal one, size of a full one."""
    shape: Shape

    @property
    def u_joules(self) -> float:
        """Standard uncertainty."""
        return self.joules / 3**0.5 if self.shape == "rectangular" else self.joules


def expanded(terms: Sequence[Term]) -> float:
    """Return the half width, in joules, of the interval about 0 that holds 95 % of the sums of all terms."""
    draws = np.random.default_rng(_SEED)
    total = np.zeros(_DRAWS)
    for term in terms:
        match term.shape:
            case "rectangular":
                total += draws.uniform(-term.joules, term.joules, _DRAWS)
            case "normal":
                total += draws.normal(0, term.joules, _DRAWS)
            case "full":
                total += term.joules * draws.choice((-1, 1), _DRAWS)
    return float(np.percentile(np.abs(total), _COVERAGE))
