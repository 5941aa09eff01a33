"""Spans of time as people write them: 2h, 1h30m, 90s."""

import re

from ..errors import UsageFault

_UNITS_S = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_WRITTEN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")
_MOST_S = 100 * 365 * 86400.0
"""Beyond any use of it (assumed), and far from where dates and databases end."""


def seconds(text: str) -> float:
    """Return a span in seconds.

    Raises:
        UsageFault: it is written otherwise, is nothing, or longer than a century.
    """
    found = _WRITTEN.fullmatch(text.strip())
    span_s = (
        sum(float(n) * unit for n, unit in zip(found.groups(), _UNITS_S.values(), strict=True) if n) if found else 0
    )
    if span_s <= 0:
        raise UsageFault(f"{text!r} is no span of time; write e.g. 2h, 1h30m or 90s")
    if span_s > _MOST_S:
        raise UsageFault(f"{text!r} is longer than 100 years; write e.g. 30d")
    return span_s
