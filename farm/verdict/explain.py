"""A verdict in words."""

from ..store.record import Criterion, Verdict

_NAMES = {"pass": "pass", "regression": "MISSED", "no verdict": "no verdict"}


def explain(verdict: Verdict) -> str:
    """Return every criterion on a line of its own: wanted, got, ±, and by how much a missed limit was missed."""
    rows = [
        (_NAMES[c.outcome], c.name, f"wanted {c.wanted} {c.unit}".rstrip(), _got(c), _remark(c))
        for c in verdict.criteria
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [f"watts: of {meter}" for meter in dict.fromkeys(c.of for c in verdict.criteria if c.of)]
    lines += [f"void: {reason}" for reason in verdict.reasons]
    return "\n".join([f"verdict: {verdict.outcome}", *(f"  {line}" for line in lines)])


def digits(value: float, significant: int = 4) -> str:
    """Return so many significant digits, and never an exponent for a large number."""
    return f"{value:.{significant}g}" if abs(value) < 10**significant else f"{value:.0f}"


def _got(criterion: Criterion) -> str:
    if criterion.got is None:
        return "got nothing"
    bounds = "" if criterion.u is None else f" ± {digits(criterion.u, 2)}"
    return f"got {digits(criterion.got)}{bounds} {criterion.unit}".rstrip()


def _remark(criterion: Criterion) -> str:
    if criterion.outcome == "no verdict":
        return criterion.why
    if criterion.outcome == "pass" or criterion.got is None:
        return ""
    over = abs(criterion.got - criterion.limit)
    if not criterion.limit:
        return f"missed by {digits(over)} {criterion.unit}".rstrip()
    return f"missed by {over / abs(criterion.limit):.1%}".replace("%", " %")
