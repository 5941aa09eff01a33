"""Records with their verdicts, traces and console logs: the tables from before there were versions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "records",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("started_utc", sa.String(32), nullable=False),
        sa.Column("board", sa.String(200), nullable=False),
        sa.Column("made", sa.String(32), nullable=False),
        sa.Column("json", sa.Text, nullable=False),
    )
    op.create_table(
        "verdicts",
        sa.Column("record_id", sa.String(32), sa.ForeignKey("records.id"), primary_key=True),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("json", sa.Text, nullable=False),
    )
    op.create_table(
        "traces",
        sa.Column("record_id", sa.String(32), sa.ForeignKey("records.id"), primary_key=True),
        sa.Column("meter", sa.String(200), primary_key=True),
        sa.Column("readings", sa.Integer, nullable=False),
        sa.Column("piece", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "consoles",
        sa.Column("record_id", sa.String(32), sa.ForeignKey("records.id"), primary_key=True),
        sa.Column("log", sa.LargeBinary, nullable=False),
    )
