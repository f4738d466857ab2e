"""Copies of labelled texts take their labels, so that a text is asked once and counts each time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, delete, or_, select

from monitor.store import draw
from monitor.store.chunks import besides, in_chunks
from monitor.store.draw import Wanted
from monitor.store.engine import reading, writing
from monitor.store.face_rows import LABEL_MARKS
from monitor.store.labels import KEY, VALUES, AnyRow, deciding, write
from monitor.store.rows import LABELS, POSTS
from monitor.store.values import Question
from monitor.text_digest import text_digest

_EARLIER = timedelta(milliseconds=1)
"""How long before its twin's a copy's label is dated, so that undoing goes by the twin."""
_FIRST = datetime.min.replace(tzinfo=UTC) + _EARLIER
_WHOLE_POST: Question = ("", "")

Copies = dict[tuple[int, Question], int]
"""Labelled twins by the copy and the question that they answer for it."""


@dataclass(slots=True)
class _Met:
    """What was found of one question.

    Attributes:
        end: The lot of the first post that still has to be asked, None where there is none.
        copies: Lots of unlabelled copies of labelled texts, each with the post and its twin.
    """

    end: bytes | None = None
    copies: list[tuple[bytes, int, int]] = field(default_factory=list)


def echo(engine: Engine, wanted: Wanted) -> int:
    """Labels copies of labelled texts with those texts' labels; returns how many posts.

    Question by question, in the order of the draw, up to the first post that still has to be
    asked and no further: copies beyond it would be labelled while other texts there are not.
    A post about which somebody was unsure, or which they skipped, has been asked: it stays
    without a label, and so do its copies. What settles one settles it for all (`settle`).
    """
    with reading(engine) as connection:  # Every post is looked at, while others may write.
        copies = _copies(connection, wanted)
        unsettled = _unsettled(connection, wanted.topic)
    if not copies and not unsettled:
        return 0
    with writing(engine) as connection:
        labelled = _label(connection, copies)
        settle(connection, wanted.topic)
    return labelled


def settle(connection: Connection, topic: str) -> None:
    """Lets what settles a text's question settle it for all labelled posts with that text.

    However they were chosen: the audit holds no other posts than before.
    """
    write(connection, _unsettled(connection, topic))


def _unsettled(connection: Connection, topic: str) -> list[dict[str, Any]]:
    """The settling labels that posts lack: the last one about their text."""
    found: dict[tuple[str, Question], dict[int, list[AnyRow]]]
    found = defaultdict(lambda: defaultdict(list))
    posts = LABELS.join(POSTS, LABELS.c.post_id == POSTS.c.id)
    settled = (
        select(POSTS.c.text_digest)
        .select_from(posts)
        .where(
            besides(POSTS.c.topic, topic),
            POSTS.c.text_digest != text_digest(""),
            LABELS.c.decides,
        )
    )
    statement = (
        select(POSTS.c.text_digest, *LABELS.c)
        .select_from(posts)
        .where(besides(POSTS.c.topic, topic), POSTS.c.text_digest.in_(settled))
    )
    for row in connection.execute(statement):
        found[row.text_digest, (row.head, row.target)][row.post_id].append(row)
    return [label for of_post in found.values() for label in _lacking(of_post)]


def _lacking(of_post: Mapping[int, Sequence[AnyRow]]) -> Iterator[dict[str, Any]]:
    """What settles a question about a text, for each post that has nothing as late."""
    counting = {post_id: deciding(rows) for post_id, rows in of_post.items()}
    settling = [row for rows in counting.values() for row in rows if row.decides]
    if not settling:
        return
    last = max(settling, key=lambda row: row.labelled_at)
    at = _before(last.labelled_at)
    for post_id, rows in counting.items():
        is_settled = any(row.decides and row.labelled_at >= at for row in rows)
        says_else = any(
            row.annotator == last.annotator and row.labelled_at > at for row in of_post[post_id]
        )
        if not is_settled and not says_else:
            yield {
                **{name: getattr(last, name) for name in (*KEY, *VALUES)},
                **{"post_id": post_id, "sample": rows[0].sample, "labelled_at": at},
            }


def _label(connection: Connection, copies: Copies) -> int:
    rows: list[dict[str, Any]] = []
    of_twin = _labels(connection, sorted(set(copies.values())))
    texts = _texts(connection, {*(post_id for post_id, _ in copies), *copies.values()})
    for (post_id, question), twin in copies.items():
        if texts.get(post_id) != texts.get(twin):  # One of them was edited or removed meanwhile.
            continue
        for label in of_twin[twin, question]:
            at = _before(label["labelled_at"])
            rows.append(label | {"post_id": post_id, "labelled_at": at})
    # In the place of what was said of a copy when it was chosen.
    write(connection, rows, where=LABELS.c.sample != "random")
    return len({row["post_id"] for row in rows})


def _before(at: datetime) -> datetime:
    return max(at, _FIRST) - _EARLIER


def _texts(connection: Connection, post_ids: Iterable[int]) -> dict[int, str]:
    """The digests of the posts' texts; a post that was removed has none."""
    found: dict[int, str] = {}
    for chunk in in_chunks(post_ids):
        statement = select(POSTS.c.id, POSTS.c.text_digest).where(POSTS.c.id.in_(chunk))
        found |= {row.id: row.text_digest for row in connection.execute(statement)}
    return found


