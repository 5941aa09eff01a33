"""Whether a meter shows the runner's bursts of load where the clocks say: a check that depends on neither clock."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from power import piecewise
from power.bursts import Shown, find_burst
from power.sampler import Trace

from ..lab.bench import MeterOnRail
from ..store.record import BurstFacts
from .clock import ClockMap
from .remote import Burst
from .watts import Window

LEAST_S = 0.4
"""Long enough for several readings of a meter at 10 Hz; short enough to warm nothing."""
PERIODS = 4.0
"""Of the slowest meter: enough readings inside to fit a step to."""
_HALF_SEEN = 0.5
_WHERE: tuple[Literal["before", "after"], ...] = ("before", "after")


@dataclass(frozen=True, slots=True)
class Around:
    """What is needed to look for the bursts in a trace."""

    bursts: list[Burst]
    times: ClockMap
    quiet_s: float
    bound_ns: Callable[[Window], int]
    """How far clocks and stamps may be off around a window."""


def shown(on: MeterOnRail, trace: Trace, around: Around) -> tuple[list[BurstFacts], list[str]]:
    """Return how a meter shows the bursts, and why that lets it decide nothing."""
    facts: list[BurstFacts] = []
    reasons: list[str] = []
    for where, burst in zip_longest(_WHERE, around.bursts):
        if where is None or burst is None:
            break
        window = Window(around.times.to_controller_ns(burst.start_ns), around.times.to_controller_ns(burst.end_ns))
        found = _found(on, trace, window, around.quiet_s)
        if found is None:
            reasons.append(f"{on.name}: too few readings {where} the frames to show a burst of load")
            continue
        allowed_s = _allowed_s(on, burst, around.bound_ns(window))
        facts.append(_facts(where, found, allowed_s))
        if reason := _against(found, burst, allowed_s):
            reasons.append(f"{on.name}: the burst of load {where} the frames {reason}")
    return facts, [f"bursts: {reason}" for reason in reasons]


def _found(on: MeterOnRail, trace: Trace, window: Window, quiet_s: float) -> Shown | None:
    meter, quiet_ns = on.meter, int(quiet_s * 1e9)
    return find_burst(
        piecewise.window(trace.readings, window.start_ns - 2 * quiet_ns, window.end_ns + 2 * quiet_ns),
        window.start_ns,
        window.end_ns,
        quiet_ns=quiet_ns,
        rate_hz=meter.rate_hz,
        aperture_s=max(meter.aperture_s, meter.stamp_bound_s),  # values that are so old are likely means
    )


def _allowed_s(on: MeterOnRail, burst: Burst, bound_ns: int) -> float:
    """Half a period, which is what readings can be off; the clocks; where the load itself was held up; values' age."""
    aged_s = 1.5 * on.meter.stamp_bound_s  # nobody knows either whether they are means: half of the aperture assumed
    return 0.5 / on.meter.rate_hz + aged_s + (bound_ns + (burst.waited_ns or 0)) / 1e9


def _facts(where: Literal["before", "after"], found: Shown, allowed_s: float) -> BurstFacts:
    return BurstFacts(
        where=where,
        lag_s=found.lag_s,
        low_s=found.low_s,
        high_s=found.high_s,
        allowed_s=allowed_s,
        step_watts=found.step_watts,
        u_step_watts=found.u_step_watts,
    )


def _against(found: Shown, burst: Burst, allowed_s: float) -> str:
    if not found.seen:
        waited = (burst.waited_ns or 0) / (burst.end_ns - burst.start_ns)
        held_up = f", and had no processor for {waited:.0%} of its time" if waited > _HALF_SEEN else ""
        return (
            f"does not show ({found.step_watts:.3g} ± {found.u_step_watts:.2g} W){held_up}; is it this board's meter, "
            "on a rail that the load is on?"
        )
    if not found.agrees(allowed_s):
        return (
            f"shows {abs(found.lag_s) * 1e3:.0f} ms too {'late' if found.lag_s > 0 else 'early'}; clocks and the "
            f"meter's rate explain {allowed_s * 1e3:.0f} ms"
        )
    return ""
