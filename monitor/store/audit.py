"""The audit: what people said of randomly drawn posts, beside what a version said of the same.

When a post goes, its labels go with it, and nobody learns from them any more. If the audit that is
shown lacked them at once, whoever compares it with the one before would know what had been said
of this one post. So its answers stay in the audit, without the post, until those of enough people
have gone from the same cell (`let_go`).
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from hashlib import blake2b
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, insert, select, update

from monitor.store import aside
from monitor.store.chunks import besides, in_chunks
from monitor.store.labels import truth_of
from monitor.store.rows import LABELS, POSTS, PREDICTIONS, REMOVED_ANSWERS
from monitor.store.scores import unpack
from monitor.store.values import SAMPLE_SOURCE, AuditLabel, Question

_PLACE = ("day", "platform", "cohort", "language")
_CELL = ("version", "head", "target", *_PLACE)
_ANSWER = ("truth", "predicted", "scores")

AnyRow = Row[*tuple[Any, ...]]
Answer = dict[str, Any]
"""A post's cell, author, truth, prediction and scores, as they are stored."""


def labels(
    connection: Connection, topic: str, question: Question, version: str
) -> list[AuditLabel]:
    """Gives randomly drawn posts with the people's and the version's answer, sorted.

    The order is that of what is told of a post, so that it does not tell which posts are gone.
    """
    head, target = question
    answers = PREDICTIONS.c
    asked = and_(answers.version == version, LABELS.c.head == head, LABELS.c.target == target)
    there = _answers(connection, and_(besides(POSTS.c.topic, topic), asked))
    gone = _removed(connection, topic, question, version)
    found = [_label(each) for each in (*there, *gone)]
    return sorted(
        found, key=lambda each: tuple(getattr(each, name) for name in (*_PLACE, *_ANSWER))
    )


def keep_removed(connection: Connection, topic: str, which: ColumnElement[bool]) -> None:
    """Keeps the answers about those of the posts that are audited and about to go.

    Bundled sample posts are nobody's, and leave nothing behind when real ones come.
    """
    here = and_(POSTS.c.topic == topic, POSTS.c.source != SAMPLE_SOURCE, which)
    rows = [
        answer | {"topic": topic, "author": _digest(answer["author"])}
        for answer in _answers(connection, here)
    ]
    if rows:
        connection.execute(insert(REMOVED_ANSWERS), rows)


def let_go(connection: Connection, topic: str, minimum: int) -> int:
    """Drops removed answers of the cells from which those of enough known people have gone.

    Returns:
        How many went.
    """
    row = REMOVED_ANSWERS.c
    cell = [row[name] for name in _CELL]
    statement = (
        select(*cell)
        .where(row.topic == topic)
        .group_by(*cell)
        .having(func.count(row.author.distinct()) >= minimum)
    )
    gone = 0
    for each in connection.execute(statement).all():
        here = [column == value for column, value in zip(cell, each, strict=True)]
        gone += connection.execute(
            delete(REMOVED_ANSWERS).where(row.topic == topic, *here)
        ).rowcount
    return gone


def forget_authors(connection: Connection, topic: str, pseudonyms: Iterable[str]) -> None:
    """Puts authors who never were in the place of some that are to be forgotten, one for each."""
    row = REMOVED_ANSWERS.c
    digests = [_digest(pseudonym) for pseudonym in pseudonyms]
    for chunk in in_chunks(digests):
        here = and_(row.topic == topic, row.author.in_(chunk))
        for digest in connection.execute(select(row.author).distinct().where(here)).scalars().all():
            one = and_(row.topic == topic, row.author == digest)
            blank = secrets.token_hex(16)
            connection.execute(update(REMOVED_ANSWERS).where(one).values(author=blank))


def drop_versions(connection: Connection, topic: str, gone: Collection[str]) -> None:
    """Drops the removed answers of versions."""
    row = REMOVED_ANSWERS.c
    connection.execute(delete(REMOVED_ANSWERS).where(row.topic == topic, row.version.in_(gone)))


def put_aside(connection: Connection, topic: str, target: str, *, before: str, now: str) -> None:
    """Puts aside the removed answers about a target whose text has changed."""
    here = REMOVED_ANSWERS.c.topic == topic
    aside.exchange(connection, REMOVED_ANSWERS, here, target, before=before, now=now)


def _answers(connection: Connection, which: ColumnElement[bool]) -> Iterator[Answer]:
    """Gives the answers about audited posts; where annotators are even, there is none."""
    answer = PREDICTIONS.c
    same_question = and_(
        answer.post_id == POSTS.c.id,
        answer.head == LABELS.c.head,
        answer.target == LABELS.c.target,
    )
    statement = (
        select(
            *(POSTS.c[name] for name in ("id", "author", *_PLACE)),
            *(LABELS.c[name] for name in ("head", "target", "label", "labelled_at", "decides")),
            answer.version,
            answer.label.label("predicted"),
            answer.scores,
        )
        .select_from(
            POSTS.join(LABELS, LABELS.c.post_id == POSTS.c.id).join(PREDICTIONS, same_question)
        )
        .where(which, LABELS.c.sample == "random")
    )
    of_answer: dict[tuple[Any, ...], list[AnyRow]] = defaultdict(list)
    for row in connection.execute(statement):
        of_answer[row.id, row.version, row.head, row.target].append(row)
    for rows in of_answer.values():
        truth = truth_of(rows)
        if truth is not None:
            names = (*_CELL, "author", "predicted", "scores")
            yield {name: getattr(rows[0], name) for name in names} | {"truth": truth}


def _removed(connection: Connection, topic: str, question: Question, version: str) -> list[Answer]:
    row = REMOVED_ANSWERS.c
    statement = select(*(row[name] for name in (*_PLACE, *_ANSWER))).where(
        row.topic == topic,
        row.version == version,
        row.head == question[0],
        row.target == question[1],
    )
    return [dict(each) for each in connection.execute(statement).mappings()]


def _label(answer: Answer) -> AuditLabel:
    values = {name: answer[name] for name in (*_PLACE, *_ANSWER)}
    return AuditLabel(**values | {"scores": unpack(answer["scores"])})


def _digest(author: str | None) -> str | None:
    return None if author is None else blake2b(author.encode(), digest_size=16).hexdigest()
