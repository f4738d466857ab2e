"""Removal: on a platform's or a person's demand, of a whole source, and by retention.

A demand leaves a tombstone, so that it holds for deliveries to come as well. It holds a digest,
not the id: what was removed is recognised when it comes again, and can be read nowhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import blake2b

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    and_,
    case,
    delete,
    exists,
    literal_column,
    or_,
    select,
    update,
)

from monitor.kept import EVERY_TOPIC, KeptDeletion, KeptPost, PlatformId
from monitor.store import audit, days, erasure, reinstatements, tallies, withdrawals
from monitor.store.chunks import besides, in_chunks
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
from monitor.store.steps import Ids, between


def post_digest(platform: str, native_id: str) -> str:
    """The tombstone of a post."""
    return _digest("post", platform, native_id)


def mark_digest(mark: str) -> str:
    """The tombstone of an author or a post by a mark that outlives pseudonyms and topics."""
    return _digest("mark", mark)


def buried_marks(
    connection: Connection, topic: str, marks: Iterable[str]
) -> dict[str, datetime | None]:
    """Tells which marks belong to authors and posts that were removed, here or from every topic.

    With the time at which the platform closed an account, None where the removal is for good.
    """
    buried_in = [one for one in (topic, EVERY_TOPIC) if _any_buried(connection, one)]
    if not buried_in:
        return {}
    by_digest = {mark_digest(mark): mark for mark in marks}
    return {
        by_digest[digest]: at
        for one in buried_in
        for digest, at in _buried(connection, one, by_digest).items()
    }


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
    """Posts and authors to be removed, with the reason of each.

    Attributes:
        mark_of: The digests of authors' marks, by pseudonym.
        closed_at: When the platform closed an author's account, by digest; None where the author
            is removed for good.
    """

    posts: dict[PlatformId, str] = field(default_factory=dict)
    authors: dict[PlatformId, str] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    mark_of: dict[PlatformId, str] = field(default_factory=dict)
    closed_at: dict[str, datetime | None] = field(default_factory=dict)

    def add(self, deletion: KeptDeletion) -> None:
        """Adds what a deletion demands."""
        if deletion.native_id is not None:
            post = deletion.platform, deletion.native_id
            self.posts[post] = withdrawals.reason_of(deletion)
        names = (deletion.author, *deletion.aliases)
        authors = [(deletion.platform, name) for name in names if name is not None]
        self.authors |= dict.fromkeys(authors, deletion.reason)
        if deletion.mark is not None:
            digest = mark_digest(deletion.mark)
            self.marks[digest] = deletion.reason
            self.mark_of |= dict.fromkeys(authors, digest)
        self.closed_at |= dict.fromkeys(_author_digests(deletion), deletion.at)

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
    deletions, arriving = list(deletions), list(arriving)
    # First those that are closed so far, so that this page's posts are welcome.
    _open_accounts(connection, delivery, deletions)
    _bring_back(connection, delivery.topic, arriving)
    doomed = Doomed()
    for deletion in _standing(connection, delivery.topic, deletions, arriving):
        doomed.add(deletion)
    _doom_posts_of_authors(connection, delivery.topic, doomed, arriving)
    _bury(connection, delivery, doomed, _met(connection, delivery, doomed, arriving))
    _open_accounts(connection, delivery, deletions)
    removed = _remove(connection, delivery.topic, _of_posts(doomed.posts), keep_answers=True)
    # What has just been kept of them is blanked as well.
    erasure.erase_authors(connection, delivery.topic, [author for _, author in doomed.authors])
    return removed


def _open_accounts(
    connection: Connection, delivery: Delivery, deletions: Iterable[KeptDeletion]
) -> None:
    for one in deletions:
        if one.is_revoked and one.at is not None:
            reinstatements.open_again(connection, delivery, _author_digests(one), one.at)


def _bring_back(connection: Connection, topic: str, arriving: Iterable[KeptPost]) -> None:
    edited = sorted((post for post in arriving if post.revision), key=lambda post: post.revision)
    revisions = {post_digest(post.platform, post.native_id): post.revision for post in edited}
    withdrawals.bring_back(connection, topic, revisions)


def _standing(
    connection: Connection,
    topic: str,
    deletions: Iterable[KeptDeletion],
    arriving: Iterable[KeptPost],
) -> list[KeptDeletion]:
    """The demands that nothing has taken back since, the strongest of a post or author last."""
    standing = [
        one
        for one in deletions
        if not one.is_revoked
        and not reinstatements.is_over(connection, topic, _author_digests(one), one.at)
        and not withdrawals.is_over(connection, topic, one, arriving)
    ]
    for_good = datetime.max.replace(tzinfo=UTC)
    return sorted(
        standing, key=lambda one: (one.revision is None, one.revision or 0, one.at or for_good)
    )


def _author_digests(deletion: KeptDeletion) -> list[str]:
    """All that an author's tombstones may be under."""
    named = (name for name in (deletion.author, *deletion.aliases) if name is not None)
    digests = [_author_digest(deletion.platform, name) for name in named]
    return digests if deletion.mark is None else [*digests, mark_digest(deletion.mark)]


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
    authors &= doomed.authors.keys()
    marks = {doomed.mark_of[author] for author in authors & doomed.mark_of.keys()}
    return posts | marks | {_author_digest(*author) for author in authors}


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
    """Removes all that came from a source; nothing of it stays in the audit either."""
    for table in (CHECKPOINTS, COVERAGE, REJECTIONS):
        connection.execute(delete(table).where(table.c.topic == topic, table.c.source == source))
    removed = _remove(connection, topic, [POSTS.c.source == source], keep_answers=False)
    tallies.forget(connection, topic, source)
    return removed


