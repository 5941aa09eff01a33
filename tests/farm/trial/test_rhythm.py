"""A meter whose readings keep step with the frames is sure of nothing, however steady it reads."""

import numpy as np
import pytest

from farm.trial.rhythm import in_step
from farm.trial.watts import Window, Windows, power
from power.block import Block
from power.parts import Part
from power.sampler import Trace

S = 1_000_000_000
WINDOWS = Windows(Window(5 * S, 8 * S), Window(10 * S, 30 * S), Window(33 * S, 35 * S), bound_ns=100_000)
RATE_HZ = 10.0


def seen(bench, hz, *, aperture_s, phase=0.005):
    """Frames of 8 W for 40 % of their period, 2 W otherwise; what a meter says of them, and what they took."""
    on = bench.meters["m1"]
    on.meter.rate_hz, on.meter.aperture_s = RATE_HZ, aperture_s
    start_ns = np.arange(10 * S, 30 * S, round(S / hz)) + round(phase * S)
    work = Part(start_ns, start_ns + round(0.4 * S / hz))
    t_ns = np.arange(0, 40 * S, round(S / RATE_HZ))
    edges_ns = np.column_stack([work.start_ns, work.end_ns]).ravel()
    worked_ns = np.column_stack([np.arange(len(start_ns)), np.arange(1, len(start_ns) + 1)]).ravel() * 0.4 * S / hz
    half_ns = max(round(aperture_s * S / 2), 500)
    upto, before = (np.interp(t_ns + edge, edges_ns, worked_ns) for edge in (half_ns, -half_ns))
    watts = 2 + 6 * (upto - before) / (2 * half_ns)
    watts[(t_ns > 6 * S) & (t_ns < 7 * S)] = 8.0  # as a burst shows
    trace = Trace(Block(t_ns, np.full(len(t_ns), 5.0), watts / 5, np.zeros(len(t_ns), np.uint8)), [], RATE_HZ, 0)
    facts, reasons = power(on, trace, WINDOWS, len(start_ns), 0.4 / hz)
    assert facts is not None
    assert reasons == []
    return facts, *in_step(on, trace, facts, work, WINDOWS), 2 * 20 + 6 * float(worked_ns[-1]) / S


@pytest.mark.parametrize("hz", [10.0, 20.0])
def test_readings_in_step_with_the_frames_decide_nothing_and_say_why(local_bench, hz):
    blind, told, (why,), true = seen(local_bench(), hz, aperture_s=0.06)
    assert abs(blind.joules - true) > blind.u_joules
    assert abs(told.joules - true) < told.u_joules
    assert told.mean.u_watts == pytest.approx(told.u_joules / 20)
    assert told.u_joules_per_inference == pytest.approx(told.u_joules * told.joules_per_inference / told.joules)
    assert told.budget[-1].name == "rhythm"
    wider = told.u_joules_per_inference_above_idle - blind.u_joules_per_inference_above_idle
    assert wider == pytest.approx(told.budget[-1].joules * told.joules_per_inference / told.joules)
    assert why.startswith("bandwidth: m1: its readings keep step with the frames: it looks for 60 ms 10 times a second")


@pytest.mark.parametrize(("hz", "aperture_s"), [(7.3, 0.06), (13.7, 0.06), (10.0, 0.1)])
def test_readings_out_of_step_or_without_a_gap_are_as_sure_as_they_were(local_bench, hz, aperture_s):
    before, after, why, true = seen(local_bench(), hz, aperture_s=aperture_s)
    assert why == []
    assert after.u_joules == pytest.approx(before.u_joules, rel=0.05)
    assert abs(after.joules - true) < after.u_joules + 0.1
