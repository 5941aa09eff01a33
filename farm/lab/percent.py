"""Changes and shares, as people write them: ``+1.5 %``, ``0.2 %``."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

_CHANGE = re.compile(r"([+-])\s*(\d+(?:\.\d+)?)\s*%")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def _change(value: Any) -> Any:  # noqa: ANN401 -- any YAML value
    match = _CHANGE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('wants a change with its sign and unit, such as "+1.5 %" or "-2 %"')
    return float(match[1] + match[2]) / 100


def _share(value: Any) -> Any:  # noqa: ANN401 -- any YAML value
    match = _SHARE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('wants a share with its unit, such as "0.2 %"')
    return float(match[1]) / 100


def percent(change: float) -> str:
    """Return a change as it is written: ``+1.5 %``."""
    return f"{100 * change:+.10g} %"


def share(fraction: float) -> str:
    """Return a share as it is written: ``0.2 %``."""
    return f"{100 * fraction:.10g} %"


Change = Annotated[float, BeforeValidator(_change), PlainSerializer(percent, when_used="json")]
"""A relative change; ``+1.5 %`` is 0.015. A bare number is refused: 1.5 may mean either."""
Share = Annotated[float, BeforeValidator(_share), PlainSerializer(share, when_used="json")]
"""A fraction; ``0.2 %`` is 0.002."""
