# pyright: standard
"""The plots as Vega-Lite: one description each, for every trial, on the page and as PNG and SVG.

They name data sets and colours without holding any: :mod:`.datasets` gives the one, :mod:`.palette` the other.
"""

from collections.abc import Callable
from typing import Any

import altair as alt

from .palette import LIGHT

Spec = dict[str, Any]

WIDTH = 860
"""Pixels of a plot that nobody has asked for another width."""
_LANE = 22
_SECONDS = "seconds from the first frame"


def ink(name: str) -> alt.ExprRef:
    """Return a colour of the palette by name, so that the page can change it."""
    return alt.ExprRef(expr=name)


def _data(name: str) -> alt.NamedData:
    return alt.NamedData(name=name)


def time_axis() -> Spec:
    """Return lanes of boot, trial and frames, the watts, and each frame's latency on one time axis to zoom in."""
    zoom = alt.selection_interval(bind="scales", encodings=["x"], name="zoom")
    home = alt.Scale(domain=[ink("home_from"), ink("home_to")], nice=False, zero=False)
    return finished(
        alt.vconcat(_lanes(home), _watts(home).add_params(zoom), _latency_over_time(home), spacing=10)
        .resolve_scale(x="shared", color="independent", shape="independent")
        .add_params(alt.param(name="home_from", value=-5), alt.param(name="home_to", value=15))
    )


def _lanes(home: alt.Scale) -> Any:  # noqa: ANN401 -- altair's chart classes
    kinds = ["boot", "idle", "frames", "scoring", "state", "fault"]
    colour = alt.Color("kind:N", scale=alt.Scale(domain=kinds, range=[ink(_KIND.get(k, k)) for k in kinds]))
    lane = alt.Y("lane:N", sort=["boot", "trial", "inference", "state", "fault"], title=None)
    lane = lane.axis(ticks=False, domain=False, grid=False, labelPadding=6)
    x = alt.X("t:Q", scale=home, axis=None)
    data = _data("lanes")
    tip = [alt.Tooltip("what:N", title="what"), alt.Tooltip("t:Q", title="from, s", format=".3f")]
    tip += [alt.Tooltip("until:Q", title="until, s", format=".3f")]
    base = alt.Chart(data).encode(x=x, y=lane, color=colour.legend(None), tooltip=tip)
    lasting = base.transform_filter("isValid(datum.until)").encode(x2="until")
    bars = lasting.transform_filter("datum.lane != 'inference'").mark_bar(height=_LANE - 6, clip=True)
    bars = bars.encode(stroke=alt.value(ink("page")), strokeWidth=alt.value(1))
    frames = lasting.transform_filter("datum.lane == 'inference'").mark_bar(height=_LANE - 8, clip=True)
    begun = base.transform_filter("datum.lane == 'inference'").mark_tick(height=_LANE - 8, thickness=1, clip=True)
    moments = base.transform_filter("!isValid(datum.until)").mark_point(shape="diamond", size=70, filled=True)
    names = base.transform_filter(f"(datum.lane == 'trial' || datum.lane == 'state') && {_FITS}").mark_text(
        align="left", dx=4, fontSize=11, clip=True
    )
    names = names.encode(text="what:N", color=alt.value(ink("on_mark")))
    return alt.layer(bars, frames, begun, moments, names).properties(width=WIDTH, height=alt.Step(_LANE))


_FITS = "(datum.until - datum.t) / (home_to - home_from) * width > 7 * length(datum.what)"
"""Whether a bar is as long as its name, 7 px a letter."""


_KIND = {"state": "soft"}


