"""The top of the page: the verdict, why, and all trials in one table."""

import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from markupsafe import Markup

from farm.store.database import Stored
from farm.store.record import Criterion, Record
from farm.store.run import EvidenceCheck, GateCriterion, GateFault, GateVerdict, Run

from .. import gate_view
from ..collect import Subject
from ..gate_view import counted, outcome_of, worst
from ..shared_text import headline, summary
from ..table import TITLES, row
from ..variants.view import Comparison
from .interval import drawing
from .variants import VariantsView, variants_view
from .words import ABSENT, iso, with_bounds

_TEXT = ("board", "model", "role", "verdict")


class Column(NamedTuple):
    """A title of the table."""

    name: str
    text: bool
    """Set left, not right."""


class Cell(NamedTuple):
    """One figure of the table."""

    value: str
    text: bool


class Line(NamedTuple):
    """One trial in the table."""

    anchor: str
    """Of its section; empty when the page has none."""
    board: str
    made: str
    """In parentheses; empty for a real board."""
    cells: list[Cell]
    outcome: str


class CriterionRow(NamedTuple):
    """One of the gate's criteria."""

    board: str
    name: str
    artifact: str
    wanted: str
    got: str
    baseline: str
    interval: str
    drawing: Markup
    trials: str
    outcome: str
    why: str


@dataclass(frozen=True, slots=True)
class RunView:
    """Texts of everything but the trials' own sections."""

    kind: str
    title: str
    outcome: str
    because: str
    """In one sentence."""
    twins: str
    started_utc: datetime
    ended_utc: datetime | None
    unfinished: str
    reasons: list[str]
    faults: list[GateFault]
    columns: list[Column]
    lines: list[Line]
    criteria: list[CriterionRow]
    evidence: list[EvidenceCheck]
    judge: str
    """Whose the criteria are, and the verdicts of the table."""
    variants: VariantsView | None
    """Of a run that compares variants."""
    dropped: str
    """What the page leaves out, and by which rule."""
    command: str
    run_facts: list[tuple[str, str]]
    policy: str
    farm_version: str


def run_view(subject: Subject, anchors: dict[str, str], dropped: str, farm_version: str) -> RunView:
    """Return the view of a run, or of a record that stands alone; ``anchors`` is record id → section."""
    run, verdict, trials = subject.run, subject.verdict, subject.trials
    outcome = verdict.outcome if verdict else worst([outcome_of(one) for one in trials])
    return RunView(
        kind=_KINDS[run.kind] if run else "one trial",
        title=f"run {run.id} on lab {run.lab}" if run else f"record {trials[0].record.id}",
        outcome=outcome,
        because=_because(subject, outcome),
        twins=_twins([one.record for one in trials]),
        started_utc=run.started_utc if run else trials[0].record.started_utc,
        ended_utc=run.ended_utc if run else None,
        unfinished="not ended: it is still running, or was killed" if run and run.ended_utc is None else "",
        reasons=_reasons(subject),
        faults=verdict.faults if verdict else [],
        columns=_columns(trials),
        lines=[_line(one, verdict, anchors.get(one.record.id, ""), roles=_has_roles(trials)) for one in trials],
        criteria=[_criterion(c) for c in verdict.criteria] if verdict else [],
        evidence=verdict.evidence if verdict else [],
        judge="the whole's, of all boards together"
        if run and run.accuracy
        else "the gate's, from all trials of the board",
        variants=variants_view(subject),
        dropped=dropped,
        command=shlex.join(run.command) if run else "",
        run_facts=_facts(run) if run else [],
        policy=json.dumps(run.policy, indent=2, ensure_ascii=False) if run and run.policy else "",
        farm_version=farm_version,
    )


_KINDS = {
    "pytest": "pytest session",
    "gate": "release gate",
    "run": "farm run",
    "accuracy": "accuracy over boards",
    "compare": "comparison of variants",
    "predict": "prediction",
}


def _because(subject: Subject, outcome: str) -> str:
    run, trials = subject.run, subject.trials
    boards = counted(len({one.record.board.name for one in trials}), "board")
    base = f"{counted(len(trials), 'trial')} on {boards}"
    if run and run.accuracy is not None:
        said = summary(run.accuracy)
        decided = f"; {headline(run.accuracy, subject.verdict)}" if subject.verdict else ""
        return f"{said[0].upper()}{said[1:]}{decided}; {base}."
    if run and subject.verdict:
        said = gate_view.Gate(run, subject.verdict).headline().partition(": ")[2]
        return f"{said[0].upper()}{said[1:]}; {base}."
    held = [c for one in trials if one.verdict for c in one.verdict.criteria]
    if not trials:
        return "No trial of this run was kept: it ended before its first one, or that one broke."
    if all(one.record.prediction is not None for one in trials):
        return (
            f"{counted(len(trials), 'prediction')}: nothing was measured on a board, and no gate takes it.".capitalize()
        )
    if run and run.comparison is not None:
        return f"{Comparison.of(run, [one.record for one in trials]).headline()}; {base}."
    if outcome == "not judged":
        return f"{base}, none of which was held against a limit.".capitalize()
    by = {name: sum(c.outcome == name for c in held) for name in ("regression", "no verdict", "pass")}
    if outcome == "regression":
        return f"{by['regression']} of {counted(len(held), 'limit')} missed; {base}."
    if outcome == "no verdict":
        return f"{by['no verdict']} of {counted(len(held), 'limit')} undecided; {base}."
    return f"{counted(len(held), 'limit')} held; {base}.".capitalize()


