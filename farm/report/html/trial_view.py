"""One trial's section: its figures as texts, its plots as data."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from farm.lab.rails import label
from farm.store.database import Stored
from farm.store.record import Criterion

from ..prediction.beside import COLUMNS, PredictedText
from ..prediction.said import lines
from ..speed import speed
from ..table import row
from . import words
from .console import console_text
from .datasets import Evidence, drawables
from .detail import Detail
from .meter_rows import METER_COLUMNS, MeterRow, PartRow, meter_row, part_rows
from .plot_view import PlotView, plot_view
from .run_view import got, wanted
from .stage_rows import StageRow, stage_rows
from .state_rows import ChangeRow, DemandRow, StateRow, change_rows, demand_rows, state_rows, watched
from .trial_facts import facts_of
from .words import ABSENT, with_bounds


class CriterionRow(NamedTuple):
    """One limit."""

    name: str
    wanted: str
    got: str
    outcome: str
    why: str


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
    speed: list[str]
    parts: list[PartRow]
    state: list[StateRow]
    watched: str
    demands: list[DemandRow]
    changes: list[ChangeRow]
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
        plots=[plot_view(name, one, record) for name, one in drawn.items()],
        data=as_script({name: {"data": one.data, "params": one.params} for name, one in drawn.items()}),
        meter_columns=METER_COLUMNS,
        meters=[meter_row(power, scenario.frames) for power in record.power],
        stages=stage_rows(record.latency.stages_mean_ms),
        speed=list(speed(record)),
        parts=[row for power in record.power for row in part_rows(power, record.latency.stages_mean_ms)],
        state=state_rows(record),
        watched=watched(record),
        demands=demand_rows(record),
        changes=change_rows(record),
        console=console,
        console_size=words.size(len(evidence.console)) if evidence.console else "none",
        console_absent="None was kept."
        if not evidence.console
        else "Left out of this page; `farm results export` has it.",
        facts=facts_of(record),
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
