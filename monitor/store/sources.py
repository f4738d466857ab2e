"""Sources: their checkpoints, coverage and rejections, and how much is stored of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, exists, func, insert, select

from collectors.post import Checkpoint, Coverage, Rejection
from monitor.store.chunks import in_chunks
from monitor.store.engine import insert_into
from monitor.store.rows import (
    CHECKPOINTS,
    COVERAGE,
    DAYS,
    LABELS,
    POSTS,
    PREDICTIONS,
    REJECTIONS,
)
from monitor.store.values import SAMPLE_SOURCE, CoverageSpan, SourceState, Totals

_BETTER_LAST = ("gap", "partial", "complete")


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where a page came from, for what, and when."""

    topic: str
    source: str
    at: datetime


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
    return len(rejections) - len(new)


def save_coverage(connection: Connection, delivery: Delivery, coverage: Sequence[Coverage]) -> None:
    """Stores spans; asked again, a span keeps its better answer."""
    for span in coverage:
        key = {
            "topic": delivery.topic,
            "source": delivery.source,
            "start_at": span.start,
            "end_at": span.end,
        }
        statement = select(COVERAGE.c.status, COVERAGE.c.reason).filter_by(**key)
        before = connection.execute(statement).one_or_none()
        if before is None or _goodness(before) < _goodness(span):
            insertion = insert_into(connection, COVERAGE).values(
                **key, status=span.status, reason=span.reason
            )
            insertion = insertion.on_conflict_do_update(
                index_elements=[COVERAGE.c[name] for name in key],
                set_={
                    "status": insertion.excluded.status,
                    "reason": insertion.excluded.reason,
                },
            )
            connection.execute(insertion)


def save_checkpoint(connection: Connection, delivery: Delivery, checkpoint: Checkpoint) -> None:
    """Stores the checkpoint in place of the last one."""
    insertion = insert_into(connection, CHECKPOINTS).values(
        topic=delivery.topic,
        source=delivery.source,
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


def coverage(
    connection: Connection, topic: str, since: datetime, until: datetime
) -> list[CoverageSpan]:
    """Gives the spans that overlap [since, until), sorted."""
    span = COVERAGE.c
    statement = select(span.source, span.start_at, span.end_at, span.status, span.reason).where(
        span.topic == topic, span.start_at < until, span.end_at > since
    )
    found = [CoverageSpan(*row) for row in connection.execute(statement)]
    return sorted(found, key=lambda each: (each.source, each.start, each.end))


def states(connection: Connection, topic: str) -> list[SourceState]:
    """Tells how far each source has come, by name."""
    posts = POSTS.c
    statement = (
        select(posts.source, func.count().label("posts"), func.max(posts.created_at).label("last"))
        .where(posts.topic == topic)
        .group_by(posts.source)
    )
    of_posts = {row.source: row for row in connection.execute(statement)}
    saved = select(CHECKPOINTS.c.source, CHECKPOINTS.c.saved_at).where(CHECKPOINTS.c.topic == topic)
    checked = {row.source: row.saved_at for row in connection.execute(saved)}
    rejected = _rejections(connection, topic)
    return [
        SourceState(
            source=source,
            posts=of_posts[source].posts if source in of_posts else 0,
            last_post_at=of_posts[source].last if source in of_posts else None,
            checkpoint_at=checked.get(source),
            rejections=rejected.get(source, {}),
        )
        for source in sorted({*of_posts, *checked, *rejected})
    ]


def has_posts(
    connection: Connection, topic: str, *, source: str | None = None, besides: str | None = None
) -> bool:
    """Tells whether there is a post (of that source, of any besides that one)."""
    condition = POSTS.c.topic == topic
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
    posts = POSTS.c.topic == topic
    hanging = {}
    for table in (PREDICTIONS, LABELS):
        joined = table.join(POSTS, table.c.post_id == POSTS.c.id)
        statement = select(func.count()).select_from(joined).where(posts)
        hanging[table.name] = connection.execute(statement).scalar_one()
    dirty = (DAYS.c.topic == topic) & (DAYS.c.revision > DAYS.c.aggregated)
    return Totals(
        posts=_count(connection, POSTS, posts),
        reposts=_count(connection, POSTS, posts & (POSTS.c.kind == "repost")),
        purged=_count(connection, POSTS, posts & POSTS.c.purged_at.is_not(None)),
        predictions=hanging[PREDICTIONS.name],
        labels=hanging[LABELS.name],
        rejections=_count(connection, REJECTIONS, REJECTIONS.c.topic == topic),
        dirty_days=_count(connection, DAYS, dirty),
    )


def _rejection(delivery: Delivery, rejection: Rejection) -> dict[str, object]:
    return {
        "topic": delivery.topic,
        "source": delivery.source,
        "place": rejection.place,
        "reason": rejection.reason,
        "detail": rejection.detail,
        "rejected_at": delivery.at,
    }


def _rejections(connection: Connection, topic: str) -> dict[str, dict[str, int]]:
    """Counts rejections by source and reason."""
    rejection = REJECTIONS.c
    statement = (
        select(rejection.source, rejection.reason, func.count().label("times"))
        .where(rejection.topic == topic)
        .group_by(rejection.source, rejection.reason)
    )
    counted: dict[str, dict[str, int]] = defaultdict(dict)
    for row in connection.execute(statement):
        counted[row.source][row.reason] = row.times
    return counted


def _goodness(span: Coverage | Row[*tuple[Any, ...]]) -> tuple[int, str]:
    return (_BETTER_LAST.index(span.status), span.reason)


def _count(connection: Connection, table: Table, condition: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(table).where(condition)).scalar_one()
