"""Tells cheaply whether what a topic's figures are made of has changed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, extract, func, select

from monitor.store.chunks import besides
from monitor.store.engine import reading
from monitor.store.rows import (
    CHECKPOINTS,
    COVERAGE,
    DAYS,
    LABELS,
    POSTS,
    RELEASES,
    REMOVED_ANSWERS,
    SHOWN_VERSIONS,
)

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
        a page moves the checkpoint; a label its moment, or how many say the same of which posts,
        also where its post has gone. A closed gap makes the complete time longer, a release moves
        its day's revision.
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
                    select(func.max(SHOWN_VERSIONS.c.turn)).where(SHOWN_VERSIONS.c.topic == topic),
                ),
                *_labels(connection, topic),
                *_row(
                    connection,
                    select(func.count(), func.max(REMOVED_ANSWERS.c.id)).where(
                        REMOVED_ANSWERS.c.topic == topic
                    ),
                ),
                *_coverage(connection, topic),
                *_row(
                    connection,
                    select(func.count(), func.sum(RELEASES.c.revision))
                    .select_from(RELEASES)
                    .where(RELEASES.c.topic == topic),
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


def _labels(connection: Connection, topic: str) -> tuple[Any, ...]:
    """How many labels say the same, of which posts in sum: corrected ones can keep their moment."""
    given = LABELS.c
    said = (given.head, given.target, given.label, given.sample, given.decides)
    statement = (
        select(*said, func.count(), func.sum(given.post_id), func.max(given.labelled_at))
        .select_from(LABELS.join(POSTS, given.post_id == POSTS.c.id))
        .where(besides(POSTS.c.topic, topic))
        .group_by(*said)
        .order_by(*said)
    )
    return tuple(tuple(row) for row in connection.execute(statement))


def _coverage(connection: Connection, topic: str) -> tuple[Any, ...]:
    """How many spans of each kind there are, and how long they are together."""
    span = COVERAGE.c
    length = extract("epoch", span.end_at) - extract("epoch", span.start_at)
    statement = (
        select(span.status, func.count(), func.max(span.end_at), func.sum(length))
        .where(span.topic == topic)
        .group_by(span.status)
        .order_by(span.status)
    )
    return tuple(tuple(row) for row in connection.execute(statement))
