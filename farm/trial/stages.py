"""Joules of a frame and of its stages, where a meter can tell them; where not, why not."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from power.budget import Term
from power.parts import Joules, Part, joules_of, with_meter
from power.sampler import Trace

from ..lab.bench import MeterOnRail
from ..store.frames import FrameTimes
from ..store.record import PartFacts, PowerFacts
from .watts import Window

FRAME = "frame"
_LEAST_READINGS = 30
"""That fall into a part, over all frames: fewer tell no scatter (assumed)."""
_TIME_SHARE = 0.25
"""Of a part's length its edges may be off: further, and the fit is one of its neighbours (assumed)."""
_MOST_UNCERTAIN = 0.5
"""Of the joules: what is known no better is not told."""


def parts_of(frames: FrameTimes) -> dict[str, Part]:
    """Return a frame's work and its stages, on the clock of the traces."""
    spent_ns = list(frames.stages_ns.values())
    start_ns = frames.finish_ns - np.sum(spent_ns, axis=0, dtype=np.int64)
    edges_ns = [start_ns, *(start_ns + passed_ns for passed_ns in np.cumsum(spent_ns, axis=0, dtype=np.int64))]
    found = {name: Part(*pair) for name, pair in zip(frames.stages_ns, pairwise(edges_ns), strict=True)}
    return {FRAME: Part(start_ns, frames.finish_ns)} | found


def stages(
    on: MeterOnRail, trace: Trace, facts: PowerFacts, parts: Mapping[str, Part], window: Window, clock_bound_ns: int
) -> tuple[list[PartFacts], dict[str, str]]:
    """Return what each part takes in a frame, and of those that the meter cannot tell, why.

    Args:
        on: the meter.
        trace: all that it read.
        facts: what it says of the whole window.
        parts: see :func:`parts_of`.
        window: of the frames.
        clock_bound_ns: how far board time may be off the controller's.
    """
    bound_ns = _bound_ns(facts, clock_bound_ns)
    cannot = {name: why for name, part in parts.items() if (why := _too_short(on, name, part, bound_ns))}
    found: dict[str, Joules] = {}
    for some in ({FRAME: parts[FRAME]}, {name: part for name, part in parts.items() if name != FRAME}):
        told = [name for name in some if name not in cannot]
        if not told or bound_ns is None:
            continue
        fit = joules_of(
            some,
            trace.readings,
            window.start_ns,
            window.end_ns,
            rate_hz=on.meter.rate_hz,
            aperture_s=on.meter.aperture_s,
            bound_ns=bound_ns,
            short=cannot,
        )
        if fit is None:
            cannot |= dict.fromkeys(told, "its readings keep step with the frames, or are too few, to tell parts apart")
            continue
        found |= fit
    return _told(found, facts, window, cannot, len(parts[FRAME].start_ns)), cannot


def _bound_ns(facts: PowerFacts, clock_bound_ns: int) -> int | None:
    """Return how far readings may be off the frames: as the bursts showed, and the clocks; None without bursts."""
    if not facts.bursts:
        return None
    return clock_bound_ns + int(max(abs(edge) for one in facts.bursts for edge in (one.low_s, one.high_s)) * 1e9)


def _too_short(on: MeterOnRail, name: str, part: Part, bound_ns: int | None) -> str:
    meter, seconds = on.meter, part.seconds
    lasts = f"{'a frame works for' if name == FRAME else name + ' lasts'} {seconds * 1e3:.3g} ms"
    reads = f"it reads {meter.rate_hz:g} times a second"
    if meter.aperture_s > seconds:
        return f"{reads}, each reading the mean over {meter.aperture_s * 1e3:.3g} ms; {lasts}"
    if meter.bandwidth_hz is not None and 1 / meter.bandwidth_hz > seconds:
        return f"it follows nothing faster than {meter.bandwidth_hz:.3g} Hz; {lasts}"
    inside = seconds * len(part.start_ns) * meter.rate_hz
    if inside < _LEAST_READINGS:
        return f"{reads}; {lasts}, {len(part.start_ns)} times: {inside:.0f} readings fall into it"
    if bound_ns is None:
        return "no burst of load shows how late its readings are"
    if bound_ns / 1e9 > _TIME_SHARE * seconds:
        return f"its readings' times are known to ± {bound_ns / 1e6:.3g} ms only; {lasts}"
    return ""


def _told(
    found: Mapping[str, Joules], facts: PowerFacts, window: Window, cannot: dict[str, str], frames: int
) -> list[PartFacts]:
    whole = [Term(**term.model_dump()) for term in facts.budget]
    idle = [one.watts for one in (facts.idle_before, facts.idle_after) if one is not None]
    told: list[PartFacts] = []
    for name, bare in found.items():
        gross = with_meter(bare, whole, facts.joules, window.seconds, frames)
        above = gross.above(idle) if idle else None
        if gross.u_joules > _MOST_UNCERTAIN * abs(gross.joules):
            cannot[name] = f"the fit tells {gross.joules:.2g} ± {gross.u_joules:.2g} J, which is next to nothing"
            continue
        told.append(
            PartFacts(
                name=name,
                seconds=gross.seconds,
                joules=gross.joules,
                u_joules=gross.u_joules,
                joules_above_idle=None if above is None else above.joules,
                u_joules_above_idle=None if above is None else above.u_joules,
            )
        )
    return told
