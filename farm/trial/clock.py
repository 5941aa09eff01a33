"""Board time on the controller's clock: an interval, not a guess. Pure.

Between the sending of a question and the arrival of its answer the board has read its clock, so controller minus
board lies between two bounds. Clocks drift apart no faster than NTP slews: from each such moment the bounds open at
that rate before and after it, and what all of them agree on is where the truth lies. Nothing is assumed of how the
drift behaves in between.
"""

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..errors import LabFault

_KNOTS = 1000
_RATE_PPM = 600
"""Fastest that two clocks drift apart: NTP slews by up to 500 ppm (adjtimex(2)), a crystal adds up to 100."""


@dataclass(frozen=True, slots=True)
class Offset:
    """Controller minus board, at one moment of the board's clock."""

    board_ns: int
    low_ns: int
    high_ns: int

    @property
    def middle_ns(self) -> int:
        """The best guess."""
        return (self.low_ns + self.high_ns) // 2

    @property
    def bound_ns(self) -> int:
        """The guess is not further off than this."""
        return (self.high_ns - self.low_ns + 1) // 2


@dataclass(frozen=True, slots=True)
class Probe:
    """One question: what does the board's clock say? Integers: float64 loses ns after 100 days."""

    sent_ns: int
    board_ns: int
    heard_ns: int

    @property
    def offset(self) -> Offset:
        """What it tells: the board has read its clock after it was asked, and before it was heard."""
        return Offset(self.board_ns, self.sent_ns - self.board_ns, self.heard_ns - self.board_ns)


def intersect(board: str, probes: Sequence[Probe]) -> Offset:
    """Return the offset that all probes agree on, at the moment of the tightest one.

    Raises:
        LabFault: they do not agree: a clock jumped.
    """
    told = [probe.offset for probe in probes]
    tightest = min(told, key=lambda offset: offset.high_ns - offset.low_ns)
    low_ns = max(offset.low_ns - _drifted_ns(offset.board_ns - tightest.board_ns) for offset in told)
    high_ns = min(offset.high_ns + _drifted_ns(offset.board_ns - tightest.board_ns) for offset in told)
    if low_ns > high_ns:
        raise LabFault(
            board,
            f"its clock jumped by at least {(low_ns - high_ns) / 1e6:.3f} ms while it was looked at",
            hint="did it suspend, or was its virtual machine paused?",
        )
    return Offset(tightest.board_ns, low_ns, high_ns)


@dataclass(frozen=True, slots=True)
class ClockMap:
    """The board's clock on the controller's, over a trial."""

    offsets: tuple[Offset, ...]
    """In the order of time; each no wider than its neighbours and the fastest drift allow."""

    @classmethod
    def of(cls, board: str, offsets: Sequence[Offset]) -> Self:
        """Put together what was measured before, during and after a trial, in the order of time.

        Raises:
            LabFault: no drift explains it: the board's clock started anew, stood still or jumped.
        """
        agreed = list(offsets)
        for order in (range(1, len(agreed)), range(len(agreed) - 2, -1, -1)):
            step = order.step
            for at in order:
                agreed[at] = _narrowed(board, agreed[at], agreed[at - step], forward=step > 0)
        return cls(tuple(agreed))

    def interval_ns(self, board_ns: int) -> tuple[int, int]:
        """Return the bounds of controller minus board at a moment of the board's clock."""
        after = bisect(self.offsets, board_ns, key=lambda offset: offset.board_ns)
        near = self.offsets[max(0, after - 1) : after + 1]
        low_ns = max(offset.low_ns - _drifted_ns(board_ns - offset.board_ns) for offset in near)
        return low_ns, min(offset.high_ns + _drifted_ns(board_ns - offset.board_ns) for offset in near)

    def offset_ns(self, board_ns: int) -> int:
        """Return controller minus board at a moment of the board's clock: the middle of the interval."""
        return sum(self.interval_ns(board_ns)) // 2

    def offsets_ns(self, board_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the same for many moments, in order, shape (n,): straight lines between a thousand of them."""
        some = [len(board_ns) * nth // _KNOTS for nth in range(_KNOTS)]
        knots_ns: NDArray[np.int64] = np.append(board_ns[sorted(set(some))], board_ns[-1])
        first_ns = self.offset_ns(int(knots_ns[0]))  # floats are exact near zero
        moved_ns = [self.offset_ns(knot_ns) - first_ns for knot_ns in knots_ns.tolist()]
        at: NDArray[np.float64] = (knots_ns - knots_ns[0]).astype(np.float64)
        since: NDArray[np.float64] = (board_ns - knots_ns[0]).astype(np.float64)
        between: NDArray[np.float64] = np.interp(since, at, np.array(moved_ns, np.float64))
        return first_ns + np.rint(between).astype(np.int64)

    def to_controller_ns(self, board_ns: int) -> int:
        """Return a moment of the board's clock on the controller's."""
        return board_ns + self.offset_ns(board_ns)

    @property
    def bound_ns(self) -> int:
        """No moment between the first and the last measurement is mapped further off than this."""
        widest = max(offset.high_ns - offset.low_ns for offset in self.offsets)
        for earlier, later in pairwise(self.offsets):
            # between two measurements the bounds open at one rate and close at the same: widest where one turns
            for moved_ns in (later.low_ns - earlier.low_ns, earlier.high_ns - later.high_ns):
                turn_ns = (earlier.board_ns + later.board_ns - moved_ns * 1_000_000 // _RATE_PPM) // 2
                low_ns, high_ns = self.interval_ns(min(max(turn_ns, earlier.board_ns), later.board_ns))
                widest = max(widest, high_ns - low_ns)
        return (widest + 1) // 2

    @property
    def drift_ppm(self) -> float | None:
        """Board's clock against the controller's, positive when it is fast; None when it could as well be 0."""
        first, last = self.offsets[0], self.offsets[-1]
        moved_ns = last.middle_ns - first.middle_ns
        if abs(moved_ns) <= first.bound_ns + last.bound_ns:
            return None
        return -moved_ns / (last.board_ns - first.board_ns) * 1e6


def _narrowed(board: str, offset: Offset, known: Offset, *, forward: bool) -> Offset:
    """Return the part of an interval that can be reached from its neighbour's."""
    elapsed_ns = offset.board_ns - known.board_ns if forward else known.board_ns - offset.board_ns
    drifted_ns = _drifted_ns(elapsed_ns)
    low_ns, high_ns = max(offset.low_ns, known.low_ns - drifted_ns), min(offset.high_ns, known.high_ns + drifted_ns)
    if elapsed_ns <= 0 or low_ns > high_ns:
        detail = f"its clock moved {abs(offset.middle_ns - known.middle_ns) / 1e6:.3f} ms against ours during the trial"
        raise LabFault(board, detail, hint="did it reboot or suspend?")
    return replace(offset, low_ns=low_ns, high_ns=high_ns)


def _drifted_ns(elapsed_ns: int) -> int:
    return -(-abs(elapsed_ns) * _RATE_PPM // 1_000_000)
