"""Model versions: what was recorded of them, and which one a topic shows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from monitor.store import audit
from monitor.store.chunks import besides
from monitor.store.engine import insert_into
from monitor.store.rows import AGGREGATES, MODEL_VERSIONS, POSTS, PREDICTIONS, SHOWN_VERSIONS
from monitor.store.steps import Ids, between
from monitor.store.values import RecordedVersion


@dataclass(frozen=True, slots=True)
class Record:
    """What is recorded of a version."""

    stage: str
    metrics: Mapping[str, Any]
    at: datetime


def record(connection: Connection, topic: str, version: str, what: Record) -> None:
    """Records a version, or its new stage and metrics; the first recording's time stays."""
    insertion = insert_into(connection, MODEL_VERSIONS).values(
        topic=topic,
        version=version,
        stage=what.stage,
        metrics=dict(what.metrics),
        recorded_at=what.at,
    )
    insertion = insertion.on_conflict_do_update(
        index_elements=[MODEL_VERSIONS.c.topic, MODEL_VERSIONS.c.version],
        set_={name: insertion.excluded[name] for name in ("stage", "metrics")},
    )
    connection.execute(insertion)


def recorded(connection: Connection, topic: str) -> list[RecordedVersion]:
    """Lists the recorded versions, oldest first."""
    statement = select(MODEL_VERSIONS).where(MODEL_VERSIONS.c.topic == topic)
    found = [RecordedVersion(**row) for row in connection.execute(statement).mappings()]
    return sorted(found, key=lambda each: (each.recorded_at, each.version))


def drop_answers(connection: Connection, topic: str, gone: Collection[str], ids: Ids) -> int:
    """Drops what versions answered about posts with such ids; returns how many answers."""
    of_topic = select(POSTS.c.id).where(between(POSTS.c.id, ids), besides(POSTS.c.topic, topic))
    statement = delete(PREDICTIONS).where(
        between(PREDICTIONS.c.post_id, ids),
        PREDICTIONS.c.version.in_(gone),
        PREDICTIONS.c.post_id.in_(of_topic),
    )
    return connection.execute(statement).rowcount


def drop(connection: Connection, topic: str, gone: Collection[str]) -> None:
    """Drops the figures of versions that are no longer on disk, once their answers are gone."""
    audit.drop_versions(connection, topic, gone)
    connection.execute(
        delete(AGGREGATES).where(AGGREGATES.c.topic == topic, AGGREGATES.c.version.in_(gone))
    )
    connection.execute(
        update(MODEL_VERSIONS)
        .where(MODEL_VERSIONS.c.topic == topic, MODEL_VERSIONS.c.version.in_(gone))
        .values(stage="removed")
    )


def show(connection: Connection, topic: str, version: str) -> None:
    """Makes a version the shown one; those shown before follow it."""
    last = select(func.max(SHOWN_VERSIONS.c.turn)).where(SHOWN_VERSIONS.c.topic == topic)
    turn = (connection.execute(last).scalar_one() or 0) + 1
    insertion = insert_into(connection, SHOWN_VERSIONS).values(
        topic=topic, version=version, turn=turn
    )
    insertion = insertion.on_conflict_do_update(
        index_elements=list(SHOWN_VERSIONS.primary_key.columns),
        set_={"turn": insertion.excluded.turn},
    )
    connection.execute(insertion)


def shown(connection: Connection, topic: str) -> list[str]:
    """Gives the shown version, then those that were shown before it, the last one first."""
    statement = (
        select(SHOWN_VERSIONS.c.version)
        .where(SHOWN_VERSIONS.c.topic == topic)
        .order_by(SHOWN_VERSIONS.c.turn.desc())
    )
    return list(connection.execute(statement).scalars())
