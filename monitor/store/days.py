"""Days: which are to be rebuilt, what aggregation reads of them, and the cells it makes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    delete,
    func,
    insert,
    select,
    union,
    update,
)

from monitor.store import aside
from monitor.store.chunks import in_chunks
from monitor.store.engine import insert_into
from monitor.store.rows import AGGREGATES, DAYS, POSTS, PREDICTIONS
from monitor.store.scores import unpack
from monitor.store.values import (
    VOLUME,
    CellKey,
    DailyAggregate,
    DayPost,
    DayPrediction,
    DayTotal,
    DirtyDay,
)

_CELL = AGGREGATES.c
_COLUMNS = tuple(_CELL.keys())
_KEY = (_CELL.platform, _CELL.cohort, _CELL.language, _CELL.head, _CELL.target, _CELL.version)


def mark(connection: Connection, topic: str, which: Iterable[date]) -> None:
    """Moves the days' revisions on, which makes them dirty."""
    rows = [{"topic": topic, "day": day, "revision": 1, "aggregated": 0} for day in set(which)]
    if rows:
        statement = insert_into(connection, DAYS).on_conflict_do_update(
            index_elements=[DAYS.c.topic, DAYS.c.day], set_={"revision": DAYS.c.revision + 1}
        )
        connection.execute(statement, rows)


def known_days(connection: Connection, topic: str) -> list[date]:
    """Lists the days that have posts or were ever marked."""
    posts = select(POSTS.c.day).where(POSTS.c.topic == topic)
    marked = select(DAYS.c.day).where(DAYS.c.topic == topic)
    return list(connection.execute(union(posts, marked)).scalars())


def topics(connection: Connection) -> list[str]:
    """Lists the topics that have, or ever had, posts."""
    return sorted(connection.execute(select(DAYS.c.topic).distinct()).scalars())


def cohorts(connection: Connection, topic: str) -> list[str]:
    """Lists the cohorts of the topic's cells."""
    return sorted(
        connection.execute(select(_CELL.cohort).distinct().where(_CELL.topic == topic)).scalars()
    )


def is_dirty(topic: str) -> ColumnElement[bool]:
    """Whether a row of `DAYS` is a day of the topic whose figures are to be rebuilt."""
    return (DAYS.c.topic == topic) & (DAYS.c.revision > DAYS.c.aggregated)


def dirty_days(connection: Connection, topic: str) -> list[DirtyDay]:
    """Lists the days whose figures are to be rebuilt, earliest first."""
    statement = select(DAYS.c.day, DAYS.c.revision).where(is_dirty(topic)).order_by(DAYS.c.day)
    return [DirtyDay(row.day, row.revision) for row in connection.execute(statement)]


def replace(
    connection: Connection, topic: str, seen: DirtyDay, cells: Sequence[DailyAggregate]
) -> bool:
    """Replaces a day's cells, unless a later state of it has been stored already."""
    this_day = (DAYS.c.topic == topic, DAYS.c.day == seen.day)
    now = connection.execute(
        select(DAYS.c.revision, DAYS.c.aggregated).where(*this_day)
    ).one_or_none()
    if now is None or now.aggregated > seen.revision:
        return False
    connection.execute(delete(AGGREGATES).where(_CELL.topic == topic, _CELL.day == seen.day))
    if cells:
        connection.execute(insert(AGGREGATES), [_row(topic, seen.day, cell) for cell in cells])
    connection.execute(update(DAYS).where(*this_day).values(aggregated=seen.revision))
    return bool(now.revision == seen.revision)


def put_aside(connection: Connection, topic: str, target: str, *, before: str, now: str) -> None:
    """Puts aside the cells of a target whose text has changed.

    They are rebuilt with their days all the same: from their answers, which are put aside too.
    """
    here = _CELL.topic == topic
    aside.exchange(connection, AGGREGATES, here, target, before=before, now=now)


def mark_later(connection: Connection, topic: str, touched: Sequence[date]) -> None:
    """Marks days of which more has changed than their posts.

    That is a later state than any read before, so that nobody replaces it with one of those.
    """
    mark(connection, topic, touched)
    for chunk in in_chunks(touched):
        those = (DAYS.c.topic == topic, DAYS.c.day.in_(chunk))
        connection.execute(update(DAYS).where(*those).values(aggregated=DAYS.c.revision))
    mark(connection, topic, touched)


