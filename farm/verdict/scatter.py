"""How far the mean of a few trials may be off, by how they scatter."""

from collections.abc import Sequence
from math import sqrt
from statistics import stdev

_K_OF_FEW = (
    12.71,
    4.30,
    3.18,
    2.78,
    2.57,
    2.45,
    2.36,
    2.31,
    2.26,
    2.23,
    2.20,
    2.18,
    2.16,
    2.14,
    2.13,
    2.12,
    2.11,
    2.10,
)
"""Coverage factor of two trials, three, and so on: Student's t at 97.5 %."""
_K = 2.0
"""Of more: 95 %, as in the records."""


def u_of_mean(values: Sequence[float]) -> float | None:
    """Return the expanded uncertainty, 95 %, of the mean of two values or more; None of one, which says nothing."""
    count = len(values)
    if count < 2:
        return None
    times = _K_OF_FEW[count - 2] if count - 2 < len(_K_OF_FEW) else _K
    return times * stdev(values) / sqrt(count)
