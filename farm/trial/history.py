"""What earlier trials of a board left behind."""

from collections.abc import Sequence

from ..lab.bench import Bench
from ..store.database import Store, Stored
from ..store.record import Record

_MOST = 20
"""Far enough back for a board that several releases share (assumed)."""


def earlier(bench: Bench) -> Sequence[Record]:
    """Return the newest records of the bench's board that are not void, the newest first; none where none are kept."""
    path = bench.inventory.database(bench.state)
    if not path.exists():
        return []
    with Store.open(path) as store:
        kept = store.records(board=bench.name, limit=_MOST)
    return [one.record for one in kept if isinstance(one, Stored) and not one.record.voids]