def _reasons(subject: Subject) -> list[str]:
    verdict = subject.verdict
    found = [*_of_gate(verdict.criteria)] if verdict else [line for one in subject.trials for line in _of_trial(one)]
    if verdict:
        found += [
            f"{e.board}: evidence missing: {e.what}. {e.detail}".rstrip(". ") for e in verdict.evidence if not e.held
        ]
        found += verdict.reasons
    found += [
        f"{one.record.board.name}: trial {one.record.id}: {void}" for one in subject.trials for void in one.record.voids
    ]
    found += [f"record {one.id}: {one.why}" for one in subject.unreadable]
    return list(dict.fromkeys(found))


def _of_gate(criteria: Iterable[GateCriterion]) -> Iterable[str]:
    for c in criteria:
        if c.outcome != "pass":
            got = f"got {gate_view.interval(c)}" if c.low is not None else f"got {gate_view.got(c)}"
            word = "missed" if c.outcome == "regression" else "undecided"
            why = f" ({c.why})" if c.why else ""
            yield f"{c.board}: {gate_view.title(c)} {word}: wanted {_sign(gate_view.wanted(c))}, {got}{why}"


def _of_trial(stored: Stored) -> Iterable[str]:
    for c in stored.verdict.criteria if stored.verdict else ():
        if c.outcome != "pass":
            word = "missed" if c.outcome == "regression" else "undecided"
            why = f" ({c.why})" if c.why else ""
            yield f"{stored.record.board.name}: {c.name} {word}: wanted {wanted(c)}, got {got(c)}{why}"


def wanted(criterion: Criterion) -> str:
    """Return a limit with its unit."""
    return f"{_sign(criterion.wanted)} {criterion.unit}".rstrip()


def _sign(wanted: str) -> str:
    return wanted.replace("<=", "≤").replace(">=", "≥")


def got(criterion: Criterion) -> str:
    """Return a figure with its uncertainty and unit."""
    if criterion.got is None:
        return "nothing"
    return f"{with_bounds(criterion.got, criterion.u)} {criterion.unit}".rstrip()


def _criterion(c: GateCriterion) -> CriterionRow:
    return CriterionRow(
        board=c.board,
        name=gate_view.title(c),
        artifact=c.artifact,
        wanted=_sign(gate_view.wanted(c)),
        got=ABSENT if c.got is None else got(c),
        baseline=gate_view.baseline(c),
        interval=gate_view.interval(c),
        drawing=drawing(c),
        trials=str(c.trials),
        outcome=c.outcome,
        why=c.why,
    )


def _twins(records: Iterable[Record]) -> str:
    made: dict[str, set[str]] = {}
    for record in records:
        if record.made != "board":
            made.setdefault(record.made, set()).add(record.board.name)
    return "; ".join(f"{', '.join(sorted(boards))} ({what})" for what, boards in made.items())


def _has_roles(trials: Iterable[Stored]) -> bool:
    return len({one.record.role for one in trials}) > 1


def _columns(trials: Sequence[Stored]) -> list[Column]:
    names = ["board", "verdict", "model", *[name for name in TITLES if name not in _TEXT]]
    titles = [Column(TITLES[name], name in _TEXT) for name in names]
    return [*titles[:3], Column("role", text=True), *titles[3:]] if _has_roles(trials) else titles


def _line(stored: Stored, gate: GateVerdict | None, anchor: str, *, roles: bool) -> Line:
    texts = row(stored.record, stored.verdict).as_dict()
    record, model = stored.record, texts["model"]
    role = [Cell(record.role or ABSENT, text=True)] if roles else []
    figures = [Cell(text, text=False) for name, text in texts.items() if name not in _TEXT]
    made = "" if record.made == "board" else f"({record.made})"
    return Line(anchor, record.board.name, made, [Cell(model, text=True), *role, *figures], outcome_of(stored, gate))


def _facts(run: Run) -> list[tuple[str, str]]:
    facts = [
        ("run", run.id),
        ("owner", run.owner),
        ("lab", run.lab),
        ("inventory", run.inventory),
        ("inventory, SHA-256", run.inventory_sha256),
        ("policy", run.policy_path or ABSENT),
        ("policy, SHA-256", run.policy_sha256 or ABSENT),
        *((f"{key}, otherwise than the policy", value) for key, value in run.overridden.items()),
        ("farm", run.farm_version),
        ("started", iso(run.started_utc)),
        ("ended", iso(run.ended_utc) if run.ended_utc else ABSENT),
    ]
    for role, artifacts in run.releases.items():
        facts += [(f"{role} for {model}", artifact) for model, artifact in artifacts.items()]
    return facts
