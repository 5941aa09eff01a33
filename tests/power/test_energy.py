"""Joules from readings, held against loads whose joules are known exactly."""

from dataclasses import dataclass

import numpy as np
import pytest

from power.block import Block, Flag
from power.energy import Energy, energy
from power.errors import MissingReadings
from power.meter import Accuracy, Tolerance

PERFECT = Accuracy(Tolerance(0, 0), Tolerance(0, 0), "none")
GOOD = Accuracy(Tolerance(0.0005, 1e-3), Tolerance(0.001, 4e-4), "as a TC66C, or nearly")
S = 1_000_000_000
T0 = 77 * S
"""Where the monotonic clock stands; no test may depend on it."""


def block(t_s: np.ndarray, watts: np.ndarray, flags: np.ndarray | None = None, volts: float = 5.0) -> Block:
    zeros = np.zeros(len(t_s), np.uint8)
    t_ns = T0 + np.rint(t_s * S).astype(np.int64)
    return Block(t_ns, np.full(len(t_s), volts), watts / volts, zeros if flags is None else flags)


def joules_of(
    readings: Block,
    start_s: float,
    end_s: float,
    *,
    rate_hz: float = 10.0,
    aperture_s: float = 0.1,
    accuracy: Accuracy = PERFECT,
    clock_bound_ns: int = 0,
    allow_lost: bool = False,
) -> Energy:
    return energy(
        readings,
        T0 + round(start_s * S),
        T0 + round(end_s * S),
        rate_hz=rate_hz,
        aperture_s=aperture_s,
        accuracy=accuracy,
        clock_bound_ns=clock_bound_ns,
        meter="m1",
        allow_lost=allow_lost,
    )


def every(rate_hz: float, until_s: float = 30.0) -> np.ndarray:
    return np.arange(0, until_s, 1 / rate_hz)


def test_a_constant_load_is_watts_times_seconds() -> None:
    t_s = every(10)
    got = joules_of(block(t_s, np.full_like(t_s, 7.0)), 3.21, 23.21)
    assert got.joules == pytest.approx(140.0)
    assert got.seconds == pytest.approx(20.0)
    assert got.mean_watts == pytest.approx(7.0)
    assert got.peak_watts == pytest.approx(7.0)
    assert got.volts_mean == pytest.approx(5.0)
    assert got.u_joules == pytest.approx(0.0, abs=1e-9)
    assert (got.readings, got.lost) == (200, 0)


def test_edges_are_interpolated_on_a_ramp() -> None:
    t_s = every(10)
    got = joules_of(block(t_s, 2 * t_s), 5.03, 15.07)
    assert got.joules == pytest.approx(15.07**2 - 5.03**2)


def test_the_cross_check_is_mean_times_duration() -> None:
    t_s = every(10)
    got = joules_of(block(t_s, 2 * t_s), 5.0, 15.0)
    assert got.joules_mean_times_duration == pytest.approx(got.joules, rel=1e-3)


def test_only_the_window_counts() -> None:
    t_s = every(10)
    outside = np.where((t_s < 4.8) | (t_s > 25.2), 1000.0, 3.0)
    assert joules_of(block(t_s, outside), 5.0, 25.0).joules == pytest.approx(60.0)


@pytest.mark.parametrize(("start_s", "end_s", "where"), [(-1.0, 20.0, "before"), (5.0, 31.0, "after")])
def test_readings_must_surround_the_window(start_s: float, end_s: float, where: str) -> None:
    t_s = every(10)
    with pytest.raises(MissingReadings, match=f"m1: the window has no reading {where}") as seen:
        joules_of(block(t_s, np.ones_like(t_s)), start_s, end_s)
    assert seen.value.hint


def test_a_meter_that_read_nothing_is_missing_readings() -> None:
    with pytest.raises(MissingReadings):
        joules_of(Block.join([]), 5.0, 25.0)


def test_a_window_between_two_readings_cannot_be_stated() -> None:
    t_s = every(10)
    with pytest.raises(MissingReadings, match="no reading inside"):
        joules_of(block(t_s, np.ones_like(t_s)), 5.01, 5.09)


def test_an_empty_window_is_the_callers_mistake() -> None:
    t_s = every(10)
    with pytest.raises(ValueError, match="empty"):
        joules_of(block(t_s, np.ones_like(t_s)), 5.0, 5.0)


def test_readings_out_of_order_are_refused() -> None:
    t_s = every(10)
    t_s[100] = t_s[99]
    with pytest.raises(ValueError, match="m1: readings are not in time order"):
        joules_of(block(t_s, np.ones_like(t_s)), 5.0, 25.0)


def without(t_s: np.ndarray, *gone: int) -> np.ndarray:
    return np.delete(t_s, gone)


def test_a_dropped_reading_is_counted_and_never_filled() -> None:
    t_s = without(every(10), 120)
    with pytest.raises(MissingReadings, match=r"m1: 1 of \d+ readings lost, at 7.1"):
        joules_of(block(t_s, np.ones_like(t_s)), 5.0, 25.0)


