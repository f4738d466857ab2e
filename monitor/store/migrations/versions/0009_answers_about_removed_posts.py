"""Answers about audited posts that were removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Takes the step; there is no way back but a backup."""
    op.create_table(
        "removed_answers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("head", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("cohort", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("truth", sa.String(), nullable=False),
        sa.Column("predicted", sa.String(), nullable=False),
        sa.Column("scores", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_removed_answers"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_removed_answers_topic", "removed_answers", ["topic", "version"])
