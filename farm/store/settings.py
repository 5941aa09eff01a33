"""What is set on boards just now, noted before it is set: so that whoever has the board next can put it back."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import RowMapping, select

from . import schema
from .database import Store
from .record import utc


@dataclass(frozen=True, slots=True)
class Noted:
    """One thing that was set."""

    number: int
    """The order in which they were set."""
    board: str
    token: int
    """Of the lease under which it was."""
    owner: str
    """Of that lease."""
    name: str
    """Of the setting, or ``supply``."""
    value: str
    before: str
    """What puts it back; opaque."""
    boot_id: str | None
    """The boot with which it goes by itself; None: it survives a reboot."""


def note(store: Store, noted: Noted) -> Noted:
    """Note what is about to be set, and return it with its number."""
    row = {
        "board": noted.board,
        "token": noted.token,
        "owner": noted.owner,
        "since_utc": utc(datetime.now(UTC)),
        "name": noted.name,
        "value": noted.value,
        "before": noted.before,
        "boot_id": noted.boot_id,
    }
    with store.transaction() as connection:
        number = connection.execute(
            schema.settings.insert().values(row).returning(schema.settings.c.number)
        ).scalar_one()
        return _noted(connection.execute(_ALL.where(schema.settings.c.number == number)).mappings().one())


def noted(store: Store, board: str) -> list[Noted]:
    """Return what is set on a board, whoever set it, the newest first."""
    query = _ALL.where(schema.settings.c.board == board).order_by(schema.settings.c.number.desc())
    with store.transaction() as connection:
        return [_noted(row) for row in connection.execute(query).mappings()]


def forget(store: Store, number: int) -> None:
    """Note that it was put back."""
    with store.transaction() as connection:
        connection.execute(schema.settings.delete().where(schema.settings.c.number == number))


_ALL = select(schema.settings)


def _noted(row: RowMapping) -> Noted:
    return Noted(**{name: row[name] for name in Noted.__dataclass_fields__})
