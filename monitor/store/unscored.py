"""The queue of posts that lack an answer, so that finding them costs what they are.

It belongs to one version, its questions and the topic's languages (`scoring`), and holds then
exactly the posts that `unanswered` describes: whatever changes that writes here as well.

It is filled in steps. Until all are done `scoring` names the version with the ids that are left,
as no version is called: it serves nobody yet, but what changes is written to it already.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    exists,
    false,
    func,
    or_,
    select,
    update,
)

from monitor.kept import KeptPost
from monitor.languages import scored_languages
from monitor.store import steps
from monitor.store.bulk import insert_rows
from monitor.store.chunks import besides, in_chunks
from monitor.store.engine import insert_into
from monitor.store.rows import POSTS, PREDICTIONS, SCORING, UNSCORED
from monitor.store.steps import Ids
from monitor.store.values import Question

_COLUMNS = ("post_id", "topic", "created_at", "native_id")
_FILLING = " without posts "


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which answers are wanted, and about which posts."""

    topic: str
    version: str
    questions: tuple[Question, ...]
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Queue:
    """Whose the queue is, and the ids of posts that it still lacks."""

    wanted: Wanted
    left: Ids | None

    def is_for(self, wanted: Wanted) -> bool:
        """Whether it is, or will be, that of these answers."""
        return _key(self.wanted) == _key(wanted)


def unanswered(wanted: Wanted, *, by_id: bool = False) -> ColumnElement[bool]:
    """The posts that lack one of the answers.

    Args:
        wanted: The answers.
        by_id: They are sought among posts whose ids are known.
    """
    topic = POSTS.c.topic
    lacking = (~_has_answer(wanted.version, question, POSTS.c.id) for question in wanted.questions)
    return and_(
        besides(topic, wanted.topic) if by_id else topic == wanted.topic,
        POSTS.c.text != "",
        POSTS.c.language.in_(scored_languages(wanted.languages)),
        or_(false(), *lacking),
    )


def begin(connection: Connection, wanted: Wanted) -> bool:
    """Makes the queue that of these answers; tells whether it is to be filled (`fill`)."""
    queue = _queue(connection, wanted.topic)
    if queue is not None and queue.is_for(wanted):
        return queue.left is not None
    forget(connection, wanted.topic)
    first, end = steps.span(connection, POSTS.c.topic == wanted.topic)
    left = (first, end) if first < end else None
    connection.execute(
        insert_into(connection, SCORING).values(
            topic=wanted.topic,
            version=_named(wanted.version, left),
            questions=[list(question) for question in wanted.questions],
            languages=list(wanted.languages),
        )
    )
    return left is not None


def fill(connection: Connection, wanted: Wanted) -> bool:
    """Looks at the next posts that may lack an answer; tells whether there are more.

    There are none where the queue has become another's meanwhile.
    """
    queue = _queue(connection, wanted.topic)
    if queue is None or queue.left is None or not queue.is_for(wanted):
        return False
    first, end = queue.left
    now = min(first + steps.SIZE, end)
    _enqueue(connection, wanted, steps.between(POSTS.c.id, (first, now)))
    left = (now, end) if now < end else None
    mark = update(SCORING).where(SCORING.c.topic == wanted.topic)
    connection.execute(mark.values(version=_named(wanted.version, left)))
    return left is not None


def forget(connection: Connection, topic: str) -> None:
    """Empties the queue; it serves nobody until the next `begin`."""
    connection.execute(delete(UNSCORED).where(UNSCORED.c.topic == topic))
    connection.execute(delete(SCORING).where(SCORING.c.topic == topic))


def serves(connection: Connection, wanted: Wanted) -> bool:
    """Tells whether the queue is that of these answers."""
    queue = _queue(connection, wanted.topic)
    return queue is not None and queue.left is None and queue.is_for(wanted)


def add_new(connection: Connection, topic: str, posts: Iterable[tuple[int, KeptPost]]) -> None:
    """Queues posts, with their ids, that were inserted just now: nobody has answered them yet."""
    wanted = _wanted(connection, topic)
    if wanted is None or not wanted.questions:
        return
    languages = scored_languages(wanted.languages)
    rows = (
        (post_id, topic, post.created_at, post.native_id)
        for post_id, post in posts
        if post.text and post.language in languages
    )
    insert_rows(connection, UNSCORED, _COLUMNS, rows)