def _watts(home: alt.Scale) -> Any:  # noqa: ANN401
    x = alt.X("t:Q", scale=home, axis=alt.Axis(labels=False, ticks=False, title=None))
    series = alt.Scale(range=[ink("watts"), ink("watts2"), ink("watts3")])
    colour = alt.Color("meter:N", scale=series)
    colour = colour.legend(
        orient="top", title=None, symbolType="stroke", symbolStrokeWidth=3, symbolOpacity=1, labelLimit=400
    )
    data = _data("watts")
    base = alt.Chart(data).encode(x=x, color=colour)
    y = {"title": "watts", "scale": alt.Scale(zero=False, nice=True)}
    band = base.mark_area(opacity=0.3, invalid="break-paths-show-domains", clip=True)
    band = band.encode(y=alt.Y("low:Q", **y), y2="high:Q")
    line = base.mark_line(strokeWidth=1.4, invalid="break-paths-show-domains", clip=True, interpolate="linear")
    tip = [alt.Tooltip("meter:N"), alt.Tooltip("t:Q", title="s", format=".3f")]
    tip += [alt.Tooltip(f"{name}:Q", title=f"{name}, W", format=".4~f") for name in ("low", "mean", "high")]
    line = line.encode(y=alt.Y("mean:Q", **y))
    hover = base.mark_point(opacity=0, size=60, clip=True).encode(y="mean:Q", tooltip=tip)
    late = alt.Chart(_data("frames")).transform_filter("datum.late == 1")
    rules = late.mark_rule(strokeDash=[3, 3], opacity=0.7, clip=True, color=ink("fault")).encode(x=x)
    return alt.layer(rules, band, line, hover).properties(width=WIDTH, height=220)


def _latency_over_time(home: alt.Scale) -> Any:  # noqa: ANN401
    frames = alt.Chart(_data("frames"))
    kept = alt.Scale(domain=[0, 1], range=[ink("frames"), ink("fault")])
    shapes = alt.Scale(domain=[0, 1], range=["circle", "triangle-up"])
    named = {"labelExpr": "datum.value == 1 ? 'late' : 'in time'", "orient": "top", "title": None}
    points = frames.mark_point(filled=True, size=26, opacity=0.85, clip=True).encode(
        x=alt.X("t:Q", scale=home, title=_SECONDS),
        y=alt.Y("ms:Q", title="latency, ms", scale=alt.Scale(zero=True, nice=True)),
        color=alt.Color("late:N", scale=kept).legend(**named),
        shape=alt.Shape("late:N", scale=shapes).legend(**named),
        tooltip=[
            alt.Tooltip("t:Q", title="due, s", format=".3f"),
            alt.Tooltip("ms:Q", title="latency, ms", format=".4~f"),
        ],
    )
    rule = alt.Chart(_data("deadline")).mark_rule(strokeDash=[6, 4], color=ink("fault")).encode(y="ms:Q")
    return alt.layer(rule, points).properties(width=WIDTH, height=130)


def latency(*, log: bool = False) -> Spec:
    """Return the histogram of latencies with its percentiles; a logarithmic axis where they spread widely."""
    scale = alt.Scale(type="log", nice=False) if log else alt.Scale(nice=True, zero=False)
    bars = alt.Chart(_data("bins")).mark_rect(stroke=ink("page"), strokeWidth=1)
    bars = bars.encode(
        x=alt.X("low:Q", scale=scale, title="latency from the scheduled arrival, ms"),
        x2="high:Q",
        y=alt.Y("frames:Q", title="frames (square-root scale)", scale=alt.Scale(type="sqrt", domainMin=0)),
        y2=alt.datum(0),
        color=alt.Color("late:N", scale=alt.Scale(domain=[0, 1], range=[ink("frames"), ink("fault")]), legend=None),
        tooltip=[
            alt.Tooltip("low:Q", title="from, ms", format=".4~f"),
            alt.Tooltip("high:Q", title="to, ms", format=".4~f"),
            alt.Tooltip("frames:Q"),
        ],
    )
    names = ["p50", "p99", "deadline"]
    dashes = alt.Scale(domain=names, range=[[1, 0], [6, 3], [2, 2]])
    inks = alt.Scale(domain=names, range=[ink("ink"), ink("boot"), ink("fault")])
    legend: dict[str, Any] = {"orient": "top", "title": None, "symbolType": "stroke", "symbolSize": 300}
    rules = alt.Chart(_data("marks")).mark_rule(strokeWidth=2)
    rules = rules.encode(
        x=alt.X("ms:Q", scale=scale),
        color=alt.Color("name:N", scale=inks).legend(**legend),
        strokeDash=alt.StrokeDash("name:N", scale=dashes).legend(**legend),
        tooltip=["name:N", alt.Tooltip("ms:Q", format=".4~f")],
    )
    both = alt.layer(bars, rules).resolve_scale(color="independent", strokeDash="independent")
    return finished(both.properties(width=WIDTH, height=180))


