"""A whole trial with a runner that really runs; only the meter is a function."""

import dataclasses
import json
import threading
import time
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from devices.accelerator import Attached
from devices.board import BoardState
from devices.errors import ConnectionLost
from farm.errors import LabFault, UsageFault
from farm.store.record import Record
from farm.trial.scenario import FixedRate
from farm.trial.trial import _quiet_s, run_trial
from power.errors import MeterOffline

SHORT = FixedRate(rate_hz=20, duration_s=1.0, idle_s=0.4, bursts=False)
SHIFT_S = 1000
"""Ahead: a machine that has just started has no thousand seconds to take away."""
SLOPE = 100.0
"""Watts a second: an edge that is 1 ms off shows as 0.1 W."""


@pytest.fixture(autouse=True)
def nothing_keeps_running():
    before = set(threading.enumerate())
    yield
    assert {thread.name for thread in set(threading.enumerate()) - before} == set()


def ramp():
    begin_ns = time.monotonic_ns()
    return lambda t_ns: 10.0 + SLOPE * (t_ns - begin_ns) / 1e9


def test_watts_are_read_on_the_boards_frames_although_its_clock_is_another(tiny, local_bench):
    watts = ramp()
    bench = local_bench(watts, SHIFT_S)
    record = run_trial(bench, tiny(), SHORT).record
    start = next(json.loads(line) for line in bench.shell.heard if b'"start"' in line)
    first_ns = start["first_arrival_ns"] - SHIFT_S * 10**9
    assert record.clock.offset_ns == pytest.approx(-SHIFT_S * 1e9, abs=record.clock.bound_ns)
    assert record.clock.bound_ns < 50_000_000  # a tenth of a millisecond, on a host that does nothing else
    assert record.scenario.start_ns == pytest.approx(first_ns, abs=record.clock.bound_ns)
    (power,) = record.power
    middle = watts(first_ns + int(record.scenario.duration_s * 1e9) // 2)
    allowed = SLOPE * record.clock.bound_ns / 1e9 + 0.001 * middle
    assert power.mean.watts == pytest.approx(middle, abs=allowed)
    edges = 2 * record.clock.bound_ns / 1e9 / record.scenario.duration_s  # the window is as long on both clocks, or so
    assert power.joules == pytest.approx(power.mean.watts * record.scenario.duration_s, rel=edges)
    assert power.joules_per_inference == power.joules / 20
    assert power.idle_before is not None
    assert power.idle_after is not None
    assert power.idle_before.watts < power.mean.watts < power.idle_after.watts


def test_a_record_answers_what_a_reader_asks(tiny, local_bench):
    told = []
    trial = run_trial(local_bench(), tiny(wrong=1), SHORT, progress=told.append)
    record = trial.record
    assert record.made == "process twin"
    assert record.board.runtime is not None
    assert record.board.runtime.startswith("onnxruntime ")
    assert record.board.device == "cpu"
    assert record.board.boot_id
    assert record.deadlines.fps == pytest.approx(20 / record.scenario.duration_s)
    assert record.scenario.duration_s == pytest.approx(1.0, abs=1e-6) or record.deadlines.missed > 0
    assert record.latency.p50_ms <= record.latency.p99_ms <= record.latency.max_ms
    assert record.latency.p99_unstarved_ms is not None
    assert record.latency.p99_unstarved_ms <= record.latency.p99_ms
    assert set(record.latency.stages_mean_ms) == {"acquire", "convert", "marshal", "infer", "decode"}
    assert record.accuracy is not None
    assert (record.accuracy.correct, record.accuracy.total) == (36, 40)
    assert record.accuracy.loss == pytest.approx(0.1)
    assert record.power[0].joules_per_inference_above_idle == pytest.approx(0, abs=0.001)
    assert record.power[0].readings == pytest.approx(20 * record.scenario.duration_s, abs=2)
    assert len(trial.traces["m1"]) > 35
    assert Record.model_validate_json(record.model_dump_json(exclude_none=True)) == record
    assert any("onnxruntime" in text for text in told)


def test_all_that_the_runner_did_stands_on_the_time_axis_of_the_traces(tiny, local_bench):
    record = run_trial(local_bench(ramp(), SHIFT_S), tiny(), SHORT).record
    at = {event.what: event for event in record.events}
    names = ["idle before", "loading", "warm-up", "frames", "scoring", "idle after"]
    assert [event.what for event in record.events] == names
    assert [at[name].kind for name in names[1:5]] == ["state", "state", "frames", "scoring"]
    for early, late in pairwise(names):
        assert at[early].t_ns <= at[early].until_ns <= at[late].t_ns + record.clock.bound_ns


def test_random_weights_score_as_badly_as_they_are(tiny, local_bench):
    accuracy = run_trial(local_bench(), tiny(wrong=10), SHORT).record.accuracy
    assert accuracy is not None
    assert accuracy.correct == 0
    assert accuracy.loss == 1.0


def test_a_link_that_breaks_in_the_middle_is_the_links_fault(tiny, local_bench):
    bench = local_bench()
    bench.shell.cut_after = 2
    with pytest.raises(ConnectionLost, match="here: the link broke"):
        run_trial(bench, tiny(), FixedRate(rate_hz=20, duration_s=30, idle_s=0.1, bursts=False))


def test_a_meter_that_falls_silent_is_named(tiny, local_bench, monkeypatch):
    monkeypatch.setattr("power.sampler._SILENT_LEAST_S", 1.0)
    bench = local_bench()
    meter = bench.meters["m1"].meter
    meter.silent.set()
    with pytest.raises(MeterOffline, match="m1: no reading for"):
        run_trial(bench, tiny(), SHORT)


def test_lost_readings_void_a_trial_and_never_fail_it(tiny, local_bench):
    bench = local_bench()
    meter = bench.meters["m1"].meter

    def lose(text):
        if text.startswith("frame "):
            meter.skip = 3

    record = run_trial(
        bench, tiny(), FixedRate(rate_hz=20, duration_s=2, idle_s=0.4, bursts=False), progress=lose
    ).record
    assert [void.partition(":")[0] for void in record.voids if "m1" in void] == ["readings lost"]
    assert record.power[0].lost >= 3


def test_a_board_that_held_itself_back_voids_the_trial(tiny, local_bench):
    bench = local_bench()
    bench.board.states = [BoardState(throttled=False), BoardState(throttled=True, throttle_detail="0x50005")]
    record = run_trial(bench, tiny(), SHORT).record
    assert "throttled: 0x50005" in record.voids
    assert record.state_before.celsius == {}
    assert record.state_after.load1 is None


def test_a_record_says_by_which_link_an_accelerator_hung_on_the_board(tiny, local_bench):
    bench = local_bench()
    bench.hanging = [[Attached("coral-usb", "2-1", 5000)]] * 2
    record = run_trial(bench, tiny(), SHORT).record
    (one,) = record.state_after.accelerators
    assert (one.kind, one.port, one.link_mbps) == ("coral-usb", "2-1", 5000)


def test_a_runner_that_dies_is_the_labs_fault(tiny, local_bench):
    broken = dataclasses.replace(tiny(), manifest_path="/nowhere")
    with pytest.raises(LabFault, match=r"here: the runner ended early, status 1; .*No such file"):
        run_trial(local_bench(), broken, SHORT)


@pytest.mark.parametrize("said", ["Killed", '{"event": "hello"}', '{"event": "frames", "rows": 7}', '["event"]'])
def test_a_board_that_says_nonsense_is_the_labs_fault(tiny, local_bench, tmp_path, said):
    (tmp_path / "runner").mkdir()
    (tmp_path / "runner" / "__main__.py").write_text(f"print({said!r})")
    broken = dataclasses.replace(tiny(), runner_path=str(tmp_path / "runner"))
    with pytest.raises(LabFault, match=r"here: the runner says "):
        run_trial(local_bench(), broken, SHORT)


def test_a_model_that_the_runtime_refuses_is_the_users_fault(tiny, local_bench):
    deployment = tiny()
    Path(deployment.model_path).write_bytes(b"no model")
    with pytest.raises(UsageFault, match="tiny: here cannot load it"):
        run_trial(local_bench(), deployment, SHORT)


@pytest.mark.parametrize("wrong", [{"rate_hz": 0}, {"rate_hz": float("nan")}, {"duration_s": -1}, {"idle_s": -1}])
def test_a_scenario_that_cannot_be_run_is_refused(wrong):
    with pytest.raises(UsageFault, match=next(iter(wrong))):
        FixedRate(**{"rate_hz": 20, "duration_s": 1} | wrong)


def test_a_window_is_kept_clear_until_amps_have_their_volts():
    def meter(apart_s):
        return SimpleNamespace(rate_hz=10.0, stamp_bound_s=0.0, accuracy=SimpleNamespace(apart_s=apart_s))

    assert _quiet_s([]) == 0.2
    assert _quiet_s([meter(0.0)]) == pytest.approx(0.35)
    assert _quiet_s([meter(3.0), meter(0.0)]) > 3.0 + 0.35, "one reads volts every three seconds"
