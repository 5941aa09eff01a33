"""Scenarios as they are asked for."""

import json

import pytest

from farm.cli.scenario_options import SCENARIOS as SHOWN
from farm.errors import UsageFault
from farm.trial.asked import scenario_of
from farm.trial.remote import plan
from farm.trial.scenario import (
    SCENARIOS,
    Comparison250,
    FixedRate,
    MultiStream,
    Offline,
    Server,
    SingleStream,
    soaking,
)


def test_the_help_names_every_scenario():
    assert SHOWN.split() == list(SCENARIOS)


def test_settings_are_read_as_they_are_typed():
    assert scenario_of("server", {"rate_hz": "50", "deadline_ms": "15", "seed": "3"}) == Server(
        50, deadline_ms=15, seed=3
    )
    assert scenario_of("multi-stream", {"samples_per_query": "4"}) == MultiStream(samples_per_query=4)
    assert scenario_of("fixed-rate", {"rate_hz": 5, "duration_s": 1, "late": "drop"}) == FixedRate(5, 1, late="drop")
    assert scenario_of("comparison250", {}) == Comparison250()
    assert scenario_of("offline", {"part": "0,100", "start_celsius": "40,50.5"}) == Offline(
        part=(0, 100), start_celsius=(40, 50.5)
    )


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("offlin", {}, 'did you mean "offline"'),
        ("offline", {"rate_hz": 5}, "no setting 'rate_hz'"),
        ("server", {}, "rate_hz must be given"),
        ("server", {"rate_hz": "fast"}, "rate_hz: 'fast'"),
        ("fixed-rate", {"rate_hz": 5, "duration_s": 1, "late": "wait"}, "late: 'wait'"),
        ("multi-stream", {"samples_per_query": 0}, "samples_per_query: 0 is below 1"),
        ("offline", {"part": "5"}, "part: '5': want two numbers"),
        ("offline", {"device": ""}, "device: is empty"),
        ("server", {"rate_hz": 5, "deadline_ms": "nan"}, "deadline_ms: nan is not a positive number"),
        ("server", {"rate_hz": 5, "deadline_ms": 0}, "deadline_ms: 0.0 is not a positive number"),
        ("fixed-rate", {"rate_hz": 1e9, "duration_s": 1}, "1e.09 frames in 1 s; a trial has 5,000,000 at most"),
        ("fixed-rate", {"rate_hz": 1e-9, "duration_s": 1}, "1e-09 makes 1 frames in 1e.09 s"),
        ("fixed-rate", {"rate_hz": "inf", "duration_s": 1}, "rate_hz: inf is beyond"),
        ("offline", {"duration_s": 1e12}, r"duration_s: 1e.12 is beyond what a trial takes: 604,800"),
        ("offline", {"idle_s": "nan"}, "idle_s: nan is not 0 or more"),
        ("offline", {"score_s": "inf"}, "score_s: inf is beyond"),
        ("single-stream", {"min_queries": 10**20}, r"min_queries: 1e.20 is beyond what a trial takes: 5,000,000"),
        ("single-stream", {"warmup_frames": 10**12}, "warmup_frames: 1e.12 is beyond"),
        ("server", {"rate_hz": 5, "deadline_ms": 1e300}, "deadline_ms: 1e.300 is beyond"),
    ],
)
def test_what_cannot_be_run_is_refused_by_name(name, settings, said):
    with pytest.raises(UsageFault, match=said):
        scenario_of(name, settings)


@pytest.mark.parametrize(
    "scenario",
    [
        FixedRate(20, 1),
        SingleStream(),
        MultiStream(),
        Offline(),
        Server(20),
        Comparison250(),
        Comparison250(part=(10, 20)),
    ],
)
def test_the_runner_understands_every_plan(scenario, tiny, monkeypatch):
    monkeypatch.syspath_prepend(tiny().runner_path)
    from plan import Plan

    told = Plan(json.dumps(plan(scenario, 0.1, 0.0)))
    assert (told.arrivals_ns() is None) == scenario.closed
    assert told.limit_s == scenario.limit_s
    assert told.warmup == scenario.warmup_frames


def test_a_board_is_warmed_as_it_will_be_used():
    assert soaking(Server(20, soak_s=5)) == FixedRate(20, 5, score_s=0)
    assert soaking(Offline(soak_s=5)).duration_s == 5
