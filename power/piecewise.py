"""Everything that a meter read, whether it fits into memory or lies in pieces on a disk."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from .block import Block, Flag


class Readings(Protocol):
    """Readings in time order. A :class:`~power.block.Block` is one of them, all in one piece."""

    def __len__(self) -> int:
        """Return how many."""
        ...

    def pieces(self, start_ns: int | None = None, end_ns: int | None = None) -> Iterator[Block]:
        """Yield them piece by piece, each once, only as much in memory as is yielded.

        Args:
            start_ns: pieces that end before are left out, but for the last of them.
            end_ns: pieces that begin after are left out, but for the first of them.
        """
        ...


class Keeper(Protocol):
    """Takes what a sampler reads, piece by piece, so that a long trace need not wait in memory."""

    def add(self, piece: Block) -> None:
        """Keep the next piece. What it raises ends the reading."""
        ...

    def readings(self) -> Readings:
        """Return all that was kept."""
        ...


def window(readings: Readings, start_ns: int, end_ns: int) -> Block:
    """Return the readings of the pieces that touch a window, and of a piece more on either side."""
    return Block.join(readings.pieces(start_ns, end_ns))


def lots(readings: Readings, most: int, start_ns: int | None = None, end_ns: int | None = None) -> Iterator[Block]:
    """Yield the readings of the pieces that touch a window, ``most`` at a time; all of them without one."""
    for piece in readings.pieces(start_ns, end_ns):
        for first in range(0, len(piece), most):
            yield piece.pick(slice(first, first + most))


def thinned(readings: Readings, most: int) -> Block:
    """Return all readings, or, where they are more than ``most``, means of so many in a row: for plots only.

    Flags are those of any of the readings behind a mean; the moment is the middle one's.
    """
    share = -(-len(readings) // most)
    if share <= 1:
        return Block.join(readings.pieces())
    return Block.join(_means(piece, share) for piece in readings.pieces() if len(piece))


def _means(piece: Block, share: int) -> Block:
    starts = np.arange(0, len(piece), share)
    counts = np.diff(starts, append=len(piece))
    volts, amps, watts = (np.add.reduceat(of, starts) / counts for of in (piece.volts, piece.amps, piece.watts))
    return Block(
        piece.t_ns[starts + counts // 2], volts, amps, np.bitwise_or.reduceat(piece.flags, starts), own_watts=watts
    )


def flagged(readings: Readings, flag: Flag, most: int) -> Sequence[tuple[int, int]]:
    """Return the moments of the readings with a flag, and of those before them, the first ``most``."""
    found: list[tuple[int, int]] = []
    last_ns: int | None = None
    for piece in readings.pieces():
        for at in np.flatnonzero(piece.flags & np.uint8(flag))[: most - len(found)].tolist():
            before_ns = int(piece.t_ns[at - 1]) if at else last_ns
            if before_ns is not None:
                found.append((before_ns, int(piece.t_ns[at])))
        if len(found) >= most:
            break
        last_ns = int(piece.t_ns[-1]) if len(piece) else last_ns
    return found
