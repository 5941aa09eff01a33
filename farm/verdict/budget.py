"""How long a gate may still take."""

import time
from collections.abc import Callable

from ..trial.scenario import Scenario

_AROUND_S = 5.0
"""Around the frames of a trial: clock probes, the runner's start, two states; assumed until one was seen."""


class Budget:
    """Time from the gate's beginning, on the controller's monotonic clock."""

    def __init__(self, limit_s: float, now_s: Callable[[], float] = time.monotonic) -> None:
        """Begin now."""
        self.limit_s, self._now_s = limit_s, now_s
        self._end_s = now_s() + limit_s

    @property
    def left_s(self) -> float:
        """Never below 0."""
        return max(0.0, self._end_s - self._now_s())

    def now_s(self) -> float:
        """Return the clock, to measure what a trial takes."""
        return self._now_s()


def trial_s(scenario: Scenario) -> float:
    """Return about how long one trial takes, cooling and the images that no frame shows left out."""
    return scenario.soak_s + scenario.span_s + 2 * scenario.idle_s + _AROUND_S
