"""A trial and what its plan wants of the board: refused before, watched during, put back after."""

from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from devices.accelerator import Attached
from devices.board import BoardState
from devices.errors import AcceleratorFault
from farm.errors import LabFault
from farm.store.record import Record
from farm.trial.scenario import FixedRate
from farm.trial.state import readiness
from farm.trial.state.conditions import Conditions
from farm.trial.state.demands import Demands
from farm.trial.trial import run_trial

SHORT = FixedRate(rate_hz=20, duration_s=0.5, idle_s=0.1, score_s=0.0, bursts=False)
CALM = BoardState({"cpu": 40.0}, governor="powersave", throttled=False, memory_free_bytes=10**9)


@dataclass
class Settings:
    """Sets what the board says of itself next, and notes it."""

    bench: object
    done: list[str] = field(default_factory=list)

    @contextmanager
    def held(self, wanted):
        self.done += [f"{name}={value}" for name, value in wanted.items()]
        self.bench.board.states = [replace(CALM, **wanted) for _ in self.bench.board.states]
        try:
            yield
        finally:
            self.done.append("put back")


@pytest.fixture
def bench(local_bench):
    made = local_bench()
    made.board.states = [CALM] * 9
    made.settings = Settings(made)
    return made


def test_a_board_that_is_not_as_demanded_is_refused_and_nothing_runs_on_it(bench, tiny, monkeypatch):
    monkeypatch.setattr("farm.trial.trial._measure", lambda *_: pytest.fail("it ran"))
    wanted = Conditions(Demands(governor="performance", max_celsius=30, power_mode="MAXN"))
    with pytest.raises(LabFault) as seen:
        run_trial(bench, tiny(), SHORT, conditions=wanted)
    said = str(seen.value)
    assert "governor wanted performance, got powersave" in said
    assert "max_celsius wanted <= 30.0 °C, got 40.0 °C (cpu)" in said
    assert "power_mode wanted MAXN, got nothing (this this-machine tells none)" in said
    assert "nothing was run" in said


def test_a_board_that_is_to_cool_first_is_not_refused_for_being_warm_yet(bench):
    asked = Conditions(Demands(max_celsius=30, max_edge_tpu_celsius=30))
    readiness.require(bench, asked, warm=True)
    with pytest.raises(LabFault, match="max_celsius"):
        readiness.require(bench, asked, warm=False)


def test_what_is_set_is_put_back_when_the_trial_is_over_and_when_it_is_refused(bench, tiny, monkeypatch):
    wanted = Conditions.of(Demands(min_memory_free_bytes=1), {"governor": "performance"})
    record = run_trial(bench, tiny(), SHORT, conditions=wanted).record
    assert bench.settings.done == ["governor=performance", "put back"]
    assert record.settings == {"governor": "performance"}
    assert record.state_before.governor == "performance"
    assert {one.name: one.before for one in record.demands}["governor"] == "performance"
    during = record.state_during
    assert during is not None
    assert during.watched == 1.0
    assert during.readings >= 2
    assert 0 < during.cpu_ms < 1000
    assert during.memory_free_min_bytes is not None  # of this machine
    assert Record.model_validate_json(record.model_dump_json()) == record
    monkeypatch.setattr(readiness, "_SET_S", 0.0)
    bench.board.states = [CALM] * 3
    with pytest.raises(LabFault, match=r"max_load1 wanted <= 0\.1, got nothing"):
        run_trial(bench, tiny(), SHORT, conditions=replace(wanted, demands=Demands(max_load1=0.1)))
    assert bench.settings.done[2:] == ["governor=performance", "put back"]


def test_what_warmed_the_board_is_no_load_that_a_plan_forbids(bench):
    asked = Conditions(Demands(max_load1=0.5, governor="powersave"))
    bench.board.states = [replace(CALM, load1=0.1), replace(CALM, load1=0.9), replace(CALM, governor="ondemand")]
    seen = readiness.require(bench, asked, warm=False)
    assert seen is not None
    assert seen.load1 == 0.1
    assert readiness.require_still(bench, asked).load1 == 0.9
    with pytest.raises(LabFault, match="governor wanted powersave, got ondemand"):
        readiness.require_still(bench, asked)


def test_what_takes_a_moment_to_show_is_given_one(bench, monkeypatch):
    monkeypatch.setattr(readiness, "_AGAIN_S", 0.001)
    bench.board.states = [CALM, CALM, replace(CALM, governor="performance")]
    asked = Conditions.of(Demands(), {"governor": "performance"})
    readiness.require(bench, asked, warm=False)
    assert bench.board.states == []


def test_an_accelerator_that_is_attached_otherwise_afterwards_is_told_and_not_refused(bench, monkeypatch):
    bench.hanging = [[Attached("coral-usb", "2-1", 5000)]]
    before = readiness.state_of(bench)

    def wrong():
        raise AcceleratorFault("here", "coral-usb on port 2-1 has a link of 480 Mbit/s")

    monkeypatch.setattr(bench, "accelerators", wrong)
    monkeypatch.setattr(readiness, "attached", lambda _: [Attached("coral-usb", "2-1", 480)])
    after = readiness.state_after(bench, before)
    assert [one.link_mbps for one in after.accelerators] == [480]


def test_other_load_is_looked_at_before_only_where_something_is_demanded_of_it(bench, monkeypatch):
    monkeypatch.setattr(readiness, "_STAT", "fact begin 'cpu 10 0 0 90 0 0 0 0'; fact end 'cpu 40 0 0 160 0 0 0 0'")
    assert readiness.state_of(bench).other_load is None
    assert readiness.state_of(bench, load=True).other_load == 0.3
