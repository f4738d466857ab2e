"""Alert rules that are made on a page, and counts of what each source has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Takes the step; there is no way back but a backup."""
    _create_alert_rules()
    _create_tallies()


def _create_alert_rules() -> None:
    op.create_table(
        "alert_rules",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("topic", "name", name="pk_alert_rules"),
    )


def _create_tallies() -> None:
    op.create_table(
        "tallies",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "source", "what", name="pk_tallies"),
    )
    op.execute(
        "INSERT INTO tallies (topic, source, what, number) "
        "SELECT topic, source, 'posts', count(*) FROM posts GROUP BY topic, source"
    )
    op.execute(
        "INSERT INTO tallies (topic, source, what, number) "
        "SELECT topic, source, 'rejected:' || reason, count(*) FROM rejections "
        "GROUP BY topic, source, reason"
    )
