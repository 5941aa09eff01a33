"""One trial's section: its figures as texts, its plots as data."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from farm.lab.rails import label
from farm.store.database import Stored
from farm.store.record import Criterion, PowerFacts, Record, StateFacts

from ..prediction.beside import COLUMNS, PredictedText
from ..prediction.said import lines
from ..table import row
from . import words
from .console import console_text
from .datasets import Drawable, Evidence, drawables, idle_joules
from .detail import Detail
from .meter_rows import METER_COLUMNS, MeterRow, PartRow, meter_row, part_rows
from .run_view import got, wanted
from .words import ABSENT, figure, with_bounds


class CriterionRow(NamedTuple):
    """One limit."""

    name: str
    wanted: str
    got: str
    outcome: str
    why: str


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


class StageRow(NamedTuple):
    """One stage of the pipeline, and Amdahl's answer to what a faster one would buy."""

    name: str
    mean: str
    share: str
    twice: str
    gone: str


@dataclass(frozen=True, slots=True)
class TrialView:
    """Texts of one section."""

    anchor: str
    id: str
    board: str
    made: str
    artifact: str
    what: str
    started_utc: datetime
    outcome: str
    moved: list[str]
    reasons: list[str]
    headline: list[tuple[str, str, str]]
    criteria: list[CriterionRow]
    prediction: list[str]
    """What the record is a prediction by; empty of a measurement."""
    predicted: PredictedText | None
    """Beside the record."""
    predicted_columns: tuple[str, ...]
    detail_note: str
    plots: list[PlotView]
    data: str
    """The plots' data as JSON that no markup can end."""
    meter_columns: tuple[str, ...]
    meters: list[MeterRow]
    stages: list[StageRow]
    parts: list[PartRow]
    state: list[tuple[str, str, str]]
    console: str
    console_size: str
    console_absent: str
    facts: list[tuple[str, str]]


def trial_view(stored: Stored, evidence: Evidence, detail: Detail, anchor: str, outcome: str) -> TrialView:
    """Return the section of a trial, in so much detail."""
    record, verdict = stored.record, stored.verdict
    drawn = drawables(evidence, detail)
    console = console_text(evidence.console, detail.console_bytes)
    scenario = record.scenario
    return TrialView(
        anchor=anchor,
        id=record.id,
        board=record.board.name,
        made="" if record.made == "board" else f"({record.made})",
        artifact=record.artifact.name,
        what=f"{scenario.name}, {scenario.frames:,} frames"
        + (f" at {scenario.rate_hz:g} Hz" if scenario.rate_hz else "")
        + (f", {record.role}" if record.role else ""),
        started_utc=record.started_utc,
        outcome=outcome,
        moved=[f"Moved here from {one.board}: {one.why}" for one in record.moved],
        reasons=[*record.voids, *record.warnings, *(f"damaged: {what}" for what in evidence.damaged)],
        headline=_headline(stored),
        criteria=[_criterion(c) for c in verdict.criteria] if verdict else [],
        prediction=lines(record),
        predicted=evidence.predicted,
        predicted_columns=COLUMNS,
        detail_note=f"Shown in the level of detail “{detail.name}”; the rule stands above."
        if detail.name != "full"
        else "",
        plots=[_plot(name, one, record) for name, one in drawn.items()],
        data=as_script({name: {"data": one.data, "params": one.params} for name, one in drawn.items()}),
        meter_columns=METER_COLUMNS,
        meters=[meter_row(power, scenario.frames) for power in record.power],
        stages=_stages(record),
        parts=[row for power in record.power for row in part_rows(power, record.latency.stages_mean_ms)],
        state=_state(record.state_before, record.state_after),
        console=console,
        console_size=words.size(len(evidence.console)) if evidence.console else "none",
        console_absent="None was kept."
        if not evidence.console
        else "Left out of this page; `farm results export` has it.",
        facts=_facts(record),
    )


