"""What all instrument twins share: a rail, a seed, a link, and faults on request."""

import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from .link import Link
from .truth import Supply

FAULTS = ("silent", "garbage", "drop", "trip", "lose", "stale")
"""``silent``: takes requests and does nothing. ``garbage``: answers of the right length, wrong bytes.
``drop``: leaves out one answer in five. ``trip``: the over-current protection of a supply has cut its output.
``lose``: a unit that counts its samples leaves some out. ``stale``: while a range moves, one question about values in
five is answered with the ranges, and the question after it with the values."""

_DROPPED = 0.2


class Twin(ABC):
    """One instrument on a supply: a server that speaks the real unit's bytes.

    Subclasses say how it wakes, what it answers and where it listens.
    """

    faults: tuple[str, ...] = ("silent", "garbage", "drop")
    """Those of :data:`FAULTS` that this unit can have."""

    def __init__(
        self,
        name: str,
        options: Mapping[str, Any],
        supply: Supply,
        *,
        set_power: Callable[[bool], None] | None = None,
        seed: int = 0,
    ) -> None:
        """Make the unit; it listens once started.

        Args:
            name: of the meter or switch in the inventory.
            options: its options there.
            supply: the rail it sits on.
            set_power: switches that rail; None when this unit cannot.
            seed: from which the unit's errors, noise and serial number follow.
        """
        self.name, self.supply, self.set_power = name, supply, set_power
        self.options = dict(options)
        self.rng = random.Random(f"{seed} {name}")  # noqa: S311 -- noise, not a secret
        self.unit_number = self.rng.randrange(10_000, 100_000)
        """Part of the serial number."""
        self._faults: set[str] = set()
        self._closing = threading.Event()
        self._link: Link | None = None
        self.power_up()

    @abstractmethod
    def power_up(self) -> None:
        """Set the unit as it is when its mains comes on; called once."""

    @abstractmethod
    def answer(self, request: bytes) -> bytes:
        """Return the unit's answer to one request, empty when it has none. Runs in the link's thread."""

    @abstractmethod
    def open_link(self) -> tuple[Link, dict[str, str]]:
        """Start to listen; return the link, and the inventory options that lead to it."""

    def mangle(self, answer: bytes) -> bytes:
        """Return wrong bytes of the same length, for the ``garbage`` fault."""
        return self.rng.randbytes(len(answer))

    def start(self) -> dict[str, str]:
        """Listen, and return the option values that lead here, for the resolved inventory."""
        self.supply.start()
        self._link, found = self.open_link()
        return found

    def inject(self, fault: str, on: bool = True) -> None:
        """Switch one of :attr:`faults` on or off; ValueError for any other name."""
        if fault not in self.faults:
            raise ValueError(f"no fault {fault!r}; there are: {', '.join(self.faults)}")
        if on:
            self._faults.add(fault)
        else:
            self._faults.discard(fault)

    def close(self) -> None:
        """Stop listening; the supply is the caller's. May be called twice."""
        self._closing.set()
        if self._link is not None:
            self._link.close()
            self._link = None

    @property
    def closing(self) -> bool:
        """Whether the twin is being closed."""
        return self._closing.is_set()

    def pause(self, seconds: float) -> None:
        """Take this long over an answer; ends early when the twin is closed."""
        if seconds > 0:
            self._closing.wait(seconds)

    def respond(self, request: bytes) -> bytes:
        """Answer one request as the unit does with the faults it has now."""
        return b"" if "silent" in self._faults else self.faulty(self.answer(request))

    def faulty(self, answer: bytes) -> bytes:
        """Return what comes of an answer, or of what the unit sends unasked, with the faults it has now."""
        if "silent" in self._faults:
            return b""
        if "drop" in self._faults and self.rng.random() < _DROPPED:
            return b""
        return self.mangle(answer) if "garbage" in self._faults else answer
