"""Sources: their checkpoints, coverage and rejections, and how much is stored of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, delete, exists, func, insert, or_, select

from collectors.post import Checkpoint, Rejection, Window
from monitor.store import days, tallies
from monitor.store.chunks import besides, in_chunks
from monitor.store.engine import insert_into
from monitor.store.rows import (
    CHECKPOINTS,
    DAYS,
    LABELS,
    POSTS,
    PREDICTIONS,
    REJECTIONS,
)
from monitor.store.values import SAMPLE_SOURCE, Counts, Errand, Posted, SourceState, Totals

LIVE = Errand()


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where a page came from, for what, when, and on whose behalf."""

    topic: str
    source: str
    at: datetime
    errand: Errand = LIVE


def save_rejections(
    connection: Connection, delivery: Delivery, rejections: Sequence[Rejection]
) -> int:
    """Stores rejections once per place; returns how many had been counted before."""
    places: set[str] = set()
    for chunk in in_chunks(rejection.place for rejection in rejections):
        statement = select(REJECTIONS.c.place).where(
            REJECTIONS.c.topic == delivery.topic,
            REJECTIONS.c.source == delivery.source,
            REJECTIONS.c.place.in_(chunk),
        )
        places.update(connection.execute(statement).scalars())
    new: dict[str, Rejection] = {}
    for rejection in rejections:
        if rejection.place not in places:
            new.setdefault(rejection.place, rejection)
    if new:
        connection.execute(insert(REJECTIONS), [_rejection(delivery, r) for r in new.values()])
        by_reason = Counter(rejection.reason for rejection in new.values())
        tallies.add_rejections(connection, delivery.topic, delivery.source, by_reason)
    return len(rejections) - len(new)


def drop_rejections(connection: Connection, topic: str, before: datetime) -> int:
    """Drops what was rejected before a time; it stays counted."""
    statement = delete(REJECTIONS).where(
        REJECTIONS.c.topic == topic, REJECTIONS.c.rejected_at < before
    )
    return connection.execute(statement).rowcount


def save_checkpoint(connection: Connection, delivery: Delivery, checkpoint: Checkpoint) -> None:
    """Stores the checkpoint in place of the last one."""
    insertion = insert_into(connection, CHECKPOINTS).values(
        topic=delivery.topic,
        source=delivery.errand.checkpoint or delivery.source,
        state=dict(checkpoint.state),
        saved_at=delivery.at,
    )
    insertion = insertion.on_conflict_do_update(
        index_elements=[CHECKPOINTS.c.topic, CHECKPOINTS.c.source],
        set_={"state": insertion.excluded.state, "saved_at": insertion.excluded.saved_at},
    )
    connection.execute(insertion)


def checkpoint(connection: Connection, topic: str, source: str) -> Checkpoint | None:
    """Gives the stored checkpoint."""
    statement = select(CHECKPOINTS.c.state).where(
        CHECKPOINTS.c.topic == topic, CHECKPOINTS.c.source == source
    )
    row = connection.execute(statement).one_or_none()
    return None if row is None else Checkpoint(row.state)


def drop_checkpoint(connection: Connection, topic: str, name: str) -> None:
    """Forgets a checkpoint."""
    connection.execute(
        delete(CHECKPOINTS).where(CHECKPOINTS.c.topic == topic, CHECKPOINTS.c.source == name)
    )


def states(connection: Connection, topic: str, until: datetime | None) -> list[SourceState]:
    """Tells how far each source has come, by name."""
    stored = tallies.posts(connection, topic)
    newest = {source: _newest(connection, topic, source, until) for source in stored}
    saved = select(CHECKPOINTS.c.source, CHECKPOINTS.c.saved_at).where(
        CHECKPOINTS.c.topic == topic, CHECKPOINTS.c.source.not_like("%:%")
    )
    checked = {row.source: row.saved_at for row in connection.execute(saved)}
    rejected = tallies.rejections(connection, topic)
    return [
        SourceState(
            source=source,
            posts=stored.get(source, 0),
            last_post_at=newest.get(source),
            checkpoint_at=checked.get(source),
            rejections=rejected.get(source, {}),
        )
        for source in sorted({*stored, *checked, *rejected})
    ]


def _newest(
    connection: Connection, topic: str, source: str, until: datetime | None
) -> datetime | None:
    """When a source's newest post was posted: the end of an index."""
    statement = (
        select(POSTS.c.created_at)
        .where(POSTS.c.topic == topic, POSTS.c.source == source)
        .order_by(POSTS.c.created_at.desc())
        .limit(1)
    )
    if until is not None:
        statement = statement.where(POSTS.c.created_at <= until)
    return connection.execute(statement).scalar()


