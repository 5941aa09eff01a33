"""Which stages a meter can tell, and what it says of those that it cannot."""

import numpy as np
import pytest

from farm.store.frames import FrameTimes
from farm.store.record import BudgetTerm, BurstFacts, PowerFacts, Record
from farm.trial.stages import parts_of, stages
from farm.trial.watts import Window
from power.block import Block
from power.sampler import Trace

S, MS = 1_000_000_000, 1_000_000
FRAMES = 300
WINDOW = Window(10 * S, 10 * S + FRAMES * 50 * MS)


def frames(*, infer_ms=12.0, convert_ms=0.05):
    """20 a second: a conversion that hardly lasts, then the inference."""
    due_ns = WINDOW.start_ns + np.arange(FRAMES) * 50 * MS
    spent = {name: np.full(FRAMES, int(ms * MS)) for name, ms in (("convert", convert_ms), ("infer", infer_ms))}
    finish_ns = due_ns + spent["convert"] + spent["infer"]
    return FrameTimes(due_ns, finish_ns, spent, np.arange(FRAMES), np.zeros(FRAMES, np.int64))


def trace(told, *, rate_hz):
    """2 W, and 7 W while a frame is worked on, in means over the meter's period."""
    t_ns = np.arange(WINDOW.start_ns - S, WINDOW.end_ns + S, int(S / rate_hz))
    fine = np.arange(WINDOW.start_ns - 2 * S, WINDOW.end_ns + 2 * S, 50_000)
    nth = np.clip((fine - WINDOW.start_ns) // (50 * MS), 0, FRAMES - 1)
    busy = (fine >= told.arrival_ns[nth]) & (fine < told.finish_ns[nth])
    joules = np.concatenate([[0.0], np.cumsum(np.where(busy, 7.0, 2.0) * 50e-6)])[:-1]
    half_ns = int(S / rate_hz) // 2
    upto = [np.interp(t_ns + edge, fine, joules) for edge in (half_ns, -half_ns)]
    watts = (upto[0] - upto[1]) * rate_hz + np.random.default_rng(1).normal(0, 0.02, len(t_ns))
    none = np.full(len(t_ns), np.nan)
    return Trace(Block(t_ns, none, none, np.zeros(len(t_ns), np.uint8), watts), [], rate_hz, 0)


@pytest.fixture
def told_by(local_bench, a_record):
    """``told_by(frames(), rate_hz=1000)``: the stages that such a meter tells, and why not the others."""

    def tell(told, *, rate_hz, clock_bound_ns=100_000, late_s=0.0005, bursts=True, bandwidth_hz=None):
        on = local_bench().meters["m1"]
        on.meter.rate_hz, on.meter.aperture_s, on.meter.bandwidth_hz = rate_hz, 1 / rate_hz, bandwidth_hz
        record: Record = a_record(power__0__joules=60.0, power__0__idle_before={"watts": 2.0, "u_watts": 0.01})
        burst = {"where": "before", "lag_s": late_s, "low_s": 0.0, "high_s": late_s, "allowed_s": 0.1}
        seen = [BurstFacts.model_validate({**burst, "step_watts": 5.0, "u_step_watts": 0.1})] if bursts else []
        gain = BudgetTerm(name="watts gain", joules=0.6, shape="rectangular")
        facts: PowerFacts = record.power[0].model_copy(update={"bursts": seen, "budget": [gain], "idle_after": None})
        return stages(on, trace(told, rate_hz=rate_hz), facts, parts_of(told), WINDOW, clock_bound_ns)

    return tell


def test_a_quick_meter_tells_a_stage_and_says_which_it_cannot(told_by):
    parts, cannot = told_by(frames(), rate_hz=1000.0)
    found = {part.name: part for part in parts}
    assert list(found) == ["frame", "infer"]
    infer = found["infer"]
    assert infer.seconds == pytest.approx(0.012)
    assert infer.joules == pytest.approx(7 * 0.012, abs=infer.u_joules)
    assert infer.u_joules < 0.15 * infer.joules
    assert infer.joules_above_idle == pytest.approx(5 * 0.012, abs=infer.u_joules_above_idle)
    assert cannot == {"convert": "it reads 1000 times a second, each reading the mean over 1 ms; convert lasts 0.05 ms"}


def test_a_slow_meter_tells_none_and_says_why(told_by):
    parts, cannot = told_by(frames(infer_ms=4.0), rate_hz=10.0)
    assert parts == []
    assert set(cannot) == {"frame", "convert", "infer"}
    assert cannot["infer"] == "it reads 10 times a second, each reading the mean over 100 ms; infer lasts 4 ms"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"clock_bound_ns": 4 * MS}, "its readings' times are known to ± 4.5 ms only; infer lasts 12 ms"),
        ({"late_s": 0.004}, "its readings' times are known to ± 4.1 ms only; infer lasts 12 ms"),
        ({"bursts": False}, "no burst of load shows how late its readings are"),
        ({"bandwidth_hz": 10.0}, "it follows nothing faster than 10 Hz; infer lasts 12 ms"),
    ],
)
def test_what_could_be_fitted_and_not_trusted_is_absent(told_by, changes, why):
    parts, cannot = told_by(frames(), rate_hz=1000.0, **changes)
    assert parts == []
    assert cannot["infer"] == why


def test_stages_of_a_frame_follow_each_other_on_the_clock_of_the_traces():
    parts = parts_of(frames())
    assert (parts["frame"].start_ns == parts["convert"].start_ns).all()
    assert (parts["convert"].end_ns == parts["infer"].start_ns).all()
    assert (parts["infer"].end_ns == parts["frame"].end_ns).all()
