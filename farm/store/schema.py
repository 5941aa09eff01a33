"""The tables. Whoever changes one adds a migration: see :mod:`.migrations`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    event,
    text,
)

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
    Column("piece", LargeBinary, nullable=False),  # of a trace beside the database, the index of its pieces
    Column("folder", String(32)),  # of those pieces, beside the database; absent: it lies here
    Column("folder_bytes", BigInteger),
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
    Column("times", LargeBinary),  # zstd; absent in logs of older farms
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

database = Table(  # one row: tells this database from every other, on a board that several may know
    "database",
    metadata,
    Column("id", String(32), primary_key=True),
)
_IN_USE = text("ended_ms IS NULL AND kind <> 'reservation'")
_RESERVED = text("ended_ms IS NULL AND kind = 'reservation'")
leases = Table(  # who holds a board or held it; times are the database's own clock's, ms since 1970
    "leases",
    metadata,
    Column("token", Integer, primary_key=True),  # grows for ever, is never used again: a later holder's is larger
    Column("board", String(200), nullable=False),
    Column("kind", String(16), nullable=False),  # use, look or reservation
    Column("owner", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("host", String(200), nullable=False),  # its name, for people
    Column("kernel", String(64), nullable=False),  # the boot of the kernel that knows the holder's lock
    Column("pid", Integer),  # absent, as the lock: a reservation that no process holds
    Column("lock", String(64)),  # a file's name in the folder of locks
    Column("since_ms", BigInteger, nullable=False),
    Column("beat_ms", BigInteger, nullable=False),  # when the holder last said that it is there
    Column("expires_ms", BigInteger),
    Column("ended_ms", BigInteger),
    Column("ended", String(16)),  # returned, died, silent, expired or stolen
    Column("ended_by", String(200)),
    Column("ended_why", Text),
    Index("lease_board", "board", "ended_ms"),
    # two holders of one board cannot even be written
    Index("lease_in_use", "board", unique=True, sqlite_where=_IN_USE),
    Index("lease_reserved", "board", unique=True, sqlite_where=_RESERVED),
    sqlite_autoincrement=True,
)


@event.listens_for(leases, "before_create")
def _the_same_in_postgresql(leases: Table, connection: Connection, **_: object) -> None:
    """Named above, ``postgresql_where`` would load that dialect, 40 ms, into every process of a farm on SQLite."""
    if connection.dialect.name == "postgresql":
        for index in leases.indexes:
            if (where := index.dialect_options["sqlite"]["where"]) is not None:
                index.dialect_options["postgresql"]["where"] = where


waiters = Table(  # the line
    "waiters",
    metadata,
    Column("number", Integer, primary_key=True),  # the place in it
    Column("boards", Text, nullable=False),  # JSON: all that would do
    Column("wanted", Text, nullable=False),  # as it was asked for
    Column("kind", String(16), nullable=False),
    Column("owner", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("host", String(200), nullable=False),
    Column("kernel", String(64), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("lock", String(64), nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("turn_ms", BigInteger),  # since when a board is free for it that it has not taken
    sqlite_autoincrement=True,
)
wear = Table(
    "wear",
    metadata,
    Column("board", String(200), primary_key=True),
    Column("uses", Integer, nullable=False),
    Column("used_ms", BigInteger, nullable=False),
)
settings = Table(  # what is set on boards just now, and what puts it back; newest last
    "settings",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("board", String(200), nullable=False, index=True),
    Column("token", Integer, nullable=False),
    Column("owner", String(200), nullable=False),
    Column("since_utc", String(32), nullable=False),
    Column("name", String(32), nullable=False),
    Column("value", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("boot_id", String(64)),  # absent: it survives a reboot
    sqlite_autoincrement=True,
)
pins = Table(  # records and runs that pruning leaves alone
    "pins",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("since_utc", String(32), nullable=False),
    Column("why", Text, nullable=False),
)
