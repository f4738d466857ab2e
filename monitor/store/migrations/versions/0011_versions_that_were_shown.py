"""Versions that were shown before the shown one: they tell of days that it cannot answer.

Which they were and in which order says the log.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_LOG = sa.table(
    "audit_log",
    sa.column("id", sa.Integer),
    sa.column("action", sa.String),
    sa.column("details", sa.JSON),
)


def upgrade() -> None:
    """Takes the step; there is no way back but a backup."""
    connection = op.get_bind()
    before = sa.table("shown_versions", sa.column("topic"), sa.column("version"))
    shown = {row.topic: row.version for row in connection.execute(sa.select(before))}
    op.drop_table("shown_versions")
    now = op.create_table(
        "shown_versions",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "version", name="pk_shown_versions"),
    )
    switches = [*_logged(connection), *shown.items()]
    last = {switch: turn for turn, switch in enumerate(switches, 1) if switch[0] in shown}
    if last:
        rows = [
            {"topic": topic, "version": version, "turn": turn}
            for (topic, version), turn in last.items()
        ]
        connection.execute(sa.insert(now), rows)


def _logged(connection: sa.Connection) -> list[tuple[str, str]]:
    """Topic and version of each switch that was logged, the first one first."""
    one = _LOG.c
    statement = sa.select(one.details).where(one.action == "version_shown").order_by(one.id)
    return [
        (str(details["topic"]), str(details["version"]))
        for details in connection.execute(statement).scalars()
    ]
