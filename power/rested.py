"""The minimum off time between any off and the next on, not only within a cycle."""

import logging
import time
from collections.abc import Callable
from typing import Protocol

from .switch import Supply

_log = logging.getLogger(__name__)


class OffSince(Protocol):
    """Since when one supply is off: kept for whoever switches it on next."""

    def note(self) -> None:
        """Note that it goes off now."""
        ...

    def forget(self) -> None:
        """Note that it is on."""
        ...

    def seconds(self) -> float | None:
        """Return how long it has been off at least; None where nobody has noted an off."""
        ...


class OffHere:
    """The same for one process, on its monotonic clock."""

    def __init__(self) -> None:
        """Nothing is noted yet."""
        self._off_ns: int | None = None

    def note(self) -> None:
        """Note that it goes off now."""
        self._off_ns = time.monotonic_ns()

    def forget(self) -> None:
        """Note that it is on."""
        self._off_ns = None

    def seconds(self) -> float | None:
        """Return how long ago the last off was."""
        return None if self._off_ns is None else (time.monotonic_ns() - self._off_ns) / 1e9


class RestedSwitch:
    """A :class:`~power.switch.Supply` that waits with on until the supply was off for as long as it must be.

    It knows of what was switched through it, and of whatever else notes its offs in the same place.
    """

    def __init__(
        self, switch: Supply, off_since: OffSince | None = None, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Take an open switch, and where its last off is noted: in this process alone unless a place is given."""
        self.name, self.min_off_s = switch.name, switch.min_off_s
        self._switch, self._sleep = switch, sleep
        self._off_since: OffSince = off_since or OffHere()

    def rest(self) -> None:
        """Wait for the rest of the minimum off time, so that :meth:`on` switches on at once."""
        off_s = self._off_since.seconds()
        if off_s is not None and (left_s := self.min_off_s - off_s) > 0:
            _log.info("%s: waits %.1f s, for it has to stay off for %g s", self.name, left_s, self.min_off_s)
            self._sleep(left_s)

    def on(self) -> None:
        """Switch on, after the rest of the minimum off time; raises as the switch, and as the place of the note."""
        self.rest()
        self._switch.on()
        self._off_since.forget()

    def off(self) -> None:
        """Switch off, and note when: also where it is not confirmed, for it may be off; raises as :meth:`on`.

        It is noted before too: a process that is killed in between leaves a note that is a little early, never none.
        """
        self._off_since.note()
        try:
            self._switch.off()
        finally:
            self._off_since.note()

    def state(self) -> bool:
        """Ask the switch; raises as it."""
        return self._switch.state()
