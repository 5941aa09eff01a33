"""A power trace of another program as a picture, drawn as a trial's own is."""

from pathlib import Path

import numpy as np

from power.block import Block
from power.trace import Recorded

from ..errors import LabFault
from .html.decimate import envelope
from .html.palette import LIGHT
from .html.plots import WIDTH

_BINS = 2_000
_SCALE = 2.0
"""PNG pixels per pixel of the plot, as a report's."""
_HEIGHT = 260


def write_png(trace: Recorded, zero_ns: int, window_s: tuple[float, float] | None, title: str, path: Path) -> None:
    """Draw the watts over the seconds from ``zero_ns``: means as a line, lowest to highest as a band.

    Args:
        trace: rows in time order, at least two.
        zero_ns: on its clock.
        window_s: drawn behind it; None: there is none.
        title: stands above.
        path: of the picture.

    Raises:
        LabFault: the file cannot be written.
    """
    import vl_convert

    try:
        path.write_bytes(vl_convert.vegalite_to_png(_spec(trace, zero_ns, window_s, title), scale=_SCALE))
    except OSError as error:
        raise LabFault(
            str(path), f"cannot be written: {error.strerror}", hint="is the folder there, the disk full?"
        ) from error


def _spec(trace: Recorded, zero_ns: int, window_s: tuple[float, float] | None, title: str) -> dict[str, object]:
    flags = np.zeros(len(trace.t_ns), np.uint8)
    rate_hz = 1e9 / max(1.0, float(np.median(np.diff(trace.t_ns))))
    curve = envelope(Block(trace.t_ns, trace.volts, trace.amps, flags, trace.watts), zero_ns, rate_hz, _BINS)
    columns = (curve.t_s, curve.low, curve.mean, curve.high)
    rows = [
        {
            name: value if np.isfinite(value) else None
            for name, value in zip(("t", "low", "mean", "high"), row, strict=True)
        }
        for row in zip(*(column.tolist() for column in columns), strict=True)
    ]
    x = {"field": "t", "type": "quantitative", "title": "seconds", "scale": {"zero": False, "nice": False}}
    y = {"type": "quantitative", "title": "watts", "scale": {"zero": False, "nice": True}}
    broken = {"invalid": "break-paths-show-domains"}
    layers: list[dict[str, object]] = [
        {
            "mark": {"type": "area", "opacity": 0.3, "color": LIGHT["watts"], **broken},
            "encoding": {"x": x, "y": {"field": "low", **y}, "y2": {"field": "high"}},
        },
        {
            "mark": {"type": "line", "strokeWidth": 1.4, "color": LIGHT["watts"], **broken},
            "encoding": {"x": x, "y": {"field": "mean", **y}},
        },
    ]
    if window_s is not None:
        shade = {"mark": {"type": "rect", "opacity": 0.12, "color": LIGHT["frames"]}}
        edges = {"values": [{"t": window_s[0], "until": window_s[1]}]}
        layers.insert(0, {**shade, "data": edges, "encoding": {"x": x, "x2": {"field": "until"}}})
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": {"text": title, "anchor": "start"},
        "background": LIGHT["page"],
        "width": WIDTH,
        "height": _HEIGHT,
        "data": {"values": rows},
        "layer": layers,
        "config": {"view": {"stroke": None}},
    }
