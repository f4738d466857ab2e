"""Erasure beyond posts: sketches that hold an author's hash, and models that learned from posts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import Connection, and_, bindparam, func, insert, select, update

from monitor.authors import AuthorSketch
from monitor.store import audit, releases
from monitor.store.rows import AGGREGATES, POSTS, TOMBSTONES, TRAINING_POSTS

_NOBODY = AuthorSketch.of(())


def erase_authors(connection: Connection, topic: str, pseudonyms: Sequence[str]) -> None:
    """Takes authors out of the stored sketches, and blanks them in what is still shown."""
    if not pseudonyms:
        return
    gone = AuthorSketch.of(pseudonyms)
    cell = AGGREGATES.c
    key = [column for column in AGGREGATES.primary_key.columns if column.name != "topic"]
    statement = select(*key, cell.authors_sketch).where(cell.topic == topic)
    changed = [
        {f"its_{column.name}": getattr(row, column.name) for column in key}
        | {"authors_sketch": sketch, "authors": AuthorSketch.count(sketch)}
        for row in connection.execute(statement)
        if (sketch := AuthorSketch.exchange(row.authors_sketch, gone, _NOBODY))
        != row.authors_sketch
    ]
    if changed:
        here = [column == bindparam(f"its_{column.name}") for column in key]
        connection.execute(update(AGGREGATES).where(cell.topic == topic, *here), changed)
    releases.forget_authors(connection, topic, pseudonyms)
    audit.forget_authors(connection, topic, pseudonyms)


def record_training(
    connection: Connection, topic: str, version: str, digests: Iterable[str]
) -> None:
    """Remembers which posts a version was trained on; again changes nothing."""
    learned = TRAINING_POSTS.c
    statement = select(learned.digest).where(learned.topic == topic, learned.version == version)
    known = set(connection.execute(statement).scalars())
    rows = [
        {"topic": topic, "version": version, "digest": digest}
        for digest in sorted(set(digests) - known)
    ]
    if rows:
        connection.execute(insert(TRAINING_POSTS), rows)


def models_on_removed(connection: Connection, topic: str) -> dict[str, int]:
    """Counts by version the posts that it was trained on and that were removed since."""
    learned, removed = TRAINING_POSTS.c, TOMBSTONES.c
    same = and_(removed.topic == learned.topic, removed.digest == learned.digest)
    statement = (
        select(learned.version, func.count())
        .select_from(TRAINING_POSTS.join(TOMBSTONES, same))
        .where(learned.topic == topic)
        .group_by(learned.version)
    )
    return {row[0]: row[1] for row in connection.execute(statement)}


def days_with_pseudonyms(connection: Connection, topic: str) -> list[date]:
    """Lists the days whose posts still carry pseudonyms."""
    statement = (
        select(POSTS.c.day).distinct().where(POSTS.c.topic == topic, POSTS.c.author.is_not(None))
    )
    return list(connection.execute(statement).scalars())
