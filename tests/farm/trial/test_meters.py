"""Several meters on one board: whose watts count, and what they make of each other."""

from types import SimpleNamespace

import pytest

from farm.lab.inventory import MeterEntry
from farm.trial.scenario import FixedRate
from farm.trial.trial import run_trial

from ...held_up import HELD_UP
from .conftest import FunctionMeter, OnRail

SHORT = FixedRate(rate_hz=20, duration_s=1.0, idle_s=0.3, bursts=False, short_term_s=0.5)


@pytest.fixture
def with_second(local_bench):
    """``with_second(watts, driver="…")``: a bench whose first meter reads 5 W, and whose second reads so many."""

    def make(watts, **entry):
        bench = local_bench()
        second = FunctionMeter(lambda _: watts)
        second.name = "m2"
        bench.meters["m2"] = OnRail("m2", second, rail=entry.get("rail", "5 V"))
        bench.inventory.boards["here"] = SimpleNamespace(meters=["m1", "m2"])
        bench.inventory.meters["m2"] = MeterEntry(**{"driver": "scpi", "rail": "5 V", **entry})
        return bench

    return make


def test_what_a_rail_inside_cannot_tell_is_a_warning_and_no_void(tiny, with_second):
    bench = with_second(3.0, driver="tegrastats", rail="VDD_CPU")
    bench.meters["m2"].meter.aperture_s = 0.0
    record = run_trial(bench, tiny(), SHORT).record
    assert [reason for reason in record.voids if not HELD_UP.match(reason)] == []
    (warning,) = record.warnings
    assert warning.startswith("bandwidth: m2: a frame works for ")
    assert (
        "a meter that takes a point 20 times a second tells nothing shorter than 100 ms; one that averages" in warning
    )
    first, second = record.power
    assert (first.kind, first.within, first.how) == ("inlet", None, "measured")
    assert (second.kind, second.within, second.how) == ("rail", "m1", "measured")
    assert record.supply is not None
    assert record.supply.mean.watts == pytest.approx(5.0, abs=0.1)
    assert first.short_term is not None
    assert first.short_term.over_s == 0.5
    assert first.p99 is None
    assert "a frame works for" in first.too_slow_for["p99_watts"]
    assert first.too_slow_for["peak_watts"] == first.too_slow_for["p99_watts"]


def test_a_rail_that_takes_more_than_the_input_makes_the_trial_void(tiny, with_second):
    record = run_trial(with_second(6.0, driver="tegrastats", rail="VDD_CPU"), tiny(), SHORT).record
    (why,) = (reason for reason in record.voids if reason.startswith("meters: "))
    assert "m2 tells 6 ± " in why
    assert "although 5 V feeds VDD_CPU" in why


def test_a_meter_that_is_too_slow_for_the_frames_contradicts_nobody(tiny, with_second):
    bench = with_second(6.0)
    bench.meters["m2"].meter.aperture_s = 0.0
    record = run_trial(bench, tiny(), SHORT).record
    assert [reason for reason in record.voids if reason.startswith("meters: ")] == []
    assert record.warnings[0].startswith("bandwidth: m2")


def test_a_board_on_the_wrong_volts_makes_the_trial_void_and_names_the_cable(tiny, local_bench):
    bench = local_bench()
    bench.board.supply_volts = (5.1, 5.25)
    record = run_trial(bench, tiny(), SHORT).record
    (why,) = (reason for reason in record.voids if reason.startswith("supply: "))
    assert why.startswith("supply: m1 reads 5 V under load, here takes 5.1 to 5.25 V; look at the cable")
    assert (record.power[0].volts_mean, record.power[0].volts_least) == (5.0, 5.0)


def test_watts_of_assumed_volts_are_an_estimate(tiny, local_bench):
    bench = local_bench()
    bench.inventory.meters["m1"] = MeterEntry(driver="34465a", rail="5 V", options={"assume_volts": 5.0})
    (power,) = run_trial(bench, tiny(), SHORT).record.power
    assert power.how == "estimated"
    assert power.estimated_why == "5 volts were assumed, not measured"