def arrivals(
    connection: Connection, topic: str, source: str, window: Window, limit: int
) -> list[datetime]:
    """Gives when the source's newest posts of a window were posted, the newest first."""
    statement = (
        select(POSTS.c.created_at)
        .where(
            POSTS.c.topic == topic,
            POSTS.c.source == source,
            POSTS.c.created_at >= window.start,
            POSTS.c.created_at < window.end,
        )
        .order_by(POSTS.c.created_at.desc())
        .limit(limit)
    )
    return list(connection.execute(statement).scalars())


def posted(connection: Connection, topic: str, windows: Sequence[Window]) -> list[Posted]:
    """Counts opinions and their authors in each window."""
    found = []
    for window in windows:
        statement = select(func.count(), func.count(POSTS.c.author.distinct())).where(
            POSTS.c.topic == topic,
            POSTS.c.created_at >= window.start,
            POSTS.c.created_at < window.end,
            POSTS.c.kind != "repost",
        )
        found.append(Posted(*connection.execute(statement).one()))
    return found


def to_check(
    connection: Connection, topic: str, platform: str, after: int, limit: int
) -> list[tuple[int, str]]:
    """Gives id and native id of posts that still have their text, in the order of their ids."""
    statement = (
        select(POSTS.c.id, POSTS.c.native_id)
        .where(
            besides(POSTS.c.topic, topic),
            POSTS.c.platform == platform,
            or_(POSTS.c.purged_at.is_(None), POSTS.c.text != ""),
            POSTS.c.id > after,
        )
        .order_by(POSTS.c.id)
        .limit(limit)
    )
    return [(row.id, row.native_id) for row in connection.execute(statement)]


def has_posts(
    connection: Connection,
    topic: str,
    *,
    source: str | None = None,
    besides: str | None = None,
    platform: str | None = None,
) -> bool:
    """Tells whether there is a post (of that source, of any besides that one, of that platform)."""
    condition = POSTS.c.topic == topic
    if platform is not None:
        condition &= POSTS.c.platform == platform
    if source is not None:
        condition &= POSTS.c.source == source
    if besides is not None:
        condition &= POSTS.c.source != besides
    return bool(connection.execute(select(exists().where(condition))).scalar_one())


def sample_only(connection: Connection, topic: str) -> bool:
    """Tells whether there are posts, and all are bundled sample posts."""
    sample = has_posts(connection, topic, source=SAMPLE_SOURCE)
    return sample and not has_posts(connection, topic, besides=SAMPLE_SOURCE)


def totals(connection: Connection, topic: str) -> Totals:
    """Counts what is stored."""
    posts, others = POSTS.c.topic == topic, counts(connection, topic)
    return Totals(
        posts=_count(connection, POSTS, posts),
        reposts=_count(connection, POSTS, posts & (POSTS.c.kind == "repost")),
        purged=_count(connection, POSTS, posts & POSTS.c.purged_at.is_not(None)),
        predictions=_hanging(connection, PREDICTIONS, posts),
        labels=others.labels,
        rejections=others.rejections,
        dirty_days=others.dirty_days,
    )


def counts(connection: Connection, topic: str) -> Counts:
    """Counts what can be counted without looking at every post."""
    rejected = tallies.rejections(connection, topic).values()
    return Counts(
        posts=sum(tallies.posts(connection, topic).values()),
        labels=_hanging(connection, LABELS, besides(POSTS.c.topic, topic)),
        rejections=sum(sum(by_reason.values()) for by_reason in rejected),
        dirty_days=_count(connection, DAYS, days.is_dirty(topic)),
    )


def _hanging(connection: Connection, table: Table, posts: ColumnElement[bool]) -> int:
    """Counts what hangs on posts."""
    joined = table.join(POSTS, table.c.post_id == POSTS.c.id)
    statement = select(func.count()).select_from(joined).where(posts)
    return connection.execute(statement).scalar_one()


def _rejection(delivery: Delivery, rejection: Rejection) -> dict[str, object]:
    return {
        "topic": delivery.topic,
        "source": delivery.source,
        "place": rejection.place,
        "reason": rejection.reason,
        "detail": rejection.detail,
        "rejected_at": delivery.at,
    }


def _count(connection: Connection, table: Table, condition: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(table).where(condition)).scalar_one()
