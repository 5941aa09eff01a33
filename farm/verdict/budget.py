"""How long a gate or a comparison may still take."""

import time
from collections.abc import Callable

from ..lab.lending import CutShort
from ..trial.scenario import Scenario

_AROUND_S = 5.0
"""Around the frames of a trial: clock probes, the runner's start, two states; assumed until one was seen."""


class Budget:
    """Time from the beginning, on the controller's monotonic clock."""

    def __init__(self, limit_s: float, now_s: Callable[[], float] = time.monotonic) -> None:
        """Begin now."""
        self.limit_s, self._now_s = limit_s, now_s
        self._end_s = now_s() + limit_s

    @property
    def left_s(self) -> float:
        """Never below 0."""
        return max(0.0, self._end_s - self._now_s())

    @property
    def spent(self) -> str:
        """What is said when nothing is left."""
        return f"time was up: {self.limit_s:g} s"

    def require_for_boot(self, board: str, reached: str) -> None:
        """Raise CutShort where nothing is left for a board to come up in, which has come so far."""
        if not self.left_s:
            hint = f"see how long its boot takes: `farm power cycle {board}`; or give more time"
            raise CutShort(board, reached, self.spent, hint=hint)

    def now_s(self) -> float:
        """Return the clock, to measure what a trial takes."""
        return self._now_s()


def trial_s(scenario: Scenario) -> float:
    """Return about how long one trial takes, cooling and the images that no frame shows left out."""
    return scenario.soak_s + scenario.span_s + 2 * scenario.idle_s + _AROUND_S
