"""Billed reads: how many posts a source has been billed for in a month, all topics together."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import Connection, select

from monitor.store.engine import insert_into
from monitor.store.rows import READS


def month_of(at: datetime) -> date:
    """The first day of a moment's calendar month in UTC."""
    return at.astimezone(UTC).date().replace(day=1)


def add(connection: Connection, source: str, at: datetime, posts: int) -> None:
    """Adds posts to the month's count."""
    if posts <= 0:
        return
    insertion = insert_into(connection, READS).values(
        source=source, month=month_of(at), posts=posts
    )
    insertion = insertion.on_conflict_do_update(
        index_elements=[READS.c.source, READS.c.month],
        set_={"posts": READS.c.posts + insertion.excluded.posts},
    )
    connection.execute(insertion)


def of_month(connection: Connection, source: str, at: datetime) -> int:
    """Gives the count of the month that a moment lies in."""
    statement = select(READS.c.posts).where(READS.c.source == source, READS.c.month == month_of(at))
    return connection.execute(statement).scalar_one_or_none() or 0
