"""What was decided on a trial: by itself, or by a gate from all of its board's."""

from collections.abc import Iterable
from typing import Literal

from .database import Store, Stored
from .run import GateVerdict

Outcome = Literal["pass", "regression", "no verdict"]


def decided(stored: Stored, gate: GateVerdict | None) -> Outcome | None:
    """Return the outcome that a trial stands for; None where nobody judged it: void ones, and a baseline's."""
    if stored.verdict is not None:
        return stored.verdict.outcome
    record = stored.record
    if gate is None or record.voids or record.role == "baseline":
        return None
    judged: list[Outcome] = [c.outcome for c in gate.criteria if record.id in c.records]
    unproven = any(e.board == record.board.name and not e.held for e in gate.evidence)
    return _worst([*judged, "no verdict"] if judged and unproven else judged)


def decided_in(store: Store, stored: Stored) -> Outcome | None:
    """As :func:`decided`, with the gate that the store knows for it."""
    if stored.verdict is not None or stored.record.run_id is None:
        return decided(stored, None)
    return decided(stored, store.run(stored.record.run_id).verdict)


def _worst(outcomes: Iterable[Outcome]) -> Outcome | None:
    """Return regression over no verdict over pass; None of none."""
    found = set(outcomes)
    order: tuple[Outcome, ...] = ("regression", "no verdict", "pass")
    return next((outcome for outcome in order if outcome in found), None)
