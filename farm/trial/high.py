"""Peak, p99 and short-term watts of a trial, and whether the meter is quick enough for them."""

from typing import Any

from power.errors import MissingReadings
from power.levels import Level, levels
from power.sampler import Trace

from ..lab.bench import MeterOnRail
from ..store.record import MovingWatts, Watts
from .watts import Window


def high(on: MeterOnRail, trace: Trace, window: Window, *, busy_s: float, short_term_s: float) -> dict[str, Any]:
    """Return the fields of :class:`.PowerFacts` that tell of high watts.

    Args:
        on: the meter.
        trace: all that it read.
        window: of the frames.
        busy_s: for how long the board works on a frame.
        short_term_s: the length of the short-term mean.
    """
    meter = on.meter
    hides = _hides(on, busy_s)
    try:
        found = levels(
            trace.readings,
            window.start_ns,
            window.end_ns,
            rate_hz=meter.rate_hz,
            aperture_s=meter.aperture_s,
            accuracy=meter.accuracy,
            short_term_s=short_term_s,
        )
    except MissingReadings as missing:
        why = str(missing).partition("\n")[0]
        return {"too_slow_for": dict.fromkeys(("peak_watts", "p99_watts", "short_term_watts"), why)}
    slow: dict[str, str] = {}
    if hides:
        slow["peak_watts"] = slow["p99_watts"] = hides
    if found.short_term_why:
        slow["short_term_watts"] = found.short_term_why
    return {
        "peak_watts": found.peak.watts,
        "u_peak_watts": found.peak.u_watts,
        "p99": None if hides else _watts(found.p99),
        "short_term": None
        if found.short_term is None
        else MovingWatts(watts=found.short_term.watts, u_watts=found.short_term.u_watts, over_s=short_term_s),
        "too_slow_for": slow,
    }


def _hides(on: MeterOnRail, busy_s: float) -> str:
    """Return why higher watts than the readings' may have been drawn; empty where a frame's work shows."""
    meter = on.meter
    longest_s = max(1 / meter.rate_hz, meter.aperture_s, 1 / meter.bandwidth_hz if meter.bandwidth_hz else 0.0)
    if longest_s <= busy_s:
        return ""
    what = f"it tells nothing shorter than {longest_s * 1e3:.3g} ms, and a frame works for {busy_s * 1e3:.3g} ms"
    return f"{what}: more may have been drawn than shows"


def _watts(level: Level) -> Watts:
    return Watts(watts=level.watts, u_watts=level.u_watts)
