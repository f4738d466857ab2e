"""What live collection needs: billed reads, the scoring queue, backfilled coverage."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Takes the step; there is no way back but a backup."""
    op.create_table(
        "reads",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("posts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "month", name="pk_reads"),
    )
    op.create_table(
        "scoring",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("questions", sa.JSON(), nullable=False),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("topic", name="pk_scoring"),
    )
    op.create_table(
        "unscored",
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("native_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["post_id"], ["posts.id"], name="fk_unscored_post_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("post_id", name="pk_unscored"),
    )
    op.create_index("ix_unscored_created", "unscored", ["topic", "created_at"])
    op.add_column(
        "coverage",
        sa.Column("backfilled", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("tombstones", sa.Column("kept_until", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_tombstones_kept_until",
        "tombstones",
        ["kept_until"],
        sqlite_where=sa.text("kept_until IS NOT NULL"),
        postgresql_where=sa.text("kept_until IS NOT NULL"),
    )
