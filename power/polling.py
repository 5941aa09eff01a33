"""What meters share that are asked for every reading."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from .block import Block, Flag
from .meter import Identity
from .updates import UpdateWatch


class Pace:
    """Moments ``period_s`` apart. Whoever comes late goes on from there; nothing is caught up in a rush."""

    def __init__(self, period_s: float) -> None:
        """Start now."""
        self._period_ns = round(period_s * 1e9)
        self._next_ns = 0

    def wait(self) -> None:
        """Sleep until the next moment."""
        now_ns = time.monotonic_ns()
        time.sleep(max(0, self._next_ns - now_ns) / 1e9)
        self._next_ns = max(self._next_ns, now_ns) + self._period_ns


class Refreshes:
    """Polls an instrument that refreshes its values by itself, and gives each of them once."""

    def __init__(self, *, rate_hz: float, poll_s: float) -> None:
        """Poll every ``poll_s``; a few polls to each of ``rate_hz`` refreshes a second find their moments."""
        self._watch = UpdateWatch(rate_hz)
        self._pace = Pace(poll_s)

    def next(self, ask: Callable[[], tuple[float, ...]]) -> tuple[int, tuple[float, ...], Flag]:
        """Poll until the next refresh; return its moment, the values and what is known against them.

        Comes back after at most 1.5 refresh periods, an unchanged value being delivered then; what ``ask`` raises
        passes through. The moment of a poll is the middle between question and answer.
        """
        while True:
            self._pace.wait()
            asked_ns = time.monotonic_ns()
            values = ask()
            if update := self._watch.see(values, (asked_ns + time.monotonic_ns()) // 2):
                return update.t_ns, values, update.flags


class PolledMeter(ABC):
    """The part of :class:`~power.meter.Meter` that is the same for all of them."""

    name: str

    def __init__(self, name: str, identity: Identity) -> None:
        """Remember who answered at the port."""
        self.name = name
        self._identity = identity

    def identity(self) -> Identity:
        """Return what the unit said of itself when it was opened."""
        return self._identity

    @abstractmethod
    def read(self) -> Block:
        """Return one fresh reading, shape (1,)."""

    @abstractmethod
    def close(self) -> None:
        """Close the port. May be called twice."""

    def stream(self) -> Iterator[Block]:
        """Yield single readings in time order until the caller stops; raises as :meth:`read`."""
        while True:
            yield self.read()

    def __enter__(self) -> Self:
        """Return the meter itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the port."""
        self.close()
