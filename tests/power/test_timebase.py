"""An instrument's own time on the controller's clock, whatever its answers are held up by."""

from itertools import pairwise

import numpy as np
import pytest

from power.timebase import TimeBase

MS = 1_000_000


def placed(base: TimeBase, delays_ms: np.ndarray, *, speed: float = 1.0) -> list[np.ndarray]:
    """Lots of 40 readings a millisecond apart, each lot held up for as long as told."""
    return [
        base.place(np.arange(n * 40, n * 40 + 40) / 1e3, round((n * 40 + 40) * MS * speed + delay * MS))
        for n, delay in enumerate(delays_ms)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_moments_rise_however_late_the_lots_come(seed: int) -> None:
    lots = placed(TimeBase(), np.random.default_rng(seed).exponential(5, 500))
    moments = np.concatenate(lots)
    assert np.all(np.diff(moments) > 0), "two readings at one moment have no energy between them"
    assert all(np.all(np.abs(np.diff(lot) - MS) <= MS / 1000) for lot in lots), "within a lot nothing is squeezed"


@pytest.mark.parametrize("seed", range(5))
def test_a_lot_that_is_held_up_leaves_no_gap_that_looks_like_a_lost_reading(seed: int) -> None:
    """At 100 kHz a tenth of a millisecond is ten readings."""
    base, dice = TimeBase(0), np.random.default_rng(seed)
    late_ns = np.round(dice.exponential(3 * MS, 3000)).astype(int) + np.linspace(0, 3 * MS, 3000).astype(int)
    lots = [
        base.place((np.arange(1000) + n * 1000) / 1e5, (n + 1) * 10 * MS + int(held_up))
        for n, held_up in enumerate(late_ns)
    ]
    assert np.diff(np.concatenate(lots)).max() < 1.6 * 10_000


def test_what_comes_late_moves_no_reading_for_long() -> None:
    base = TimeBase()
    lots = placed(base, np.random.default_rng(3).exponential(5, 1000))
    error_ms = (np.concatenate(lots) - np.arange(40_000) * MS) / MS
    assert np.abs(error_ms[2000:]).max() < 3
    assert base.residual_s > 0.005


@pytest.mark.parametrize("speed", [0.99995, 1.00005])
def test_a_clock_that_runs_fast_or_slow_is_followed(speed: float) -> None:
    lots = placed(TimeBase(), np.zeros(15_000), speed=speed)
    assert abs(int(lots[-1][-1]) - 599_999 * MS * speed) < 1.5 * MS


def test_a_first_lot_that_came_late_is_put_right_by_the_next() -> None:
    lots = placed(TimeBase(), np.array([20.0] + [0.0] * 9))
    gaps_ms = [(b[0] - a[-1]) / MS for a, b in pairwise(lots)]
    assert gaps_ms[0] < 1
    assert abs(int(lots[-1][-1]) - 399 * MS) < 20 * MS
