"""How warm a trial begins."""

from types import SimpleNamespace

import pytest

from devices.board import BoardState
from farm.errors import LabFault, UsageFault
from farm.trial import thermal
from farm.trial.scenario import FixedRate
from farm.trial.state.demands import NotAsDemanded
from farm.trial.thermal import ambient, settle
from farm.trial.trial import run_trial


def scenario(**changes):
    return FixedRate(**{"rate_hz": 20, "duration_s": 1.0, "idle_s": 0.2, "bursts": False, **changes})


@pytest.fixture
def at(local_bench, monkeypatch):
    """``at(61.0, 44.0)``: a bench whose processor has these temperatures, one a look."""
    monkeypatch.setattr(thermal, "_LOOK_EVERY_S", 0.001)

    def make(*celsius):
        bench = local_bench()
        bench.board.states = [BoardState({"cpu": one, "air": 20.0}, throttled=False) for one in celsius]
        return bench

    return make


def test_a_board_that_is_warm_is_waited_for(tiny, at):
    told = []
    settled = settle(at(61.0, 52.0, 44.0), tiny(), scenario(start_celsius=(35, 45)), told.append)
    assert settled is not None
    assert (settled.facts.zone, settled.facts.celsius) == ("cpu", 44.0)
    assert told[0] == "cpu is at 61.0 °C: waits for 45 °C, 600 s at most"
    assert len(told) == 2


@pytest.mark.parametrize(
    ("celsius", "changes", "said"),
    [
        (61.0, {"start_timeout_s": 0.0}, "here: cpu is at 61.0 °C after 0 s, and a trial begins at 45 °C at most"),
        (30.0, {}, "here: cpu is at 30.0 °C, and a trial begins at 35 °C at least"),
        (40.0, {"start_zone": "gpu"}, "here: tells nothing of 'gpu'"),
    ],
)
def test_what_is_not_fulfilled_is_a_lab_fault_that_names_zone_degrees_and_wait(tiny, at, celsius, changes, said):
    with pytest.raises(LabFault) as seen:
        settle(at(celsius), tiny(), scenario(start_celsius=(35, 45), **changes), lambda _: None)
    assert str(seen.value).startswith(said)
    assert "try: " in str(seen.value)
    assert isinstance(seen.value, NotAsDemanded) == (celsius < 45)  # only one that does not cool may have a fault


def test_another_sensor_can_be_the_one_that_counts(tiny, at):
    settled = settle(at(61.0), tiny(), scenario(start_celsius=(15, 25), start_zone="air"), lambda _: None)
    assert settled is not None
    assert settled.facts.celsius == 20.0


def test_a_board_without_a_sensor_cannot_be_held_to_a_temperature(tiny, local_bench):
    with pytest.raises(NotAsDemanded, match="tells no temperature"):
        settle(local_bench(), tiny(), scenario(start_celsius=(35, 45)), lambda _: None)


def test_nothing_is_asked_of_a_board_that_nothing_is_wanted_of(tiny, local_bench):
    bench = local_bench()
    assert settle(bench, tiny(), scenario(), lambda _: None) is None
    assert len(bench.board.states) == 2


def test_a_soaked_trial_says_how_long_it_rested(tiny, at):
    bench = at(44.0, 44.0, 46.0)
    record = run_trial(bench, tiny(), scenario(start_celsius=(35, 45), soak_s=0.3)).record
    assert record.start is not None
    assert record.start.soak_s == 0.3
    assert record.start.rested_s is not None
    assert record.start.rested_s > 0.2
    assert record.start.wanted_celsius == (35, 45)
    assert (record.state_before.celsius["cpu"], record.state_after.celsius["cpu"]) == (44.0, 46.0)
    assert record.scenario.frames == 20


def test_the_air_is_told_by_the_inventorys_command(local_bench):
    bench = local_bench()
    assert ambient(bench) is None
    bench.entry = SimpleNamespace(ambient="echo 21.5")
    assert ambient(bench) == 21.5


@pytest.mark.parametrize("said", ["warm", "", "-273.2", "nan"])
def test_an_ambient_sensor_that_tells_no_temperature_is_a_fault_and_not_a_number(local_bench, said):
    bench = local_bench()
    bench.entry = SimpleNamespace(ambient=f"echo {said}")
    with pytest.raises(LabFault, match="which is no temperature"):
        ambient(bench)


@pytest.mark.parametrize(
    "changes",
    [{"start_celsius": (45, 35)}, {"start_zone": "cpu"}, {"soak_s": -1}, {"short_term_s": 0}],
)
def test_a_scenario_that_cannot_be_is_refused(changes):
    with pytest.raises(UsageFault):
        scenario(**changes)
