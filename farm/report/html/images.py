"""A trial's plots as Vega-Lite with data, and as PNG and SVG: the same description that the page draws."""

import re
from collections.abc import Iterable
from pathlib import Path

from ...errors import LabFault
from .datasets import Cell, Columns, Drawable
from .plots import PLOTS, Spec

_SCALE = 2.0
"""PNG pixels per pixel of the page: sharp on dense screens and in print."""


def with_data(drawable: Drawable, *, title: str = "") -> Spec:
    """Return a plot that stands alone."""
    spec = PLOTS[drawable.plot]()
    spec["datasets"] = {name: _rows(columns) for name, columns in drawable.data.items()}
    spec["params"] = [
        param | {"value": drawable.params[param["name"]]} if param["name"] in drawable.params else param
        for param in spec["params"]
    ]
    if title:
        spec["title"] = title
    return spec


def _rows(columns: Columns) -> list[dict[str, Cell]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def write(
    plots: Iterable[tuple[str, str, Drawable]], *, png: Path | None = None, svg: Path | None = None
) -> list[Path]:
    """Write (file name, title, plot) each as ``<name>.png`` and ``<name>.svg`` into the folders that are given.

    Raises:
        LabFault: a folder or file cannot be written.
    """
    import vl_convert

    written: list[Path] = []
    try:
        for folder in filter(None, (png, svg)):
            folder.mkdir(parents=True, exist_ok=True)
        for name, title, drawable in plots:
            spec = with_data(drawable, title=title)
            if png is not None:
                written.append(png / f"{file_name(name)}.png")
                written[-1].write_bytes(vl_convert.vegalite_to_png(spec, scale=_SCALE))
            if svg is not None:
                written.append(svg / f"{file_name(name)}.svg")
                written[-1].write_text(vl_convert.vegalite_to_svg(spec), encoding="utf-8")
    except OSError as error:
        raise LabFault("report", f"{error}", hint="is the disk full, the folder writable?") from error
    return written


def file_name(name: str) -> str:
    """Return a name that is one on every file system: a board's name is not trusted to be."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-") or "plot"
