"""A page: posts, removals, rejections, coverage and checkpoint, stored in one transaction."""

from __future__ import annotations

import importlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, select, update

from monitor.kept import ASSUMED, KeptPage, KeptPost, PageOutcome
from monitor.languages import UNDETERMINED
from monitor.store import (
    audit,
    calendar,
    coverage,
    days,
    reads,
    removals,
    sources,
    tallies,
    unscored,
)
from monitor.store.bulk import insert_rows, new_post_ids
from monitor.store.chunks import in_chunks, is_among
from monitor.store.engine import unstorable
from monitor.store.face_rows import LABEL_MARKS
from monitor.store.rows import LABELS, POSTS, PREDICTIONS
from monitor.store.sources import Delivery
from monitor.store.values import SAMPLE_SOURCE
from monitor.topic import PUBLIC

_FIELDS = KeptPost._fields


@dataclass(slots=True)
class _Standing:
    """The best delivery of one post so far, and what it replaces in the store."""

    post: KeptPost
    id: int | None = None
    stored: KeptPost | None = None
    purged: bool = False

    def offer(self, post: KeptPost) -> str:
        """Takes a better delivery; says under which count it falls."""
        if self.purged:
            return "repeated"
        newer = post.revision > self.post.revision
        if post != self.post and _is_better(post, self.post):
            self.post = post
        return "edited" if newer else "repeated"


def save(connection: Connection, delivery: Delivery, page: KeptPage) -> PageOutcome:
    """Stores a page; bundled sample posts and real ones are never mixed."""
    _check_characters(page)
    if delivery.source == SAMPLE_SOURCE:
        if sources.has_posts(connection, delivery.topic, besides=SAMPLE_SOURCE):
            return PageOutcome(refused=len(page.posts))
        sample_removed = 0
    else:
        sample_removed = _remove_sample(connection, delivery.topic) if page.posts else 0
    demands = (*page.deletions, *page.reminders)
    removed = removals.obey(connection, delivery, demands, arriving=page.posts)
    posts = calendar.put(connection, delivery.topic, page.posts)
    counts = _save_posts(connection, delivery, posts)
    before = sources.save_rejections(connection, delivery, page.rejections)
    if not delivery.errand.backfill:
        coverage.lower(connection, delivery.topic, delivery.source, page.earlier)
    if delivery.errand.is_live:
        coverage.take_back(connection, delivery.topic, delivery.source, delivery.at)
    coverage.save(
        connection,
        delivery.topic,
        delivery.source,
        page.coverage,
        backfilled=delivery.errand.backfill,
    )
    reads.add(connection, delivery.source, delivery.at, page.reads)
    sources.save_checkpoint(connection, delivery, page.checkpoint)
    return PageOutcome(
        **counts,
        rejected=len(page.rejections),
        rejected_before=before,
        deletions=len(page.deletions),
        removed=removed,
        sample_removed=sample_removed,
    )


def _remove_sample(connection: Connection, topic: str) -> int:
    if not sources.has_posts(connection, topic, source=SAMPLE_SOURCE):
        return 0
    return removals.remove_source(connection, topic, SAMPLE_SOURCE)


def _save_posts(
    connection: Connection, delivery: Delivery, posts: Sequence[KeptPost]
) -> dict[str, int]:
    refused = removals.refused(connection, delivery.topic, posts)
    welcome = [post for post in posts if (post.platform, post.native_id) not in refused]
    counts = Counter(refused=len(posts) - len(welcome))
    standings = _stored(connection, delivery.topic, welcome)
    for post in welcome:
        standing = standings.get((post.platform, post.native_id))
        if standing is None:
            standings[post.platform, post.native_id] = _Standing(post)
            counts["stored"] += 1
        else:
            counts[standing.offer(post)] += 1
    _write(connection, delivery, list(standings.values()))
    return dict(counts)


def _stored(
    connection: Connection, topic: str, posts: Iterable[KeptPost]
) -> dict[tuple[str, str], _Standing]:
    """Reads what is stored of the posts delivered."""
    found = {}
    for platform, native_ids in _by_platform(posts).items():
        statement = select(POSTS).where(
            POSTS.c.topic == topic,
            POSTS.c.platform == platform,
            is_among(connection, POSTS.c.native_id, native_ids),
        )
        for row in connection.execute(statement).mappings():
            found[platform, row["native_id"]] = _standing(row)
    return found


