"""Readings as arrays: one block, and the trace that blocks join to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntFlag
from typing import Self

import numpy as np
from numpy.typing import NDArray


class Flag(IntFlag):
    """What is known against a reading. No bit set: nothing."""

    LOST_BEFORE = 1
    """At least one reading is missing between the previous one and this."""
    STALE = 2
    """The instrument repeated an old value."""
    OVERLOAD = 4
    """The input was beyond the range: the value is a lower bound."""
    RANGE_MOVED = 8
    """Auto-ranging changed the range during this reading."""
    LATE = 16
    """A meter that measures only when asked was asked late. No reading is missing; the stretch before went unseen."""


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive readings of one supply rail. All arrays have shape (n,)."""

    t_ns: NDArray[np.int64]
    """Controller monotonic clock at the middle of each reading, ns. Never wall time: it may step."""
    volts: NDArray[np.float64]
    amps: NDArray[np.float64]
    """Positive into the board. NaN where the instrument had no value: never 0."""
    flags: NDArray[np.uint8]
    """:class:`Flag` bits."""
    own_watts: NDArray[np.float64] | None = None
    """Of an instrument that measures power as such: its watts. Volts and amps that it does not tell are NaN."""

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together."""
        shape, own = self.t_ns.shape, self.own_watts
        if (
            len(shape) != 1
            or not self.volts.shape == self.amps.shape == self.flags.shape == shape
            or (own is not None and own.shape != shape)
        ):
            arrays = (self.t_ns, self.volts, self.amps, self.flags, *(() if own is None else (own,)))
            shapes = sorted({array.shape for array in arrays})
            raise ValueError(f"a block needs arrays of one shape (n,), not {shapes}")

    def __len__(self) -> int:
        """Return the number of readings."""
        return len(self.t_ns)

    @property
    def watts(self) -> NDArray[np.float64]:
        """The instrument's own, else volts times amps, shape (n,); NaN where it had no value."""
        return self.volts * self.amps if self.own_watts is None else self.own_watts

    @classmethod
    def one(cls, t_ns: int, volts: float, amps: float, flags: int = 0, *, watts: float | None = None) -> Self:
        """Return a block of a single reading; ``watts`` only of an instrument that measures them as such."""
        return cls(
            np.array([t_ns], np.int64),
            np.array([volts], np.float64),
            np.array([amps], np.float64),
            np.array([flags], np.uint8),
            None if watts is None else np.array([watts], np.float64),
        )

    def pieces(self, start_ns: int | None = None, end_ns: int | None = None) -> Iterator["Block"]:  # noqa: ARG002
        """Yield all readings: they are one piece, see :class:`~power.piecewise.Readings`."""
        yield self

    def pick(self, which: slice | NDArray[np.bool_]) -> "Block":
        """Return these readings only."""
        own = None if self.own_watts is None else self.own_watts[which]
        return Block(self.t_ns[which], self.volts[which], self.amps[which], self.flags[which], own)

    @classmethod
    def join(cls, blocks: Iterable["Block"]) -> Self:
        """Return all readings in one block, in the order given; empty when there are none."""
        parts = list(blocks)
        own = any(b.own_watts is not None for b in parts)
        return cls(
            np.concatenate([np.empty(0, np.int64), *(b.t_ns for b in parts)]),
            np.concatenate([np.empty(0, np.float64), *(b.volts for b in parts)]),
            np.concatenate([np.empty(0, np.float64), *(b.amps for b in parts)]),
            np.concatenate([np.empty(0, np.uint8), *(b.flags for b in parts)]),
            np.concatenate([b.watts for b in parts]) if own else None,
        )
