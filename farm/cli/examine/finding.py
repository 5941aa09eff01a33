"""One thing that was looked at, and how it is."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]
"""``warn``: something works less well, or not yet needed; ``fail``: what the inventory needs is missing or broken."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A line of the doctor's."""

    topic: str
    """What it belongs to, e.g. ``serial ports``."""
    name: str
    state: State
    found: str
    remedy: str = ""
    """Empty only where nothing is to be done."""


def worst(findings: list[Finding]) -> State:
    """Return the gravest state; ``ok`` of nothing."""
    states = {one.state for one in findings}
    return "fail" if "fail" in states else "warn" if "warn" in states else "ok"