def take_back(connection: Connection, topic: str, twin: tuple[int, str, datetime]) -> None:
    """Takes a label back from the copies that have taken it.

    Args:
        connection: In a transaction.
        topic: The post's.
        twin: The labelled post, its annotator and when they labelled it.
    """
    post_id, annotator, at = twin
    text = select(POSTS.c.text_digest).where(POSTS.c.id == post_id).scalar_subquery()
    same = select(POSTS.c.id).where(
        POSTS.c.topic == topic, POSTS.c.text_digest == text, POSTS.c.id != post_id
    )
    connection.execute(
        delete(LABELS).where(
            LABELS.c.post_id.in_(same),
            LABELS.c.annotator == annotator,
            or_(LABELS.c.sample == "random", LABELS.c.decides),
            LABELS.c.labelled_at == _before(at),
        )
    )


def _copies(connection: Connection, wanted: Wanted) -> Copies:
    labelled = draw.labelled(connection, wanted.topic)
    if not labelled:
        return {}
    own = {(row.id, (row.head, row.target)) for row in labelled}
    twins = {((row.head, row.target), row.text_digest): row.id for row in labelled}
    asked = _asked_texts(connection, wanted)
    found = {question: _Met() for question in wanted.questions}
    for row in draw.candidates(connection, wanted):
        lot = draw.lot_of(row)
        for question, met in found.items():
            about = (question, row.text_digest)
            if (row.id, question) in own:
                continue
            if about in twins:
                if met.end is None or lot < met.end:
                    met.copies.append((lot, row.id, twins[about]))
            elif about not in asked:
                met.end = lot if met.end is None else min(lot, met.end)
    return {
        (post_id, question): twin
        for question, met in found.items()
        for lot, post_id, twin in met.copies
        if met.end is None or lot < met.end
    }


def _labels(
    connection: Connection, post_ids: Iterable[int]
) -> dict[tuple[int, Question], list[dict[str, Any]]]:
    """The random labels of posts, by question."""
    found: dict[tuple[int, Question], list[dict[str, Any]]] = defaultdict(list)
    for chunk in in_chunks(post_ids):
        statement = select(LABELS).where(LABELS.c.post_id.in_(chunk), LABELS.c.sample == "random")
        for row in connection.execute(statement).mappings():
            found[row["post_id"], (row["head"], row["target"])].append(dict(row))
    return found


def _asked_texts(connection: Connection, wanted: Wanted) -> set[tuple[Question, str]]:
    """What somebody was asked about a text in vain: they were unsure, or skipped it."""
    asked: set[tuple[Question, str]] = set()
    mark = LABEL_MARKS.c
    statement = (
        select(POSTS.c.text_digest, mark.head, mark.target)
        .select_from(LABEL_MARKS.join(POSTS, mark.post_id == POSTS.c.id))
        .where(besides(POSTS.c.topic, wanted.topic), POSTS.c.text != "")
        .where(mark.mark.in_(["unsure", "skip"]))
    )
    for row in connection.execute(statement):
        question = (row.head, row.target)
        about = wanted.questions if question == _WHOLE_POST else (question,)
        asked.update((one, row.text_digest) for one in about)
    return asked
