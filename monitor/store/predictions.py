"""Predictions: which are missing, which are known, and how they are stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import Connection, Select, exists, func, insert, select, union

from monitor.errors import StoreError
from monitor.store import aside, audit, claims, days, labels, releases, unscored
from monitor.store.chunks import besides, in_chunks
from monitor.store.engine import insert_into
from monitor.store.rows import POSTS, PREDICTIONS, REMOVED_ANSWERS, TARGETS, UNSCORED
from monitor.store.scores import pack, unpack
from monitor.store.unscored import Wanted
from monitor.store.values import PendingPost, Prediction, with_text

_ANSWERS = PREDICTIONS.c


def pending(connection: Connection, wanted: Wanted, limit: int) -> list[PendingPost]:
    """Gives posts that lack one of the answers, newest first.

    From the queue if it is that of these answers; else by looking at every post.
    """
    if unscored.serves(connection, wanted):
        return _posts_of(connection, unscored.newest(connection, wanted.topic, limit))
    statement = (
        select(POSTS.c.id, POSTS.c.text, POSTS.c.text_digest)
        .where(unscored.unanswered(wanted))
        .order_by(POSTS.c.created_at.desc(), POSTS.c.native_id)
        .limit(limit)
    )
    return [PendingPost(*row) for row in connection.execute(statement)]


def claim(
    connection: Connection, wanted: Wanted, what: claims.Claim, limit: int
) -> list[PendingPost]:
    """Gives posts that lack one of the answers and that nobody else is scoring, newest first.

    Where the queue is that of other answers nothing can be claimed; `pending` tells then.
    """
    if not unscored.serves(connection, wanted):
        return pending(connection, wanted, limit)
    return _posts_of(connection, claims.take(connection, wanted.topic, what, limit))


def pending_count(connection: Connection, wanted: Wanted) -> int:
    """Counts the posts that lack one of the answers."""
    if unscored.serves(connection, wanted):
        return unscored.count(connection, wanted.topic)
    statement = select(func.count()).where(unscored.unanswered(wanted))
    return connection.execute(statement).scalar_one()


def is_pending(connection: Connection, wanted: Wanted, among: tuple[int, int] | None) -> bool:
    """Tells whether a post lacks one of the answers."""
    if unscored.serves(connection, wanted):
        return unscored.has_any(connection, wanted.topic, among)
    statement = select(POSTS.c.id).where(unscored.unanswered(wanted))
    if among is not None:
        first, end = among
        statement = statement.where(POSTS.c.id >= first, POSTS.c.id < end)
    return connection.execute(statement.limit(1)).first() is not None


def is_behind(connection: Connection, wanted: Wanted, shown: str) -> bool:
    """Tells whether a post lacks one of the answers that another version has answered about."""
    post, lacking = POSTS.c.id, unscored.unanswered(wanted)
    if unscored.serves(connection, wanted):
        post, lacking = UNSCORED.c.post_id, UNSCORED.c.topic == wanted.topic
    answered = exists().where(
        _ANSWERS.post_id == post, _ANSWERS.version == shown, aside.is_present(_ANSWERS.target)
    )
    return connection.execute(select(post).where(lacking, answered).limit(1)).first() is not None


def _posts_of(connection: Connection, ids: Sequence[int]) -> list[PendingPost]:
    """Reads posts by id, in the order of the ids."""
    found: dict[int, PendingPost] = {}
    for chunk in in_chunks(ids):
        statement = select(POSTS.c.id, POSTS.c.text, POSTS.c.text_digest).where(
            POSTS.c.id.in_(chunk)
        )
        found |= {row.id: PendingPost(*row) for row in connection.execute(statement)}
    return [found[post_id] for post_id in ids]


def known(
    connection: Connection, topic: str, version: str, digests: Sequence[str]
) -> dict[tuple[str, str, str], tuple[str, tuple[int, ...]]]:
    """Gives label and scores by (text digest, head, target)."""
    found = {}
    for chunk in in_chunks(digests):
        statement = _predictions_of(topic).where(
            POSTS.c.text_digest.in_(chunk),
            _ANSWERS.version == version,
            aside.is_present(_ANSWERS.target),
        )
        for row in connection.execute(statement):
            found[row.text_digest, row.head, row.target] = (row.label, unpack(row.scores))
    return found


def save(
    connection: Connection,
    topic: str,
    version: str,
    found: Sequence[Prediction],
    asked: Mapping[str, str],
) -> int:
    """Stores the answers that still fit their post, and marks the days of the new ones."""
    _check_asked(connection, topic, asked)
    new: dict[tuple[int, str, str], Prediction] = {}
    touched: set[date] = set()
    for chunk in in_chunks(found):
        ids = {prediction.post_id for prediction in chunk}
        posts = _posts(connection, topic, ids)
        there = _answered(connection, version, ids)
        for prediction in chunk:
            key = (prediction.post_id, prediction.head, prediction.target)
            digest, day = posts.get(prediction.post_id, (None, None))
            if day is not None and digest == prediction.text_digest and key not in there:
                new.setdefault(key, prediction)
                touched.add(day)
    if new:
        connection.execute(insert(PREDICTIONS), [_row(version, p) for p in new.values()])
    answered = {prediction.post_id for prediction in found}
    unscored.drop_answered(connection, topic, answered)
    claims.let_go(connection, topic, answered)
    days.mark(connection, topic, touched)
    return len(new)


def sync_targets(connection: Connection, topic: str, targets: Mapping[str, str]) -> list[str]:
    """Remembers the targets' texts; returns which targets had another one.

    What was answered, counted, shown and said with that text is put aside, and what was with the
    present one counts again: none of it can be made anew once posts have lost their texts, and
    an answer out of fold not even before.
    """
    before = target_texts(connection, topic)
    changed = [name for name, text in targets.items() if before.get(name, text) != text]
    for name in changed:
        _reword(connection, topic, name, before=before[name], now=targets[name])
    rows = [
        {"topic": topic, "name": name, "text": text}
        for name, text in targets.items()
        if before.get(name) != text
    ]
    if rows:
        insertion = insert_into(connection, TARGETS)
        insertion = insertion.on_conflict_do_update(
            index_elements=[TARGETS.c.topic, TARGETS.c.name],
            set_={"text": insertion.excluded.text},
        )
        connection.execute(insertion, rows)
    return changed


def _reword(connection: Connection, topic: str, target: str, *, before: str, now: str) -> None:
    touched = _days_of(connection, topic, (target, with_text(target, now)))
    for put_aside in (
        _put_aside, days.put_aside, audit.put_aside, releases.put_aside, labels.put_aside
    ):  # fmt: skip
        put_aside(connection, topic, target, before=before, now=now)
    unscored.forget(connection, topic)
    days.mark_later(connection, topic, touched)


def _put_aside(connection: Connection, topic: str, target: str, *, before: str, now: str) -> None:
    here = _ANSWERS.post_id.in_(select(POSTS.c.id).where(POSTS.c.topic == topic))
    aside.exchange(connection, PREDICTIONS, here, target, before=before, now=now)


def _days_of(connection: Connection, topic: str, targets: Sequence[str]) -> list[date]:
    """The days with answers about targets, also where the post has gone."""
    asked = _ANSWERS.target.in_(targets)
    answered = select(POSTS.c.day).where(
        POSTS.c.topic == topic, exists().where(_ANSWERS.post_id == POSTS.c.id, asked)
    )
    row = REMOVED_ANSWERS.c
    removed = select(row.day).where(row.topic == topic, row.target.in_(targets))
    return list(connection.execute(union(answered, removed)).scalars())


def _check_asked(connection: Connection, topic: str, asked: Mapping[str, str]) -> None:
    """Refuses answers to a target's former text: under its name they would be the present one's."""
    now = target_texts(connection, topic)
    for name, text in asked.items():
        if now.get(name, text) != text:
            raise StoreError(
                f"target {name} of {topic} is asked as {now[name]!r} now, and this was about "
                f"{text!r}",
                hint="run it again; restart a daemon or worker that began with the former text",
            )


def target_texts(connection: Connection, topic: str) -> dict[str, str]:
    """The texts by name that a topic's targets are asked with, as last noted."""
    statement = select(TARGETS.c.name, TARGETS.c.text).where(TARGETS.c.topic == topic)
    return {row.name: row.text for row in connection.execute(statement)}


