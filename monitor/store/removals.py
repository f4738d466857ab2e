"""Removal: on a platform's or a person's demand, of a whole source, and by retention.

A demand leaves a tombstone, so that it holds for deliveries to come as well. It holds a digest,
not the id: what was removed is recognised when it comes again, and can be read nowhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import blake2b

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    delete,
    exists,
    literal_column,
    select,
    update,
)

from monitor.kept import KeptDeletion, KeptPost, PlatformId
from monitor.store import days, erasure, tallies
from monitor.store.chunks import in_chunks
from monitor.store.engine import insert_into
from monitor.store.rows import (
    CHECKPOINTS,
    COVERAGE,
    LABELS,
    POSTS,
    REJECTIONS,
    TOMBSTONES,
    UNSCORED,
)
from monitor.store.sources import Delivery


def post_digest(platform: str, native_id: str) -> str:
    """The tombstone of a post."""
    return _digest("post", platform, native_id)


def mark_digest(mark: str) -> str:
    """The tombstone of an author by a mark that outlives their pseudonyms."""
    return _digest("mark", mark)


def buried_marks(connection: Connection, topic: str, marks: Iterable[str]) -> list[str]:
    """Tells which marks belong to authors who were removed."""
    if not _any_buried(connection, topic):
        return []
    by_digest = {mark_digest(mark): mark for mark in marks}
    return [by_digest[digest] for digest in _buried(connection, topic, by_digest)]


def buried_posts(
    connection: Connection, topic: str, posts: Iterable[PlatformId]
) -> list[PlatformId]:
    """Tells which posts have tombstones under these very ids."""
    by_digest = {post_digest(*post): post for post in posts}
    return [by_digest[digest] for digest in _buried(connection, topic, by_digest)]


def _author_digest(platform: str, author: str) -> str:
    return _digest("author", platform, author)


def _digest(*parts: str) -> str:
    return blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


@dataclass(slots=True)
class Doomed:
    """Posts and authors to be removed, with the reason of each."""

    posts: dict[PlatformId, str] = field(default_factory=dict)
    authors: dict[PlatformId, str] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)

    def add(self, deletion: KeptDeletion) -> None:
        """Adds what a deletion demands."""
        if deletion.native_id is not None:
            self.posts[deletion.platform, deletion.native_id] = deletion.reason
        for author in (deletion.author, *deletion.aliases):
            if author is not None:
                self.authors[deletion.platform, author] = deletion.reason
        if deletion.mark is not None:
            self.marks[mark_digest(deletion.mark)] = deletion.reason

    def digests(self) -> dict[str, str]:
        """Gives the tombstones' digests with their reasons."""
        posts = {post_digest(*post): reason for post, reason in self.posts.items()}
        authors = {_author_digest(*author): why for author, why in self.authors.items()}
        return posts | authors | self.marks


def obey(
    connection: Connection,
    delivery: Delivery,
    deletions: Iterable[KeptDeletion],
    *,
    arriving: Iterable[KeptPost],
) -> int:
    """Removes what deletions demand and leaves tombstones; returns how many posts went.

    A removed author's posts get tombstones of their own, those that arrive only now too, so that
    reposts of them are refused whatever comes first.
    """
    doomed = Doomed()
    for deletion in deletions:
        doomed.add(deletion)
    arriving = list(arriving)
    _doom_posts_of_authors(connection, delivery.topic, doomed, arriving)
    _bury(connection, delivery, doomed.digests(), _met(connection, delivery, doomed, arriving))
    erasure.erase_authors(connection, delivery.topic, [author for _, author in doomed.authors])
    return _remove(connection, delivery.topic, _of_posts(doomed.posts))


def _met(
    connection: Connection, delivery: Delivery, doomed: Doomed, arriving: Iterable[KeptPost]
) -> set[str]:
    """The digests of demands that are about something here, which are remembered for ever."""
    if delivery.errand.keep_unmet is None:
        return set(doomed.digests())
    here = {(post.platform, post.native_id): post.author for post in arriving}
    for platform, native_ids in _by_platform(doomed.posts).items():
        for chunk in in_chunks(native_ids):
            statement = select(POSTS.c.native_id, POSTS.c.author).where(
                POSTS.c.topic == delivery.topic,
                POSTS.c.platform == platform,
                POSTS.c.native_id.in_(chunk),
            )
            here |= {(platform, row.native_id): row.author for row in connection.execute(statement)}
    posts = {post_digest(*post) for post in doomed.posts if post in here}
    authors = {(post[0], author) for post, author in here.items() if author is not None}
    return posts | {_author_digest(*author) for author in authors & doomed.authors.keys()}


def refused(connection: Connection, topic: str, posts: Iterable[KeptPost]) -> set[PlatformId]:
    """Tells which posts must not be stored; `obey` was called with them before.

    The demands that refuse them have met their posts, and are remembered for ever from now on.
    """
    if not _any_buried(connection, topic):
        return set()
    by_digest: dict[str, list[KeptPost]] = defaultdict(list)
    for post in posts:
        by_digest[post_digest(post.platform, post.native_id)].append(post)
        if post.kind == "repost" and post.reference is not None:
            by_digest[post_digest(post.platform, post.reference)].append(post)
    buried = _buried(connection, topic, by_digest)
    _keep(connection, topic, buried)
    return {(post.platform, post.native_id) for digest in buried for post in by_digest[digest]}


def forget_unmet(connection: Connection, topic: str, at: datetime) -> int:
    """Drops the demands that were about nothing here and have had their time."""
    statement = delete(TOMBSTONES).where(TOMBSTONES.c.topic == topic, TOMBSTONES.c.kept_until < at)
    return connection.execute(statement).rowcount


