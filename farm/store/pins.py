"""Records and runs that pruning leaves alone."""

from datetime import UTC, datetime

from sqlalchemy import select

from . import schema
from .database import Store
from .record import utc


def pin(store: Store, id_: str, why: str) -> None:
    """Keep a record, or a run with all its records; a later reason replaces an earlier one."""
    row = {"id": id_, "since_utc": utc(datetime.now(UTC)), "why": why}
    with store.transaction() as connection:
        connection.execute(schema.pins.delete().where(schema.pins.c.id == id_))
        connection.execute(schema.pins.insert().values(row))


def unpin(store: Store, id_: str) -> bool:
    """Let it be pruned again, and return whether it was pinned."""
    with store.transaction() as connection:
        return connection.execute(schema.pins.delete().where(schema.pins.c.id == id_)).rowcount > 0


def pins(store: Store) -> dict[str, str]:
    """Return id → why."""
    with store.transaction() as connection:
        return {row.id: row.why for row in connection.execute(select(schema.pins))}
