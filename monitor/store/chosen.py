"""Posts that a version would learn much from: chosen once in a while, asked for until labelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, exists, insert, select, true

from monitor.store import aside
from monitor.store.chunks import in_chunks
from monitor.store.draw import Days, of_days, opinions
from monitor.store.face_rows import LABEL_MARKS
from monitor.store.rows import CHOSEN_POSTS, LABELS, POSTS, PREDICTIONS
from monitor.store.scores import unpack
from monitor.store.values import Candidate, Question


@dataclass(frozen=True, slots=True)
class Choice:
    """Which posts were chosen, best first, by which version and when."""

    post_ids: tuple[int, ...]
    reason: str
    version: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Answered:
    """Which opinions are looked at: those that a version has answered.

    Attributes:
        days: Those of the posts; None for all that are stored.
    """

    topic: str
    version: str
    languages: tuple[str, ...]
    days: Days | None = None


def replace(connection: Connection, topic: str, choice: Choice) -> None:
    """Puts new choices in the place of the topic's earlier ones."""
    connection.execute(delete(CHOSEN_POSTS).where(CHOSEN_POSTS.c.topic == topic))
    rows = [
        {
            "post_id": post_id,
            "topic": topic,
            "place": place,
            "reason": choice.reason,
            "version": choice.version,
            "chosen_at": choice.at,
        }
        for place, post_id in enumerate(choice.post_ids)
    ]
    if rows:
        connection.execute(insert(CHOSEN_POSTS), rows)


def waiting(
    connection: Connection, topic: str, annotator: str = "", *, days: Days | None = None
) -> list[int]:
    """Gives the chosen posts that nobody has labelled, nor this annotator marked, best first."""
    labelled = exists().where(LABELS.c.post_id == CHOSEN_POSTS.c.post_id)
    mark = LABEL_MARKS.c
    marked = exists().where(mark.post_id == CHOSEN_POSTS.c.post_id, mark.annotator == annotator)
    statement = (
        select(CHOSEN_POSTS.c.post_id)
        .join(POSTS, POSTS.c.id == CHOSEN_POSTS.c.post_id)
        .where(CHOSEN_POSTS.c.topic == topic, POSTS.c.text != "", of_days(days))
        .where(~labelled, ~marked)
        .order_by(CHOSEN_POSTS.c.place)
    )
    return list(connection.execute(statement).scalars())


def candidates(connection: Connection, of: Answered, *, limit: int) -> list[Candidate]:
    """Gives unlabelled opinions with the version's answers, the newest first."""
    labelled = exists().where(LABELS.c.post_id == POSTS.c.id)
    return _newest(connection, of, limit, ~labelled)


def newest_answered(connection: Connection, of: Answered, *, limit: int) -> list[Candidate]:
    """Gives opinions with the version's answers, labelled or not, the newest first."""
    return _newest(connection, of, limit, true())


def _newest(
    connection: Connection, of: Answered, limit: int, which: ColumnElement[bool]
) -> list[Candidate]:
    answered = exists().where(
        PREDICTIONS.c.post_id == POSTS.c.id,
        PREDICTIONS.c.version == of.version,
        aside.is_present(PREDICTIONS.c.target),
    )
    statement = (
        select(POSTS.c.id, POSTS.c.text, POSTS.c.text_digest)
        .where(*opinions(of.topic, of.languages, of.days), which, answered)
        .order_by(POSTS.c.created_at.desc(), POSTS.c.id.desc())
        .limit(limit)
    )
    rows = list(connection.execute(statement))
    scores = _scores(connection, of.version, [row.id for row in rows])
    return [Candidate(row.id, row.text, row.text_digest, scores.get(row.id, {})) for row in rows]


def _scores(
    connection: Connection, version: str, ids: Sequence[int]
) -> dict[int, dict[Question, tuple[int, ...]]]:
    found: dict[int, dict[Question, tuple[int, ...]]] = {}
    answer = PREDICTIONS.c
    for chunk in in_chunks(ids):
        statement = select(answer.post_id, answer.head, answer.target, answer.scores).where(
            answer.post_id.in_(chunk),
            answer.version == version,
            aside.is_present(answer.target),
        )
        for row in connection.execute(statement):
            found.setdefault(row.post_id, {})[row.head, row.target] = unpack(row.scores)
    return found
