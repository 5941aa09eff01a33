"""Watts out of a counter of energy."""

import time
from collections.abc import Callable

from ..block import Flag
from ..errors import FrameError, MeterOffline
from ..gaps import is_long
from .clock import Time
from .prompt import promptly

_FORGET_AFTER_S = 10.0
"""Assumed. After a pause this long a new stretch begins: a small counter may have wrapped more than once."""
_POLLS_A_PERIOD = 10
_STANDS_STILL_S = 2.0
"""Assumed: processors and GPUs update within a tenth of a second, and none of them draws nothing."""


class CounterPower:
    """Mean watts between one look at an energy counter and the next: nothing in between goes unseen."""

    def __init__(
        self,
        name: str,
        joules: Callable[[], float],
        *,
        period_s: float,
        wraps_at_joules: float | None = None,
        clock: Time = time,
    ) -> None:
        """Take the function that reads the counter, and the range after which it begins anew (None: it does not)."""
        self._name, self._joules, self._clock = name, joules, clock
        self._period_ns = round(period_s * 1e9)
        self._wraps_at = wraps_at_joules
        self._before: tuple[int, float] | None = None

    def next(self) -> tuple[int, float, Flag]:
        """Return the middle of the stretch since the last look, its mean watts, and whether it was a long one.

        Raises:
            MeterOffline: the counter stands still, or tells too slowly when it was read.
            FrameError: it went back, and does not wrap.
        """
        begin_ns, begin_joules = self._begin()
        self._clock.sleep(max(0, begin_ns + self._period_ns - self._clock.monotonic_ns()) / 1e9)
        end_ns, end_joules = self._changed(begin_joules)
        self._before = end_ns, end_joules
        used = end_joules - begin_joules
        if used < 0:
            if self._wraps_at is None:
                raise FrameError(self._name, f"its energy counter went back by {-used:g} J")
            used += self._wraps_at
        late = is_long(end_ns - begin_ns, 1e9 / self._period_ns)
        return (begin_ns + end_ns) // 2, used / ((end_ns - begin_ns) / 1e9), Flag.LATE if late else Flag(0)

    def _begin(self) -> tuple[int, float]:
        before, now_ns = self._before, self._clock.monotonic_ns()
        self._before = None
        recent = before is not None and now_ns - before[0] <= _FORGET_AFTER_S * 1e9
        return before if before is not None and recent else self._look()

    def _changed(self, before: float) -> tuple[int, float]:
        """Look until the counter has moved: the kernel's copy of it may be older than the last look."""
        deadline_ns = self._clock.monotonic_ns() + self._period_ns + round(_STANDS_STILL_S * 1e9)
        while (look := self._look())[1] == before:
            if look[0] > deadline_ns:
                raise MeterOffline(
                    self._name, "its energy counter stands still", hint="does its kernel module or driver fit the chip?"
                )
            self._clock.sleep(self._period_ns / _POLLS_A_PERIOD / 1e9)
        return look

    def _look(self) -> tuple[int, float]:
        t_ns, joules, _ = promptly(self._name, self._joules, period_s=self._period_ns / 1e9, clock=self._clock)
        return t_ns, joules
