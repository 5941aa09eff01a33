"""Whether a meter's readings keep step with the frames: then they see too much of the work, or too little."""

import math

import numpy as np

from power.budget import Term, expanded
from power.energy import has_value
from power.parts import Part
from power.rhythm import out_of_share
from power.sampler import Trace

from ..lab.bench import MeterOnRail
from ..store.record import BudgetTerm, PowerFacts
from .watts import Windows, looks

_MOST = 0.05
"""Of the time: further from a fair sample, and the watts say too little of the frames (assumed)."""


def in_step(
    on: MeterOnRail, trace: Trace, facts: PowerFacts, work: Part, windows: Windows
) -> tuple[PowerFacts, list[str]]:
    """Return what a meter says with an uncertainty that holds what its readings miss, and why it may decide nothing.

    What is missed is the share of the time times the range of all that was read, bursts and idle included: readings
    that keep step show neither. Of it the budget's ``sampling`` holds what a fair sample would be off by.

    Args:
        on: the meter.
        trace: all that it read.
        facts: what it says of the window of the frames.
        work: when each frame was worked on.
        windows: the trial's.
    """
    window = windows.frames
    share = out_of_share(
        work,
        trace.readings,
        window.start_ns,
        window.end_ns,
        rate_hz=on.meter.rate_hz,
        aperture_s=on.meter.aperture_s,
        bound_ns=windows.bound_ns + round((0.5 / on.meter.rate_hz + on.meter.stamp_bound_s) * 1e9),  # as bursts allow
    )
    missed = share * window.seconds * _range_watts(trace, windows) if share else 0.0
    fair = sum(term.joules for term in facts.budget if term.name == "sampling")
    return _wider(facts, missed - fair, window.seconds), [_why(on, share)] if share > _MOST else []


def _range_watts(trace: Trace, windows: Windows) -> float:
    least, most = math.inf, -math.inf
    for piece in trace.readings.pieces(windows.idle_before.start_ns, windows.idle_after.end_ns):
        watts = piece.watts[has_value(piece)]
        least, most = float(np.min(watts, initial=least)), float(np.max(watts, initial=most))
    return max(0.0, most - least)


def _wider(facts: PowerFacts, joules: float, seconds: float) -> PowerFacts:
    if joules <= 0 or not facts.budget:
        return facts
    budget = [*facts.budget, BudgetTerm(name="rhythm", joules=joules, shape="full")]
    u_joules = expanded([Term(**term.model_dump()) for term in budget])
    inferences = facts.joules / facts.joules_per_inference if facts.joules_per_inference else 1.0
    u_above = facts.u_joules_per_inference_above_idle
    return facts.model_copy(
        update={
            "budget": budget,
            "u_joules": u_joules,
            "u_joules_per_inference": u_joules / inferences,
            "u_joules_per_inference_above_idle": None if u_above is None else u_above + joules / inferences,
            "mean": facts.mean.model_copy(update={"u_watts": u_joules / seconds}),
        }
    )


def _why(on: MeterOnRail, share: float) -> str:
    return (
        f"bandwidth: {on.name}: its readings keep step with the frames: it {looks(on.meter)}, and sees up "
        f"to {share:.0%} of the window too much or too little of their work; "
        "another frame rate, or another meter, does not"
    )
