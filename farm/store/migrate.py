"""Brings the database of an older farm up to date, and refuses a newer one's.

A migration is a file ``migrations/versions/vNNNN_what.py``. Alembic runs them; it is imported only when there is
something to run, because opening a database must cost next to nothing.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, inspect, select

from ..errors import UsageFault
from . import schema

FIRST = "0001"
"""What a database with tables and without a version is: from before there were versions."""

_MIGRATIONS = Path(__file__).parent / "migrations"
_version = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
"""Alembic's own table."""

Exclusive = Callable[[Engine], AbstractContextManager[Connection]]


def newest() -> str:
    """Return the version that this farm writes."""
    return max(file.stem[1:5] for file in (_MIGRATIONS / "versions").glob("v[0-9]*.py"))


def bring_up_to_date(engine: Engine, exclusive: Exclusive) -> None:
    """Make the tables where there are none, and migrate an older farm's; cheap where there is nothing to do.

    Args:
        engine: the database.
        exclusive: begins a transaction that no other process's overlaps; several may open one database at once.

    Raises:
        UsageFault: a newer farm wrote it.
    """
    with engine.connect() as connection:
        if _version_of(connection) == newest():
            return
    with exclusive(engine) as connection:
        version = _version_of(connection)
        if version is None:
            schema.metadata.create_all(connection)
            _version.create(connection)
            connection.execute(_version.insert().values(version_num=newest()))
        elif version > newest():
            where = engine.url.database or engine.url.render_as_string()
            raise UsageFault(
                f"{where}: written by a newer farm (its tables are {version}, this farm knows {newest()}); "
                "update edge-test-farm, or use another folder"
            )
        elif version < newest():
            upgrade(connection, since=version)


def upgrade(connection: Connection, *, since: str, to: str = "head") -> None:
    """Run the migrations after a version, up to another."""
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    if since == FIRST and not inspect(connection).has_table(_version.name):
        command.stamp(config, FIRST)
    command.upgrade(config, to)


def _version_of(connection: Connection) -> str | None:
    """Return which tables are there; None: none at all."""
    tables = inspect(connection)
    if tables.has_table(_version.name):
        return connection.execute(select(_version.c.version_num)).scalar_one()
    return FIRST if tables.has_table(schema.records.name) else None
