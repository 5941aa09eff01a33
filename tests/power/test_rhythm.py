"""Readings that keep step with work see too much of it, or too little, and are none the wiser."""

import numpy as np
import pytest

from power.block import Block
from power.parts import Part
from power.rhythm import out_of_share

S = 1_000_000_000


def work(hz: float, duty: float, phase: float = 0.0, seconds: float = 20.0) -> Part:
    start_s = (np.arange(seconds * hz) + phase) / hz
    return Part(np.rint(start_s * S).astype(np.int64), np.rint((start_s + duty / hz) * S).astype(np.int64))


def readings(rate_hz: float, seconds: float = 20.0) -> Block:
    t_ns = np.rint(np.arange(0.01, seconds, 1 / rate_hz) * S).astype(np.int64)
    return Block(t_ns, np.full(len(t_ns), 5.0), np.ones(len(t_ns)), np.zeros(len(t_ns), np.uint8))


def missed(part: Part, rate_hz: float, aperture_s: float, bound_s: float = 0.0) -> float:
    block = readings(rate_hz)
    return out_of_share(part, block, 0, 20 * S, rate_hz=rate_hz, aperture_s=aperture_s, bound_ns=round(bound_s * S))


@pytest.mark.parametrize("times", [1.0, 2.0, 3.0])
def test_points_that_always_fall_beside_the_work_miss_all_of_it(times):
    assert missed(work(5 * times, 0.3, phase=0.1 * times), 5.0, 0.0) == pytest.approx(0.3, abs=0.005)


def test_points_that_always_fall_into_the_work_see_nothing_else():
    assert missed(work(5.0, 0.3, phase=-0.1), 5.0, 0.0) == pytest.approx(0.7, abs=0.005)


def test_a_slow_beat_is_in_step_for_as_long_as_the_window_lasts():
    assert missed(work(5.0005, 0.3, phase=0.2), 5.0, 0.0) > 0.25


def test_means_that_leave_a_gap_miss_no_more_than_the_gap():
    assert missed(work(10.0, 0.08, phase=0.55), 10.0, 0.09) == pytest.approx(0.08, abs=0.005)


@pytest.mark.parametrize("hz", [7.3, 15.0, 30.0, 61.0])
@pytest.mark.parametrize("rate_hz", [1 / 0.092, 1000.0])
def test_readings_that_fall_everywhere_are_a_fair_sample(hz, rate_hz):
    assert missed(work(hz, 0.4, phase=0.37), rate_hz, 0.02 if rate_hz < 100 else 0.0, 0.5 / rate_hz) < 0.005


def test_means_without_gaps_miss_nothing_in_step_or_not():
    assert missed(work(10.0, 0.3), 10.0, 0.1) == 0.0


def test_what_the_times_leave_open_is_taken_at_its_worst():
    sure, open_ = (missed(work(5.0, 0.3, phase=0.1), 5.0, 0.0, bound_s) for bound_s in (0.0, 0.1))
    assert sure == pytest.approx(0.3, abs=0.005)
    assert open_ == pytest.approx(0.7, abs=0.005)


def test_a_meter_that_read_nothing_has_missed_all_of_it():
    got = out_of_share(work(5.0, 0.3), Block.join([]), 0, 20 * S, rate_hz=5.0, aperture_s=0.0, bound_ns=0)
    assert got == pytest.approx(0.3, abs=0.005)


@pytest.mark.parametrize("at", [1, 40, 61])
def test_a_trace_in_pieces_says_the_same(at):
    whole = readings(1 / 0.092)

    class Pieces:
        def __len__(self):
            return len(whole)

        def pieces(self, start_ns=None, end_ns=None):
            yield from (whole.pick(slice(n, n + at)) for n in range(0, len(whole), at))

    args = (0, 20 * S)
    told = [
        out_of_share(work(21.8, 0.3), one, *args, rate_hz=1 / 0.092, aperture_s=0.02, bound_ns=9_000_000)
        for one in (whole, Pieces())
    ]
    assert told[1] == pytest.approx(told[0], abs=1e-9)
