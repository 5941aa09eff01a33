"""How far readings keep step with work that recurs: what always falls between them is not seen, and shows nowhere.

A meter that looks for 20 ms eleven times a second sees a fifth of the time. Of loads that do not keep step with it that
is a fair sample, and its scatter tells how good a one; a frame that always begins right after a reading is never seen
at all, and the readings are as steady as can be. When the work was done is known from the board, so the share of the
readings' time that fell into it can be held against the share of the time that it took. Pure.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .energy import has_value
from .parts import POINT_NS, Part, Shares
from .piecewise import Readings

_SHIFTS = 12
"""Over a period of the work, or over what readings may be off, whichever is less."""
_GAPLESS = 0.999
"""Of the time: readings that average over all of it miss nothing."""
_FINE = 200.0
"""Readings a frame: of more of them none is worth looking for in step."""

Floats = NDArray[np.float64]
Int64 = NDArray[np.int64]


def out_of_share(
    work: Part, readings: Readings, start_ns: int, end_ns: int, *, rate_hz: float, aperture_s: float, bound_ns: int
) -> float:
    """Return by how much, of all the time, more or less of the work was looked at than was done; 0 … 1.

    The edges of the window count little, by a Hann taper over it: what they cost is another matter (:mod:`.energy`).

    Args:
        work: what recurs, once in every frame, on the readings' clock.
        readings: in time order.
        start_ns: where the window begins.
        end_ns: where it ends.
        rate_hz: the meter's.
        aperture_s: each reading is the mean over this long, centred on its time; 0 for a point.
        bound_ns: how far the readings' times and the work's may be apart; the worst of it is returned.
    """
    if len(work.start_ns) < 2:
        return 0.0
    period_ns = float(np.median(np.diff(work.start_ns)))
    if rate_hz * aperture_s >= _GAPLESS or rate_hz * period_ns / 1e9 >= _FINE:
        return 0.0
    half_ns = max(int(aperture_s * 1e9), POINT_NS) // 2
    reach_ns = min(float(bound_ns), period_ns / 2)
    shifts_ns = np.unique(np.linspace(-reach_ns, reach_ns, _SHIFTS + 1).astype(np.int64))
    seen, shares = np.zeros(len(shifts_ns)), Shares(work)
    for t_ns, counts in _counted(readings, start_ns, end_ns):
        seen += [float(counts @ shares.of(t_ns + shift, half_ns)) for shift in shifts_ns]
    done = float(np.sum(_tapered(work.end_ns, start_ns, end_ns) - _tapered(work.start_ns, start_ns, end_ns)))
    return float(np.max(np.abs(seen - done)))


def _counted(readings: Readings, start_ns: int, end_ns: int) -> Iterator[tuple[Int64, Floats]]:
    """Yield the times of the readings in a window, piece by piece, and which share of it each stands for."""
    last_ns, since_ns = np.empty(0, np.int64), start_ns
    for piece in readings.pieces(start_ns, end_ns):
        inside = (piece.t_ns >= start_ns) & (piece.t_ns <= end_ns) & has_value(piece)
        t_ns = np.concatenate([last_ns, piece.t_ns[inside]])
        if len(t_ns) < 2:
            last_ns = t_ns
            continue
        between_ns = np.concatenate([[since_ns], (t_ns[1:] + t_ns[:-1]) // 2])
        yield t_ns[:-1], np.diff(_tapered(between_ns, start_ns, end_ns))
        last_ns, since_ns = t_ns[-1:], int(between_ns[-1])
    if len(last_ns):
        yield last_ns, np.diff(_tapered(np.array([since_ns, end_ns]), start_ns, end_ns))


def _tapered(t_ns: Int64, start_ns: int, end_ns: int) -> Floats:
    """Return which share of the taper has passed at each moment."""
    x = np.clip((t_ns - start_ns) / (end_ns - start_ns), 0.0, 1.0)
    return x - np.sin(2 * np.pi * x) / (2 * np.pi)
