"""What is set on boards, and what puts it back."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make it, empty: an older farm set nothing that it would put back."""
    op.create_table(
        "settings",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("board", sa.String(200), nullable=False, index=True),
        sa.Column("token", sa.Integer, nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("since_utc", sa.String(32), nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("boot_id", sa.String(64)),
        sqlite_autoincrement=True,
    )
