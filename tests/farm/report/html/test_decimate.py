"""Fewer points, no peak lost."""

import json

import numpy as np
import pytest

from farm.report.html.datasets import Evidence, drawables
from farm.report.html.decimate import chosen, envelope
from farm.report.html.detail import LEVELS
from power.block import Block, Flag


def block(watts, *, rate_hz=1000.0, flags=None, t_ns=None):
    n = len(watts)
    times = np.arange(n) * int(1e9 / rate_hz) if t_ns is None else t_ns
    no_flags = np.zeros(n, np.uint8) if flags is None else flags
    return Block(times, np.ones(n), np.asarray(watts, float), no_flags)


def test_of_minutes_at_1_khz_the_one_reading_that_is_highest_and_the_one_that_is_lowest_are_drawn():
    watts = np.random.default_rng(1).normal(5, 0.1, 300_000)
    watts[123_457], watts[200_001] = 25.5, 0.25
    drawn = envelope(block(watts), 0, 1000.0, 2000)
    assert len(drawn.t_s) <= 2001
    assert drawn.high.max() == 25.5
    assert drawn.low.min() == 0.25
    assert drawn.t_s[drawn.high.argmax()] == pytest.approx(123.457, abs=0.15)


def test_a_trace_of_minutes_at_1_khz_stays_small_in_the_page(timed):
    trace = block(np.random.default_rng(1).normal(5, 0.1, 300_000))
    evidence = Evidence(timed(scenario__start_ns=0, power__0__rate_hz=1000.0), {"um25c-1": trace}, None, b"")
    drawn = drawables(evidence, LEVELS[0])["time"]
    assert len(json.dumps(drawn.data)) < 150_000
    assert "up to 150 readings" in drawn.note


def test_a_short_trace_is_drawn_reading_by_reading():
    drawn = envelope(block([1.0, 3.0, 2.0]), 0, 1000.0, 100)
    assert drawn.readings_per_bin == 1
    assert drawn.low.tolist() == drawn.mean.tolist() == drawn.high.tolist() == [1.0, 3.0, 2.0]
    assert drawn.t_s.tolist() == [0.0, 0.001, 0.002]


def test_where_readings_are_missing_the_curve_is_broken():
    times = np.array([0, 1, 2, 50, 51], np.int64) * 1_000_000
    drawn = envelope(block([1.0] * 5, t_ns=times), 0, 1000.0, 100)
    assert np.isnan(drawn.mean).tolist() == [False, False, False, True, False, False]
    assert 0.002 < drawn.t_s[3] < 0.05


def test_a_reading_that_is_known_to_be_missing_breaks_it_too():
    flags = np.array([0, 0, Flag.LOST_BEFORE, 0], np.uint8)
    drawn = envelope(block([1.0] * 4, flags=flags), 0, 1000.0, 100)
    assert np.isnan(drawn.mean).tolist() == [False, False, True, False, False]


def test_a_reading_without_a_value_is_a_gap_and_never_0():
    drawn = envelope(block([2.0, np.nan, np.nan, 2.0, 2.0]), 0, 1000.0, 100)
    assert np.isnan(drawn.mean).tolist() == [False, True, False, False]
    assert np.nanmin(drawn.low) == 2.0


def test_a_trace_in_which_every_other_reading_is_missing_stays_small_all_the_same():
    times = np.arange(200_000, dtype=np.int64) * 2_000_000
    drawn = envelope(block(np.ones(200_000), t_ns=times), 0, 1000.0, 500)
    assert len(drawn.t_s) <= 1001


@pytest.mark.parametrize("watts", [[], [np.nan, np.nan]])
def test_a_trace_without_any_value_is_nothing(watts):
    assert len(envelope(block(watts), 0, 1000.0, 100).t_s) == 0


def test_of_many_frames_every_late_one_is_drawn():
    ms = np.full(10_000, 5.0)
    ms[[17, 4000, 9999]] = 80.0, 60.0, 70.0
    drawn = chosen(ms, ms > 50, 400)
    assert len(drawn) <= 400
    assert {17, 4000, 9999} <= set(drawn.tolist())
    assert drawn.tolist() == sorted(drawn.tolist())


def test_of_too_many_late_frames_the_slowest_are_drawn():
    ms = np.linspace(60, 600, 5000)
    drawn = chosen(ms, ms > 50, 200)
    assert len(drawn) <= 200
    assert 4999 in drawn


def test_few_frames_are_all_drawn():
    assert chosen(np.full(30, 5.0), np.zeros(30, bool), 30).tolist() == list(range(30))