def posts(connection: Connection, topic: str, day: date) -> Iterator[DayPost]:
    """Streams the day's posts with their predictions, in the order of their ids."""
    answers = PREDICTIONS.c
    statement = (
        select(
            *(POSTS.c[name] for name in ("id", "platform", "cohort", "language", "kind", "author")),
            POSTS.c.text,
            POSTS.c.purged_at.is_not(None).label("is_purged"),
            *(answers[name] for name in ("head", "target", "version", "label", "scores")),
        )
        .select_from(POSTS.outerjoin(PREDICTIONS, answers.post_id == POSTS.c.id))
        .where(POSTS.c.topic == topic, POSTS.c.day == day)
        .order_by(POSTS.c.id)
    )
    if connection.dialect.name == "postgresql":
        # It plans a cursor for the first tenth of its rows: for those it would walk all posts.
        connection.exec_driver_sql("SET LOCAL cursor_tuple_fraction = 1")
    rows = connection.execution_options(yield_per=2000).execute(statement)
    for _, of_post in groupby(rows, key=lambda row: row.id):
        yield _day_post(list(of_post))


def _day_post(rows: Sequence[Row[*tuple[Any, ...]]]) -> DayPost:
    post = rows[0]
    predictions = tuple(
        DayPrediction(row.head, row.target, row.version, row.label, unpack(row.scores))
        for row in rows
        if row.head is not None
    )
    return DayPost(
        id=post.id,
        platform=post.platform,
        cohort=post.cohort,
        language=post.language,
        kind=post.kind,
        author=post.author,
        predictions=predictions,
        text=post.text,
        is_purged=post.is_purged,
    )


def counted(connection: Connection, topic: str, day: date) -> dict[CellKey, DailyAggregate]:
    """Gives the day's cells of every version, as they were counted last."""
    statement = select(AGGREGATES).where(_CELL.topic == topic, _CELL.day == day)
    found = [DailyAggregate(**row) for row in connection.execute(statement).mappings()]
    return {CellKey(*(getattr(cell, column.name) for column in _KEY)): cell for cell in found}


def cells(
    connection: Connection, topic: str, versions: Sequence[str], days: tuple[date, date]
) -> list[DailyAggregate]:
    """Gives the cells of [since, until) of these versions, and the volume cells, sorted.

    Those of targets' former texts are left out.
    """
    since, until = days
    statement = select(AGGREGATES).where(
        _CELL.topic == topic,
        _CELL.day >= since,
        _CELL.day < until,
        _CELL.version.in_(versions) | (_CELL.head == VOLUME),
        aside.is_present(_CELL.target),
    )
    found = [DailyAggregate(**row) for row in connection.execute(statement).mappings()]
    return sorted(found, key=_order)


def totals(
    connection: Connection,
    topic: str,
    versions: Sequence[str],
    languages: Collection[str],
    days: tuple[date, date],
) -> list[DayTotal]:
    """Gives what these versions have answered of [since, until), and all opinions, in languages."""
    since, until = days
    key = (_CELL.day, _CELL.head, _CELL.target, _CELL.version)
    statement = (
        select(*key, func.sum(_CELL.posts))
        .where(
            _CELL.topic == topic,
            _CELL.day >= since,
            _CELL.day < until,
            _CELL.language.in_(languages),
            _CELL.version.in_(versions) | (_CELL.head == VOLUME),
            aside.is_present(_CELL.target),
        )
        .group_by(*key)
    )
    return [DayTotal(*row) for row in connection.execute(statement)]


def _row(topic: str, day: date, cell: DailyAggregate) -> dict[str, object]:
    row: dict[str, object] = {name: getattr(cell, name) for name in _COLUMNS}
    counts: dict[str, object] = {
        "label_counts": dict(cell.label_counts),
        "soft_sums": dict(cell.soft_sums),
        "units": {name: dict(unit) for name, unit in cell.units.items()},
    }
    return row | {"topic": topic, "day": day} | counts


def _order(cell: DailyAggregate) -> tuple[object, ...]:
    """Sorted here, not by the databases: they do not agree on the order of texts."""
    return (cell.day, *(getattr(cell, column.name) for column in _KEY))
