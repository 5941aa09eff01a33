"""When each line of a console's log ended."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the column; logs from before have no times."""
    op.add_column("consoles", sa.Column("times", sa.LargeBinary))
