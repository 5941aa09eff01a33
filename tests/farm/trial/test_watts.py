"""Windows, traces and what they add up to."""

import numpy as np
import pytest

from farm.trial.watts import Window, Windows, power
from power.block import Block
from power.meter import Accuracy, Tolerance
from power.sampler import Trace

S = 1_000_000_000
BUSY_S = 0.0005


def trace(watts, *, drop=slice(0, 0)):
    t_ns = np.delete(np.arange(0, 40 * S, S // 20), drop)
    values = np.array([watts(t / S) for t in t_ns.tolist()])
    block = Block(t_ns, np.full(len(t_ns), 5.0), values / 5.0, np.zeros(len(t_ns), np.uint8))
    return Trace(block, [], 20.0, 0)


def step(t_s):
    """2 W idle, 6 W from 10 s to 30 s."""
    return 6.0 if 10 <= t_s < 30 else 2.0


WINDOWS = Windows(Window(5 * S, 7 * S), Window(10 * S, 30 * S), Window(33 * S, 35 * S), bound_ns=100_000)


def test_idle_is_taken_out_only_of_the_figure_that_says_so(local_bench):
    facts, reasons = power(local_bench().meters["m1"], trace(step), WINDOWS, 400, BUSY_S)
    assert reasons == []
    assert facts is not None
    assert facts.joules == pytest.approx(120, abs=facts.u_joules)
    assert facts.u_joules < 1
    assert facts.joules_per_inference == pytest.approx(0.3, rel=0.01)
    assert facts.joules_per_inference_above_idle == pytest.approx(0.2, rel=0.01)
    assert facts.idle_before is not None
    assert facts.idle_before.watts == pytest.approx(2)
    assert (facts.maker, facts.serial_number) == ("ACME", None)


def test_above_idle_an_offset_cancels_and_what_the_idle_windows_scatter_counts(local_bench):
    """By hand: 20 s for 400 frames is 50 ms a frame; 0.2 A at 5 V is 1 W; idle before and after differ by 1 W."""
    on = local_bench().meters["m1"]
    on.meter.accuracy = Accuracy(Tolerance(0, 0), Tolerance(0, 0.2), "made up")
    steady, _ = power(on, trace(step), WINDOWS, 400, BUSY_S)
    drifting, _ = power(on, trace(lambda t_s: step(t_s) + (t_s > 31)), WINDOWS, 400, BUSY_S)
    assert steady is not None
    assert drifting is not None
    assert steady.u_joules_per_inference == pytest.approx(0.95 * 0.05 * 1.0, rel=0.05)
    assert 0 < steady.u_joules_per_inference_above_idle < 0.05 * steady.u_joules_per_inference
    assert drifting.u_joules_per_inference_above_idle == pytest.approx(0.95 * 0.05 * 0.5, rel=0.1)


def test_idle_that_was_not_read_is_absent_and_not_zero(local_bench):
    windows = Windows(Window(-5 * S, -2 * S), WINDOWS.frames, Window(39 * S, 41 * S), 0)
    facts, _ = power(local_bench().meters["m1"], trace(step), windows, 400, BUSY_S)
    assert facts is not None
    assert facts.idle_before is None
    assert facts.idle_after is None
    assert facts.joules_per_inference_above_idle is None


def test_lost_readings_are_told_and_widen_the_uncertainty(local_bench):
    on = local_bench().meters["m1"]
    whole, _ = power(on, trace(step), WINDOWS, 400, BUSY_S)
    gappy, reasons = power(on, trace(step, drop=slice(300, 310)), WINDOWS, 400, BUSY_S)
    assert whole is not None
    assert gappy is not None
    assert gappy.lost == 10
    assert gappy.u_joules > whole.u_joules
    assert reasons == ["readings lost: m1: 10 inside the window"]


def test_a_trace_that_ends_too_early_states_nothing(local_bench):
    facts, (reason,) = power(local_bench().meters["m1"], trace(step, drop=slice(500, None)), WINDOWS, 400, BUSY_S)
    assert facts is None
    assert reason.startswith("readings lost: m1: the window has no reading after its end")


@pytest.mark.parametrize(
    ("aperture_s", "bandwidth_hz", "busy_s", "void"),
    [
        (0.05, None, 0.0005, False),  # the mean of all that happened
        (0.0, None, 0.0005, True),
        (0.0, None, 0.15, False),
        (0.0, 5.0, 0.15, True),
        (0.01, None, 0.05, True),
    ],
)
def test_a_meter_that_takes_points_cannot_tell_work_that_is_shorter(
    local_bench, aperture_s, bandwidth_hz, busy_s, void
):
    on = local_bench().meters["m1"]
    on.meter.aperture_s, on.meter.bandwidth_hz = aperture_s, bandwidth_hz
    facts, reasons = power(on, trace(step), WINDOWS, 400, busy_s)
    assert facts is not None
    assert [reason.split(":")[0] for reason in reasons] == ["bandwidth"] * void