def add_changed(connection: Connection, topic: str, post_ids: Iterable[int]) -> None:
    """Queues anew the posts whose text, language or time has changed, or takes them out."""
    wanted = _wanted(connection, topic)
    if wanted is None:
        return
    for chunk in in_chunks(post_ids):
        connection.execute(delete(UNSCORED).where(UNSCORED.c.post_id.in_(chunk)))
        _enqueue(connection, wanted, POSTS.c.id.in_(chunk))


def drop_answered(connection: Connection, topic: str, post_ids: Iterable[int]) -> None:
    """Takes posts out that have every answer now."""
    wanted = _wanted(connection, topic)
    if wanted is None:
        return
    answered = [_has_answer(wanted.version, q, UNSCORED.c.post_id) for q in wanted.questions]
    for chunk in in_chunks(post_ids):
        connection.execute(delete(UNSCORED).where(UNSCORED.c.post_id.in_(chunk), *answered))


def newest(connection: Connection, topic: str, limit: int) -> list[int]:
    """Gives ids of queued posts, the newest first."""
    statement = (
        select(UNSCORED.c.post_id)
        .where(UNSCORED.c.topic == topic)
        .order_by(UNSCORED.c.created_at.desc(), UNSCORED.c.native_id)
        .limit(limit)
    )
    return list(connection.execute(statement).scalars())


def has_any(connection: Connection, topic: str, among: tuple[int, int] | None) -> bool:
    """Tells whether any post is queued."""
    statement = select(UNSCORED.c.post_id).where(UNSCORED.c.topic == topic)
    if among is not None:
        first, end = among
        statement = statement.where(UNSCORED.c.post_id >= first, UNSCORED.c.post_id < end)
    return connection.execute(statement.limit(1)).first() is not None


def ranges(connection: Connection, topic: str, posts: int) -> list[tuple[int, int]]:
    """Cuts the queue into ranges [first, end) of post ids, each of so many queued posts."""
    number = func.row_number().over(order_by=UNSCORED.c.post_id)
    queued = select(UNSCORED.c.post_id, number.label("number")).where(UNSCORED.c.topic == topic)
    rows = queued.subquery()
    starts = select(rows.c.post_id).where((rows.c.number - 1) % posts == 0)
    firsts = list(connection.execute(starts.order_by(rows.c.post_id)).scalars())
    last = select(func.max(UNSCORED.c.post_id)).where(UNSCORED.c.topic == topic)
    end: int | None = connection.execute(last).scalar_one()
    return list(pairwise([*firsts, end + 1])) if end is not None else []


def count(connection: Connection, topic: str) -> int:
    """Counts the queued posts."""
    statement = select(func.count()).where(UNSCORED.c.topic == topic)
    return connection.execute(statement).scalar_one()


def _enqueue(connection: Connection, wanted: Wanted, which: ColumnElement[bool]) -> None:
    posts = POSTS.c
    chosen = select(posts.id, posts.topic, posts.created_at, posts.native_id).where(
        unanswered(wanted, by_id=True), which
    )
    insertion = insert_into(connection, UNSCORED).from_select(_COLUMNS, chosen)
    connection.execute(insertion.on_conflict_do_nothing())


def _wanted(connection: Connection, topic: str) -> Wanted | None:
    queue = _queue(connection, topic)
    return None if queue is None else queue.wanted


def _queue(connection: Connection, topic: str) -> _Queue | None:
    row = connection.execute(select(SCORING).where(SCORING.c.topic == topic)).one_or_none()
    if row is None:
        return None
    questions = tuple((head, target) for head, target in row.questions)
    version, _, left = row.version.partition(_FILLING)
    first, _, end = left.partition("-")
    wanted = Wanted(topic, version, questions, tuple(row.languages))
    return _Queue(wanted, (int(first), int(end)) if left else None)


def _named(version: str, left: Ids | None) -> str:
    return version if left is None else f"{version}{_FILLING}{left[0]}-{left[1]}"


def _key(wanted: Wanted) -> tuple[object, ...]:
    return (wanted.topic, wanted.version, set(wanted.questions), set(wanted.languages))


def _has_answer(
    version: str, question: Question, post_id: ColumnElement[int]
) -> ColumnElement[bool]:
    head, target = question
    answer = PREDICTIONS.c
    return exists().where(
        answer.post_id == post_id,
        answer.version == version,
        answer.head == head,
        answer.target == target,
    )
