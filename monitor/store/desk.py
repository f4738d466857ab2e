"""The labelling desk: which post an annotator sees next, and what they say about it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Row, Table, delete, func, or_, select, true

from monitor.store import chosen, draw, echo, undo
from monitor.store.chunks import besides, in_chunks
from monitor.store.engine import insert_into, reading, writing
from monitor.store.face_rows import LABEL_MARKS
from monitor.store.labels import KEY, conflicts
from monitor.store.predictions import target_texts
from monitor.store.rows import LABELS, POSTS
from monitor.store.undo import Undone
from monitor.store.values import Conflict, LabelSample, Question
from monitor.text_digest import text_digest

Mark = Literal["off_topic", "unsure", "skip"]
WHOLE_POST: Question = ("", "")
"""What a mark is about that does not concern one question alone."""

_MARKS_WITH_POSTS = LABEL_MARKS.join(POSTS, LABEL_MARKS.c.post_id == POSTS.c.id)
_LABELS_WITH_POSTS = LABELS.join(POSTS, LABELS.c.post_id == POSTS.c.id)

_OF_ANSWER = ("post_id", "head", "target", "annotator", "label", "decides")
_OF_POST = tuple(
    POSTS.c[name] for name in ("id", "day", "text", "text_digest", "platform", "native_id")
)

AnyRow = Row[*tuple[Any, ...]]
Said = dict[Question, set[str]]
"""Annotators by what they answered."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What is to be labelled by whom.

    Attributes:
        overlap: Part of the posts that two annotators answer, to measure agreement.
        random_part: Part of the posts that are drawn at random, the others being chosen.
        days: Of which the posts are; None for all that are stored.
    """

    topic: str
    annotator: str
    questions: tuple[Question, ...]
    languages: tuple[str, ...]
    overlap: float
    random_part: float = 1.0
    days: draw.Days | None = None


@dataclass(frozen=True, slots=True)
class DeskPost:
    """A post as an annotator sees it: nothing of what the model thinks, nothing of its author.

    Attributes:
        open: The questions that this annotator has not answered, in order.
    """

    id: int
    day: date
    text: str
    text_digest: str
    open: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an annotator says: labels by question, marks by question or of the whole post.

    Attributes:
        sample: How the post was chosen.
        decides: Whether the labels settle what annotators disagree about.
        text_digest: Of the text that was read, None where it is not told; a post edited meanwhile
            takes no answer.
        targets: The digests of targets' texts that were read, by name; one that is asked with
            another text by now takes no answer either.
    """

    post_id: int
    annotator: str
    labels: tuple[tuple[Question, str], ...] = ()
    marks: tuple[tuple[Question, Mark], ...] = ()
    sample: LabelSample = "random"
    decides: bool = False
    text_digest: str | None = None
    targets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeskCounts:
    """How far labelling is.

    Attributes:
        posts: Posts with a random label, by question.
        by_annotator: Random labels of each annotator, those of a text's copies counted once.
        marks: Marks by kind.
        given: The labels of each text with a random label, by question (no label that settles).
    """

    posts: dict[Question, int]
    by_annotator: dict[str, int]
    marks: dict[str, int]
    given: dict[Question, list[list[str]]]


