"""Numbers as SCPI instruments spell them. Pure."""

import math

_NO_VALUE = {"", "---", "----", "------"}
"""An empty field, and what a display without a value shows."""
_NAN = 9.91e37
_INFINITE = 9.9e37
"""Not a number and infinity as SCPI 1999 (volume 1, section 7.2.1) writes them."""


def number(text: str) -> float:
    """Read one number; NaN where the instrument had no value, infinity where its range was exceeded.

    A header before it (``:INP:VOLT:RANG 15.0E+00``) and a unit behind it (``1.2E-03 VDC``) are skipped.

    Raises:
        ValueError: there is no number.
    """
    words = text.split()
    if words and words[0].startswith(":"):
        words = words[1:]
    if not words or words[0] in _NO_VALUE:
        return math.nan
    value = float(words[0])
    if abs(value) == _NAN:
        return math.nan
    return math.copysign(math.inf, value) if abs(value) >= _INFINITE else value


def numbers(text: str, count: int) -> list[float]:
    """Read exactly ``count`` numbers between commas; ValueError for any other count, and as :func:`number`."""
    fields = text.split(",")
    if len(fields) != count:
        raise ValueError(f"{len(fields)} values, not {count}")
    return [number(field) for field in fields]
