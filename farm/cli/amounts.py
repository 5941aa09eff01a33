"""Times and sizes as people write them: ``90d``, ``12h``, ``2026-01-31``, ``5GB``."""

import re
from datetime import datetime, timedelta

from ..errors import UsageFault

_SIZES = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")


def ago(text: str, option: str) -> timedelta:
    """Return ``90d`` as a length of time; UsageFault naming the option when it is none."""
    from ..lab.duration import seconds

    try:
        return timedelta(seconds=seconds(text))
    except (UsageFault, OverflowError) as fault:
        raise UsageFault(f"{option} {fault}") from None


def size(text: str, option: str) -> int:
    """Return ``5GB`` as bytes; UsageFault naming the option when it is none."""
    if (found := _AMOUNT.fullmatch(text)) and (unit := _SIZES.get(found[2].upper())):
        return round(float(found[1]) * unit)
    raise UsageFault(f"{option} {text}: want a number and one of {', '.join(filter(None, _SIZES))}, e.g. 5GB")


def since(text: str, option: str, *, now: datetime) -> datetime:
    """Return a moment: an ISO date or time, local unless it names its zone, or how long ago, ``7d``."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        pass
    try:
        return now - ago(text, option)
    except (UsageFault, OverflowError):
        raise UsageFault(f"{option} {text}: want a date such as 2026-01-31, or how long ago such as 7d") from None
