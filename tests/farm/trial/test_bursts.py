"""Bursts of load around the frames: what a meter must show for its watts to count."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from farm.trial.bursts import Around, shown
from farm.trial.clock import ClockMap, Offset
from farm.trial.remote import Burst
from power.block import Block
from power.scpi.port import ScpiPort
from power.scpi.supply_meters import DP832
from power.testing import Answering

S = 1_000_000_000
BOARD_AHEAD_NS = 77 * S
METER = SimpleNamespace(rate_hz=10.0, aperture_s=0.1, stamp_bound_s=0.0)
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


SUPPLY = DP832("psu-1", ScpiPort("psu-1", Answering(lambda _: b"")), DP832.Config(resource="192.0.2.20:5555"))
SUPPLY_QUIET_S = 0.2 + 1.5 / SUPPLY.rate_hz + 3 * SUPPLY.stamp_bound_s


def shown_by_a_supply(dice, *, converts_s=0.1, clock_off_s=0.0):
    """What a supply as the only meter makes of the bursts: it shows its last finished mean to whoever asks."""
    length_s = 4.0 / SUPPLY.rate_hz
    asked_s = np.arange(-4, 16, 1 / SUPPLY.rate_hz) + dice.uniform(0, 1 / SUPPLY.rate_hz) + dice.normal(0, 2e-3)
    phase_s = dice.uniform(0, converts_s)
    ended_s = np.floor((asked_s - phase_s) / converts_s) * converts_s + phase_s
    watts = 3 + dice.normal(0, 0.01, len(asked_s))
    for begin_s in (0.0, 10.0):
        overlap_s = np.minimum(ended_s, begin_s + length_s) - np.maximum(ended_s - converts_s, begin_s)
        watts += 2 * np.clip(overlap_s / converts_s, 0, 1)
    t_ns = BEFORE + np.rint((asked_s - SUPPLY.stamp_bound_s + clock_off_s) * S).astype(np.int64)
    block = Block(t_ns, np.full(len(t_ns), 5.0), watts / 5, np.zeros(len(t_ns), np.uint8))
    bursts = [Burst(at, at + round(length_s * S), 0) for at in (BEFORE, AFTER)]
    told = Around(bursts, ClockMap((Offset(0, 0, 0),)), SUPPLY_QUIET_S, lambda _: 1_000_000)
    return shown(SimpleNamespace(name="psu-1", meter=SUPPLY), SimpleNamespace(readings=block), told)[1]


@pytest.mark.parametrize("converts_s", [0.01, 0.1, 0.2])
def test_what_a_supply_shows_of_unknown_age_voids_no_trial(converts_s):
    dice = np.random.default_rng(832)
    assert [shown_by_a_supply(dice, converts_s=converts_s) for _ in range(60)] == [[]] * 60


@pytest.mark.parametrize("off_s", [0.45, -0.45, 3.0])
def test_a_wrong_clock_is_still_found_with_a_supply_alone(off_s):
    dice = np.random.default_rng(833)
    assert all(shown_by_a_supply(dice, clock_off_s=off_s) for _ in range(60))
