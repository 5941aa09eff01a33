"""When did a meter that is polled show a new value?"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from ..block import Flag
from ..gaps import is_long
from ..polling import Pace

_STALE_AFTER_PERIODS = 1.5
"""The next value is given this long to differ; then it is taken as an update that repeats the last value."""
_FORGET_AFTER_PERIODS = 10
"""After a pause this long the instrument's rhythm is taken up anew."""


@dataclass(frozen=True, slots=True)
class Update:
    """A value that the instrument showed for the first time at ``t_ns``."""

    t_ns: int
    flags: Flag


class UpdateWatch:
    """Tells a new value from one that was already read. Pure: times and values in, updates out.

    Instruments with a display refresh it a few times a second and answer in between with what they had. The moment
    of a refresh lies between the last poll that saw the old value and the first that saw the new one: the middle is
    taken, right to half a poll. If the poller itself was held up for longer than one refresh, the moment is placed
    by the instrument's rhythm, or half a period back where that is not known; what must have passed unseen is flagged
    LOST_BEFORE. A value that does not
    differ in time is delivered at the moment it was due, flagged STALE.
    """

    def __init__(self, rate_hz: float) -> None:
        """Expect ``rate_hz`` refreshes a second."""
        self._rate_hz = rate_hz
        self._period_ns = round(1e9 / rate_hz)
        self._values: tuple[float, ...] | None = None
        self._seen_ns = 0
        self._update_ns: int | None = None

    def see(self, values: tuple[float, ...], t_ns: int) -> Update | None:
        """Take the answer of a poll at ``t_ns``; return the update that it shows, if any.

        The first value ever is no update: nobody knows how old it is.
        """
        before_ns, old = self._seen_ns, self._values
        self._seen_ns, self._values = t_ns, values
        if old is None:
            return None
        if repr(values) != repr(old):  # as text, because NaN differs from itself
            return self._update(self._when(before_ns, t_ns), Flag(0))
        if self._update_ns is None:
            self._update_ns = before_ns  # nothing is known yet; a refresh is due within a period from here
        elif t_ns - self._update_ns > _STALE_AFTER_PERIODS * self._period_ns:
            return self._update(self._due(self._update_ns, t_ns), Flag.STALE)
        return None

    def _update(self, t_ns: int, flags: Flag) -> Update:
        last_ns, self._update_ns = self._update_ns, t_ns
        if last_ns is not None and is_long(t_ns - last_ns, self._rate_hz):
            flags |= Flag.LOST_BEFORE
        return Update(t_ns, flags)

    def _when(self, before_ns: int, t_ns: int) -> int:
        """Return the moment of a refresh in ``(before_ns, t_ns]``."""
        held_up_ns = t_ns - before_ns
        if held_up_ns <= self._period_ns:
            return (before_ns + t_ns) // 2
        if self._update_ns is None or held_up_ns > _FORGET_AFTER_PERIODS * self._period_ns:
            return t_ns - self._period_ns // 2
        return max(self._due(self._update_ns, t_ns), before_ns)

    def _due(self, last_ns: int, t_ns: int) -> int:
        """Return the last moment up to ``t_ns`` at which a refresh was due, in rhythm with the one at ``last_ns``."""
        return last_ns + (t_ns - last_ns) // self._period_ns * self._period_ns


class Refreshes:
    """Polls a meter that refreshes its values by itself, and gives each of them once."""

    def __init__(self, *, rate_hz: float, poll_s: float, line_s: float = 0.0) -> None:
        """Poll every ``poll_s``; a few polls to each of ``rate_hz`` refreshes a second find their moments.

        ``line_s`` is how long an answer is on its way bit by bit: its values are as old when the last bit comes.
        """
        self._watch = UpdateWatch(rate_hz)
        self._pace = Pace(poll_s)
        self._line_ns = round(line_s * 1e9)

    def next(self, ask: Callable[[], tuple[float, ...]]) -> tuple[int, tuple[float, ...], Flag]:
        """Poll until the next refresh; return its moment, the values and what is known against them.

        Comes back after at most 1.5 refresh periods, an unchanged value being delivered then; what ``ask`` raises
        passes through. The moment of a poll is the middle between the question and the answer's first bit.
        """
        while True:
            self._pace.wait()
            asked_ns = time.monotonic_ns()
            values = ask()
            begun_ns = max(asked_ns, time.monotonic_ns() - self._line_ns)
            if update := self._watch.see(values, (asked_ns + begun_ns) // 2):
                return update.t_ns, values, update.flags
