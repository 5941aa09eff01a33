"""A trial's figures: their titles, and what each says, for whoever does not see it."""

from typing import NamedTuple

from farm.store.record import PowerFacts, Record

from .datasets import Drawable, idle_joules
from .words import figure, with_bounds


class PlotView(NamedTuple):
    """One figure."""

    name: str
    plot: str
    """Which description draws it."""
    title: str
    text: str
    """What it says, for whoever does not see it."""
    note: str
    height: int
    """Pixels kept free for it until it is drawn."""


_TITLES = {
    "time": "Watts over time, with frames, boot and faults",
    "latency": "Latency of the frames",
    "stages": "Stages of a frame",
    "energy": "Energy budget",
    "boot": "Boot",
}
_HEIGHTS = {"time": 520, "latency": 250, "stages": 150, "energy": 110, "boot": 200}


def plot_view(name: str, drawn: Drawable, record: Record) -> PlotView:
    """Return one of them."""
    return PlotView(name, drawn.plot, _TITLES[name], _SAYS[name](record), drawn.note, _HEIGHTS[name])


def plot_title(name: str, record: Record) -> str:
    """Return what stands above a plot that stands alone."""
    made = "" if record.made == "board" else f" ({record.made})"
    return f"{_TITLES[name]}: {record.board.name}{made}, {record.artifact.name}"


def _time_says(record: Record) -> str:
    said = [
        f"{power.meter}: mean {with_bounds(power.mean.watts, power.mean.u_watts)} W, peak {figure(power.peak_watts)} W."
        for power in record.power
    ]
    if record.deadlines.missed is not None:
        said.append(f"{record.deadlines.missed} of {record.scenario.frames:,} frames late.")
    faults = [event.what for event in record.events if event.kind == "fault"]
    return " ".join([*said, *([f"Faults: {'; '.join(dict.fromkeys(faults))}."] if faults else [])])


def _latency_says(record: Record) -> str:
    ms, deadline = record.latency, record.deadlines.deadline_ms
    held = "no deadline" if deadline is None else f"deadline {figure(deadline)} ms"
    return (
        f"p50 {figure(ms.p50_ms)}, p90 {figure(ms.p90_ms)}, p99 {figure(ms.p99_ms)}, slowest {figure(ms.max_ms)} ms; "
        f"{held}."
    )


def _stages_say(record: Record) -> str:
    stages = record.latency.stages_mean_ms
    return ", ".join(f"{name} {figure(ms, 3)} ms" for name, ms in stages.items()) + "; bar: mean, tick: p99."


def _energy_says(record: Record) -> str:
    return " ".join(_budget(power, record.scenario.frames) for power in record.power)


def _budget(power: PowerFacts, frames: int) -> str:
    total = f"{power.meter}: {with_bounds(power.joules, power.u_joules)} J"
    idle = idle_joules(power, frames)
    if idle is None:
        return f"{total}; idle was not recorded."
    return f"{total}, of which idling would have taken {figure(idle)} J."


def _boot_says(record: Record) -> str:
    if record.boot is None:
        return ""
    reached = ", ".join(f"{stage} {s:.2f} s" for stage, s in record.boot.reached_s.items())
    return f"From power on: {reached}; first command over SSH after {record.boot.up_s:.2f} s."


_SAYS = {
    "time": _time_says,
    "latency": _latency_says,
    "stages": _stages_say,
    "energy": _energy_says,
    "boot": _boot_says,
}