def test_a_long_gap_counts_every_reading_in_it() -> None:
    t_s = without(every(10), *range(120, 130))
    got = joules_of(block(t_s, np.ones_like(t_s)), 5.0, 25.0, allow_lost=True)
    assert got.lost == 10


def test_a_gap_across_an_edge_counts_too() -> None:
    t_s = without(every(10), 49, 50, 51)
    with pytest.raises(MissingReadings, match="3 of"):
        joules_of(block(t_s, np.ones_like(t_s)), 5.0, 25.0)


def test_a_gap_outside_the_window_does_not_matter() -> None:
    t_s = without(every(10), 10, 11, 280)
    assert joules_of(block(t_s, np.ones_like(t_s)), 5.0, 25.0).lost == 0


@pytest.mark.parametrize("flag", [Flag.LOST_BEFORE, Flag.OVERLOAD, Flag.RANGE_MOVED])
def test_a_reading_flagged_as_wrong_is_missing(flag: Flag) -> None:
    t_s = every(10)
    flags = np.zeros(len(t_s), np.uint8)
    flags[100] = flag
    with pytest.raises(MissingReadings, match="1 of"):
        joules_of(block(t_s, np.ones_like(t_s), flags), 5.0, 25.0)


def test_a_repeated_value_is_a_reading() -> None:
    t_s = every(10)
    flags = np.full(len(t_s), Flag.STALE, np.uint8)
    assert joules_of(block(t_s, np.ones_like(t_s), flags), 5.0, 25.0).lost == 0


def test_no_value_is_missing_and_never_zero() -> None:
    t_s = every(10)
    watts = np.ones_like(t_s)
    watts[100] = np.nan
    with pytest.raises(MissingReadings):
        joules_of(block(t_s, watts), 5.0, 25.0)
    got = joules_of(block(t_s, watts), 5.0, 25.0, allow_lost=True)
    assert got.joules == pytest.approx(20.0)
    assert got.lost == 1


def test_allowing_losses_widens_the_uncertainty() -> None:
    t_s = every(10)
    watts = np.where(t_s < 15, 3.0, 6.0)
    gone = without(np.arange(len(t_s)), *range(80, 90))
    whole = joules_of(block(t_s, watts), 5.0, 25.0)
    holed = joules_of(block(t_s[gone], watts[gone]), 5.0, 25.0, allow_lost=True)
    assert holed.u_joules > whole.u_joules + 1.0


def late(gap_s: float) -> Block:
    """A meter that measures when asked, held up once at 12 s."""
    t_s = every(10)
    t_s = t_s[(t_s <= 12.0) | (t_s > 12.0 + gap_s - 1e-6)]
    flags = np.where(np.diff(t_s, prepend=t_s[0]) > 0.15, np.uint8(Flag.LATE), np.uint8(0)).astype(np.uint8)
    return block(t_s, np.where(t_s < 15, 3.0, 6.0), flags)


def test_a_late_question_costs_certainty_and_no_reading() -> None:
    prompt, held_up, longer = (joules_of(late(gap_s), 5.0, 25.0) for gap_s in (0.1, 0.2, 0.9))
    assert held_up.lost == longer.lost == 0
    assert held_up.u_joules > prompt.u_joules
    assert longer.u_joules > prompt.u_joules + 0.9 * 0.8 * 3.0 / 2  # the load may have been at either end meanwhile


def test_a_question_that_came_very_late_is_a_loss() -> None:
    with pytest.raises(MissingReadings, match="11 of"):
        joules_of(late(1.2), 5.0, 25.0)


def test_the_meters_accuracy_sets_the_floor() -> None:
    t_s = every(10)
    got = joules_of(block(t_s, np.full_like(t_s, 5.0)), 5.0, 25.0, accuracy=GOOD)
    parts = [0.0005, 1e-3 / 5, 0.001, 4e-4 / 1]  # relative limits at 5 V and 1 A: gain and range of either
    assert [term.joules for term in got.terms[:4]] == pytest.approx([100.0 * part for part in parts])
    drawn = np.random.default_rng(1).uniform(-1, 1, (100_000, 4)) @ parts
    assert got.u_joules == pytest.approx(100.0 * np.percentile(np.abs(drawn), 95), rel=0.02)
    assert got.u_watts == pytest.approx(got.u_joules / 20)


def test_limits_of_the_watts_themselves_go_before_those_of_volts_and_amps() -> None:
    t_s = every(10)
    own = Accuracy(GOOD.volts, GOOD.amps, "a WT310E, or nearly", watts=Tolerance(0.001, 0.06))
    got = joules_of(block(t_s, np.full_like(t_s, 5.0)), 5.0, 25.0, accuracy=own)
    assert [term.joules for term in got.terms[:2]] == pytest.approx([20 * 0.005, 20 * 0.06])
    assert 20 * 0.95 * 0.06 < got.u_joules < 20 * (0.005 + 0.06)


