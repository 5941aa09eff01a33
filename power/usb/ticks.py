"""A unit's own clock on the controller's: when was a sample taken that arrived with others, and late?"""

import numpy as np
from numpy.typing import NDArray

_DRIFT = 100e-6
"""Assumed: no crystal of a meter and a controller together go further apart, by temperature and age."""


class TickClock:
    """Maps a unit's ticks to ``time.monotonic_ns``. Pure: ticks and arrivals in, moments out.

    A sample cannot arrive before it was taken, and the quickest of many arrivals took next to no time. So the offset
    between the clocks is the smallest that was seen of arrival less ticks; it may grow as fast as crystals drift. What
    arrives late, because the host or the bus were busy, moves nothing. Moments never go back.
    """

    def __init__(self, tick_ns: float, *, drift: float = _DRIFT) -> None:
        """Take the nominal length of a tick."""
        self._tick_ns, self._drift = tick_ns, drift
        self._offset_ns: int | None = None
        self._seen_ns = self._last_ns = 0
        self.residual_ns = 0
        """The longest that anything has come behind the quickest: what is known of the mapping's quality."""

    def place(self, ticks: NDArray[np.int64], arrived_ns: int) -> NDArray[np.int64]:
        """Return when samples were taken, shape (n,), that arrived together; ``ticks`` since some fixed moment."""
        unit_ns = np.rint(ticks * self._tick_ns).astype(np.int64)
        late_ns = arrived_ns - int(unit_ns[-1])
        if self._offset_ns is None:
            self._offset_ns = late_ns
        else:
            grown_ns = self._offset_ns + round(self._drift * max(0, int(unit_ns[-1]) - self._seen_ns))
            forward_ns = self._last_ns + 1 - int(unit_ns[0])
            self._offset_ns = max(min(late_ns, grown_ns), forward_ns)
            self.residual_ns = max(self.residual_ns, late_ns - self._offset_ns)
        self._seen_ns = int(unit_ns[-1])
        moments_ns = unit_ns + self._offset_ns
        self._last_ns = int(moments_ns[-1])
        return moments_ns
