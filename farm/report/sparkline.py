"""A curve in one line of a terminal."""

import math
from collections.abc import Sequence

_BLOCKS = "▁▂▃▄▅▆▇█"
_ASCII = "_.-~=+*#"
"""Where the encoding has no blocks; eight levels too, lowest first."""


def sparkline(values: Sequence[float], width: int, *, encoding: str | None = "utf-8") -> str:
    """Return ``values`` in at most ``width`` characters: each the highest of its share, so that no peak is lost.

    The lowest level is the lowest value, the highest the highest; a stretch without any value is a space.
    """
    marks = _BLOCKS if _can(encoding) else _ASCII
    columns = min(width, len(values))
    tops = [
        _top(values[at * len(values) // columns : (at + 1) * len(values) // columns]) for at in range(max(columns, 0))
    ]
    known = [top for top in tops if not math.isnan(top)]
    if not known:
        return " " * columns
    low, span = min(known), max(known) - min(known)

    def mark(top: float) -> str:
        if math.isnan(top):
            return " "
        return marks[min(len(marks) - 1, int((top - low) / span * len(marks)))] if span else marks[0]

    return "".join(map(mark, tops))


def _top(values: Sequence[float]) -> float:
    return max((float(value) for value in values if not math.isnan(value)), default=math.nan)


def _can(encoding: str | None) -> bool:
    try:
        _BLOCKS.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
