"""A gate as lines for a terminal: a table of every criterion, what is missing, then the verdict."""

from collections.abc import Sequence

from farm.store.run import GateCriterion

from .gate_view import Gate, baseline, got, interval, title, wanted

_TITLES = ("board", "criterion", "wanted", "got", "interval", "baseline", "trials", "outcome")
_OUTCOMES = {"pass": "pass", "regression": "MISSED", "no verdict": "no verdict"}


def text(gate: Gate) -> list[str]:
    """Return table and remarks; the verdict's own line is :meth:`.Gate.headline`."""
    verdict = gate.verdict
    rows = [_row(gate, criterion) for criterion in verdict.criteria]
    remarks = [f"{gate.label(c.board)}: {title(c)}: no verdict: {c.why}" for c in verdict.criteria if c.why]
    remarks += list(dict.fromkeys(f"{gate.label(c.board)}: watts of {c.of}" for c in verdict.criteria if c.of))
    remarks += [
        f"{gate.label(e.board)}: evidence missing: {e.what}{f': {e.detail}' * bool(e.detail)}"
        for e in verdict.evidence
        if not e.held
    ]
    for fault in verdict.faults:
        retried = f"tried again on {fault.retried_on}" if fault.retried_on else "no neighbour took over"
        hint = f" (try: {fault.hint})" * bool(fault.hint)
        what = fault.what.removeprefix(f"{fault.board}: ")
        remarks.append(f"{gate.label(fault.board)}: lab fault: {what}{hint}; {retried}")
    # on one line each: what a board says must not begin a line, where a CI would take it for a command
    lines = [" ".join(remark.split()) for remark in [*remarks, *verdict.reasons]]
    return [*(table([_TITLES, *rows]) if rows else []), *lines]


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows under their titles and a rule, columns aligned, as wide as they are."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    head, *body = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return [head, "-" * (sum(widths) + 2 * (len(widths) - 1)), *body]


def _row(gate: Gate, c: GateCriterion) -> tuple[str, ...]:
    trials, outcome = str(c.trials), _OUTCOMES[c.outcome]
    return (gate.label(c.board), title(c), wanted(c), got(c), interval(c), baseline(c), trials, outcome)
