"""Whose days posts are counted by: a topic's time zone may be changed after posts have come.

The days of posts whose author is still known follow it. What retention has emptied stays where it
was counted: its authors cannot be counted anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, bindparam, select, update

from collectors.post import Checkpoint
from monitor.store import days, sources
from monitor.store.rows import POSTS

_NAME = "days:timezone"
"""Of the checkpoint that says by which zone the stored days are."""
_SIZE = 5000

DayOf = Callable[[datetime], date]


@dataclass(frozen=True, slots=True)
class Moved:
    """Posts looked at up to an id, None where there are no more; how many changed their day."""

    last: int | None
    posts: int


def zone(connection: Connection, topic: str) -> str | None:
    """By which zone the stored days are, None where nobody has said."""
    kept = sources.checkpoint(connection, topic, _NAME)
    return None if kept is None else str(kept.state["timezone"])


def set_zone(connection: Connection, topic: str, name: str, at: datetime) -> None:
    """Says by which zone the stored days are."""
    delivery = sources.Delivery(topic, _NAME, at)
    sources.save_checkpoint(connection, delivery, Checkpoint({"timezone": name}))


def move(connection: Connection, topic: str, day_of: DayOf, after: int) -> Moved:
    """Puts some posts, those after an id, into their days, and marks the days."""
    statement = (
        select(POSTS.c.id, POSTS.c.created_at, POSTS.c.day)
        .where(POSTS.c.topic == topic, POSTS.c.purged_at.is_(None), POSTS.c.id > after)
        .order_by(POSTS.c.id)
        .limit(_SIZE)
    )
    rows = connection.execute(statement).all()
    changes = [
        {"post_id": row.id, "new_day": day, "old_day": row.day}
        for row in rows
        if (day := day_of(row.created_at)) != row.day
    ]
    if changes:
        moved = update(POSTS).where(POSTS.c.id == bindparam("post_id"))
        values = [{"post_id": one["post_id"], "new_day": one["new_day"]} for one in changes]
        connection.execute(moved.values(day=bindparam("new_day")), values)
        days.mark(
            connection, topic, {one[name] for one in changes for name in ("new_day", "old_day")}
        )
    return Moved(rows[-1].id if rows else None, len(changes))
