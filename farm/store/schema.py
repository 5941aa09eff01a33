"""The tables, and a SQLite file opened so that several processes can share it."""

import time
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Engine,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.schema import CreateTable

_BUSY_S = 30.0
"""How long a writer waits for another: a trial's transaction takes well under a second."""

metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("number", Integer, primary_key=True),  # the order in which they began
    Column("id", String(32), nullable=False, unique=True),
    Column("started_utc", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("outcome", String(16)),  # of the gate; absent while it runs, and where there is none
    Column("json", Text, nullable=False),
    Column("verdict", Text),
)
records = Table(
    "records",
    metadata,
    Column("number", Integer, primary_key=True),  # the order in which they were committed
    Column("id", String(32), nullable=False, unique=True),
    Column("started_utc", String(32), nullable=False),
    Column("board", String(200), nullable=False),
    Column("made", String(32), nullable=False),
    Column("run_id", String(32), ForeignKey("runs.id"), index=True),
    Column("json", Text, nullable=False),
)
verdicts = Table(
    "verdicts",
    metadata,
    Column("record_id", String(32), ForeignKey("records.id"), primary_key=True),
    Column("outcome", String(16), nullable=False),
    Column("json", Text, nullable=False),
)
traces = Table(
    "traces",
    metadata,
    Column("record_id", String(32), ForeignKey("records.id"), primary_key=True),
    Column("meter", String(200), primary_key=True),
    Column("readings", Integer, nullable=False),
    Column("piece", LargeBinary, nullable=False),
)
frames = Table(
    "frames",
    metadata,
    Column("record_id", String(32), ForeignKey("records.id"), primary_key=True),
    Column("frames", Integer, nullable=False),
    Column("piece", LargeBinary, nullable=False),
)
consoles = Table(
    "consoles",
    metadata,
    Column("record_id", String(32), ForeignKey("records.id"), primary_key=True),
    Column("log", LargeBinary, nullable=False),  # zstd
)

health = Table(  # what happened to a board's health, oldest first; never what passes by itself: off, in use, booting
    "health",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("board", String(200), nullable=False, index=True),
    Column("at_utc", String(32), nullable=False),
    Column("what", String(16), nullable=False),  # look, fault, check, quarantine or release
    Column("good", Boolean, nullable=False),
    Column("why", Text, nullable=False),
    Column("by", String(200), nullable=False),
    Column("after_record", Integer, nullable=False),  # the board's newest trial then: one that ended since breaks a row
    Column("json", Text),  # a check's steps
)
quarantine = Table(
    "quarantine",
    metadata,
    Column("board", String(200), primary_key=True),
    Column("since_utc", String(32), nullable=False),
    Column("why", Text, nullable=False),
)


def connect(where: str | Path) -> Engine:
    """Return an engine whose tables are there; a path is a SQLite file, made with its folder when missing."""
    if isinstance(where, Path) or "://" not in where:
        path = Path(where)
        path.parent.mkdir(parents=True, exist_ok=True)
        where = f"sqlite:///{path}"
    url = make_url(where)
    if url.get_backend_name() != "sqlite":
        engine = create_engine(url)
    else:
        engine = create_engine(url, connect_args={"timeout": _BUSY_S})
        event.listen(engine, "connect", _prepare)
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))
    return engine


def _prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 -- the driver's own class
    """Set what SQLite forgets from one connection to the next."""
    deadline_ns = time.monotonic_ns() + int(_BUSY_S * 1e9)
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = FULL")  # a record that was reported must survive a power cut
    while cursor.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except connection.OperationalError:  # two that switch at once: SQLite does not wait here
            if time.monotonic_ns() > deadline_ns:
                raise
            time.sleep(0.02)
    cursor.close()