def remove_source(connection: Connection, topic: str, source: str) -> int:
    """Removes all that came from a source."""
    for table in (CHECKPOINTS, COVERAGE, REJECTIONS):
        connection.execute(delete(table).where(table.c.topic == topic, table.c.source == source))
    removed = _remove(connection, topic, [POSTS.c.source == source])
    tallies.forget(connection, topic, source)
    return removed


def purge_texts(
    connection: Connection,
    topic: str,
    stored_before: datetime,
    at: datetime,
    *,
    keep_labelled: bool = False,
) -> int:
    """Empties text and author of old posts; of labelled ones the author alone, if so wanted."""
    is_labelled = exists().where(LABELS.c.post_id == POSTS.c.id)
    text = case((is_labelled, POSTS.c.text), else_="") if keep_labelled else ""
    old = and_(
        POSTS.c.topic == topic, POSTS.c.stored_at < stored_before, POSTS.c.purged_at.is_(None)
    )
    waiting = UNSCORED.c.post_id.in_(select(POSTS.c.id).where(old))
    connection.execute(delete(UNSCORED).where(UNSCORED.c.topic == topic, waiting))
    statement = update(POSTS).where(old).values(text=text, author=None, purged_at=at)
    return connection.execute(statement).rowcount


def _doom_posts_of_authors(
    connection: Connection, topic: str, doomed: Doomed, arriving: Iterable[KeptPost]
) -> None:
    """Adds the posts of removed authors, the stored and the arriving ones."""
    for platform, authors in _by_platform(doomed.authors).items():
        for chunk in in_chunks(authors):
            statement = select(POSTS.c.native_id, POSTS.c.author).where(
                POSTS.c.topic == topic, POSTS.c.platform == platform, POSTS.c.author.in_(chunk)
            )
            for row in connection.execute(statement):
                doomed.posts[platform, row.native_id] = doomed.authors[platform, row.author]
    if not doomed.authors and not _any_buried(connection, topic):
        return
    authored = [post for post in arriving if post.author is not None]
    removed = doomed.digests()
    candidates = {_author_digest(post.platform, post.author or ""): post for post in authored}
    buried = _buried(connection, topic, candidates)
    _keep(connection, topic, buried)
    removed |= dict.fromkeys(buried, "deleted")
    for post in authored:
        reason = removed.get(_author_digest(post.platform, post.author or ""))
        if reason is not None:
            doomed.posts.setdefault((post.platform, post.native_id), reason)


def _bury(
    connection: Connection, delivery: Delivery, digests: Mapping[str, str], met: set[str]
) -> None:
    """Leaves tombstones, for ever where a demand was met."""
    until = None
    if delivery.errand.keep_unmet is not None:
        until = delivery.at + delivery.errand.keep_unmet
    rows = [
        {
            "topic": delivery.topic,
            "digest": digest,
            "reason": reason,
            "removed_at": delivery.at,
            "kept_until": None if digest in met else until,
        }
        for digest, reason in digests.items()
    ]
    if rows:
        connection.execute(insert_into(connection, TOMBSTONES).on_conflict_do_nothing(), rows)
        _keep(connection, delivery.topic, met)


def _keep(connection: Connection, topic: str, digests: Iterable[str]) -> None:
    """Makes tombstones hold for ever."""
    for chunk in in_chunks(digests):
        statement = update(TOMBSTONES).where(
            TOMBSTONES.c.topic == topic,
            TOMBSTONES.c.digest.in_(chunk),
            TOMBSTONES.c.kept_until.is_not(None),
        )
        connection.execute(statement.values(kept_until=None))


def _any_buried(connection: Connection, topic: str) -> bool:
    """Whether the topic has a tombstone at all; looking for none of them needs no digests."""
    one = select(TOMBSTONES.c.digest).where(TOMBSTONES.c.topic == topic).limit(1)
    return connection.execute(one).first() is not None


def _buried(connection: Connection, topic: str, digests: Iterable[str]) -> list[str]:
    found: list[str] = []
    for chunk in in_chunks(digests):
        statement = select(TOMBSTONES.c.digest).where(
            TOMBSTONES.c.topic == topic, TOMBSTONES.c.digest.in_(chunk)
        )
        found.extend(connection.execute(statement).scalars())
    return found


def _of_posts(posts: Iterable[PlatformId]) -> Iterator[ColumnElement[bool]]:
    """Conditions for posts and for the reposts that repeat them."""
    repost = POSTS.c.kind == literal_column("'repost'")  # As in the index, so that it is used.
    for platform, native_ids in _by_platform(posts).items():
        for chunk in in_chunks(native_ids):
            here = POSTS.c.platform == platform
            yield and_(here, POSTS.c.native_id.in_(chunk))
            yield and_(here, repost, POSTS.c.reference.in_(chunk))


def _remove(connection: Connection, topic: str, which: Iterable[ColumnElement[bool]]) -> int:
    """Removes posts with all that hangs on them, and marks their days."""
    removed = 0
    touched: set[date] = set()
    for condition in which:
        here = and_(POSTS.c.topic == topic, condition)
        touched.update(connection.execute(select(POSTS.c.day).distinct().where(here)).scalars())
        tallies.take_posts(connection, topic, here)
        removed += connection.execute(delete(POSTS).where(here)).rowcount
    days.mark(connection, topic, touched)
    return removed


def _by_platform(ids: Iterable[PlatformId]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for platform, name in ids:
        grouped[platform].append(name)
    return grouped
