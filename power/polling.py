"""What meters share that are asked for every reading."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar

from .apart import Exchange
from .block import Block
from .errors import FrameError, MeterOffline
from .kind import Kind
from .lateness import Lateness
from .meter import Identity

T = TypeVar("T")

_TRIES = 4
"""Assumed: enough where one answer in five gets lost, and a silent meter is still named within seconds."""


def again(ask: Callable[[], T]) -> T:
    """Ask what does no harm when asked again, as in opening a meter, until the answer comes through.

    Raises:
        MeterOffline: no answer four times, or the link itself is broken.
        FrameError: the last answer was not one.
    """
    for _ in range(_TRIES - 1):
        try:
            return ask()
        except (MeterOffline, FrameError) as error:
            if isinstance(error.__cause__, OSError):
                raise
    return ask()


_NEAREST = 4
"""Of a period: a moment that is nearer than this part of it, when one comes late, is left out."""


class Pace:
    """Moments ``period_s`` apart. Whoever comes late leaves out those that have passed: nothing is caught up in a rush.

    The moments stay where they are: would each latecomer begin anew, many that were held up together would from then
    on be due together, and hold up each other.
    """

    def __init__(self, period_s: float) -> None:
        """Start now."""
        self._period_ns = round(period_s * 1e9)
        self._next_ns = 0
        self.lateness = Lateness()
        """From each moment to when it was used."""

    @property
    def due_ns(self) -> int:
        """The next moment, monotonic; now where there was none yet."""
        return self._next_ns or time.monotonic_ns()

    def wait(self) -> None:
        """Sleep until the next moment."""
        due_ns, now_ns = self.due_ns, time.monotonic_ns()
        if due_ns > now_ns:
            time.sleep((due_ns - now_ns) / 1e9)
        self.begin()

    def begin(self) -> None:
        """Count how late it is, and go on to the next moment: for whoever has waited otherwise."""
        now_ns = time.monotonic_ns()
        late_ns = now_ns - (self._next_ns or now_ns)
        self.lateness.add(late_ns)
        passed = (max(0, late_ns) + self._period_ns // _NEAREST) // self._period_ns
        self._next_ns = now_ns - late_ns + (1 + passed) * self._period_ns


def assumptions(assumed: Mapping[str, float]) -> str | None:
    """Return why watts with assumed volts or amps are an estimate; None where nothing is assumed."""
    if not assumed:
        return None
    return f"{' and '.join(f'{value:g} {what}' for what, value in assumed.items())} were assumed, not measured"


class PolledMeter(ABC):
    """The part of :class:`~power.meter.Meter` that is the same for all of them."""

    kinds: ClassVar[tuple[Kind, ...]] = ("inlet", "wall", "rail", "chip")
    """An instrument measures what it is wired to."""

    name: str
    bandwidth_hz: float | None = None
    stamp_bound_s: float = 0.0
    lateness: Lateness | None = None
    """Of its questions; None of one that is not asked at a pace of its own."""

    def __init__(self, name: str, identity: Identity) -> None:
        """Remember who answered at the port."""
        self.name = name
        self._identity = identity

    @classmethod
    def estimated_why(cls, options: Mapping[str, Any]) -> str | None:
        """Return which of its quantities the inventory assumes; None: it measures both."""
        assumed = [(what, options.get(f"assume_{what}")) for what in ("volts", "amps")]
        return assumptions({what: float(value) for what, value in assumed if value is not None})

    def identity(self) -> Identity:
        """Return what the unit said of itself when it was opened."""
        return self._identity

    @abstractmethod
    def read(self) -> Block:
        """Return one fresh reading, shape (1,)."""

    @abstractmethod
    def close(self) -> None:
        """Close the port. May be called twice."""

    def apart(self) -> Exchange | None:
        """Return readings in halves; None where there are none, or must now be waited for. Then :meth:`stream` does."""
        return None

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
