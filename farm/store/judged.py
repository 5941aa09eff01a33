"""What was made of a record: its limits held against its figures."""

from typing import Literal

from .part import Part


class Criterion(Part):
    """One limit held against one figure."""

    name: str
    """E.g. ``joules_per_inference``."""
    unit: str
    wanted: str
    """E.g. ``<= 0.25``."""
    limit: float
    got: float | None = None
    """Absent when the record does not hold it."""
    u: float | None = None
    """Expanded uncertainty of ``got``; absent where it is a count."""
    outcome: Literal["pass", "regression", "no verdict"]
    why: str = ""
    """Why no verdict."""
    of: str = ""
    """Of watts and joules: the meter, its rail and what that is; empty in older verdicts."""


class Verdict(Part):
    """All criteria of one record."""

    outcome: Literal["pass", "regression", "no verdict"]
    """The worst: regression over no verdict over pass."""
    criteria: list[Criterion]
    reasons: list[str] = []
    """Why no verdict, when the whole record is void."""
