"""What one meter says of a trial: its energy, its high watts, and the joules of a frame and its stages, as texts."""

from collections.abc import Mapping
from typing import NamedTuple

from farm.lab.rails import WORDS
from farm.store.record import PowerFacts

from .datasets import idle_joules
from .words import ABSENT, figure, with_bounds


class MeterRow(NamedTuple):
    """One meter's energy."""

    name: str
    rail: str
    cells: list[str]


class PartRow(NamedTuple):
    """What one meter says of a frame or a stage: joules, or why it cannot tell them."""

    meter: str
    name: str
    mean: str
    joules: str
    above: str
    watts: str
    why: str


METER_COLUMNS = (
    "mean, W",
    "peak, W",
    "p99, W",
    "highest short-term mean, W",
    "energy, J",
    "idle, J",
    "above idle, J",
    "J/inference",
    "above idle, J/inference",
    "idle before → after, W",
    "readings, lost",
)


def meter_row(power: PowerFacts, frames: int) -> MeterRow:
    """Return what one meter says of the whole window."""
    idle = idle_joules(power, frames)
    ends = (power.idle_before, power.idle_after)
    above, u_above = power.joules_per_inference_above_idle, power.u_joules_per_inference_above_idle
    cells = [
        with_bounds(power.mean.watts, power.mean.u_watts),
        _peak(power),
        ABSENT if power.p99 is None else with_bounds(power.p99.watts, power.p99.u_watts),
        _short_term(power),
        with_bounds(power.joules, power.u_joules),
        figure(idle),
        ABSENT if idle is None else figure(power.joules - idle),
        with_bounds(power.joules_per_inference, power.u_joules_per_inference),
        figure(above) if above is None or u_above is None else with_bounds(above, u_above),
        " → ".join(ABSENT if end is None else with_bounds(end.watts, end.u_watts) for end in ends),
        f"{power.readings:,}, {power.lost:,}",
    ]
    made = "" if power.made == "board" else f", {power.made}"
    where = "" if power.kind is None else f", {WORDS[power.kind]}"
    inside = f", held by {power.within}" if power.within else ""
    return MeterRow(power.meter, f"{power.rail}{where}{inside}, {power.how}{made}", cells)


def _peak(power: PowerFacts) -> str:
    told = with_bounds(power.peak_watts, power.u_peak_watts)
    return f"\N{GREATER-THAN OR EQUAL TO} {told}" if "peak_watts" in power.too_slow_for else told


def _short_term(power: PowerFacts) -> str:
    if (most := power.short_term) is None:
        return ABSENT
    return f"{with_bounds(most.watts, most.u_watts)} over {most.over_s:g} s"


def part_rows(power: PowerFacts, means_ms: Mapping[str, float]) -> list[PartRow]:
    """Return a frame and its stages; those that the meter cannot tell with why."""
    told = {part.name: part for part in power.parts}
    rows: list[PartRow] = []
    for name in ("frame", *means_ms):
        why = power.too_slow_for.get(name, "")
        if (part := told.get(name)) is not None:
            above = ABSENT
            if part.joules_above_idle is not None:
                above = with_bounds(part.joules_above_idle, part.u_joules_above_idle)
            joules, watts = with_bounds(part.joules, part.u_joules), figure(part.joules / part.seconds)
            rows.append(PartRow(power.meter, name, figure(part.seconds * 1e3, 3), joules, above, watts, ""))
        elif why:
            mean = figure(means_ms[name], 3) if name in means_ms else ABSENT
            rows.append(PartRow(power.meter, name, mean, ABSENT, ABSENT, ABSENT, why))
    return rows