class LabelDesk:
    """Reads and writes what the labelling page needs.

    Args:
        engine: From `open_engine`, migrated.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def draw(self, assignment: Assignment, limit: int) -> list[int]:
        """Draws the posts that this annotator has to answer next; returns their ids.

        The order is the fixed shuffle of `Queries.unlabelled`: it depends on the posts' ids
        alone, never on what a model or a person thinks of them. Texts that they skipped come last,
        the latest skipped at the end, and copies of a text that was answered wait for its labels
        (`echo.py`).
        """
        echo.echo(
            self._engine,
            draw.Wanted(
                assignment.topic, assignment.questions, assignment.languages, assignment.days
            ),
        )
        with reading(self._engine) as connection:
            others, mine, skipped = _state(connection, assignment)
            digests = _digests(connection, assignment, {*others, *mine, *skipped})
            by_others, by_me = _by_text(others, digests), _by_text(mine, digests)
            put_off = {digests.get(post_id, ""): turn for turn, post_id in enumerate(skipped)}
            fresh, again = draw.FirstTexts(limit), draw.FirstTexts(limit)
            for row in _eligible(connection, assignment):
                of_others, text = others.get(row.id, {}), row.text_digest
                left = _left(row, assignment, (of_others, by_me.get(text, ())))
                if not any(one in of_others or one not in by_others.get(text, ()) for one in left):
                    continue
                lot = draw.lot_of(row)
                if text in put_off:
                    again.add(put_off[text].to_bytes(8) + lot, row)
                else:
                    fresh.add(lot, row)
        return [*fresh.post_ids(), *again.post_ids()][:limit]

    def chosen(self, assignment: Assignment, limit: int) -> list[int]:
        """Gives the posts that were chosen because the model would learn much from them.

        Those that this annotator skipped, or was unsure about, come in their turn at random alone.
        """
        with reading(self._engine) as connection:
            waiting = chosen.waiting(
                connection, assignment.topic, assignment.annotator, days=assignment.days
            )
        return waiting[:limit]

    def conflicts(self, topic: str) -> list[Conflict]:
        """Gives what annotators disagree about and nobody has settled, even splits first."""
        with reading(self._engine) as connection:
            return conflicts(connection, topic)

    def text(self, topic: str, post_id: int) -> str:
        """Gives a post's text, empty where it is gone."""
        with reading(self._engine) as connection:
            found = draw.by_id(connection, topic, [post_id]).get(post_id)
        return found.text if found else ""

    def post(
        self, assignment: Assignment, post_id: int, sample: LabelSample = "random"
    ) -> DeskPost | None:
        """Gives a post with its open questions; None where it is gone or wholly answered.

        Drawn at random it is asked again, whatever was said of it when it was chosen: without it
        the audit would lack the posts that the model doubts.
        """
        with reading(self._engine) as connection:
            row = connection.execute(
                select(*_OF_POST).where(
                    POSTS.c.id == post_id, POSTS.c.topic == assignment.topic, POSTS.c.text != ""
                )
            ).one_or_none()
            if row is None:
                return None
            answered = _answered(connection, post_id, assignment.annotator, sample)
            others = _said_of(connection, post_id, assignment.annotator)
        left = _left(row, assignment, (others, answered))
        return DeskPost(row.id, row.day, row.text, row.text_digest, left) if left else None

    def save(self, topic: str, answer: Answer, *, at: datetime) -> bool:
        """Stores an answer; the same again changes nothing. What settles does so for copies too.

        Returns:
            Whether the post and its targets are there, with the texts that were read.
        """
        who = {"post_id": answer.post_id, "annotator": answer.annotator}
        labels = [
            who
            | {"head": head, "target": target, "label": label}
            | {"sample": answer.sample, "decides": answer.decides}
            for (head, target), label in answer.labels
        ]
        marks = [
            who | {"head": head, "target": target, "mark": mark}
            for (head, target), mark in answer.marks
        ]
        with writing(self._engine) as connection:
            if not _is_there(connection, topic, answer):
                return False
            # A later word about a question replaces the earlier one, whatever kind it was.
            _drop(connection, LABEL_MARKS, answer, [question for question, _ in answer.labels])
            _drop(connection, LABELS, answer, [question for question, _ in answer.marks])
            connection.execute(
                delete(LABEL_MARKS).where(
                    LABEL_MARKS.c.post_id == answer.post_id,
                    LABEL_MARKS.c.annotator == answer.annotator,
                    LABEL_MARKS.c.mark == "skip",
                )
            )
            _put(connection, LABELS, labels, "labelled_at", at)
            _put(connection, LABEL_MARKS, marks, "marked_at", at)
            if answer.decides:
                echo.settle(connection, topic)
        return True

    def last(self, topic: str, annotator: str) -> str:
        """Names an annotator's last answer, to take it back; empty where there is none."""
        with reading(self._engine) as connection:
            return undo.name_of_last(connection, topic, annotator)

    def undo(self, topic: str, annotator: str, named: str | None = None) -> Undone | None:
        """Takes back an annotator's last answer and tells its post, None where there is none.

        Copies of the post lose what they took from it. Labels that came in a file are left alone:
        many posts share their moment. Where the last answer is not the one that is named, nothing
        is taken back.
        """
        with writing(self._engine) as connection:
            return undo.undo(connection, topic, annotator, named)

    def counts(self, topic: str) -> DeskCounts:
        """Tells how far labelling is."""
        label = LABELS.c
        statement = (
            select(*(label[name] for name in _OF_ANSWER), POSTS.c.text_digest)
            .select_from(_LABELS_WITH_POSTS)
            .where(besides(POSTS.c.topic, topic), label.sample == "random")
            .order_by(label.labelled_at, label.post_id)
        )
        marks = (
            select(LABEL_MARKS.c.mark, func.count())
            .select_from(_MARKS_WITH_POSTS)
            .where(besides(POSTS.c.topic, topic))
            .group_by(LABEL_MARKS.c.mark)
        )
        posts: dict[Question, set[int]] = defaultdict(set)
        given: dict[Question, dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
        answered: set[tuple[str, Question, str]] = set()
        with reading(self._engine) as connection:
            for row in connection.execute(statement):
                question = (row.head, row.target)
                posts[question].add(row.post_id)
                said = given[question][row.text_digest]
                if not row.decides:
                    said[row.annotator] = row.label
                answered.add((row.annotator, question, row.text_digest))
            marked = {str(kind): int(times) for kind, times in connection.execute(marks)}
        return DeskCounts(
            posts={question: len(found) for question, found in posts.items()},
            by_annotator=dict(Counter(annotator for annotator, _, _ in answered)),
            marks=marked,
            given={
                question: [list(said.values()) for said in texts.values()]
                for question, texts in given.items()
            },
        )


def _left(
    row: AnyRow, assignment: Assignment, said: tuple[Said, Collection[Question]]
) -> tuple[Question, ...]:
    """The questions about a post that this annotator has to answer.

    Args:
        row: The post.
        assignment: Theirs.
        said: By whom else each question is answered, and what they have answered themselves.
    """
    others, mine = said
    wanted = _annotators(draw.lot_of(row), assignment)
    return tuple(
        question
        for question in assignment.questions
        if question not in mine and len(others.get(question, ())) < wanted
    )


def _by_text(
    said: Mapping[int, Iterable[Question]], digests: Mapping[int, str]
) -> dict[str, set[Question]]:
    """Questions that were answered about any post with a text, by that text."""
    found: dict[str, set[Question]] = defaultdict(set)
    for post_id, questions in said.items():
        found[digests.get(post_id, "")].update(questions)
    return found


def _eligible(connection: Connection, assignment: Assignment) -> Iterable[AnyRow]:
    columns = (POSTS.c.id, POSTS.c.platform, POSTS.c.native_id, POSTS.c.text_digest)
    statement = select(*columns).where(
        *draw.opinions(assignment.topic, assignment.languages, assignment.days)
    )
    return draw.streamed(connection, statement)


def _digests(
    connection: Connection, assignment: Assignment, post_ids: Collection[int]
) -> dict[int, str]:
    """The digests of the texts of those of some posts that have one, of whatever day."""
    found: dict[int, str] = {}
    for chunk in in_chunks(post_ids):
        statement = select(POSTS.c.id, POSTS.c.text_digest).where(
            POSTS.c.id.in_(chunk), besides(POSTS.c.topic, assignment.topic), POSTS.c.text != ""
        )
        found |= {row.id: row.text_digest for row in connection.execute(statement)}
    return found


def _annotators(lot: bytes, assignment: Assignment) -> int:
    """How many annotators a post gets; chance decides, once for all."""
    return 2 if int.from_bytes(lot[-4:]) < assignment.overlap * 2**32 else 1


def _state(
    connection: Connection, assignment: Assignment
) -> tuple[dict[int, Said], dict[int, set[Question]], list[int]]:
    """Who else has said what about which post; what I have; what I have skipped, latest last."""
    others: dict[int, Said] = defaultdict(lambda: defaultdict(set))
    mine: dict[int, set[Question]] = defaultdict(set)
    skipped: list[int] = []
    label, mark = LABELS.c, LABEL_MARKS.c
    labels = (
        select(label.post_id, label.annotator, label.head, label.target)
        .select_from(_LABELS_WITH_POSTS)
        .where(besides(POSTS.c.topic, assignment.topic), label.sample == "random")
    )
    for row in connection.execute(labels):
        if row.annotator == assignment.annotator:
            mine[row.post_id].add((row.head, row.target))
        else:
            others[row.post_id][row.head, row.target].add(row.annotator)
    marks = (
        select(mark.post_id, mark.head, mark.target, mark.mark)
        .select_from(_MARKS_WITH_POSTS)
        .where(besides(POSTS.c.topic, assignment.topic), mark.annotator == assignment.annotator)
        .order_by(mark.marked_at)
    )
    for row in connection.execute(marks):
        if row.mark == "skip":
            skipped.append(row.post_id)
        else:
            mine[row.post_id].add((row.head, row.target))
    return others, mine, skipped


def _said_of(connection: Connection, post_id: int, annotator: str) -> Said:
    """Who else has labelled which question of a post, in the audit."""
    statement = select(LABELS.c.head, LABELS.c.target, LABELS.c.annotator).where(
        LABELS.c.post_id == post_id,
        LABELS.c.annotator != annotator,
        LABELS.c.sample == "random",
    )
    said: Said = defaultdict(set)
    for row in connection.execute(statement):
        said[row.head, row.target].add(row.annotator)
    return said


def _answered(
    connection: Connection, post_id: int, annotator: str, sample: LabelSample
) -> set[Question]:
    found = set()
    counts = LABELS.c.sample == "random" if sample == "random" else true()
    for table, condition in ((LABELS, counts), (LABEL_MARKS, true())):
        statement = select(table.c.head, table.c.target).where(
            table.c.post_id == post_id, table.c.annotator == annotator, condition
        )
        found |= {(row.head, row.target) for row in connection.execute(statement)}
    return found


def _is_there(connection: Connection, topic: str, answer: Answer) -> bool:
    """Whether the post and its targets are there, with the texts that were read."""
    asked = target_texts(connection, topic)
    known = [name for name in answer.targets if name in asked]
    if any(text_digest(asked[name]) != answer.targets[name] for name in known):
        return False
    statement = select(POSTS.c.text_digest).where(
        POSTS.c.id == answer.post_id, POSTS.c.topic == topic
    )
    digest = connection.execute(statement).scalar_one_or_none()
    return digest is not None and answer.text_digest in (None, digest)


def _drop(
    connection: Connection, table: Table, answer: Answer, questions: Sequence[Question]
) -> None:
    for chunk in in_chunks(questions):
        about = ((table.c.head == head) & (table.c.target == target) for head, target in chunk)
        connection.execute(
            delete(table).where(
                table.c.post_id == answer.post_id,
                table.c.annotator == answer.annotator,
                or_(*about),
            )
        )


def _put(
    connection: Connection, table: Table, rows: list[dict[str, Any]], moment: str, at: datetime
) -> None:
    if not rows:
        return
    insertion = insert_into(connection, table)
    changed = {name for name in rows[0] if name not in KEY} | {moment}
    insertion = insertion.on_conflict_do_update(
        index_elements=[table.c[name] for name in KEY],
        set_={name: insertion.excluded[name] for name in changed},
    )
    connection.execute(insertion, [row | {moment: at} for row in rows])