def stages() -> Spec:
    """Return the pipeline's stages: mean of each as a bar, its 99th percentile as a tick."""
    data = _data("stages")
    stage = alt.Y("stage:N", sort=None, title=None).axis(ticks=False, domain=False)
    base = alt.Chart(data).encode(y=stage)
    tip = ["stage:N", alt.Tooltip("mean:Q", title="mean, ms"), alt.Tooltip("p99:Q", title="p99, ms")]
    bars = base.mark_bar(height=14, color=ink("frames")).encode(x=alt.X("mean:Q", title="ms per frame"), tooltip=tip)
    ticks = base.mark_tick(thickness=3, size=20, color=ink("boot")).encode(x="p99:Q", tooltip=tip)
    return finished(alt.layer(bars, ticks).properties(width=WIDTH, height=alt.Step(28)))


def energy() -> Spec:
    """Return each meter's joules over the frames: what idling would have taken, and what came on top."""
    parts = ["idle", "above idle", "in all"]
    colour = alt.Color(
        "part:N", scale=alt.Scale(domain=parts, range=[ink("idle"), ink("watts"), ink("watts3")])
    ).legend(orient="top", title=None)
    bars = alt.Chart(_data("energy")).mark_bar(height=22)
    bars = bars.encode(
        y=alt.Y("meter:N", title=None).axis(ticks=False, domain=False),
        x=alt.X("sum(joules):Q", title="joules while frames were offered"),
        color=colour,
        order="order:Q",
        tooltip=["meter:N", "part:N", alt.Tooltip("joules:Q", title="J", format=".4~f")],
    )
    return finished(bars.properties(width=WIDTH, height=alt.Step(40)))


def boot() -> Spec:
    """Return the boot that was watched: each stage from its first console line to the next one's."""
    base = alt.Chart(_data("boot")).encode(y=alt.Y("stage:N", sort=None, title=None).axis(ticks=False, domain=False))
    tip = ["stage:N", alt.Tooltip("t:Q", title="from, s"), alt.Tooltip("until:Q", title="until, s")]
    bars = base.mark_bar(height=14, color=ink("boot")).encode(
        x=alt.X("t:Q", title="seconds from power on", scale=alt.Scale(zero=True)), x2="until:Q", tooltip=tip
    )
    return finished(bars.properties(width=WIDTH, height=alt.Step(26)))


PLOTS: dict[str, Callable[[], Spec]] = {
    "time": time_axis,
    "latency": latency,
    "latency-log": lambda: latency(log=True),
    "stages": stages,
    "energy": energy,
    "boot": boot,
}
"""Every plot by the name that its files carry."""


def finished(chart: Any) -> Spec:  # noqa: ANN401 -- altair's chart classes
    """Return a chart as Vega-Lite, with the palette's colours as parameters and the page's manners."""
    colours = [alt.param(name=name, value=value) for name, value in LIGHT.items()]
    spec: Spec = chart.add_params(*colours).to_dict()
    spec.pop("datasets", None)
    return spec | {"config": _CONFIG, "background": {"expr": "page"}, "autosize": {"type": "pad"}}


_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
_AXIS = {"labelColor": {"expr": "soft"}, "titleColor": {"expr": "ink"}, "gridColor": {"expr": "line"}}
_CONFIG: Spec = {
    "font": _FONT,
    "view": {"stroke": None},
    "axis": _AXIS
    | {
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "domain": False,
        "tickColor": {"expr": "line"},
        "gridOpacity": 0.7,
    },
    "axisX": {"tickCount": 6},
    "axisY": {"tickCount": 5, "minExtent": 52, "maxExtent": 52},
    "legend": {"labelColor": {"expr": "ink"}, "labelFontSize": 12, "padding": 0, "offset": 6},
    "title": {
        "color": {"expr": "ink"},
        "anchor": "start",
        "fontSize": 14,
        "fontWeight": 600,
        "offset": 10,
        "subtitleColor": {"expr": "soft"},
        "subtitleFontSize": 12,
    },
}
