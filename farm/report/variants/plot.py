# pyright: standard
"""The Pareto plot: each variant's quality over each cost, with intervals, and who is on the front.

A panel for every figure that is compared, over the first of them: accuracy where it is one. A variant is a number in
all panels, and the list at the right says which. Bars are the absolute figures' own 95 %, the meter's uncertainty and
the boards' differences included; who dominates whom follows from differences on one board, which are far surer.
"""

from typing import Any

import altair as alt

from ..html.plots import finished, ink
from .view import TITLES, Comparison, listed

_SIDE = 300
"""Pixels of a panel."""
_SCALE = 2.0
"""PNG pixels per pixel of the plot."""
_LINE = 26
"""Pixels of a line of the list."""
_SPREAD = 8.0
"""An axis is logarithmic where its largest value is so many times its smallest."""
_FORMATS = {"accuracy": ".2%", "size_bytes": "~s"}
_VERDICTS = ["front", "maybe", "dominated"]
_INKS = ["good", "boot", "idle"]
_SHAPES = ["circle", "diamond", "cross"]


def png(comparison: Comparison) -> bytes:
    """Return the plot as a PNG."""
    import vl_convert

    return vl_convert.vegalite_to_png(pareto(comparison), scale=_SCALE)


def pareto(comparison: Comparison) -> dict[str, Any]:
    """Return the plot as Vega-Lite, its data with it."""
    names = comparison.facts.figures
    quality = "accuracy" if "accuracy" in names else names[0]
    costs = [name for name in names if name != quality] or [quality]
    panels = [_panel(comparison, quality, cost, labelled=nth == 0) for nth, cost in enumerate(costs)]
    chart = alt.hconcat(*panels, _list(comparison), spacing=28).resolve_scale(color="shared", shape="shared")
    spec = finished(chart)
    spec["datasets"] = {cost: _points(comparison, quality, cost) for cost in costs} | {"list": _lines(comparison)}
    spec["title"] = {"text": _title(comparison), "subtitle": _subtitle(comparison)}
    spec["config"] = spec["config"] | {"axisX": {"tickCount": 5}, "axisY": {"tickCount": 6}}
    return spec | {"padding": 16}


def _panel(comparison: Comparison, quality: str, cost: str, *, labelled: bool) -> Any:  # noqa: ANN401 -- altair's
    base = alt.Chart(alt.NamedData(name=cost))
    x = alt.X("x:Q", axis=_axis(comparison, cost), scale=_scale(comparison, cost))
    along_y = _axis(comparison, quality) if labelled else alt.Axis(title=None, labels=False)
    y = alt.Y("y:Q", axis=along_y, scale=_scale(comparison, quality))
    colour, shape = _colour(), _shape()
    across = base.mark_rule(strokeWidth=1.5, opacity=0.8).encode(x="x_low:Q", x2="x_high:Q", y=y, color=colour)
    along = base.mark_rule(strokeWidth=1.5, opacity=0.8).encode(x=x, y="y_low:Q", y2="y_high:Q", color=colour)
    points = base.mark_point(filled=True, size=90, opacity=1, stroke=ink("page"), strokeWidth=1)
    points = points.encode(x=x, y=y, color=colour, shape=shape)
    numbers = base.mark_text(dx=9, dy=-9, align="left", fontSize=12, fontWeight=600)
    numbers = numbers.encode(x=x, y=y, text="number:N", color=alt.value(ink("ink")))
    return alt.layer(across, along, points, numbers).properties(width=_SIDE, height=_SIDE)


def _colour() -> alt.Color:
    scale = alt.Scale(domain=_VERDICTS, range=[ink(name) for name in _INKS])
    return alt.Color("verdict:N", scale=scale, legend=None)


def _shape() -> alt.Shape:
    return alt.Shape("verdict:N", scale=alt.Scale(domain=_VERDICTS, range=_SHAPES), legend=None)


