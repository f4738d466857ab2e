"""Whose days posts are counted by: a topic's time zone may be changed after posts have come.

The days of posts whose author is still known follow it. What retention has emptied stays where it
was counted: its authors cannot be counted anew.

A count says first which zone it goes by, and then moves what is stored. Posts that come meanwhile
or later are put into days of that zone, whatever zone the process that brings them has read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, select, update

from collectors.post import Checkpoint
from monitor.kept import KeptPost
from monitor.store import days, sources
from monitor.store.rows import POSTS

_NAME = "days:timezone"
"""Of the checkpoint that says by which zone the stored days are, and whether all are.

Earlier programs did not say the latter, and had left posts in other days.
"""
_SIZE = 5000

DayOf = Callable[[datetime], date]


@dataclass(frozen=True, slots=True)
class Move:
    """The posts of a topic go into the days of a zone; said at a time."""

    topic: str
    zone: str
    day_of: DayOf
    at: datetime


@dataclass(frozen=True, slots=True)
class Moved:
    """Posts looked at up to an id, None at the end; how many changed their day."""

    last: int | None
    posts: int


def is_kept(connection: Connection, topic: str, zone: str) -> bool:
    """Whether all stored days are by a zone."""
    kept = sources.checkpoint(connection, topic, _NAME)
    return kept is not None and dict(kept.state) == {"timezone": zone, "is_done": True}


def begin(connection: Connection, wanted: Move) -> None:
    """Says by which zone days are from now on."""
    _say(connection, wanted, is_done=False)


def move(connection: Connection, wanted: Move, after: int) -> Moved:
    """Puts some posts, those after an id, into their days, and marks the days.

    Ends early where somebody has begun to move them into another zone's.
    """
    if _zone(connection, wanted.topic) != wanted.zone:
        return Moved(None, 0)
    moved = _move(connection, wanted.topic, wanted.day_of, after)
    if moved.last is None:
        _say(connection, wanted, is_done=True)
    return moved


def put(connection: Connection, topic: str, posts: Sequence[KeptPost]) -> Sequence[KeptPost]:
    """The posts in the days that the stored ones are in, or will be when they have moved."""
    name = _zone(connection, topic) if posts else None
    if name is None:
        return posts
    zone = ZoneInfo(name)
    days = [post.created_at.astimezone(zone).date() for post in posts]
    return [
        post if post.day == day else post._replace(day=day)
        for post, day in zip(posts, days, strict=True)
    ]


def _zone(connection: Connection, topic: str) -> str | None:
    """The zone that was said last, None where nobody has said."""
    kept = sources.checkpoint(connection, topic, _NAME)
    return None if kept is None else str(kept.state["timezone"])


def _say(connection: Connection, wanted: Move, *, is_done: bool) -> None:
    delivery = sources.Delivery(wanted.topic, _NAME, wanted.at)
    state = {"timezone": wanted.zone, "is_done": is_done}
    sources.save_checkpoint(connection, delivery, Checkpoint(state))


def _move(connection: Connection, topic: str, day_of: DayOf, after: int) -> Moved:
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
