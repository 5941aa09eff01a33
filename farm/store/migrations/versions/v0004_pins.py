"""What pruning leaves alone."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table; nothing is pinned."""
    op.create_table(
        "pins",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("since_utc", sa.String(32), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )
