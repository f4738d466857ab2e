"""Taking back what an annotator said last."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, func, select

from monitor.store import echo
from monitor.store.face_rows import LABEL_MARKS
from monitor.store.rows import LABELS, POSTS

_TABLES = ((LABELS, "labelled_at"), (LABEL_MARKS, "marked_at"))


def undo(connection: Connection, topic: str, annotator: str) -> int | None:
    """Takes an annotator's last answer back and returns its post, None where there is none.

    What came in a file is left alone: there many posts share their moment.
    """
    found = [
        row
        for table, moment in _TABLES
        for row in _last(connection, table, moment, (topic, annotator))
    ]
    if not found:
        return None
    last = max(row.at for row in found)
    posts = {row.post_id for row in found if row.at == last}
    if len(posts) != 1:
        return None
    (post_id,) = posts
    _drop(connection, post_id, annotator, last)
    echo.take_back(connection, topic, (post_id, annotator, last))
    return int(post_id)


def _drop(connection: Connection, post_id: int, annotator: str, at: datetime) -> None:
    for table, moment in _TABLES:
        connection.execute(
            delete(table).where(
                table.c.post_id == post_id,
                table.c.annotator == annotator,
                table.c[moment] == at,
            )
        )


def _last(
    connection: Connection, table: Table, moment: str, who: tuple[str, str]
) -> list[Row[*tuple[Any, ...]]]:
    """The rows of an annotator's latest moment in a table."""
    topic, annotator = who
    mine = (POSTS.c.topic == topic) & (table.c.annotator == annotator)
    joined = table.join(POSTS, table.c.post_id == POSTS.c.id)
    latest = select(func.max(table.c[moment])).select_from(joined).where(mine).scalar_subquery()
    statement = (
        select(table.c.post_id, table.c[moment].label("at"))
        .select_from(joined)
        .where(mine, table.c[moment] == latest)
    )
    return list(connection.execute(statement))
