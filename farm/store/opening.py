"""A database opened for several processes: its tables as this farm wants them, one writer at a time."""

import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Connection, Engine, create_engine, event, make_url
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from .migrate import bring_up_to_date
from .turn import turn

BUSY_S = 30.0
"""How long a writer waits for another: a trial's transaction takes well under a second."""

_EXCLUSIVE = "farm_exclusive"
_ADVISORY_LOCK = 0x6661726D
"""``farm`` in ASCII: on PostgreSQL the number of the lock that stands for all leases."""


def connect(where: str | Path, *, busy_s: float = BUSY_S) -> Engine:
    """Return an engine whose tables are up to date; a path is a SQLite file, made with its folder when missing.

    Raises:
        UsageFault: a newer farm wrote it.
        sqlalchemy.exc.SQLAlchemyError, OSError: it cannot be opened, or is no database.
    """
    engine = _engine(where, busy_s)
    try:
        bring_up_to_date(engine, exclusive)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def exclusive(engine: Engine) -> Generator[Connection]:
    """Lend a connection whose transaction no other process's of this kind overlaps: read, decide, write.

    Raises:
        LabFault: another process has been in one for too long.
    """
    with in_turn(engine), engine.execution_options(**{_EXCLUSIVE: True}).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
        yield connection


def in_turn(engine: Engine) -> AbstractContextManager[None]:
    """Keep out all others' :func:`exclusive` while inside, without a transaction; raises as that."""
    file = engine.url.database if engine.dialect.name == "sqlite" else None
    return turn(Path(file).parent, timeout_s=BUSY_S) if file and file != ":memory:" else nullcontext()


class now_ms(FunctionElement[int]):  # noqa: N801 -- reads as a function, as SQLAlchemy's own do
    """The database's clock in SQL, ms since 1970.

    PostgreSQL has a clock of its own. SQLite has none: it takes the host's, which people can set. All its users are
    on that one host (a WAL file cannot be shared farther), where no holder's death is concluded from a time.
    """

    type = BigInteger()
    inherit_cache = True


@compiles(now_ms, "sqlite")
def _sqlite_now(*_: Any, **__: Any) -> str:  # noqa: ANN401 -- SQLAlchemy's own signature
    return "CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER)"  # 1970 in days of the Julian calendar


@compiles(now_ms, "postgresql")
def _postgresql_now(*_: Any, **__: Any) -> str:  # noqa: ANN401
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


def _engine(where: str | Path, busy_s: float) -> Engine:
    if isinstance(where, Path) or "://" not in where:
        path = Path(where)
        path.parent.mkdir(parents=True, exist_ok=True)
        where = f"sqlite:///{path}"
    url = make_url(where)
    if url.get_backend_name() != "sqlite":
        return create_engine(url)
    engine = create_engine(url, connect_args={"timeout": busy_s})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    """Take SQLite's lock for writing before anything is read: else what was read may be old when it is written."""
    if connection.get_execution_options().get(_EXCLUSIVE):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 -- the driver's own class
    """Set what SQLite forgets from one connection to the next."""
    deadline_ns = time.monotonic_ns() + int(BUSY_S * 1e9)
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    # a record that was reported must survive a power cut; so must a lease's number, which boards have seen
    cursor.execute("PRAGMA synchronous = FULL")
    while cursor.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except connection.OperationalError:  # two that switch at once: SQLite does not wait here
            if time.monotonic_ns() > deadline_ns:
                raise
            time.sleep(0.02)
    cursor.close()
