"""A confidence interval against its limit, drawn small enough for a table."""

from markupsafe import Markup

from farm.store.run import GateCriterion

_WIDTH, _HEIGHT, _EDGE = 144, 18, 6


def drawing(criterion: GateCriterion) -> Markup:
    """Return the interval as a bar with its figure as a dot, and the limit as a line; nothing without an interval."""
    if criterion.low is None or criterion.high is None:
        return Markup()
    low, high, limit = criterion.low, criterion.high, criterion.limit
    first, last = min(low, limit), max(high, limit)
    margin = (last - first) * 0.15 or abs(limit) * 0.01 or 1.0

    def x(value: float) -> float:
        share = (value - first + margin) / (last - first + 2 * margin)
        return round(_EDGE + share * (_WIDTH - 2 * _EDGE), 1)

    tone = {"pass": "good", "regression": "bad"}.get(criterion.outcome, "unsure")
    return Markup(
        '<svg viewBox="0 0 {w} {h}" aria-hidden="true" focusable="false">'
        '<line x1="0" x2="{w}" y1="{m}" y2="{m}" stroke="var(--line)"/>'
        '<rect x="{x}" y="{top}" width="{wide}" height="8" rx="3" fill="var(--{tone})"/>'
        '<line x1="{limit}" x2="{limit}" y1="1" y2="{bottom}" stroke="var(--ink)" stroke-width="2"/></svg>'
    ).format(
        w=_WIDTH,
        h=_HEIGHT,
        m=_HEIGHT // 2,
        x=x(low),
        top=_HEIGHT // 2 - 4,
        wide=max(2.0, round(x(high) - x(low), 1)),
        tone=tone,
        limit=x(limit),
        bottom=_HEIGHT - 1,
    )
