"""What is missing in a trace and how evenly it was read, counted as it grows. Pure."""

import math
from dataclasses import replace

import numpy as np

from .block import Block, Flag
from .gaps import missing_before


class Tally:
    """Takes blocks in time order, flags what is missing before their readings, and keeps the sums."""

    def __init__(self, rate_hz: float) -> None:
        """Begin with the first reading."""
        self._nominal_hz = rate_hz
        self._first_ns = 0
        self._last: Block | None = None
        self._steps = 0
        self._mean_s = self._squares = 0.0
        self.readings = self.lost = self.stale = self.doubled = 0

    def add(self, block: Block) -> Block:
        """Return the readings with LOST_BEFORE where some are missing.

        Those that are not later than one before them are left out: they came twice.
        """
        block = self._once(block)
        if not len(block):
            return block
        self.stale += int(np.count_nonzero(block.flags & np.uint8(Flag.STALE)))
        with_last = block if self._last is None else Block.join([self._last, block])
        missing = missing_before(with_last, self._nominal_hz)
        self._space(np.diff(with_last.t_ns)[missing[1:] == 0] / 1e9)
        if self._last is None:
            self._first_ns = int(block.t_ns[0])
        self._last = block.pick(slice(-1, None))
        self.readings += len(block)
        self.lost += int(missing.sum())
        missing = missing[-len(block) :]
        flags = np.where(missing > 0, block.flags | np.uint8(Flag.LOST_BEFORE), block.flags)
        return replace(block, flags=flags.astype(np.uint8))

    @property
    def rate_hz(self) -> float:
        """Readings a second that really came; NaN for fewer than two."""
        span_s = (int(self._last.t_ns[-1]) - self._first_ns) / 1e9 if self._last is not None else 0.0
        return (self.readings - 1) / span_s if span_s > 0 else math.nan

    @property
    def jitter_ms(self) -> float:
        """Standard deviation of the time between neighbours with nothing missing between them; NaN for none."""
        return 1e3 * math.sqrt(self._squares / self._steps) if self._steps else math.nan

    def _once(self, block: Block) -> Block:
        if self._last is None and not len(block):
            return block
        t_ns = block.t_ns if self._last is None else np.append(self._last.t_ns, block.t_ns)
        if np.all(np.diff(t_ns) > 0):
            return block
        before_ns = np.maximum.accumulate(t_ns)[:-1]
        later = np.append(self._last is None, t_ns[1:] > before_ns)[-len(block) :]
        self.doubled += int(np.count_nonzero(~later))
        return block.pick(later)

    def _space(self, steps_s: np.ndarray) -> None:
        """Add spacings by Welford's way: sums of squares of small differences of large numbers would be noise."""
        if not (count := len(steps_s)):
            return
        mean_s, total = float(steps_s.mean()), self._steps + count
        apart_s = mean_s - self._mean_s
        self._squares += float(np.sum((steps_s - mean_s) ** 2)) + apart_s**2 * self._steps * count / total
        self._mean_s += apart_s * count / total
        self._steps = total
