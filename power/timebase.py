"""An instrument's own time on the controller's monotonic clock: from the moments at which its readings arrive."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

_WINDOW = 32
"""Arrivals over which the shortest delay is taken: at ten a second, 3 s, in which 50 ppm of drift make 0.2 ms."""
_SLEW = 5e-4
"""A lot is stretched by this share at most, to follow a slow clock: ten times what quartz drifts, and far too little to
look like a reading that is missing."""


class TimeBase:
    """Places readings that carry the instrument's seconds.

    Nothing arrives before it was measured: the earliest arrival, seen from the instrument's clock, bounds where its
    second 0 lies; with the question that started it as the other bound. As the clocks drift apart the shortest delay of
    late is held to the first one. Moments never go backwards nor stand still.
    """

    def __init__(self, started_ns: int | None = None) -> None:
        """Begin.

        Args:
            started_ns: monotonic, when second 0 was, where the start was commanded; else the first arrival tells.
        """
        self._origin_ns: int | None = started_ns
        self._delays: deque[int] = deque(maxlen=_WINDOW)
        self._first_delay_ns: int = 0
        self._arrivals = 0
        self._last_ns: int | None = None
        self.first_arrival_ns: int | None = None
        self.last_arrival_ns: int | None = None

    @property
    def residual_s(self) -> float:
        """By how much the delays between measuring and arriving differ of late: how well moments are known."""
        return (max(self._delays) - min(self._delays)) / 1e9 if self._delays else 0.0

    def place(self, seconds: NDArray[np.float64], arrived_ns: int) -> NDArray[np.int64]:
        """Return monotonic moments, shape (n,), of readings that arrived together; at least one.

        Args:
            seconds: the instrument's own, ascending.
            arrived_ns: monotonic, when they had all arrived.
        """
        newest_ns = round(float(seconds[-1]) * 1e9)
        if self._origin_ns is None:
            self._origin_ns = arrived_ns - newest_ns
        delay_ns = arrived_ns - newest_ns - self._origin_ns
        if delay_ns < 0:  # measured after it arrived: the origin lies earlier, or its clock runs fast
            self._origin_ns += delay_ns
            self._delays = deque((d - delay_ns for d in self._delays), maxlen=_WINDOW)
            self._first_delay_ns = max(0, self._first_delay_ns - delay_ns)
            delay_ns = 0
        self._delays.append(delay_ns)
        self._arrivals += 1
        slow_ns = self._slow_ns(arrived_ns, self.last_arrival_ns or arrived_ns)
        self.first_arrival_ns = self.first_arrival_ns or arrived_ns
        self.last_arrival_ns = arrived_ns
        since_ns = np.rint(seconds * 1e9).astype(np.int64)
        if self._last_ns is not None:  # the whole lot waits: two readings at one moment would be no time apart
            self._origin_ns = max(self._origin_ns, self._last_ns + 1 - int(since_ns[0]))
        moments_ns = since_ns + self._origin_ns
        if slow_ns:  # a step before the lot would look like a reading that is missing
            moments_ns = moments_ns + (slow_ns * np.arange(1, len(seconds) + 1, dtype=np.int64)) // len(seconds)
            self._origin_ns += slow_ns
        self._last_ns = int(moments_ns[-1])
        return moments_ns

    def _slow_ns(self, arrived_ns: int, before_ns: int) -> int:
        """Return by how much later the origin is now: where its clock runs slow, the shortest delay of late grows."""
        if self._arrivals <= _WINDOW:
            self._first_delay_ns = min(self._delays)
            return 0
        most_ns = round(_SLEW * (arrived_ns - before_ns))
        slow_ns = min(most_ns, max(0, min(self._delays) - self._first_delay_ns))
        if slow_ns:
            self._delays = deque((d - slow_ns for d in self._delays), maxlen=_WINDOW)
        return slow_ns
