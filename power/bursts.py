"""Where in a trace a known burst of load shows: a check of clocks and wiring that trusts neither.

The readings around the burst are held against what a step of unknown height would have left in them, each reading
being the mean over the meter's aperture, for every shift of the burst that the quiet before and after it leaves room
for. The shift of the least squares is the lag; shifts that fit about as well bound it. A meter on another board shows
no step at all. Pure.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .block import Block

_SHIFTS_A_PERIOD = 25
_MOST_READINGS = 400
"""Of a faster meter means are looked at: every lag is held against every reading."""
_UNKNOWNS = 3
"""Base, step and lag."""
_LEAST_READINGS = 6
"""As many as there are unknowns, and a few to tell noise by."""
_SEEN_SIGMA = 5.0
"""A step this many standard errors high is no noise, although the best of many shifts was taken."""
_AS_GOOD = 4.0
"""Shifts whose sum of squares is larger by less than this share of the variance are not told apart: 95 %, for one
unknown of a Gaussian fit."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shown:
    """How a burst shows in a meter's readings. Positive lags: later than told."""

    lag_s: float
    low_s: float
    high_s: float
    """95 % interval of the lag, by the noise of the readings alone."""
    step_watts: float
    u_step_watts: float
    """Standard error of the step."""

    @property
    def seen(self) -> bool:
        """Whether there is a step at all."""
        return self.step_watts > _SEEN_SIGMA * self.u_step_watts

    def agrees(self, allowed_s: float) -> bool:
        """Return whether it may be where it was told, given how far clocks and stamps may be off."""
        return self.low_s - allowed_s <= 0 <= self.high_s + allowed_s


def find_burst(
    block: Block, start_ns: int, end_ns: int, *, quiet_ns: int, rate_hz: float, aperture_s: float
) -> Shown | None:
    """Look for a burst that was told to last from ``start_ns`` to ``end_ns``, between two stretches without load.

    Args:
        block: readings in time order, on the clock of the two moments.
        start_ns: controller's monotonic clock, as the end.
        end_ns: when the load ended.
        quiet_ns: nothing else ran for this long before and after; lags up to half of it can be told. For each lag
            only the readings count that saw nothing from beyond: a late one shows what ended before the quiet.
        rate_hz: the meter's.
        aperture_s: each reading is the mean over this long, centred on its time; 0 for a point.

    Returns:
        None where too few readings have a value.
    """
    reach_ns = quiet_ns // 2
    near = (block.t_ns >= start_ns - quiet_ns - reach_ns) & (block.t_ns <= end_ns + quiet_ns + reach_ns)
    near &= np.isfinite(block.watts)
    watts, t_s = block.watts[near], (block.t_ns[near] - start_ns) / 1e9
    unresolved_s = 0.0
    if (share := -(-len(watts) // _MOST_READINGS)) > 1:
        t_s, watts = _means(t_s, share), _means(watts, share)
        rate_hz, aperture_s = rate_hz / share, aperture_s + (share - 1) / rate_hz
        unresolved_s = 0.5 / rate_hz
    lags_s = np.arange(-reach_ns / 1e9, reach_ns / 1e9, 1 / rate_hz / _SHIFTS_A_PERIOD)
    since_s = t_s[None, :] - lags_s[:, None]
    length_s, rest_s = (end_ns - start_ns) / 1e9, (quiet_ns / 1e9) - aperture_s / 2
    told = (since_s >= -rest_s) & (since_s <= length_s + rest_s)
    if not (enough := told.sum(axis=1) >= _LEAST_READINGS).any():
        return None
    lags_s, shares, told = lags_s[enough], _shares(since_s[enough], length_s, aperture_s), told[enough]
    variances, steps, errors = _fits(shares, told, watts)
    best = int(np.argmin(variances))
    margin = 1 + _AS_GOOD / (int(told[best].sum()) - _UNKNOWNS)
    as_good = lags_s[variances <= variances[best] * margin]
    middle = as_good[np.argmin(np.abs(as_good - float(as_good.mean())))]  # of a plateau, where shifts fit alike
    low_s, high_s = float(as_good.min()) - unresolved_s, float(as_good.max()) + unresolved_s
    return Shown(float(middle), low_s, high_s, float(steps[best]), float(errors[best]))


def _means(values: Floats, share: int) -> Floats:
    """Return the means of so many in a row; what is left at the end is left out."""
    return values[: len(values) // share * share].reshape(-1, share).mean(axis=1)


def _shares(since_s: Floats, length_s: float, aperture_s: float) -> Floats:
    """Return which share of each reading's aperture lies in the burst, shape (lags, readings)."""
    if aperture_s == 0:
        return ((since_s >= 0) & (since_s <= length_s)).astype(np.float64)
    overlap_s = np.minimum(since_s + aperture_s / 2, length_s) - np.maximum(since_s - aperture_s / 2, 0)
    return np.clip(overlap_s / aperture_s, 0, 1)


def _fits(shares: Floats, told: NDArray[np.bool_], watts: Floats) -> tuple[Floats, Floats, Floats]:
    """Return for each row the variance left by the best base and step, the step, and its standard error.

    Args:
        shares: of the burst in each reading, shape (lags, readings).
        told: the readings that show nothing but the burst and the quiet around it, same shape.
        watts: shape (readings,).
    """
    count = told.sum(axis=1, keepdims=True)
    x = np.where(told, shares - (shares * told).sum(axis=1, keepdims=True) / count, 0)
    y = np.where(told, watts - (watts * told).sum(axis=1, keepdims=True) / count, 0)
    spread = np.maximum((x**2).sum(axis=1), 1e-12)
    steps = (x * y).sum(axis=1) / spread
    squares = np.maximum((y**2).sum(axis=1) - steps**2 * spread, 0)
    left = count[:, 0]
    return squares / (left - _UNKNOWNS), steps, np.sqrt(squares / (left - 2) / spread)
