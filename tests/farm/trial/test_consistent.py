"""Meters that cannot be right together, volts that a board does not take, and idle watts that moved."""

import pytest

from farm.lab.rails import Rail
from farm.store.record import BurstFacts, PowerFacts, Watts
from farm.trial.consistent import contradictions, moved_idle, wrong_volts


def rail(kind, within=None, same_as=None):
    return Rail(kind, within, same_as, None, None)


@pytest.fixture
def says(a_record):
    """``says("wall", 8.0, step=3.0)``: a meter that tells so many watts, to 1 %."""

    def make(meter, watts, *, step=None, **changes) -> PowerFacts:
        bursts = []
        if step is not None:
            told = {"lag_s": 0, "low_s": 0, "high_s": 0, "allowed_s": 0.1, "step_watts": step, "u_step_watts": 0.01}
            bursts = [BurstFacts.model_validate({"where": "before", **told})]
        mean = Watts(watts=watts, u_watts=0.01 * watts)
        facts = a_record().power[0]
        return facts.model_copy(update={"meter": meter, "rail": meter, "mean": mean, "bursts": bursts, **changes})

    return make


WALL_AND_JACK = {"wall": rail("wall"), "jack": rail("inlet", within="wall")}


def test_an_input_takes_no_more_than_the_wall(says):
    assert contradictions([says("wall", 8.0), says("jack", 7.0)], WALL_AND_JACK) == []
    (why,) = contradictions([says("wall", 8.0), says("jack", 8.8)], WALL_AND_JACK)
    assert why.startswith("meters: of the mean of the frames, jack tells 8.8 ± 0.088 W and wall 8 ± 0.08 W")
    assert "although wall feeds jack" in why


def test_limits_of_error_are_bounds_and_are_added(says):
    assert contradictions([says("wall", 8.0), says("jack", 8.15)], WALL_AND_JACK) == []
    assert len(contradictions([says("wall", 8.0), says("jack", 8.17)], WALL_AND_JACK)) == 1


def test_the_step_of_a_burst_keeps_the_same_order(says):
    """Idle watts of the wall's supply can hide a wrong scale in the mean, never in the step."""
    (why,) = contradictions([says("wall", 8.0, step=2.0), says("jack", 7.0, step=3.0)], WALL_AND_JACK)
    assert why.startswith("meters: of the burst before them, jack tells 3 ± ")


@pytest.mark.parametrize("watts", [4.0, 8.8])
def test_two_meters_on_one_rail_agree_both_ways(says, watts):
    wired = {"one": rail("inlet"), "other": rail("inlet", same_as="one")}
    (why,) = contradictions([says("one", 8.0), says("other", watts)], wired)
    assert "both on other; one of them is off" in why


def test_rails_beside_each_other_are_not_compared(says):
    wired = {"jack": rail("inlet"), "cpu": rail("rail", within="jack"), "gpu": rail("rail", within="jack")}
    assert contradictions([says("jack", 8.0), says("cpu", 5.0), says("gpu", 2.0)], wired) == []


def test_a_meter_that_read_too_little_is_no_contradiction(says):
    assert contradictions([says("jack", 8.8)], WALL_AND_JACK) == []


@pytest.mark.parametrize(
    ("least", "mean", "said"),
    [
        (4.70, 4.95, "supply: um25c-1 reads 4.7 V under load, zero-01 takes 4.75 to 5.25 V; look at the cable"),
        (4.76, 4.95, ""),
        (4.745, 4.95, ""),  # within the meter's own limit of error
        (11.9, 12.0, "supply: um25c-1 reads 12 V, zero-01 takes 4.75 to 5.25 V; look at the supply's setting"),
    ],
)
def test_volts_that_the_board_does_not_take_name_what_to_look_at(a_record, least, mean, said):
    facts = a_record().power[0].model_copy(update={"volts_least": least, "volts_mean": mean, "u_volts": 0.01})
    found = wrong_volts(facts, (4.75, 5.25), "zero-01 takes")
    assert len(found) == bool(said)
    assert all(why.startswith(said) for why in found)


def test_nothing_is_said_of_volts_that_nobody_knows(a_record):
    facts = a_record().power[0].model_copy(update={"volts_least": 1.0, "volts_mean": 1.0, "u_volts": 0.01})
    assert wrong_volts(facts, None, "") == []
    watts_only = facts.model_copy(update={"volts_least": None, "volts_mean": None, "u_volts": None})
    assert wrong_volts(watts_only, (4.75, 5.25), "") == []


def idle(record, watts, **changes):
    told = {"idle_before": Watts(watts=watts, u_watts=0.02), "serial_number": "1", **changes}
    return record.model_copy(update={"power": [record.power[0].model_copy(update=told)]})


def test_idle_watts_that_moved_are_a_warning_that_names_the_record(a_record):
    now, before = idle(a_record(), 1.5), idle(a_record(id="beef" * 4), 1.0)
    (warning,) = moved_idle(now.power[0], [before])
    assert warning.startswith("idle: um25c-1 reads 1.5 ± 0.02 W while idle, it was 1 ± 0.02 W in record beefbeef")


@pytest.mark.parametrize(
    ("watts", "changes"),
    [
        (1.12, {}),  # a tenth, and both uncertainties
        (1.5, {"serial_number": "2"}),
        (1.5, {"rail": "another"}),
        (1.5, {"idle_before": None}),
    ],
)
def test_another_unit_or_rail_is_no_measure_of_this_one(a_record, watts, changes):
    now, before = idle(a_record(), watts, **changes), idle(a_record(), 1.0)
    assert moved_idle(now.power[0], [before]) == []


def test_only_the_newest_earlier_record_counts(a_record):
    now, newest, older = idle(a_record(), 1.5), idle(a_record(), 1.48), idle(a_record(), 1.0)
    assert moved_idle(now.power[0], [newest, older]) == []
