"""Long traces lie in pieces beside the database."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns; traces from before lie in the database."""
    op.add_column("traces", sa.Column("folder", sa.String(32)))
    op.add_column("traces", sa.Column("folder_bytes", sa.BigInteger))
