"""Figures, times and outcomes as a reader wants them."""

import math
from datetime import UTC, datetime

ABSENT = "-"
_SIGNS = {"good": "✓", "bad": "✗", "unsure": "?", "plain": "·"}
_TONES = {
    "pass": "good",
    "held": "good",
    "regression": "bad",
    "missing": "unsure",
    "no verdict": "unsure",
    "void": "unsure",
}


def tone(outcome: str) -> str:
    """Return ``good``, ``bad``, ``unsure`` or ``plain``: never told by colour alone, see :func:`sign`."""
    return _TONES.get(outcome, "plain")


def sign(outcome: str) -> str:
    """Return the mark that stands before an outcome."""
    return _SIGNS[tone(outcome)]


def iso(moment: datetime) -> str:
    """Return a time for programs: ISO 8601, UTC."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def utc_text(moment: datetime) -> str:
    """Return a time for people, in UTC and saying so."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def with_bounds(value: float, u: float | None) -> str:
    """Return ``8.514 ± 0.054``: two significant digits of the uncertainty, and the value to the same place."""
    if u is None or not u > 0:
        return figure(value)
    places = max(0, 1 - math.floor(math.log10(u)))
    return f"{value:,.{places}f} ± {u:,.{places}f}"


def figure(value: float | None, significant: int = 4) -> str:
    """Return so many significant digits, thousands set apart, never an exponent for what people count."""
    if value is None or not math.isfinite(value):
        return ABSENT
    if value == 0:
        return "0"
    places = significant - 1 - math.floor(math.log10(abs(value)))
    return f"{value:.3g}" if places > 12 else f"{value:,.{max(0, places)}f}"


def size(count: int) -> str:
    """Return a number of bytes in a unit that fits."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count} bytes"


def clock(hz: float) -> str:
    """Return a clock frequency."""
    return f"{hz / 1e9:.3g} GHz" if hz >= 1e9 else f"{hz / 1e6:.4g} MHz"
