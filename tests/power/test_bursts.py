"""A burst of load in a trace: found where it is, not where it was told."""

import numpy as np
import pytest

from power.block import Block
from power.bursts import find_burst

S = 1_000_000_000
START_NS, LENGTH_NS, QUIET_NS = 500 * S, 4 * S // 10, 35 * S // 100


def trace(*, rate_hz=10.0, aperture_s=0.1, lag_s=0.0, step=4.0, noise=0.02, phase=0.3, seed=1, seconds=3.0):
    """What a meter would read of a burst that really came ``lag_s`` late."""
    period_ns = round(S / rate_hz)
    first_ns = START_NS - S + round(phase * period_ns)
    t_ns = np.arange(first_ns, first_ns + round(seconds * S), period_ns, dtype=np.int64)
    begin_s = lag_s
    t_s = (t_ns - START_NS) / 1e9
    if aperture_s:
        low, high = t_s - aperture_s / 2, t_s + aperture_s / 2
        share = np.clip((np.minimum(high, begin_s + LENGTH_NS / S) - np.maximum(low, begin_s)) / aperture_s, 0, 1)
    else:
        share = ((t_s >= begin_s) & (t_s <= begin_s + LENGTH_NS / S)).astype(float)
    watts = 7 + step * share + np.random.default_rng(seed).normal(0, noise, len(t_s))
    volts = np.full(len(t_ns), 12.0)
    return Block(t_ns, volts, watts / volts, np.zeros(len(t_ns), np.uint8))


def shown(block, **how):
    how = {"quiet_ns": QUIET_NS, "rate_hz": 10.0, "aperture_s": 0.1} | how
    return find_burst(block, START_NS, START_NS + LENGTH_NS, **how)


@pytest.mark.parametrize("phase", [0.0, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("lag_s", [0.0, 0.03, -0.05, 0.12])
def test_a_lag_is_found_to_a_part_of_the_meters_period(lag_s, phase):
    found = shown(trace(lag_s=lag_s, phase=phase))
    assert found.seen
    assert found.lag_s == pytest.approx(lag_s, abs=0.01)
    assert found.step_watts == pytest.approx(4.0, rel=0.05)
    assert found.agrees(0.005) is (lag_s == 0)


def test_the_interval_holds_the_true_lag_nineteen_times_of_twenty():
    held = [
        found.low_s - 1 / 250 <= 0.02 <= found.high_s + 1 / 250
        for seed in range(300)
        if (found := shown(trace(lag_s=0.02, noise=0.3, seed=seed, phase=seed / 300)))
    ]
    assert sum(held) >= 0.9 * 300


@pytest.mark.parametrize("aperture_s", [0.0, 1e-5])
@pytest.mark.parametrize("lag_s", [0.0, 0.0312, -0.05])
def test_a_meter_of_a_hundred_thousand_readings_a_second_is_looked_at_in_means(lag_s, aperture_s):
    """Each of its readings against each lag would be 700 GB."""
    fast = trace(rate_hz=1e5, aperture_s=aperture_s, lag_s=lag_s, noise=0.5)
    found = shown(fast, rate_hz=1e5, aperture_s=aperture_s)
    assert found.seen
    assert found.low_s <= lag_s <= found.high_s
    assert found.high_s - found.low_s < 0.01
    assert found.agrees(0.0001) is (lag_s == 0)


@pytest.mark.parametrize("lag_s", [0.12, -0.12])
def test_what_ends_before_the_quiet_is_not_taken_for_the_burst_by_a_meter_that_is_late(lag_s):
    block = trace(lag_s=lag_s)
    told_s = (block.t_ns - START_NS) / 1e9 - lag_s
    loud = (told_s < -QUIET_NS / S + 0.05) | (told_s > (LENGTH_NS + QUIET_NS) / S - 0.05)
    found = shown(Block(block.t_ns, block.volts, block.amps + loud * 1.0, block.flags))
    assert found.seen
    assert found.lag_s == pytest.approx(lag_s, abs=0.01)
    assert found.step_watts == pytest.approx(4.0, rel=0.05)


def test_points_tell_a_lag_no_finer_than_their_distance():
    found = shown(trace(aperture_s=0.0, lag_s=0.0), aperture_s=0.0)
    assert found.seen
    assert found.high_s - found.low_s == pytest.approx(0.1, abs=0.02)
    assert found.low_s <= 0 <= found.high_s


def test_a_meter_of_another_board_shows_no_step():
    seen = [shown(trace(step=0.0, noise=0.2, seed=seed)).seen for seed in range(300)]
    assert sum(seen) <= 3


def test_a_load_that_falls_when_it_should_rise_is_not_the_burst():
    assert not shown(trace(step=-3.0)).seen


def test_a_slow_meter_needs_a_longer_burst():
    assert shown(trace(rate_hz=2.0, aperture_s=0.5), rate_hz=2.0, aperture_s=0.5) is None
    start_ns, end_ns = START_NS, START_NS + 2 * S
    period_ns = S // 2
    t_ns = np.arange(start_ns - 2 * S + 100, end_ns + 2 * S, period_ns, dtype=np.int64)
    inside = np.clip(
        (np.minimum(t_ns + period_ns // 2, end_ns) - np.maximum(t_ns - period_ns // 2, start_ns)) / period_ns, 0, 1
    )
    watts = 1 + inside + np.random.default_rng(3).normal(0, 0.005, len(t_ns))
    block = Block(t_ns, np.full(len(t_ns), 5.0), watts / 5, np.zeros(len(t_ns), np.uint8))
    found = find_burst(block, start_ns, end_ns, quiet_ns=S, rate_hz=2.0, aperture_s=0.5)
    assert found.seen
    assert found.lag_s == pytest.approx(0, abs=0.03)


def test_readings_without_a_value_are_left_out():
    block = trace()
    amps = block.amps.copy()
    amps[12] = np.nan
    found = shown(Block(block.t_ns, block.volts, amps, block.flags))
    assert found.seen
    assert found.agrees(0.01)
