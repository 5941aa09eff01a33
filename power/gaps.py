"""When is a reading missing? One answer for drivers, sampler and energy."""

import numpy as np
from numpy.typing import NDArray

_LONGEST_PERIODS = 1.6
"""Polling jitters by up to half a period; a gap of two periods is one reading short. Half way, and a little."""


def missing_in(gap_ns: int, rate_hz: float) -> int:
    """Return how many readings are missing between two that are ``gap_ns`` apart."""
    return int(missing_before(np.array([0, gap_ns], np.int64), rate_hz)[1])


def missing_before(t_ns: NDArray[np.int64], rate_hz: float) -> NDArray[np.int64]:
    """Return, shape (n,), how many readings are missing before each; 0 before the first."""
    periods = np.diff(t_ns, prepend=t_ns[:1]) * (rate_hz / 1e9)
    missing = np.maximum(1, np.rint(periods) - 1)
    return np.where(periods > _LONGEST_PERIODS, missing, 0).astype(np.int64)