def as_script(value: Any) -> str:  # noqa: ANN401 -- whatever json takes
    """Return JSON in which nothing can end a script element or begin a comment."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _headline(stored: Stored) -> list[tuple[str, str, str]]:
    record = stored.record
    texts, power = row(record, stored.verdict), record.supply
    found = [
        ("speed", texts.fps, "fps"),
        ("latency p99", texts.p99_ms, "ms"),
        ("missed", texts.missed, "frames"),
        ("accuracy", texts.accuracy, ""),
    ]
    if power:
        whose = f", {label(power)}" if label(power) else ""
        found.append((f"mean power{whose}", with_bounds(power.mean.watts, power.mean.u_watts), "W"))
        per_inference = with_bounds(power.joules_per_inference, power.u_joules_per_inference)
        found.append((f"energy{whose}", per_inference, "J/inference"))
    else:
        found.append(("power", "not measured", ""))
    if record.boot:
        found.append(("boot", f"{record.boot.up_s:.2f}", "s"))
    return found


def _criterion(c: Criterion) -> CriterionRow:
    return CriterionRow(c.name, wanted(c), ABSENT if c.got is None else got(c), c.outcome, c.why)


_TITLES = {
    "time": "Watts over time, with frames, boot and faults",
    "latency": "Latency of the frames",
    "stages": "Stages of a frame",
    "energy": "Energy budget",
    "boot": "Boot",
}
_HEIGHTS = {"time": 520, "latency": 250, "stages": 150, "energy": 110, "boot": 200}


def _plot(name: str, drawn: Drawable, record: Record) -> PlotView:
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


def _stages(record: Record) -> list[StageRow]:
    means = record.latency.stages_mean_ms
    total = math.fsum(means.values())
    if not total > 0:
        return []
    return [
        StageRow(name, figure(ms, 3), f"{ms / total:.1%}", _faster(total, total - ms / 2), _faster(total, total - ms))
        for name, ms in means.items()
    ]


def _faster(before: float, after: float) -> str:
    return f"{before / after:.2f} \N{MULTIPLICATION SIGN}" if after > 0 else ABSENT


def _state(before: StateFacts, after: StateFacts) -> list[tuple[str, str, str]]:
    texts = [_state_texts(state) for state in (before, after)]
    names = dict.fromkeys([*texts[0], *texts[1]])
    return [(name, texts[0].get(name, ABSENT), texts[1].get(name, ABSENT)) for name in names]


def _state_texts(state: StateFacts) -> dict[str, str]:
    texts = {f"{sensor}, °C": f"{celsius:.1f}" for sensor, celsius in state.celsius.items()}
    if state.ambient_celsius is not None:
        texts["ambient, °C"] = f"{state.ambient_celsius:.1f}"
    texts |= {f"clock {name}": words.clock(hz) for name, hz in state.clock_hz.items()}
    plain: Mapping[str, object] = {
        "governor": state.governor,
        "power mode": state.power_mode,
        "throttled": None if state.throttled is None else "yes" if state.throttled else "no",
        "throttle detail": state.throttle_detail,
        "load, 1 min": state.load1,
        "memory free": None if state.memory_free_bytes is None else words.size(state.memory_free_bytes),
        "disk free": None if state.disk_free_bytes is None else words.size(state.disk_free_bytes),
    }
    for one in state.accelerators:
        link = "" if one.link_mbps is None else f", {one.link_mbps} Mbit/s"
        texts[f"{one.kind} {one.serial_number or ''}".strip()] = f"port {one.port}{link}"
    return texts | {name: str(value) for name, value in plain.items() if value is not None}


def _facts(record: Record) -> list[tuple[str, str]]:
    facts: list[tuple[str, object]] = [("record", record.id), ("run", record.run_id), ("lab", record.lab)]
    facts += [(f"board {name}".replace("_", " "), value) for name, value in _known(record.board).items()]
    facts += [(f"artifact {name}".replace("_", " "), value) for name, value in _known(record.artifact).items()]
    facts += [(f"data set {name}", value) for name, value in _known(record.dataset).items()]
    facts += [("lease (fencing token)", record.lease), ("warm-up frames", record.scenario.warmup_frames)]
    facts += _start(record)
    for power in record.power:
        who = " ".join(filter(None, (power.maker, power.instrument)))
        facts.append((f"meter {power.meter}", f"{who or power.driver}, driver {power.driver}, {power.made}"))
        facts.append((f"meter {power.meter}, serial number", power.serial_number))
        facts.append((f"meter {power.meter}, firmware", power.firmware))
        facts.append((f"meter {power.meter}, accuracy", power.accuracy_source))
        if power.calibration is not None and power.calibration.warning:
            facts.append((f"meter {power.meter}, calibration", power.calibration.warning))
        rate = f"{figure(power.rate_hz)} readings/s of {figure(power.nominal_rate_hz)}, aperture {power.aperture_s:g} s"
        facts.append((f"meter {power.meter}, sampling", rate))
        for burst in power.bursts:
            seen = f"{burst.lag_s * 1e3:+.0f} ms of ± {burst.allowed_s * 1e3:.0f} ms, {figure(burst.step_watts)} W"
            facts.append((f"meter {power.meter}, burst {burst.where} the frames", seen))
    clock = f"board to controller known to ± {record.clock.bound_ns / 1e3:.0f} µs"
    drift = "" if record.clock.drift_ppm is None else f", drift {record.clock.drift_ppm:+.1f} ppm"
    facts += [("clocks", clock + drift)]
    facts += [("controller", f"farm {record.host.farm_version}, Python {record.host.python}")]
    facts += [("controller late at most", f"{record.host.lateness_max_ms:.1f} ms")]
    return [(name, str(value)) for name, value in facts if value is not None]


def _start(record: Record) -> list[tuple[str, object]]:
    """Return how warm the trial began, where that was asked for."""
    if (start := record.start) is None:
        return []
    facts: list[tuple[str, object]] = []
    if start.wanted_celsius is not None:
        between = " to ".join(f"{celsius:g}" for celsius in start.wanted_celsius)
        told = f"{start.zone} {figure(start.celsius, 3)} °C, wanted {between} °C, waited {start.waited_s:.0f} s"
        facts.append(("start temperature", told))
    if start.rested_s is not None:
        facts.append(("soak", f"{start.soak_s:g} s of the model, {start.rested_s:.1f} s before the first frame"))
    return facts


def _known(part: Any) -> dict[str, object]:  # noqa: ANN401
    """Return a part's fields that are known."""
    return part.model_dump(exclude_none=True)
