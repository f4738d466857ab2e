"""Tells cheaply whether what a topic's figures are made of has changed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, func, select

from monitor.store.engine import reading
from monitor.store.rows import CHECKPOINTS, COVERAGE, DAYS, LABELS, POSTS, SHOWN_VERSIONS

Stamp = tuple[Any, ...]
"""Two equal ones: nothing has changed between them."""


class Stamps:
    """Reads stamps.

    Args:
        engine: From `open_engine`, migrated.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, topic: str) -> Stamp:
        """Gives a topic's stamp.

        A day's two clocks move with every post, answer and removal, and with every rebuilding;
        a page moves the checkpoint; a label its moment, or their number.
        """
        with reading(self._engine) as connection:
            return (
                *_row(
                    connection,
                    select(func.count(), func.sum(DAYS.c.revision), func.sum(DAYS.c.aggregated))
                    .select_from(DAYS)
                    .where(DAYS.c.topic == topic),
                ),
                *_row(
                    connection,
                    select(func.max(SHOWN_VERSIONS.c.version)).where(
                        SHOWN_VERSIONS.c.topic == topic
                    ),
                ),
                *_row(
                    connection,
                    select(func.count(), func.max(LABELS.c.labelled_at))
                    .select_from(LABELS.join(POSTS, LABELS.c.post_id == POSTS.c.id))
                    .where(POSTS.c.topic == topic),
                ),
                *_row(
                    connection,
                    select(func.count(), func.max(COVERAGE.c.end_at))
                    .select_from(COVERAGE)
                    .where(COVERAGE.c.topic == topic),
                ),
                *_row(
                    connection,
                    select(func.count(), func.max(CHECKPOINTS.c.saved_at))
                    .select_from(CHECKPOINTS)
                    .where(CHECKPOINTS.c.topic == topic),
                ),
            )


def _row(connection: Connection, statement: Any) -> tuple[Any, ...]:
    return tuple(connection.execute(statement).one())
