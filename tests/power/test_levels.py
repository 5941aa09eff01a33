"""Peak, p99 and the highest short-term mean of a window."""

import numpy as np
import pytest

from power import levels as module
from power.block import Block, Flag
from power.levels import levels
from power.meter import Accuracy, Tolerance

S = 1_000_000_000
EXACT = Accuracy(None, None, "made up", watts=Tolerance(0.0, 0.0))


def block(watts, *, rate_hz=10.0, t_ns=None):
    t_ns = np.arange(len(watts)) * int(S / rate_hz) if t_ns is None else np.array(t_ns, np.int64)
    none = np.full(len(t_ns), np.nan)
    return Block(t_ns, none, none, np.zeros(len(t_ns), np.uint8), np.array(watts, float))


def of(readings, end_s, *, rate_hz=10.0, accuracy=EXACT, short_term_s=1.0, start_s=0.0):
    return levels(
        readings,
        int(start_s * S),
        int(end_s * S),
        rate_hz=rate_hz,
        aperture_s=1 / rate_hz,
        accuracy=accuracy,
        short_term_s=short_term_s,
    )


def test_constant_watts_are_their_own_peak_p99_and_short_term_mean():
    got = of(block([5.0] * 101), 10)
    assert got.peak.watts == got.p99.watts == 5.0
    assert got.short_term is not None
    assert got.short_term.watts == pytest.approx(5.0)


def test_a_short_burst_is_in_the_peak_not_in_the_p99_and_thinned_in_the_mean():
    watts = [2.0] * 1001
    watts[500:505] = [12.0] * 5
    got = of(block(watts, rate_hz=100.0), 10, rate_hz=100.0)
    assert got.peak.watts == 12.0
    assert got.p99.watts == 2.0
    assert got.short_term is not None
    assert got.short_term.watts == pytest.approx(2.0 + 10.0 * 0.05)


def test_p99_counts_time_and_not_readings():
    """Half of the readings lie in the one percent of the time in which much is drawn."""
    slow = np.arange(0, 99) * 100_000_000
    fast = 9_900_000_000 + np.arange(100) * 1_000_000
    got = of(block([2.0] * 99 + [9.0] * 100, t_ns=np.concatenate([slow, fast])), 10)
    assert got.p99.watts == pytest.approx(9.0)  # 1.05 % of the time
    got = of(block([2.0] * 99 + [9.0] * 40, t_ns=np.concatenate([slow, fast[:40]])), 9.939)
    assert got.p99.watts == 2.0


@pytest.mark.parametrize("length_s", [0.55, 1.0, 2.3])
def test_the_highest_mean_is_found_wherever_it_begins(length_s):
    rng = np.random.default_rng(3)
    watts = np.repeat(rng.uniform(1, 9, 40), 5)
    readings = block(watts, rate_hz=20.0)
    fine = np.repeat(watts, 50)  # a thousand a second: every stretch that begins at a millisecond
    ends = np.concatenate([[0.0], np.cumsum(fine)])
    n = int(length_s * 1000)
    wanted = float(np.max(ends[n:] - ends[:-n]) / n)
    got = of(readings, 9.9, rate_hz=20.0, short_term_s=length_s)
    assert got.short_term is not None
    assert got.short_term.watts == pytest.approx(wanted, abs=0.01)


def test_the_limits_of_error_count_at_the_level_that_is_told():
    watts = [1.0] * 101
    watts[40:60] = [10.0] * 20
    got = of(block(watts), 10, accuracy=Accuracy(None, None, "made up", watts=Tolerance(0.01, 0.0)))
    assert got.peak.u_watts == pytest.approx(0.1 * 0.95, rel=0.01)
    assert got.short_term is not None
    assert 0.09 < got.short_term.u_watts < 0.5  # its edges, too


@pytest.mark.parametrize(
    ("rate_hz", "end_s", "why"),
    [
        (2.0, 20, "it reads 2 times a second, which tells no mean over 1 s"),
        (10.0, 0.5, "the frames last 0.5 s, no 1 s"),
    ],
)
def test_a_meter_that_is_too_slow_tells_no_short_term_mean(rate_hz, end_s, why):
    got = of(block([5.0] * 50, rate_hz=rate_hz), end_s, rate_hz=rate_hz)
    assert got.short_term is None
    assert got.short_term_why == why


def test_readings_without_a_value_are_no_peak():
    readings = block([5.0] * 101)
    readings.flags[50] = Flag.OVERLOAD
    assert readings.own_watts is not None
    readings.own_watts[50] = 99.0
    readings.own_watts[51] = np.nan
    got = of(readings, 10)
    assert got.peak.watts == 5.0


class Cut:
    """Readings in pieces of a few."""

    def __init__(self, whole, size):
        self.whole, self.size = whole, size

    def __len__(self):
        return len(self.whole)

    def pieces(self, start_ns=None, end_ns=None):
        for at in range(0, len(self.whole), self.size):
            yield self.whole.pick(slice(at, at + self.size))


def by_hand(whole, start_ns, end_ns):
    """Peak and p99 of one block, each reading's time in ns."""
    inside = (whole.t_ns >= start_ns) & (whole.t_ns <= end_ns) & np.isfinite(whole.watts)
    t_ns, watts = whole.t_ns[inside], whole.watts[inside]
    lasts_ns = np.diff(np.concatenate([[start_ns], (t_ns[1:] + t_ns[:-1]) / 2, [end_ns]]))
    order = np.argsort(watts)
    at = np.searchsorted(np.cumsum(lasts_ns[order]), 0.99 * (end_ns - start_ns))
    return watts.max(), watts[order][at]


@pytest.mark.parametrize("size", [10, 500, 5000])
@pytest.mark.parametrize("sorted_at_once", [0, 30, 10_000])
def test_a_trace_in_pieces_tells_the_same_however_little_of_it_is_sorted(size, sorted_at_once, monkeypatch):
    monkeypatch.setattr(module, "_SORTED_AT_ONCE", sorted_at_once)
    monkeypatch.setattr(module, "_BITS", 16)
    dice = np.random.default_rng(size)
    t_ns = np.cumsum(dice.integers(5, 15, 3000)) * 1_000_000
    watts = dice.normal(0.3, 3.0, 3000)  # some below zero, some at it
    watts[dice.integers(0, 3000, 100)] = 0.0
    watts[dice.integers(0, 3000, 20)] = np.nan
    whole = block(watts, t_ns=t_ns)
    got = of(Cut(whole, size), 28.0123, start_s=1.0077, rate_hz=100.0)
    assert (got.peak.watts, got.p99.watts) == by_hand(whole, 1_007_700_000, 28_012_300_000)
    assert got.short_term is not None
    at_once = of(whole, 28.0123, start_s=1.0077, rate_hz=100.0).short_term
    assert got.short_term.watts == pytest.approx(at_once.watts, rel=1e-12)
    assert got.short_term.u_watts == pytest.approx(at_once.u_watts, rel=1e-6)


def test_watts_that_are_all_alike_are_not_sorted_to_find_the_highest(monkeypatch):
    monkeypatch.setattr(module, "_SORTED_AT_ONCE", 10)
    watts = np.full(1000, 5.0)
    watts[500:505] = 7.0
    assert of(Cut(block(watts), 100), 99.0).p99.watts == 5.0
