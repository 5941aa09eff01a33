"""How late questions are asked: counted as they come, in as much memory for an hour as for a second."""

import math
from array import array

_LEAST_NS = 1_000
_STEPS = 48
"""A decade: each is 5 % wide."""
_DECADES = 9
"""From 1 µs to 1000 s."""


class Lateness:
    """The time from when a question was due to when it was asked. One thread adds, any may look."""

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self.counts = array("q", bytes(8 * (_DECADES * _STEPS + 1)))
        """On a logarithmic scale."""
        self.count = 0
        self.max_ns = 0

    def add(self, late_ns: int) -> None:
        """Count one question."""
        self.count += 1
        if late_ns > self.max_ns:
            self.max_ns = late_ns
        step = int(math.log10(max(late_ns, _LEAST_NS) / _LEAST_NS) * _STEPS)
        self.counts[min(step, _DECADES * _STEPS)] += 1

    def merge(self, other: "Lateness") -> None:
        """Count all of another's questions too."""
        self.count += other.count
        self.max_ns = max(self.max_ns, other.max_ns)
        for step, count in enumerate(other.counts):
            self.counts[step] += count

    def quantile_ns(self, share: float) -> float:
        """Return what this share of the questions was no later than, 5 % resolved; NaN where none was asked."""
        wanted, seen = share * self.count, 0
        for step, count in enumerate(self.counts):
            seen += count
            if seen >= wanted and count:
                return min(self.max_ns, _LEAST_NS * 10 ** ((step + 1) / _STEPS))
        return math.nan
