"""Post ids that earlier programs stored as they are: sealed in place, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, select, update

from monitor.store.chunks import in_chunks
from monitor.store.engine import insert_into
from monitor.store.removals import post_digest
from monitor.store.rows import CHECKPOINTS, DAYS, POSTS, SEALINGS, TRAINING_POSTS, UNSCORED


def unsealed_topics(connection: Connection) -> list[str]:
    """Lists the topics with posts whose ids are not all sealed."""
    done = select(SEALINGS.c.topic).where(SEALINGS.c.sealed_at.is_not(None))
    statement = select(DAYS.c.topic).distinct().where(DAYS.c.topic.not_in(done))
    return sorted(connection.execute(statement).scalars())


def claim(connection: Connection, topic: str, fingerprint: str) -> tuple[str, bool]:
    """Notes the key if none is; returns the one that is, and whether all ids are sealed."""
    insertion = insert_into(connection, SEALINGS).values(topic=topic, fingerprint=fingerprint)
    connection.execute(insertion.on_conflict_do_nothing())
    statement = select(SEALINGS).where(SEALINGS.c.topic == topic)
    row = connection.execute(statement).one()
    return row.fingerprint, row.sealed_at is not None


def seal_posts(
    connection: Connection, topic: str, seal: Callable[[str], str], after: int, limit: int
) -> tuple[int | None, int]:
    """Seals the next posts' ids and references, wherever they stand.

    Tombstones are digests of ids, and stay as they are: admission asks after them as well.
    """
    statement = (
        select(POSTS.c.id, POSTS.c.platform, POSTS.c.native_id, POSTS.c.reference)
        .where(POSTS.c.topic == topic, POSTS.c.id > after)
        .order_by(POSTS.c.id)
        .limit(limit)
    )
    rows = connection.execute(statement).all()
    changes: list[dict[str, Any]] = []
    digests: dict[str, str] = {}
    for row in rows:
        native_id = seal(row.native_id)
        reference = None if row.reference is None else seal(row.reference)
        if (native_id, reference) != (row.native_id, row.reference):
            changes.append({"its_id": row.id, "sealed": native_id, "referred": reference})
            old, new = (post_digest(row.platform, each) for each in (row.native_id, native_id))
            digests[old] = new
    _write(connection, changes)
    _rename_training(connection, topic, digests)
    return (rows[-1].id if rows else None), len(changes)


def finish(
    connection: Connection,
    topic: str,
    seal: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    at: datetime,
) -> None:
    """Seals what checkpoints hold, and notes that everything is sealed."""
    place = CHECKPOINTS.c
    found = connection.execute(select(place.source, place.state).where(place.topic == topic)).all()
    for row in found:
        here = (place.topic == topic) & (place.source == row.source)
        connection.execute(update(CHECKPOINTS).where(here).values(state=seal(row.state)))
    connection.execute(update(SEALINGS).where(SEALINGS.c.topic == topic).values(sealed_at=at))


def _write(connection: Connection, changes: list[dict[str, Any]]) -> None:
    if not changes:
        return
    post = update(POSTS).where(POSTS.c.id == bindparam("its_id"))
    sealed: BindParameter[str] = bindparam("sealed")
    referred: BindParameter[str | None] = bindparam("referred")
    connection.execute(post.values(native_id=sealed, reference=referred), changes)
    waiting = update(UNSCORED).where(UNSCORED.c.post_id == bindparam("its_id"))
    names = [{"its_id": each["its_id"], "sealed": each["sealed"]} for each in changes]
    connection.execute(waiting.values(native_id=sealed), names)


def _rename_training(connection: Connection, topic: str, digests: Mapping[str, str]) -> None:
    """What models learned from goes by the digests of the ids as they are now."""
    learned = TRAINING_POSTS.c
    for chunk in in_chunks(digests):
        here = (learned.topic == topic) & learned.digest.in_(chunk)
        for old in set(connection.execute(select(learned.digest).where(here)).scalars()):
            one = (learned.topic == topic) & (learned.digest == old)
            connection.execute(update(TRAINING_POSTS).where(one).values(digest=digests[old]))
