"""A power trace as a few lines of a terminal, with lanes below for what happened when."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_FILLS, _OVER, _LANE, _TICK = " ▁▂▃▄▅▆▇█", "░", "━", "│"
_ASCII_FILLS, _ASCII_OVER, _ASCII_LANE, _ASCII_TICK = " .:-=+*%#", "'", "=", "|"
_LABELS = 9
_DENSE = 0.5
"""Ticks in more than half of the columns say nothing: they become a bar."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lane:
    """Things of one kind, as (from, until) in seconds; until is from where a thing has no length."""

    name: str
    spans: Sequence[tuple[float, float]]


def plot(
    t_s: Floats,
    watts: Floats,
    lanes: Iterable[Lane] = (),
    *,
    columns: int = 72,
    rows: int = 10,
    encoding: str | None = None,
) -> list[str]:
    """Return the lines. A column is filled up to its mean, and shaded up to its highest reading: no peak is lost.

    Args:
        t_s: ascending; at least two.
        watts: NaN leaves its column empty.
        lanes: what is shown below, on the same axis.
        columns: of the plot; names stand to the left.
        rows: of the plot.
        encoding: the terminal's; where it has no blocks there are letters.
    """
    plain = not _can(encoding)
    first, last = float(t_s[0]), float(t_s[-1])
    bins = np.minimum(((t_s - first) / (last - first) * columns).astype(int), columns - 1)
    means, tops = np.full(columns, math.nan), np.full(columns, math.nan)
    for column in range(columns):
        inside = watts[bins == column]
        if len(known := inside[np.isfinite(inside)]):
            means[column], tops[column] = known.mean(), known.max()
    if not np.isfinite(means).any():
        return ["no reading with a value"]
    low, high = float(np.nanmin(means)), float(np.nanmax(tops))
    span = high - low or 1.0
    lines = [_row(row, rows, (means - low) / span, (tops - low) / span, plain=plain) for row in reversed(range(rows))]
    lines[0] = f"{high:{_LABELS - 2}.4g} W {lines[0]}"
    lines[-1] = f"{low:{_LABELS - 2}.4g} W {lines[-1]}"
    lines[1:-1] = [f"{'':{_LABELS}} {line}" for line in lines[1:-1]]
    lines += [f"{lane.name[:_LABELS]:>{_LABELS}} {_lane(lane, first, last, columns, plain=plain)}" for lane in lanes]
    return [*lines, _axis(first, last, columns)]


def _row(row: int, rows: int, means: Floats, tops: Floats, *, plain: bool) -> str:
    fills, over = (_ASCII_FILLS, _ASCII_OVER) if plain else (_FILLS, _OVER)

    def cell(mean: float, top: float) -> str:
        if math.isnan(mean):
            return " "
        filled = mean * rows - row
        if row == 0:
            filled = max(filled, 1 / (len(fills) - 1))  # the lowest level is a value too
        if filled > 0:
            return fills[min(len(fills) - 1, math.ceil(filled * (len(fills) - 1)))]
        return over if top * rows > row else " "

    return "".join(map(cell, means.tolist(), tops.tolist())).rstrip()


def _lane(lane: Lane, first: float, last: float, columns: int, *, plain: bool) -> str:
    bar, tick = (_ASCII_LANE, _ASCII_TICK) if plain else (_LANE, _TICK)
    cells = [" "] * columns
    moments: set[int] = set()
    for begin, end in lane.spans:
        if end < first or begin > last:
            continue
        from_, to = (min(columns - 1, max(0, int((t - first) / (last - first) * columns))) for t in (begin, end))
        if from_ == to:
            moments.add(from_)
        cells[from_ : to + 1] = [bar] * (to + 1 - from_)
    if len(moments) <= _DENSE * columns:
        for at in moments:
            cells[at] = tick
    return "".join(cells).rstrip()


def _axis(first: float, last: float, columns: int) -> str:
    begin, end = f"{first:.6g}", f"{last:.6g} s"
    return f"{'':{_LABELS}} {begin}{end:>{max(1, columns - len(begin))}}"


def _can(encoding: str | None) -> bool:
    try:
        (_FILLS + _OVER + _LANE + _TICK).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
