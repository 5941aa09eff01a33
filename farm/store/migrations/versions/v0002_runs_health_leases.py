"""Runs and every frame, the boards' health, and leases."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_IN_USE = sa.text("ended_ms IS NULL AND kind <> 'reservation'")
_RESERVED = sa.text("ended_ms IS NULL AND kind = 'reservation'")


def upgrade() -> None:
    """Make them; the records that are there belong to no run."""
    _runs()
    _health()
    _leases()


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("started_utc", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("outcome", sa.String(16)),
        sa.Column("json", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text),
    )
    # not op.add_column: Alembic would add the reference in a second step, which SQLite has not
    op.execute("ALTER TABLE records ADD COLUMN run_id VARCHAR(32) REFERENCES runs (id)")
    op.create_index("ix_records_run_id", "records", ["run_id"])
    op.create_table(
        "frames",
        sa.Column("record_id", sa.String(32), sa.ForeignKey("records.id"), primary_key=True),
        sa.Column("frames", sa.Integer, nullable=False),
        sa.Column("piece", sa.LargeBinary, nullable=False),
    )


def _health() -> None:
    op.create_table(
        "health",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("board", sa.String(200), nullable=False, index=True),
        sa.Column("at_utc", sa.String(32), nullable=False),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("good", sa.Boolean, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("after_record", sa.Integer, nullable=False),
        sa.Column("json", sa.Text),
    )
    op.create_table(
        "quarantine",
        sa.Column("board", sa.String(200), primary_key=True),
        sa.Column("since_utc", sa.String(32), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )


def _leases() -> None:
    op.create_table("database", sa.Column("id", sa.String(32), primary_key=True))
    op.create_table(
        "leases",
        sa.Column("token", sa.Integer, primary_key=True),
        sa.Column("board", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        *_who(),
        sa.Column("pid", sa.Integer),
        sa.Column("lock", sa.String(64)),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
        sa.Column("beat_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_ms", sa.BigInteger),
        sa.Column("ended_ms", sa.BigInteger),
        sa.Column("ended", sa.String(16)),
        sa.Column("ended_by", sa.String(200)),
        sa.Column("ended_why", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("lease_board", "leases", ["board", "ended_ms"])
    for name, where in (("lease_in_use", _IN_USE), ("lease_reserved", _RESERVED)):
        op.create_index(name, "leases", ["board"], unique=True, sqlite_where=where, postgresql_where=where)
    op.create_table(
        "waiters",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("boards", sa.Text, nullable=False),
        sa.Column("wanted", sa.Text, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        *_who(),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("lock", sa.String(64), nullable=False),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
        sa.Column("turn_ms", sa.BigInteger),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "wear",
        sa.Column("board", sa.String(200), primary_key=True),
        sa.Column("uses", sa.Integer, nullable=False),
        sa.Column("used_ms", sa.BigInteger, nullable=False),
    )


def _who() -> list[sa.Column[str]]:
    return [
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("host", sa.String(200), nullable=False),
        sa.Column("kernel", sa.String(64), nullable=False),
    ]
