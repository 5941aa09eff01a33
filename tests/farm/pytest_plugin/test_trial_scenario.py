"""``trial(…)``: a rate and a duration, or a scenario whole."""

from types import SimpleNamespace

import pytest

from farm.errors import UsageFault
from farm.pytest_plugin.trials import Trials
from farm.trial.scenario import FixedRate, Offline


@pytest.fixture
def trial(monkeypatch):
    """``trial(…)`` up to the moment when something would run: its scenario is raised."""

    def tried(self, deployment, scenario, attempts):
        raise InterruptedError(scenario)

    monkeypatch.setattr(Trials, "_tried", tried)
    return Trials(SimpleNamespace(), SimpleNamespace(nodeid="test_it"), SimpleNamespace())


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
    assert seen.value.args == (wanted,)


@pytest.mark.parametrize("asked", [{}, {"rate_hz": 5}, {"rate_hz": 5, "duration_s": 1, "scenario": Offline()}])
def test_a_rate_and_a_duration_or_a_scenario_and_never_both(trial, asked):
    with pytest.raises(UsageFault, match=r"test_it: .* rate_hz and duration_s, or a scenario"):
        trial(object(), **asked)
