"""When is a reading missing? One answer for drivers, sampler and energy."""

import numpy as np
from numpy.typing import NDArray

from .block import Block, Flag

_LONGEST_PERIODS = 1.6
"""Polling jitters by up to half a period; a gap of two periods is one reading short. Half way, and a little."""
_LATEST_S = 1.0
"""Assumed. A host that asks later than this was not just busy: then what was not asked for counts as missing."""


def is_long(gap_ns: int, rate_hz: float) -> bool:
    """Return whether two readings that are ``gap_ns`` apart do not follow on each other."""
    return gap_ns * rate_hz / 1e9 > _LONGEST_PERIODS


def missing_before(block: Block, rate_hz: float) -> NDArray[np.int64]:
    """Return, shape (n,), how many readings are missing before each; 0 before the first."""
    gaps_s = np.diff(block.t_ns, prepend=block.t_ns[:1]) / 1e9
    missing = np.where(gaps_s * rate_hz > _LONGEST_PERIODS, np.maximum(1, np.rint(gaps_s * rate_hz) - 1), 0)
    missing[(_has(block, Flag.LATE)) & (gaps_s <= _LATEST_S)] = 0
    missing = np.maximum(missing, _has(block, Flag.LOST_BEFORE))
    missing[:1] = 0
    return missing.astype(np.int64)


def unseen_s(block: Block, rate_hz: float) -> float:
    """Return for how long the meter looked away: all of the long gaps, less a period each."""
    gaps_s = np.diff(block.t_ns) / 1e9
    return float(np.sum(gaps_s[gaps_s * rate_hz > _LONGEST_PERIODS] - 1 / rate_hz))


def _has(block: Block, flag: Flag) -> NDArray[np.bool_]:
    return (block.flags & np.uint8(flag)) > 0
