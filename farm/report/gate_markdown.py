"""A gate as Markdown for GitHub's step summary and GitLab's merge request notes: the verdict first, details folded."""

import html
import re
from collections.abc import Iterable, Sequence
from shlex import join

from farm.store.run import GateCriterion

from .gate_view import ABSENT, Gate, OnBoard, Outcome, baseline, counted, got, interval, title, wanted

MOST_BYTES = 900_000
"""GitHub refuses a step's summary above 1 MiB, GitLab a note above 1,000,000 characters."""

_MARKS: dict[Outcome, str] = {"pass": "✅ pass", "regression": "❌ regression", "no verdict": "⚠️ no verdict"}
_SPECIAL = re.compile(r"[\\`*_{}\[\]()#+!|~@$^]|:(?=\S)")
"""What Markdown, GitHub or GitLab could read as more than a letter: mentions and references too."""


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
    lines = [f"## {mark} {_text(gate.headline())}", _what(gate)]
    if twins := [gate.label(board) for board in gate.boards if gate.made(board) != "board"]:
        lines.append(f"**Not measured on boards:** {', '.join(map(_text, twins))}.")
    if gate.verdict.outcome == "no verdict":
        lines.append("Nothing is said about the release: run the gate again once the cause is mended.")
    lines += [f"- {_text(reason)}" for reason in gate.verdict.reasons]
    return "\n\n".join(lines)


def _what(gate: Gate) -> str:
    run = gate.run
    roles = {role: sorted(set(models.values())) for role, models in run.releases.items()}
    told = " against ".join(
        f"{role} {', '.join(_code(artifact[:12]) for artifact in artifacts)}" for role, artifacts in roles.items()
    )
    return f"Policy {_code(gate.policy)} in lab {_code(run.lab)}, {told or 'no release'}, run {_code(run.id)}."


def _boards(gate: Gate) -> str:
    rows = [_board(gate, seen) for seen in map(gate.on, gate.boards) if seen.outcome is not None]
    return _table(("board", "candidate", "outcome", "decided by"), rows) if rows else ""


def _board(gate: Gate, seen: OnBoard) -> tuple[str, ...]:
    artifacts = ", ".join(dict.fromkeys(c.artifact for c in seen.criteria)) or ABSENT
    return (_text(gate.label(seen.board)), _text(artifacts), _MARKS[seen.outcome or "no verdict"], _decided(seen))


def _decided(seen: OnBoard) -> str:
    """Return what to look at first: missed limits, else what is open, else how much was held."""
    if missed := [c for c in seen.criteria if c.outcome == "regression"]:
        return "; ".join(_text(f"{title(c)} {got(c)}, wanted {wanted(c)}") for c in missed)
    said = [f"{title(c)}: {c.why}" for c in seen.criteria if c.outcome == "no verdict"]
    said += [f"{check.what}: {check.detail or 'not recorded'}" for check in seen.missing]
    said += [fault.what for fault in seen.faults if fault.retried_on is None]
    return _text("; ".join(said)) if said else counted(len(seen.criteria), "limit") + " held"


def _details(gate: Gate) -> Iterable[str]:
    verdict = gate.verdict
    if verdict.criteria:
        columns = ("board", "criterion", "wanted", "got", "interval", "baseline", "trials", "outcome")
        rows = [_criterion(gate, criterion) for criterion in verdict.criteria]
        yield _folded(counted(len(rows), "criterion", "criteria"), _table(columns, rows))
    if verdict.evidence:
        checks = [
            (_text(gate.label(e.board)), _text(e.what), "there" if e.held else "**missing**", _text(e.detail))
            for e in verdict.evidence
        ]
        yield _folded("Evidence", _table(("board", "evidence", "", "found"), checks))
    if verdict.faults:
        faults = [
            (
                _text(gate.label(f.board)),
                _text(f.what),
                _text(gate.label(f.retried_on) if f.retried_on else "nowhere"),
                _text(f.hint),
            )
            for f in verdict.faults
        ]
        yield _folded(
            counted(len(faults), "lab fault"), _table(("board", "fault", "tried again on", "look at"), faults)
        )
    yield _folded("Reproduce", _reproduce(gate))


def _criterion(gate: Gate, c: GateCriterion) -> tuple[str, ...]:
    texts = (gate.label(c.board), title(c), wanted(c), got(c), interval(c), baseline(c), str(c.trials))
    return (*map(_text, texts), _MARKS[c.outcome])


def _reproduce(gate: Gate) -> str:
    run = gate.run
    rows = [
        ("command", _code(join(run.command))),
        ("policy", f"{_code(gate.policy)} {_code((run.policy_sha256 or '')[:12])}"),
        ("inventory", f"{_code(run.inventory)} {_code(run.inventory_sha256[:12])}"),
        ("farm", _code(run.farm_version)),
    ]
    for role, models in run.releases.items():
        rows.append((role, ", ".join(f"{_text(model)} {_code(artifact)}" for model, artifact in models.items())))
    return _table(("", ""), rows)


def _folded(summary: str, text: str) -> str:
    return f"<details><summary>{_text(summary)}</summary>\n\n{text}\n\n</details>"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(text: str) -> str:
    """Return text that says itself and nothing else: entities in the place of whatever has a meaning."""
    plain = " ".join(text.split())
    return _SPECIAL.sub(lambda letter: f"&#{ord(letter[0])};", html.escape(plain, quote=False))


def _code(text: str) -> str:
    return f"<code>{_text(text)}</code>"
