# pyright: standard
"""Watts over time in characters. A missing reading is a blank, never a low bar."""

from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"
_LEAST_SPAN = 0.1
"""Of the highest reading: what moves less is flat, or the noise of a meter would look like news (assumed)."""
_LEAST_WATTS = 0.05
"""And no less than this: the zero of a meter on a board that is off (assumed)."""


def span(watts: Sequence[float | None]) -> tuple[float, float] | None:
    """Return the lowest and highest watts of a drawing's axis; None when nothing was measured."""
    read = [value for value in watts if value is not None]
    if not read:
        return None
    low, high = min(read), max(read)
    least = max(abs(high) * _LEAST_SPAN, _LEAST_WATTS)
    return (low, high) if high - low >= least else _around((low + high) / 2, least)


def _around(middle: float, width: float) -> tuple[float, float]:
    low = max(0.0, middle - width * 3 / 7)  # in the middle of a step of the bars: noise does not flip it
    return low, low + width


def sparkline(watts: Sequence[float | None], width: int) -> str:
    """Return the newest ``width`` readings as bars, the newest at the right; blank where there is none."""
    newest = list(watts)[-width:] if width > 0 else []
    axis = span(newest)
    if axis is None:
        return " " * width
    return "".join(_bar(value, *axis) for value in newest).rjust(width)


def plot(watts: Sequence[float | None], width: int, height: int) -> list[str]:
    """Return ``height`` lines of bars, the top one first, of the newest ``width`` readings."""
    newest = list(watts)[-width:]
    axis = span(newest)
    if axis is None:
        return [" " * width] * height
    low, high = axis
    eighths = [None if value is None else _eighths(value, low, high, height) for value in newest]
    return [
        "".join(_part(value, row) for value in eighths).rjust(width)
        for row in range(height - 1, -1, -1)  # the bottom row is number 0
    ]


def _bar(value: float | None, low: float, high: float) -> str:
    return " " if value is None else _BARS[_eighths(value, low, high, 1) - 1]


def _eighths(value: float, low: float, high: float, height: int) -> int:
    """Return the height of a bar in eighths of a line: at least one, so that the lowest reading shows."""
    return 1 + round((value - low) / (high - low) * (8 * height - 1))


def _part(eighths: int | None, row: int) -> str:
    if eighths is None or (left := eighths - 8 * row) <= 0:
        return " "
    return _BARS[min(left, 8) - 1]
