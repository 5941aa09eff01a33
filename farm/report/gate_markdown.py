"""A gate as Markdown for GitHub's step summary and GitLab's merge request notes: the verdict first, details folded."""

from collections.abc import Iterable
from shlex import join
from statistics import fmean

from farm.store.run import GateCriterion
from farm.trial.amdahl import line

from .gate_view import ABSENT, Gate, OnBoard, Outcome, baseline, counted, got, interval, title, wanted
from .markup import code, folded, table
from .markup import text as plain_text

MOST_BYTES = 900_000
"""GitHub refuses a step's summary above 1 MiB, GitLab a note above 1,000,000 characters."""

_MARKS: dict[Outcome, str] = {"pass": "✅ pass", "regression": "❌ regression", "no verdict": "⚠️ no verdict"}


def markdown(gate: Gate) -> str:
    """Return the summary, at most :data:`MOST_BYTES` long; what is too much is left out from the end, and said."""
    parts = [_head(gate), _boards(gate), *_details(gate)]
    text = "\n\n".join(filter(None, parts)) + "\n"
    if len(text.encode()) <= MOST_BYTES:
        return text
    kept = [_head(gate), _boards(gate)]
    said = "Too long for a summary: the details stand in the JUnit XML and in the report."
    while len("\n\n".join([*kept, said]).encode()) > MOST_BYTES:
        kept[-1] = kept[-1].rpartition("\n")[0]
    return "\n\n".join([*kept, said]) + "\n"


def _head(gate: Gate) -> str:
    mark = _MARKS[gate.verdict.outcome].partition(" ")[0]
    lines = [f"## {mark} {plain_text(gate.headline())}", _what(gate)]
    if twins := [gate.label(board) for board in gate.boards if gate.made(board) != "board"]:
        lines.append(f"**Not measured on boards:** {', '.join(map(plain_text, twins))}.")
    if gate.verdict.outcome == "no verdict":
        lines.append("Nothing is said about the release: run the gate again once the cause is mended.")
    lines += [f"- {plain_text(reason)}" for reason in gate.verdict.reasons]
    return "\n\n".join(lines)


def _what(gate: Gate) -> str:
    run = gate.run
    roles = {role: sorted(set(models.values())) for role, models in run.releases.items()}
    told = " against ".join(
        f"{role} {', '.join(code(artifact[:12]) for artifact in artifacts)}" for role, artifacts in roles.items()
    )
    return f"Policy {code(gate.policy)} in lab {code(run.lab)}, {told or 'no release'}, run {code(run.id)}."


def _boards(gate: Gate) -> str:
    rows = [_board(gate, seen) for seen in map(gate.on, gate.boards) if seen.outcome is not None]
    return table(("board", "candidate", "outcome", "decided by"), rows) if rows else ""


def _board(gate: Gate, seen: OnBoard) -> tuple[str, ...]:
    artifacts = ", ".join(dict.fromkeys(c.artifact for c in seen.criteria)) or ABSENT
    return (
        plain_text(gate.label(seen.board)),
        plain_text(artifacts),
        _MARKS[seen.outcome or "no verdict"],
        _decided(seen),
    )


def _decided(seen: OnBoard) -> str:
    """Return what to look at first: missed limits, else what is open, else how much was held."""
    if missed := [c for c in seen.criteria if c.outcome == "regression"]:
        return "; ".join(plain_text(f"{title(c)} {got(c)}, wanted {wanted(c)}") for c in missed)
    said = [f"{title(c)}: {c.why}" for c in seen.criteria if c.outcome == "no verdict"]
    said += [f"{check.what}: {check.detail or 'not recorded'}" for check in seen.missing]
    said += [fault.what for fault in seen.faults if fault.retried_on is None]
    return plain_text("; ".join(said)) if said else counted(len(seen.criteria), "limit") + " held"


def _details(gate: Gate) -> Iterable[str]:
    verdict = gate.verdict
    if verdict.criteria:
        columns = ("board", "criterion", "wanted", "got", "interval", "baseline", "trials", "outcome")
        rows = [_criterion(gate, criterion) for criterion in verdict.criteria]
        yield folded(counted(len(rows), "criterion", "criteria"), table(columns, rows))
    if verdict.evidence:
        checks = [
            (
                plain_text(gate.label(e.board)),
                plain_text(e.what),
                "there" if e.held else "**missing**",
                plain_text(e.detail),
            )
            for e in verdict.evidence
        ]
        yield folded("Evidence", table(("board", "evidence", "", "found"), checks))
    if verdict.faults:
        faults = [
            (
                plain_text(gate.label(f.board)),
                plain_text(f.what),
                plain_text(gate.label(f.retried_on) if f.retried_on else "nowhere"),
                plain_text(f.hint),
            )
            for f in verdict.faults
        ]
        yield folded(counted(len(faults), "lab fault"), table(("board", "fault", "tried again on", "look at"), faults))
    if stages := "\n".join(_stages(gate)):
        yield folded("What a faster stage would buy", stages)
    yield folded("Reproduce", _reproduce(gate))


def _stages(gate: Gate) -> Iterable[str]:
    """Yield Amdahl's line of each board, by the mean of the candidate's trials that count."""
    for board in gate.boards:
        records = [r for r in gate.on(board).records if r.role != "baseline" and not r.voids]
        timed = [record.latency.stages_mean_ms for record in records if record.latency.stages_mean_ms]
        if timed:
            means = {name: fmean(one.get(name, 0.0) for one in timed) for name in timed[0]}
            yield f"- {plain_text(f'{gate.label(board)}: {line(means)}')}"


def _criterion(gate: Gate, c: GateCriterion) -> tuple[str, ...]:
    texts = (gate.label(c.board), title(c), wanted(c), got(c), interval(c), baseline(c), str(c.trials))
    return (*map(plain_text, texts), _MARKS[c.outcome])


def _reproduce(gate: Gate) -> str:
    run = gate.run
    rows = [
        ("command", code(join(run.command))),
        ("policy", f"{code(gate.policy)} {code((run.policy_sha256 or '')[:12])}"),
        *([("but", code(gate.overridden))] if gate.overridden else []),
        ("inventory", f"{code(run.inventory)} {code(run.inventory_sha256[:12])}"),
        ("farm", code(run.farm_version)),
    ]
    for role, models in run.releases.items():
        rows.append((role, ", ".join(f"{plain_text(model)} {code(artifact)}" for model, artifact in models.items())))
    return table(("", ""), rows)