def _predictions_of(topic: str) -> Select[tuple[str, str, str, str, str]]:
    return (
        select(POSTS.c.text_digest, _ANSWERS.head, _ANSWERS.target, _ANSWERS.label, _ANSWERS.scores)
        .select_from(POSTS.join(PREDICTIONS, _ANSWERS.post_id == POSTS.c.id))
        .where(POSTS.c.topic == topic)
    )


def _posts(connection: Connection, topic: str, ids: set[int]) -> dict[int, tuple[str, date]]:
    statement = select(POSTS.c.id, POSTS.c.text_digest, POSTS.c.day).where(
        POSTS.c.id.in_(ids), besides(POSTS.c.topic, topic)
    )
    return {row.id: (row.text_digest, row.day) for row in connection.execute(statement)}


def _answered(connection: Connection, version: str, ids: set[int]) -> set[tuple[int, str, str]]:
    statement = select(_ANSWERS.post_id, _ANSWERS.head, _ANSWERS.target).where(
        _ANSWERS.post_id.in_(ids), _ANSWERS.version == version
    )
    return {(row.post_id, row.head, row.target) for row in connection.execute(statement)}


def _row(version: str, prediction: Prediction) -> dict[str, object]:
    return {
        "post_id": prediction.post_id,
        "version": version,
        "head": prediction.head,
        "target": prediction.target,
        "label": prediction.label,
        "scores": pack(prediction.scores),
    }