def _list(comparison: Comparison) -> Any:  # noqa: ANN401 -- altair's
    """Return which number is which variant, and its place."""
    base = alt.Chart(alt.NamedData(name="list")).encode(
        y=alt.Y("row:Q", axis=None, scale=alt.Scale(domain=[-0.5, len(comparison.names) - 0.5], reverse=True))
    )
    marks = base.mark_point(filled=True, size=90, opacity=1).encode(x=alt.value(6), color=_colour(), shape=_shape())
    names = base.mark_text(align="left", fontSize=12, fontWeight=600).encode(
        x=alt.value(18), text="name:N", color=alt.value(ink("ink"))
    )
    said = base.mark_text(align="left", fontSize=11, dy=14).encode(
        x=alt.value(18), text="place:N", color=alt.value(ink("soft"))
    )
    height = min(_SIDE, 2 * _LINE * len(comparison.names))
    return alt.layer(marks, names, said).properties(width=300, height=height)


def _points(comparison: Comparison, quality: str, cost: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for nth, values in enumerate(comparison.result.values):
        x, y = values[cost], values[quality]
        if x.got is None or y.got is None:
            continue
        row = {"number": str(nth + 1), "verdict": comparison.result.places[nth].verdict}
        row |= {"x": x.got, "x_low": x.got - (x.u or 0.0), "x_high": x.got + (x.u or 0.0)}
        rows.append(row | {"y": y.got, "y_low": y.got - (y.u or 0.0), "y_high": y.got + (y.u or 0.0)})
    return rows


def _lines(comparison: Comparison) -> list[dict[str, Any]]:
    return [
        {
            "row": nth,
            "name": f"{nth + 1}  {name}",
            "verdict": comparison.result.places[nth].verdict,
            "place": _place(comparison, nth),
        }
        for nth, name in enumerate(comparison.names)
    ]


def _place(comparison: Comparison, variant: int) -> str:
    place = comparison.result.places[variant]
    others = listed([str(by + 1) for by in place.by], most=8)
    if place.verdict == "dominated":
        return f"dominated by {others}"
    return f"maybe: {others} may dominate it" if place.verdict == "maybe" else "on the front"


def _scale(comparison: Comparison, name: str) -> alt.Scale:
    """Return an axis that shows every interval whole, with a margin for the numbers."""
    values = [by[name] for by in comparison.result.values]
    told = [(value.got, value.u or 0.0) for value in values if value.got is not None]
    if not told:
        return alt.Scale()
    low, high = min(got - u for got, u in told), max(got + u for got, u in told)
    if low > 0 and high / low > _SPREAD:
        margin = (high / low) ** 0.08
        return alt.Scale(type="log", domain=[low / margin, high * margin], nice=False)
    margin = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
    return alt.Scale(domain=[low - margin, high + margin], nice=False, zero=False)


def _axis(comparison: Comparison, name: str) -> alt.Axis:
    kind = next(kind for kind in comparison.result.kinds if kind.name == name)
    title = TITLES[name] if name != "size_bytes" else "size, bytes"
    told = f"← {title}: less is better" if kind.at_most else f"{title}: more is better →"
    axis = alt.Axis(title=told, labelOverlap="greedy", labelSeparation=8)
    if name in _FORMATS:
        axis["format"] = _FORMATS[name]
    return axis


def _title(comparison: Comparison) -> str:
    boards = ", ".join(
        name if made == "board" else f"{name} ({made})" for name, made in comparison.facts.boards.items()
    )
    return f"{len(comparison.names)} variants on {boards or comparison.facts.model}"


def _subtitle(comparison: Comparison) -> list[str]:
    facts = comparison.facts
    rounds = sum(2 * pairs for pairs in comparison.result.pairs.values())
    sure = f"{100 * (1 - facts.alpha):g} %"
    return [
        f"{facts.scenario['name']}; {rounds} rounds; bars: 95 % of each absolute figure, meter and boards included",
        f"who dominates whom: by ratios within a board and a round, {sure} sure of all, "
        f"less than {100 * facts.resolution:g} % is equal",
    ]
