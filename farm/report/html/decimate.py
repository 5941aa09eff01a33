"""Fewer points to draw, and no peak lost: what is drawn is what was read."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from power.block import Block
from power.gaps import missing_before

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Envelope:
    """Readings in bins, in time order. Arrays (n,); a row of NaN stands where readings are missing."""

    t_s: Floats
    """The middle of the bin's readings, seconds from ``zero_ns``."""
    low: Floats
    """Lowest reading of the bin, watts."""
    mean: Floats
    high: Floats
    readings_per_bin: int
    """At most; 1: every reading is drawn as it is."""


def envelope(block: Block, zero_ns: int, rate_hz: float, bins: int) -> Envelope:
    """Return a trace in about ``bins`` bins of consecutive readings; lowest and highest of each are kept exactly.

    Where readings are missing, or had no value, the curve is broken and never bridged; among bins of several
    readings only a gap longer than a bin can be seen.
    """
    watts = block.watts
    valid = np.flatnonzero(np.isfinite(watts))
    per_bin = max(1, -(-len(valid) // bins))
    if not len(valid):
        nothing = np.empty(0)
        return Envelope(nothing, nothing, nothing, nothing, per_bin)
    breaks = _breaks(block, valid, rate_hz, per_bin)
    stretches = pairwise([0, *breaks.tolist(), len(valid)])
    starts = np.concatenate([np.arange(first, last, per_bin) for first, last in stretches])
    counts = np.diff(starts, append=len(valid))
    some, times_s = watts[valid], (block.t_ns[valid] - zero_ns) / 1e9
    t_s = np.add.reduceat(times_s, starts) / counts
    columns = (
        np.minimum.reduceat(some, starts),
        np.add.reduceat(some, starts) / counts,
        np.maximum.reduceat(some, starts),
    )
    gaps = np.searchsorted(starts, breaks)
    low, mean, high = (np.insert(column, gaps, np.nan) for column in columns)
    return Envelope(np.insert(t_s, gaps, (t_s[gaps - 1] + t_s[gaps]) / 2), low, mean, high, per_bin)


def _breaks(block: Block, valid: Ints, rate_hz: float, per_bin: int) -> Ints:
    """Return where in ``valid`` a new stretch begins."""
    missing = np.cumsum(missing_before(block, rate_hz))[valid]
    broken = (np.diff(valid) > 1) | (np.diff(missing) > 0)
    wide = np.diff(block.t_ns[valid]) > (per_bin - 1) * 1e9 / rate_hz
    return np.flatnonzero(broken & wide) + 1


def chosen(latency_ms: Floats, late: NDArray[np.bool_], most: int) -> Ints:
    """Return which frames to draw, at most ``most`` and in their order: of each bin the fastest and the slowest.

    All late frames are among them; when these are more than half of ``most``, the slowest of them.
    """
    if len(latency_ms) <= most:
        return np.arange(len(latency_ms), dtype=np.int64)
    slowest = np.flatnonzero(late)
    slowest = slowest[np.argsort(latency_ms[slowest])[-(most // 2) :]]
    edges = np.linspace(0, len(latency_ms), most // 4 + 1).astype(np.int64)
    picked = [
        start + pick
        for start, until in pairwise(edges)
        for pick in (int(np.argmin(latency_ms[start:until])), int(np.argmax(latency_ms[start:until])))
    ]
    return np.union1d(slowest, picked).astype(np.int64)
