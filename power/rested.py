"""The minimum off time between any off and the next on, not only within a cycle."""

import time
from collections.abc import Callable

from .switch import Supply


class RestedSwitch:
    """A :class:`~power.switch.Supply` that waits with on until the supply was off for as long as it must be.

    It knows of what was switched through it; whoever else switches off has to wait for himself.
    """

    def __init__(self, switch: Supply, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """Take an open switch."""
        self.name, self.min_off_s = switch.name, switch.min_off_s
        self._switch, self._sleep = switch, sleep
        self._off_ns: int | None = None

    def on(self) -> None:
        """Switch on, after the rest of the minimum off time; raises as the switch."""
        if self._off_ns is not None:
            self._sleep(max(0.0, self.min_off_s - (time.monotonic_ns() - self._off_ns) / 1e9))
        self._switch.on()
        self._off_ns = None

    def off(self) -> None:
        """Switch off, and remember when: also where it is not confirmed, for it may be off; raises as the switch."""
        try:
            self._switch.off()
        finally:
            self._off_ns = time.monotonic_ns()

    def state(self) -> bool:
        """Ask the switch; raises as it."""
        return self._switch.state()
