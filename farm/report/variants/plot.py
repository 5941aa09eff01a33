# pyright: standard
"""The Pareto plot: each variant's quality over each cost, with intervals, and who is on the front.

A panel for every figure that is compared, over the first of them: accuracy where it is one. A variant is a number in
all panels, and the list at the right says which. Bars are the absolute figures' own 95 %, the meter's uncertainty
included; who dominates whom follows from differences on one board, in which that cancels.
"""

import math
from dataclasses import dataclass
from typing import Any

import altair as alt

from farm.verdict.variants.compared import Value

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
_NEAR = 0.045
"""Points closer than this share of a panel, both ways, have one label."""
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
    x = alt.X("x:Q", axis=_axis(comparison, cost), scale=_extent(comparison, cost).scale())
    along_y = _axis(comparison, quality) if labelled else alt.Axis(title=None, labels=False)
    y = alt.Y("y:Q", axis=along_y, scale=_extent(comparison, quality).scale())
    colour, shape = _colour(), _shape()
    across = base.mark_rule(strokeWidth=1.5, opacity=0.8).encode(x="x_low:Q", x2="x_high:Q", y=y, color=colour)
    along = base.mark_rule(strokeWidth=1.5, opacity=0.8).encode(x=x, y="y_low:Q", y2="y_high:Q", color=colour)
    points = base.mark_point(filled=True, size=90, opacity=1, stroke=ink("page"), strokeWidth=1)
    points = points.encode(x=x, y=y, color=colour, shape=shape)
    numbers = base.mark_text(dx=9, dy=-9, align="left", fontSize=12, fontWeight=600)
    numbers = numbers.encode(x=x, y=y, text="label:N", color=alt.value(ink("ink")))
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
    x_axis, y_axis = _extent(comparison, cost), _extent(comparison, quality)
    rows: list[dict[str, Any]] = []
    for nth in _drawn(comparison):
        x, y = (comparison.result.values[nth][name] for name in (cost, quality))
        row = {"number": str(nth + 1), "verdict": comparison.result.places[nth].verdict}
        row |= {"x": x.got, "x_low": x_axis.within(x, -1), "x_high": x_axis.within(x, 1)}
        row |= {"y": y.got, "y_low": y_axis.within(y, -1), "y_high": y_axis.within(y, 1)}
        rows.append(row | {"at": (x_axis.part(x.got or 0.0), y_axis.part(y.got or 0.0))})
    return _labelled(rows)


def _labelled(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give points that lie upon each other one label, at the rightmost of them."""
    groups: list[list[dict[str, Any]]] = []
    for row in sorted(rows, key=lambda row: row["at"]):
        near = (group for group in groups if all(abs(row["at"][n] - group[-1]["at"][n]) < _NEAR for n in (0, 1)))
        group = next(near, None)
        if group is None:
            groups.append([row])
        else:
            group.append(row)
    for group in groups:
        label = ", ".join(sorted((row["number"] for row in group), key=int))
        for row in group:
            row |= {"label": label if row is group[-1] else ""}
            del row["at"]
    return rows


def _drawn(comparison: Comparison) -> list[int]:
    """Return the variants of which every figure that is compared is known."""
    names = comparison.facts.figures
    values = comparison.result.values
    return [nth for nth, by in enumerate(values) if all(by[name].got is not None for name in names)]


def _lines(comparison: Comparison) -> list[dict[str, Any]]:
    drawn = _drawn(comparison)
    return [
        {
            "row": nth,
            "name": f"{nth + 1}  {name}",
            "verdict": comparison.result.places[nth].verdict,
            "place": _place(comparison, nth) + ("" if nth in drawn else "; not drawn: a figure is not known"),
        }
        for nth, name in enumerate(comparison.names)
    ]


def _place(comparison: Comparison, variant: int) -> str:
    place = comparison.result.places[variant]
    others = listed([str(by + 1) for by in place.by], most=8)
    if place.verdict == "dominated":
        return f"dominated by {others}"
    return f"maybe: {others} may dominate it" if place.verdict == "maybe" else "on the front"


@dataclass(frozen=True, slots=True)
class _Extent:
    """An axis that shows every interval whole, with a margin for the labels."""

    low: float
    high: float
    log: bool

    def part(self, value: float) -> float:
        """Return where on the axis a value lies, from 0 to 1."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def within(self, value: Value, sign: int) -> float:
        """Return an end of a value's interval, or the axis' own where it lies outside."""
        return min(max((value.got or 0.0) + sign * (value.u or 0.0), self.low), self.high)

    def scale(self) -> alt.Scale:
        """Return it as the plot takes it."""
        return alt.Scale(type="log" if self.log else "linear", domain=[self.low, self.high], nice=False, zero=False)

    def ticks(self) -> list[float]:
        """Return 1, 2 and 5 of each decade, where it is logarithmic."""
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        steps = (1, 2, 5) if self.high / self.low < 1e3 else (1,)
        return [
            step * 10.0**decade for decade in decades for step in steps if self.low < step * 10.0**decade < self.high
        ]


def _extent(comparison: Comparison, name: str) -> _Extent:
    values = [comparison.result.values[nth][name] for nth in _drawn(comparison)]
    told = [(value.got or 0.0, value.u or 0.0) for value in values]
    if not told:
        return _Extent(0.0, 1.0, log=False)
    least, most = min(got for got, _ in told), max(got for got, _ in told)
    low, high = min(got - u for got, u in told), max(got + u for got, u in told)
    if least > 0 and most / least > _SPREAD:
        low = max(low, least / 2)  # an interval that reaches to 0 has no end on such an axis
        margin = (high / low) ** 0.08
        return _Extent(low / margin, high * margin, log=True)
    margin = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
    return _Extent(low - margin, high + margin, log=False)


def _axis(comparison: Comparison, name: str) -> alt.Axis:
    kind = next(kind for kind in comparison.result.kinds if kind.name == name)
    title = TITLES[name] if name != "size_bytes" else "size, bytes"
    told = f"← {title}: less is better" if kind.at_most else f"{title}: more is better →"
    axis = alt.Axis(title=told, labelOverlap="greedy", labelSeparation=8)
    if name in _FORMATS:
        axis["format"] = _FORMATS[name]
    if (extent := _extent(comparison, name)).log:
        axis["values"] = extent.ticks()
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
        f"{facts.scenario['name']}; {rounds} rounds; bars: 95 % of absolute figures, the meter included",
        f"who dominates whom: by ratios within a board and a round, {sure} sure of all, "
        f"less than {100 * facts.resolution:g} % is equal",
    ]
