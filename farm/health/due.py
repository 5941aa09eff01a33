"""Which boards are due for a check, and why."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ..store.database import Store
from ..store.health import Entry, history
from .policy import HealthPolicy

_LOOKED_BACK = 200
"""Entries of one board: its last check is among them, or it is due."""


def due(policy: HealthPolicy, store: Store, boards: Sequence[str]) -> dict[str, str]:
    """Return the boards that are due, each with the reason."""
    now = datetime.now(UTC)
    entries = {board: history(store, board, limit=_LOOKED_BACK) for board in boards}
    return {board: why for board in boards if (why := why_due(policy, entries[board], now))}


def why_due(policy: HealthPolicy, newest_first: Sequence[Entry], now: datetime) -> str:
    """Return why a board with this history is due; empty while it is not."""
    since: list[Entry] = []
    for entry in newest_first:
        if entry.what == "check":
            return _after(policy, entry, since, now)
        since.append(entry)
    return "it was never checked"


def _after(policy: HealthPolicy, check: Entry, since: Sequence[Entry], now: datetime) -> str:
    fault = next((entry for entry in since if entry.what in ("fault", "look") and not entry.good), None)
    if fault is not None:
        return f"{'a lab fault' if fault.what == 'fault' else 'a look found'}: {fault.why}"
    age = now - datetime.fromisoformat(check.at_utc)
    if not check.good and age >= timedelta(hours=policy.retry_h):
        return f"its last check failed: {check.why}"
    return f"its last check is {_hours(age)} old" if age >= timedelta(hours=policy.every_h) else ""


def _hours(age: timedelta) -> str:
    return f"{age.total_seconds() / 3600:.0f} h"