def _by_platform(posts: Iterable[KeptPost]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for post in posts:
        grouped[post.platform].append(post.native_id)
    return grouped


def _standing(row: RowMapping) -> _Standing:
    post = KeptPost(**{name: row[name] for name in _FIELDS})
    return _Standing(post, row["id"], post, row["purged_at"] is not None)


def _write(connection: Connection, delivery: Delivery, standings: Sequence[_Standing]) -> None:
    """Inserts new posts, updates changed ones, and marks the days of both."""
    new = [standing.post for standing in standings if standing.stored is None]
    _insert(connection, delivery, new)
    if new:
        tallies.add_posts(connection, delivery.topic, delivery.source, len(new))
    touched: set[date] = {post.day for post in new}
    rewritten: list[int] = []
    changes: list[dict[str, Any]] = []
    for standing in standings:
        if standing.id is None or standing.stored is None or standing.post == standing.stored:
            continue
        changes.append(standing.post._asdict() | {"post_id": standing.id})
        touched |= {standing.post.day, standing.stored.day}
        if standing.post.text_digest != standing.stored.text_digest:
            rewritten.append(standing.id)
    for chunk in in_chunks(rewritten):
        audit.keep_removed(connection, delivery.topic, POSTS.c.id.in_(chunk))
    if changes:
        connection.execute(update(POSTS).where(POSTS.c.id == bindparam("post_id")), changes)
    _drop_answers(connection, rewritten)
    unscored.add_changed(connection, delivery.topic, [each["post_id"] for each in changes])
    days.mark(connection, delivery.topic, touched)


def _insert(connection: Connection, delivery: Delivery, posts: Sequence[KeptPost]) -> None:
    """Inserts new posts, and queues those that are to be scored."""
    if not posts:
        return
    ids = new_post_ids(connection, len(posts))
    rows = ((post_id, *post) for post_id, post in zip(ids, posts, strict=True))
    origin = {"topic": delivery.topic, "source": delivery.source, "stored_at": delivery.at}
    insert_rows(connection, POSTS, ("id", *_FIELDS), rows, of_all=origin)
    unscored.add_new(connection, delivery.topic, zip(ids, posts, strict=True))


def _drop_answers(connection: Connection, post_ids: Iterable[int]) -> None:
    """Drops what was answered about a text that is no longer there."""
    for chunk in in_chunks(post_ids):
        for table in (PREDICTIONS, LABELS, LABEL_MARKS):
            connection.execute(delete(table).where(table.c.post_id.in_(chunk)))


def _is_better(post: KeptPost, other: KeptPost) -> bool:
    """Orders deliveries of one post, so that the same one stays whichever comes first.

    Of equal revisions the one that tells more stays; beyond that the order means nothing but that
    it looks at their content alone.
    """
    known, known_of_other = _known(post), _known(other)
    if known != known_of_other:
        return known > known_of_other
    return _rank(post) > _rank(other)


def _known(post: KeptPost) -> tuple[int, ...]:
    """What a delivery tells; first of all the author, by whom it is counted."""
    author = post.author or ""
    return (
        post.revision,
        author != "" and not author.startswith(ASSUMED),
        author != "",
        post.cohort != PUBLIC,
        post.language != UNDETERMINED,
        post.reference is not None,
        post.text != "",
    )


def _rank(post: KeptPost) -> tuple[object, ...]:
    """A language that the text would not be taken for has been told, not guessed.

    Then the earlier time: of a feed's entry without a date it is the one when it was first seen.
    """
    # What guesses is slow to load, and seldom two deliveries come down to it.
    guessed = importlib.import_module("monitor.language").language_of(post.text)
    told = post.language != guessed
    return (told, -post.created_at.timestamp(), *((value is not None, value) for value in post))


def _check_characters(page: KeptPage) -> None:
    """Refuses what one database would take and the other would not."""
    if not _is_storable([value for post in page.posts for value in post]):
        for post in page.posts:
            _check_texts(f"a post of platform {post.platform!r}", post)
    for rejection in page.rejections:
        _check_texts("a rejection", (rejection.reason, rejection.place, rejection.detail))
    for deletion in page.deletions:
        _check_texts("a deletion", (getattr(deletion, f.name) for f in fields(deletion)))
    for span in page.coverage:
        _check_texts("a coverage record", (span.reason,))


def _check_texts(what: str, values: Iterable[object]) -> None:
    if not _is_storable(values):
        raise unstorable(what)


def _is_storable(values: Iterable[object]) -> bool:
    joined = " ".join([value for value in values if isinstance(value, str)])
    if joined.isascii():
        return "\0" not in joined
    try:
        return b"\0" not in joined.encode()
    except UnicodeEncodeError:
        return False