def test_a_step_at_the_edge_costs_its_size_times_the_clock_bound() -> None:
    t_s = every(10)
    steps = block(t_s, np.where(t_s < 5.0, 3.0, 6.0))
    sharp, blurred = (joules_of(steps, 5.0, 25.0, clock_bound_ns=bound_ns) for bound_ns in (0, 50_000_000))
    assert blurred.u_joules - sharp.u_joules == pytest.approx(0.9 * 0.05 * 3.0, rel=0.02)


def test_a_wide_clock_bound_looks_as_far_as_it_reaches() -> None:
    """The step is half a second from the edge: within a bound of one second the window may begin after it."""
    t_s = every(10)
    steps = block(t_s, np.where(t_s < 5.5, 3.0, 6.0))
    near, wide = (joules_of(steps, 5.0, 25.0, clock_bound_ns=bound_ns) for bound_ns in (0, S))
    assert near.u_joules == pytest.approx(0.0, abs=1e-9)
    assert wide.u_joules == pytest.approx(0.95 * 1.0 * 3.0, rel=0.01)


def test_a_clock_bound_costs_nothing_where_the_load_is_steady() -> None:
    t_s = every(10)
    steady = block(t_s, np.full_like(t_s, 5.0))
    assert joules_of(steady, 5.0, 25.0, clock_bound_ns=50_000_000).u_joules == pytest.approx(0.0, abs=1e-9)


@dataclass(frozen=True)
class Setup:
    """A meter as the energy sees it."""

    rate_hz: float
    aperture_s: float
    stamp_error_s: float


SETUPS = {
    "n6705c": Setup(1 / 0.092, 0.08, 0.002),
    "wt310e": Setup(10, 0.1, 0.002),
    "tc66c": Setup(10, 0.1, 0.0115),
    "um25c": Setup(2, 0.5, 0.055),
}
STEP_S = 0.001


def load(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Watts for 30 s, constant over each millisecond."""
    t_s = np.arange(30_000) * STEP_S
    low, high = rng.uniform(1, 5), rng.uniform(6, 15)
    if kind == "constant":
        return np.full_like(t_s, high)
    if kind == "bursts":
        period_s = rng.uniform(1.5, 6)
        return np.where((t_s + rng.uniform(0, 9)) % period_s < period_s * rng.uniform(0.2, 0.8), high, low)
    if kind == "ramps":
        period_s = rng.uniform(3, 30)
        return low + (high - low) * ((t_s + rng.uniform(0, 9)) % period_s) / period_s
    if kind == "random":
        return np.repeat(rng.uniform(low, high, 60), 500)
    return np.where((t_s >= 5) & (t_s < 25), high, low)  # begins and ends with the window


def error_and_u(kind: str, meter: Setup, rng: np.random.Generator) -> tuple[float, float]:
    """Return the relative error of one trial, and what was stated."""
    cumulated = np.concatenate([[0.0], np.cumsum(load(kind, rng))]) * STEP_S

    def flowed(t_s: np.ndarray | float) -> np.ndarray:
        return np.interp(t_s, np.arange(len(cumulated)) * STEP_S, cumulated)

    half_s = meter.aperture_s / 2
    centre_s = np.arange(rng.uniform(0.3, 0.8), 29, 1 / meter.rate_hz)
    watts = (flowed(centre_s + half_s) - flowed(centre_s - half_s)) / meter.aperture_s
    gains, offsets = rng.uniform(-1, 1, 2), rng.uniform(-1, 1, 2)
    volts = np.full_like(watts, 5 * (1 + gains[0] * GOOD.volts.of_reading) + offsets[0] * GOOD.volts.offset)
    amps = watts / 5 * (1 + gains[1] * GOOD.amps.of_reading) + offsets[1] * GOOD.amps.offset
    stamps_s = centre_s + rng.uniform(-1, 1, len(centre_s)) * meter.stamp_error_s
    t_ns = T0 + np.rint(stamps_s * S).astype(np.int64)
    read = Block(t_ns, volts, amps, np.zeros(len(t_ns), np.uint8))
    got = joules_of(read, 5.0, 25.0, rate_hz=meter.rate_hz, aperture_s=meter.aperture_s, accuracy=GOOD)
    true = float(flowed(25.0) - flowed(5.0))
    return got.joules / true - 1, got.u_joules / true


@pytest.mark.parametrize("kind", ["constant", "bursts", "ramps", "random", "whole window"])
@pytest.mark.parametrize("name", SETUPS)
def test_the_error_is_small_and_inside_what_is_stated(name: str, kind: str) -> None:
    rng = np.random.default_rng(2026)
    trials = np.array([error_and_u(kind, SETUPS[name], rng) for _ in range(100)])
    errors, stated = np.abs(trials[:, 0]), trials[:, 1]
    assert np.mean(errors <= stated) >= 0.95
    if SETUPS[name].rate_hz >= 10:
        assert errors.max() < 0.01
        assert np.median(stated) < 0.01  # honest, and still of use
