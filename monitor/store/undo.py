"""Taking back what an annotator said last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, func, select

from monitor.store import echo
from monitor.store.chunks import besides
from monitor.store.face_rows import LABEL_MARKS
from monitor.store.rows import CHOSEN_POSTS, LABELS, POSTS
from monitor.store.values import LabelSample

_TABLES = ((LABELS, "labelled_at"), (LABEL_MARKS, "marked_at"))


@dataclass(frozen=True, slots=True)
class Undone:
    """The post of an answer that was taken back, and how it had been chosen."""

    post_id: int
    sample: LabelSample


def name_of_last(connection: Connection, topic: str, annotator: str) -> str:
    """Names an annotator's last answer by its moment; empty where there is none."""
    found = _found(connection, topic, annotator)
    return _name(max(row.at for row in found)) if found else ""


def undo(
    connection: Connection, topic: str, annotator: str, named: str | None = None
) -> Undone | None:
    """Takes an annotator's last answer back and tells its post, None where there is none.

    What came in a file is left alone: there many posts share their moment. So is an answer that
    is not the one that is named.
    """
    found = _found(connection, topic, annotator)
    if not found:
        return None
    last = max(row.at for row in found)
    if named not in (None, _name(last)):
        return None
    posts = {row.post_id for row in found if row.at == last}
    if len(posts) != 1:
        return None
    (post_id,) = posts
    undone = Undone(int(post_id), _sample(connection, post_id, annotator))
    _drop(connection, post_id, annotator, last)
    echo.take_back(connection, topic, (post_id, annotator, last))
    return undone


def _sample(connection: Connection, post_id: int, annotator: str) -> LabelSample:
    """How a post was chosen for an annotator, by what they said of it last.

    Marks do not tell. Where there is no label, a post that was chosen for anybody is called so:
    in its turn at random it is asked again, while a chosen one that is called random would be
    part of the audit.
    """
    label = LABELS.c
    last = (
        select(label.sample)
        .where(label.post_id == post_id, label.annotator == annotator)
        .order_by(label.labelled_at.desc())
        .limit(1)
    )
    sample: LabelSample | None = connection.execute(last).scalar_one_or_none()
    if sample is not None:
        return sample
    chosen = select(CHOSEN_POSTS.c.post_id).where(CHOSEN_POSTS.c.post_id == post_id)
    return "random" if connection.execute(chosen).first() is None else "active"


def _drop(connection: Connection, post_id: int, annotator: str, at: datetime) -> None:
    for table, moment in _TABLES:
        connection.execute(
            delete(table).where(
                table.c.post_id == post_id,
                table.c.annotator == annotator,
                table.c[moment] == at,
            )
        )


def _name(at: datetime) -> str:
    return at.strftime("%Y%m%d%H%M%S%f")


def _found(connection: Connection, topic: str, annotator: str) -> list[Row[*tuple[Any, ...]]]:
    """The rows of an annotator's latest moment in each table."""
    return [
        row
        for table, moment in _TABLES
        for row in _last(connection, table, moment, (topic, annotator))
    ]


def _last(
    connection: Connection, table: Table, moment: str, who: tuple[str, str]
) -> list[Row[*tuple[Any, ...]]]:
    """The rows of an annotator's latest moment in a table."""
    topic, annotator = who
    mine = besides(POSTS.c.topic, topic) & (table.c.annotator == annotator)
    joined = table.join(POSTS, table.c.post_id == POSTS.c.id)
    latest = select(func.max(table.c[moment])).select_from(joined).where(mine).scalar_subquery()
    statement = (
        select(table.c.post_id, table.c[moment].label("at"))
        .select_from(joined)
        .where(mine, table.c[moment] == latest)
    )
    return list(connection.execute(statement))
