"""``trial(…)``: a rate and a duration, or a scenario whole."""

from types import SimpleNamespace

import pytest

from farm.errors import UsageFault
from farm.pytest_plugin.trials import Trials
from farm.trial.scenario import FixedRate, Offline
from farm.trial.state.demands import Demands


@pytest.fixture
def trial(monkeypatch):
    """``trial(…)`` up to the moment when something would run: its scenario is raised."""

    def tried(self, deployment, scenario, conditions, attempts):
        raise InterruptedError(scenario, conditions)

    monkeypatch.setattr(Trials, "_tried", tried)
    bench = SimpleNamespace(entry=SimpleNamespace(model="jetson-tx2"))
    markers = [SimpleNamespace(kwargs={"governor": "powersave"}), SimpleNamespace(kwargs={"max_celsius": 60})]
    item = SimpleNamespace(nodeid="test_it", iter_markers=lambda name: markers if name == "demands" else [])
    return Trials(SimpleNamespace(bench=bench), item, SimpleNamespace())


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({"rate_hz": 5, "duration_s": 1, "idle_s": 0}, FixedRate(5, 1, idle_s=0)),
        ({"scenario": Offline(2, min_samples=9)}, Offline(2, min_samples=9)),
    ],
)
def test_what_is_asked_for_is_run(trial, asked, wanted):
    with pytest.raises(InterruptedError) as seen:
        trial(object(), **asked)
    assert seen.value.args[0] == wanted


def test_what_a_test_demands_is_stronger_than_its_markers_and_what_it_sets_is_demanded_too(trial):
    with pytest.raises(InterruptedError) as seen:
        trial(
            object(),
            rate_hz=5,
            duration_s=1,
            demands={"max_celsius": 45, "governor": "performance"},
            settings={"power_mode": "MAXN"},
        )
    asked = seen.value.args[1]
    assert asked.demands == Demands(governor="performance", power_mode="MAXN", max_celsius=45)
    assert asked.settings == {"power_mode": "MAXN"}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"demands": {"max_celsuis": 45}}, 'test_it: max_celsuis=45: did you mean "max_celsius"?'),
        ({"settings": {"fan": "999"}}, "test_it: fan=999: '999' is none of its values"),
    ],
)
def test_a_demand_or_a_setting_that_there_is_not_is_a_fault_of_usage(trial, asked, said):
    with pytest.raises(UsageFault) as seen:
        trial(object(), rate_hz=5, duration_s=1, **asked)
    assert said in str(seen.value)


@pytest.mark.parametrize("asked", [{}, {"rate_hz": 5}, {"rate_hz": 5, "duration_s": 1, "scenario": Offline()}])
def test_a_rate_and_a_duration_or_a_scenario_and_never_both(trial, asked):
    with pytest.raises(UsageFault, match=r"test_it: .* rate_hz and duration_s, or a scenario"):
        trial(object(), **asked)
