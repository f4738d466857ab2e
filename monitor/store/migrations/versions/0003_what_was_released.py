"""What was released, learned from, looked at and spent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Takes the step; there is no way back but a backup."""
    op.add_column(
        "aggregates", sa.Column("units", sa.JSON(), nullable=False, server_default=sa.text("'{}'"))
    )
    op.create_table(
        "releases",
        *_key("topic", "day", "head", "target", "version"),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "topic", "day", "head", "target", "version", name=op.f("pk_releases")
        ),
    )
    op.create_table(
        "training_posts",
        *_key("topic", "version", "digest"),
        sa.PrimaryKeyConstraint("topic", "version", "digest", name=op.f("pk_training_posts")),
    )
    op.create_table(
        "accesses",
        *_key("day", "actor", "what", "topic"),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "actor", "what", "topic", name=op.f("pk_accesses")),
    )
    op.create_table(
        "privacy_budgets",
        *_key("topic", "day"),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "day", name=op.f("pk_privacy_budgets")),
    )


def _key(*names: str) -> list[sa.Column[object]]:
    return [
        sa.Column(name, sa.Date() if name == "day" else sa.String(), nullable=False)
        for name in names
    ]
