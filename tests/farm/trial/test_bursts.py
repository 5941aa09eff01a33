"""Bursts of load around the frames: what a meter must show for its watts to count."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from farm.trial.bursts import Around, shown
from farm.trial.clock import ClockMap, Offset
from farm.trial.remote import Burst
from power.block import Block

S = 1_000_000_000
BOARD_AHEAD_NS = 77 * S
METER = SimpleNamespace(rate_hz=10.0, aperture_s=0.1)
ON = SimpleNamespace(name="wall-1", meter=METER)
BEFORE, AFTER = 100 * S, 110 * S
"""When the bursts begin, on the controller's clock."""
LENGTH_NS = 4 * S // 10


def trace(*, lag_s=0.0, step=4.0, until_s=12.0):
    """A meter's readings; both bursts show ``lag_s`` late."""
    t_ns = np.arange(BEFORE - S, BEFORE + round(until_s * S), S // 10, dtype=np.int64)
    watts = 7 + np.random.default_rng(1).normal(0, 0.01, len(t_ns))
    for begin_ns in (BEFORE, AFTER):
        begin_ns += round(lag_s * S)
        overlap_ns = np.minimum(t_ns + S // 20, begin_ns + LENGTH_NS) - np.maximum(t_ns - S // 20, begin_ns)
        watts += step * np.clip(overlap_ns / (S / 10), 0, 1)
    volts = np.full(len(t_ns), 12.0)
    return SimpleNamespace(readings=Block(t_ns, volts, watts / volts, np.zeros(len(t_ns), np.uint8)))


def around(waited_ns: int | None = 0, bound_ns: int = 1_000_000) -> Around:
    bursts = [Burst(at + BOARD_AHEAD_NS, at + BOARD_AHEAD_NS + LENGTH_NS, waited_ns) for at in (BEFORE, AFTER)]
    times = ClockMap((Offset(0, -BOARD_AHEAD_NS, -BOARD_AHEAD_NS),))
    return Around(bursts, times, 0.35, lambda _: bound_ns)


def test_a_meter_that_shows_both_bursts_where_the_clocks_say_may_decide():
    facts, reasons = shown(ON, trace(), around())
    assert reasons == []
    assert [fact.where for fact in facts] == ["before", "after"]
    assert all(abs(fact.lag_s) < 0.01 < fact.allowed_s < 0.06 for fact in facts)
    assert all(fact.step_watts == pytest.approx(4, rel=0.02) for fact in facts)


@pytest.mark.parametrize(("lag_s", "words"), [(0.12, r"1[12]\d ms too late"), (-0.12, r"1[12]\d ms too early")])
def test_a_clock_that_is_off_by_more_than_it_may_be_is_named(lag_s, words):
    _, reasons = shown(ON, trace(lag_s=lag_s), around())
    assert len(reasons) == 2
    assert reasons[0].startswith("bursts: wall-1: the burst of load before the frames shows ")
    assert re.search(words + "; clocks and the meter's rate explain 51 ms", reasons[0])


def test_what_the_clocks_may_be_off_is_no_disagreement():
    assert shown(ON, trace(lag_s=0.12), around(bound_ns=80_000_000))[1] == []


def test_a_load_that_was_held_up_may_show_later():
    assert shown(ON, trace(lag_s=0.12), around(waited_ns=80_000_000))[1] == []


def test_a_meter_of_another_board_is_asked_for():
    facts, reasons = shown(ON, trace(step=0.0), around())
    assert len(facts) == len(reasons) == 2
    assert "after the frames does not show" in reasons[1]
    assert "is it this board's meter" in reasons[1]


def test_a_burst_that_does_not_show_and_got_no_processor_says_both():
    _, reasons = shown(ON, trace(step=0.0), around(waited_ns=3 * S // 10))
    assert "and had no processor for 75% of its time; is it this board's meter" in reasons[0]


def test_a_trace_that_ends_before_the_second_burst_says_so():
    facts, reasons = shown(ON, trace(until_s=6), around())
    assert [fact.where for fact in facts] == ["before"]
    assert reasons == ["bursts: wall-1: too few readings after the frames to show a burst of load"]


def test_without_bursts_there_is_nothing_to_say():
    assert shown(ON, trace(), Around([], ClockMap(()), 0.35, lambda _: 0)) == ([], [])
