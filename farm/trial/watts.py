"""What each meter says about a trial's windows."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from power.budget import expanded
from power.energy import Energy
from power.energy_long import energy_of
from power.errors import MissingReadings
from power.meter import Meter
from power.parts import LIMITS_OF_ERROR, Joules
from power.sampler import Trace

from ..lab.bench import MeterOnRail
from ..lab.rails import Rail
from ..store.record import BudgetTerm, PowerFacts, Watts

_MOST_OF_THE_TIME = 0.5
"""A meter that averages over more than half the time misses little that the next reading does not tell as well; what it
misses is in the uncertainty. Assumed."""
_READINGS_A_FRAME = 2.0
"""Of points: one would tell whether the frame was met, not what it took (Nyquist)."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of the controller's monotonic clock."""

    start_ns: int
    end_ns: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end_ns - self.start_ns) / 1e9


@dataclass(frozen=True, slots=True)
class Windows:
    """The three windows of a trial."""

    idle_before: Window
    frames: Window
    """From the first frame's arrival to the end of the last one's period."""
    idle_after: Window
    bound_ns: int
    """How far the edges of ``frames`` may be off against the readings: board clock, and late stamps on a busy host."""


def power(
    on: MeterOnRail, trace: Trace, windows: Windows, frames: int, busy_s: float
) -> tuple[PowerFacts | None, list[str]]:
    """Return what the meter says, and why it may not decide anything.

    Args:
        on: the meter.
        trace: all that it read.
        windows: the trial's.
        frames: how many inferences the energy is shared by.
        busy_s: for how long the board works on one.

    Returns:
        Absent facts when too little was read to say anything.
    """
    try:
        used = _energy(on, trace, windows.frames, windows.bound_ns + round(on.meter.stamp_bound_s * 1e9))
    except MissingReadings as missing:
        return None, [_void(str(missing).partition("\n")[0])]
    before, after = _idle(on, trace, windows.idle_before), _idle(on, trace, windows.idle_after)
    above = _above_idle(used, [idle for idle in (before, after) if idle is not None], frames)
    identity = on.meter.identity()
    facts = PowerFacts(
        meter=on.name,
        driver=on.driver,
        rail=on.rail,
        made=on.made,
        maker=identity.maker or None,
        instrument=identity.model or None,
        serial_number=identity.serial_number or None,
        firmware=identity.firmware or None,
        accuracy_source=on.meter.accuracy.source,
        accuracy_assumed=on.meter.accuracy.assumed,
        calibration=on.calibration,
        nominal_rate_hz=on.meter.rate_hz,
        rate_hz=trace.rate_hz,
        stale=trace.stale,
        doubled=trace.doubled,
        jitter_ms=trace.jitter_ms if math.isfinite(trace.jitter_ms) else None,
        aperture_s=on.meter.aperture_s,
        readings=used.readings,
        lost=used.lost,
        mean=Watts(watts=used.mean_watts, u_watts=used.u_watts),
        peak_watts=used.peak_watts,
        **_volts(on, trace, windows.frames, used),
        joules=used.joules,
        u_joules=used.u_joules,
        joules_mean_times_duration=used.joules_mean_times_duration,
        joules_per_inference=used.joules / frames,
        u_joules_per_inference=used.u_joules / frames,
        joules_per_inference_above_idle=above and above[0],
        u_joules_per_inference_above_idle=above and above[1],
        idle_before=before and Watts(watts=before.mean_watts, u_watts=before.u_watts),
        idle_after=after and Watts(watts=after.mean_watts, u_watts=after.u_watts),
        budget=[BudgetTerm(**asdict(term)) for term in used.terms],
    )
    lost = [_void(f"{on.name}: {used.lost} inside the window")] if used.lost else []
    return facts, [*lost, *_beyond(on, busy_s)]


def placed(rail: Rail) -> dict[str, Any]:
    """Return the fields of :class:`.PowerFacts` that tell what a meter measures, and whether it does."""
    how = "measured" if rail.estimated_why is None else "estimated"
    return {"kind": rail.kind, "within": rail.within, "how": how, "estimated_why": rail.estimated_why}


def _volts(on: MeterOnRail, trace: Trace, window: Window, used: Energy) -> dict[str, Any]:
    """Return what stood on the rail; nothing of a meter that tells watts only."""
    if not math.isfinite(used.volts_mean):
        return {}
    least = math.inf
    for piece in trace.readings.pieces(window.start_ns, window.end_ns):
        within = (piece.t_ns >= window.start_ns) & (piece.t_ns <= window.end_ns)
        least = float(np.fmin.reduce(piece.volts[within], initial=least))
    found = {"volts_mean": used.volts_mean, "volts_least": least}
    if (limits := on.meter.accuracy.volts) is not None:
        found["u_volts"] = limits.of_reading * abs(used.volts_mean) + limits.offset
    return found


def _beyond(on: MeterOnRail, busy_s: float) -> list[str]:
    """Return why the meter cannot tell the power of work that short; an average over most of the time always can."""
    meter = on.meter
    if meter.aperture_s * meter.rate_hz >= _MOST_OF_THE_TIME:
        return []
    least_s = max(_READINGS_A_FRAME / meter.rate_hz, 1 / meter.bandwidth_hz if meter.bandwidth_hz else 0.0)
    if busy_s >= least_s:
        return []
    return [
        f"bandwidth: {on.name}: a frame works for {busy_s * 1e3:.3g} ms; a meter that {looks(meter)} tells nothing "
        f"shorter than {least_s * 1e3:.3g} ms; one that averages, or is faster, does"
    ]


def looks(meter: Meter) -> str:
    """Return how much of the time a meter sees, as a verb and its object."""
    takes = f"looks for {meter.aperture_s * 1e3:.3g} ms" if meter.aperture_s else "takes a point"
    return f"{takes} {meter.rate_hz:.3g} times a second"


def _void(what: str) -> str:
    return f"readings lost: {what}"


def _idle(on: MeterOnRail, trace: Trace, window: Window) -> Energy | None:
    """Return what an idle window took; None when the readings do not tell."""
    try:
        return _energy(on, trace, window, 0)
    except MissingReadings:
        return None


def _above_idle(used: Energy, idles: Sequence[Energy], frames: int) -> tuple[float, float] | None:
    """Return joules an inference less what idling as long takes, and their uncertainty; None where idle is not known.

    The meter's limits of error are one for both: an offset cancels. What the idle windows were read with counts too.
    """
    if not idles:
        return None
    terms = tuple(replace(term, joules=term.joules / frames) for term in used.terms)
    gross = Joules(used.seconds / frames, used.joules / frames, terms)
    above = gross.above([idle.mean_watts for idle in idles])
    read = [
        replace(term, joules=term.joules * gross.seconds / idle.seconds / len(idles))
        for idle in idles
        for term in idle.terms
        if term.name not in LIMITS_OF_ERROR
    ]
    return above.joules, expanded((*above.terms, *read))


def _energy(on: MeterOnRail, trace: Trace, window: Window, bound_ns: int) -> Energy:
    meter = on.meter
    return energy_of(
        trace.readings,
        window.start_ns,
        window.end_ns,
        rate_hz=meter.rate_hz,
        aperture_s=meter.aperture_s,
        accuracy=meter.accuracy,
        clock_bound_ns=bound_ns,
        meter=on.name,
        allow_lost=True,
    )