@dataclass(frozen=True, slots=True)
class Purge:
    """Which posts are emptied, and when; labelled ones of their author alone, if so wanted."""

    topic: str
    stored_before: datetime
    at: datetime
    keep_labelled: bool = False


def past_time(purge: Purge, *, by_id: bool = False) -> ColumnElement[bool]:
    """The posts that a purge is about.

    Args:
        purge: The purge.
        by_id: They are sought among posts whose ids are known.
    """
    topic = POSTS.c.topic
    return and_(
        besides(topic, purge.topic) if by_id else topic == purge.topic,
        POSTS.c.stored_at < purge.stored_before,
        POSTS.c.purged_at.is_(None),
    )


def purge_texts(connection: Connection, purge: Purge, ids: Ids) -> int:
    """Empties text and author of those that have such ids; returns how many."""
    is_labelled = exists().where(LABELS.c.post_id == POSTS.c.id)
    text = case((is_labelled, POSTS.c.text), else_="") if purge.keep_labelled else ""
    old = and_(between(POSTS.c.id, ids), past_time(purge, by_id=True))
    waiting = UNSCORED.c.post_id.in_(select(POSTS.c.id).where(old))
    connection.execute(delete(UNSCORED).where(between(UNSCORED.c.post_id, ids), waiting))
    statement = update(POSTS).where(old).values(text=text, author=None, purged_at=purge.at)
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
            doomed.posts[post.platform, post.native_id] = reason


def _bury(connection: Connection, delivery: Delivery, doomed: Doomed, met: set[str]) -> None:
    """Leaves tombstones, for ever where a demand was met."""
    until = None
    if delivery.errand.keep_unmet is not None:
        until = delivery.at + delivery.errand.keep_unmet
    rows = []
    for digest, reason in doomed.digests().items():
        at = doomed.closed_at.get(digest)
        rows.append(
            {
                "topic": delivery.topic,
                "digest": digest,
                "reason": reinstatements.reason_of(reason, at),
                "removed_at": min(at or delivery.at, delivery.at),
                "kept_until": None if digest in met else until,
            }
        )
    if rows:
        reinstatements.forget(connection, delivery.topic, doomed.closed_at)
        connection.execute(_burial(connection), rows)
        _keep(connection, delivery.topic, met)


def _burial(connection: Connection) -> Executable:
    insertion = insert_into(connection, TOMBSTONES)
    new = insertion.excluded
    return insertion.on_conflict_do_update(
        index_elements=[TOMBSTONES.c.topic, TOMBSTONES.c.digest],
        set_={"reason": new.reason, "removed_at": new.removed_at},
        where=or_(
            reinstatements.gives_way(new.reason, new.removed_at),
            withdrawals.gives_way(new.reason),
        ),
    )


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


def _buried(
    connection: Connection, topic: str, digests: Iterable[str]
) -> dict[str, datetime | None]:
    """The digests that have tombstones, with the time of closed accounts."""
    found: dict[str, datetime | None] = {}
    columns = TOMBSTONES.c
    for chunk in in_chunks(digests):
        statement = select(columns.digest, columns.reason, columns.removed_at).where(
            columns.topic == topic, columns.digest.in_(chunk), reinstatements.STANDS
        )
        for row in connection.execute(statement):
            found[row.digest] = reinstatements.closed_at(row.reason, row.removed_at)
    return found


def _of_posts(posts: Iterable[PlatformId]) -> Iterator[ColumnElement[bool]]:
    """Conditions for posts and for the reposts that repeat them."""
    repost = POSTS.c.kind == literal_column("'repost'")  # As in the index, so that it is used.
    for platform, native_ids in _by_platform(posts).items():
        for chunk in in_chunks(native_ids):
            here = POSTS.c.platform == platform
            yield and_(here, POSTS.c.native_id.in_(chunk))
            yield and_(here, repost, POSTS.c.reference.in_(chunk))


def _remove(
    connection: Connection,
    topic: str,
    which: Iterable[ColumnElement[bool]],
    *,
    keep_answers: bool,
) -> int:
    """Removes posts with all that hangs on them, and marks their days.

    With `keep_answers` what was answered about audited ones stays, without the posts.
    """
    removed = 0
    touched: set[date] = set()
    for condition in which:
        here = and_(POSTS.c.topic == topic, condition)
        touched.update(connection.execute(select(POSTS.c.day).distinct().where(here)).scalars())
        tallies.take_posts(connection, topic, here)
        if keep_answers:
            audit.keep_removed(connection, topic, condition)
        removed += connection.execute(delete(POSTS).where(here)).rowcount
    days.mark(connection, topic, touched)
    return removed


def _by_platform(ids: Iterable[PlatformId]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for platform, name in ids:
        grouped[platform].append(name)
    return grouped
