"""Who is scoring which queued posts.

Both columns may be empty and have no default: no row is rewritten, whatever the tables hold.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Takes the step; there is no way back but a backup."""
    op.add_column("unscored", sa.Column("claimed_by", sa.String(), nullable=True))
    op.add_column("unscored", sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True))
    taken = sa.text("claimed_by IS NOT NULL")
    op.create_index(
        "ix_unscored_claimed",
        "unscored",
        ["topic", "claimed_by"],
        sqlite_where=taken,
        postgresql_where=taken,
    )
