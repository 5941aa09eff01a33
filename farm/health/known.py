"""What is known of boards without looking at them: who has them, their last trial, quarantine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..lab.inventory import Lab
from ..lab.lease import Held, Leases, owner, told
from ..store.database import Store, Stored
from ..store.decided import decided_in
from ..store.health import quarantined
from ..store.record import utc
from .board_health import LastTrial


@dataclass(frozen=True, slots=True)
class Known:
    """By board; what is not there is not known."""

    in_use: dict[str, str]
    """Who uses it, or has reserved it and is another: it is left alone."""
    holders: dict[str, str]
    """Who has it, ourselves included."""
    quarantined: dict[str, str]
    last: dict[str, LastTrial]


def read_known(lab: Lab, boards: Sequence[str], leases: Leases, state: Path) -> Known:
    """Read it all at once.

    Raises:
        LabFault: the database refuses.
    """
    held = [lease for lease in leases.held() if lease.kind != "look"]  # which is over in seconds
    holders = {lease.board: told(lease) for lease in held}
    in_use = {lease.board: told(lease) for lease in held if _keeps_out(lease)}
    with Store.open(lab.database(state)) as store:
        last = {board: trial for board in boards if (trial := _last_trial(store, board))}
        return Known(in_use, holders, quarantined(store), last)


def _keeps_out(lease: Held) -> bool:
    """Tell whether a board must be left alone: somebody uses it, or has reserved it for himself."""
    return lease.kind == "use" or lease.owner != owner()


def taken_by(leases: Leases, board: str) -> str | None:
    """Return who has a board that must be left alone; None where nobody does."""
    return next((told(lease) for lease in leases.held() if lease.board == board and _keeps_out(lease)), None)


def _last_trial(store: Store, board: str) -> LastTrial | None:
    newest = next(iter(store.records(board=board, limit=1)), None)
    if not isinstance(newest, Stored):
        return None
    record = newest.record
    outcome = decided_in(store, newest)
    return LastTrial(record.id, utc(record.started_utc), record.artifact.name, outcome, record.run_id)
