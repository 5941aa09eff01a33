"""When is a reading missing? One answer for drivers, sampler and energy."""

_LONGEST_PERIODS = 1.6
"""Polling jitters by up to half a period; a gap of two periods is one reading short. Half way, and a little."""


def missing_in(gap_ns: int, rate_hz: float) -> int:
    """Return how many readings are missing between two that are ``gap_ns`` apart."""
    periods = gap_ns * rate_hz / 1e9
    return max(1, round(periods) - 1) if periods > _LONGEST_PERIODS else 0
