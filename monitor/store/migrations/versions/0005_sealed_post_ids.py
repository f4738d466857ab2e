"""Which key the post ids of a topic are sealed with.

The ids themselves are sealed by the program at its next start: the key is not in the database.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Takes the step; there is no way back but a backup."""
    op.create_table(
        "sealings",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("topic", name=op.f("pk_sealings")),
    )
