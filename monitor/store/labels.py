"""People's answers: stored one by one, read as the majority of a post's annotators."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, and_, func, select, true

from monitor.store import aside
from monitor.store.chunks import besides, in_chunks
from monitor.store.engine import insert_into
from monitor.store.face_rows import LABEL_MARKS
from monitor.store.rows import LABELS, POSTS
from monitor.store.values import (
    AnsweredPost,
    Conflict,
    HumanLabel,
    LabelledPost,
    LabelOutcome,
    LabelSample,
    Question,
    StoredLabel,
    text_of,
)

KEY = ("post_id", "head", "target", "annotator")
"""What names an answer."""
_LABELS_WITH_POSTS = LABELS.join(POSTS, LABELS.c.post_id == POSTS.c.id)

_POST_OF_EXAMPLE = (
    "id", "native_id", "platform", "text", "text_digest", "day", "cohort", "language", "author",
)  # fmt: skip
_LABEL_OF_EXAMPLE = ("head", "target", "label", "sample", "annotator", "labelled_at", "decides")

VALUES = ("label", "sample", "decides", "labelled_at")

AnyRow = Row[*tuple[Any, ...]]
Posts = dict[str, dict[str, tuple[int, str]]]
"""Post ids and text digests by native id and platform."""


class _Said(NamedTuple):
    """What an annotator has answered, see `VALUES`."""

    label: str
    sample: str
    decides: bool
    labelled_at: datetime


def save(
    connection: Connection, topic: str, given: Sequence[HumanLabel], at: datetime
) -> LabelOutcome:
    """Stores labels; the later answer of an annotator replaces the earlier one."""
    posts = _posts(connection, topic, {label.native_id for label in given})
    before = _stored(connection, (post_id for one in posts.values() for post_id, _ in one.values()))
    counts: Counter[str] = Counter()
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for label in given:
        found = _find(posts, label)
        if found is None:
            counts["unknown_post"] += 1
            continue
        post_id, digest = found
        if label.text_digest not in (None, digest):
            counts["edited_post"] += 1
            continue
        key = (post_id, label.head, label.target, label.annotator)
        known = before.get(key)
        said = _later(known, label, at)
        if known is not None and said[:-1] == known[:-1]:
            counts["repeated"] += 1
            continue
        counts["stored" if known is None else "changed"] += 1
        before[key] = said
        rows[key] = dict(zip(KEY, key, strict=True)) | said._asdict()
    write(connection, list(rows.values()))
    return LabelOutcome(**counts)


def stored(connection: Connection, topic: str, since: date, until: date) -> list[StoredLabel]:
    """Gives the labels of posts of the days [since, until), sorted."""
    names = [field.name for field in fields(StoredLabel)]
    statement = (
        select(*(LABELS.c[name] if name in LABELS.c else POSTS.c[name] for name in names))
        .select_from(_LABELS_WITH_POSTS)
        .where(POSTS.c.topic == topic, POSTS.c.day >= since, POSTS.c.day < until)
    )
    found = [StoredLabel(*row) for row in connection.execute(statement)]
    key = attrgetter("day", "platform", "native_id", "head", "target", "annotator")
    return sorted(found, key=key)


def examples(connection: Connection, topic: str) -> list[LabelledPost]:
    """Gives labelled posts that still have their text, sorted."""
    of_answer = _by_answer(connection, topic, _POST_OF_EXAMPLE)
    found = [example for rows in of_answer if (example := _example(rows)) is not None]
    return sorted(found, key=lambda each: (each.head, each.target, each.platform, each.native_id))


def answered(connection: Connection, topic: str, texts: Mapping[str, str]) -> list[AnsweredPost]:
    """Gives posts that still have their text, a question that somebody has answered at a time.

    Also where annotators are even, and what was answered about a target's former text.
    """
    statement = (
        select(POSTS.c.native_id, POSTS.c.platform, LABELS.c.head, LABELS.c.target)
        .distinct()
        .select_from(_LABELS_WITH_POSTS)
        .where(besides(POSTS.c.topic, topic), POSTS.c.text != "")
    )
    return [
        AnsweredPost(row.native_id, row.platform, row.head, text_of(row.target, texts))
        for row in connection.execute(statement)
    ]


def conflicts(connection: Connection, topic: str) -> list[Conflict]:
    """Gives what annotators disagree about and nobody has settled, even splits first.

    Of copies of a text the first alone, one of the audit where there is one.
    """
    of_answer = _by_answer(connection, topic, ("id", "native_id", "platform", "text_digest"))
    found = [
        _conflict(rows)
        for rows in map(deciding, of_answer)
        if len({row.label for row in rows}) > 1 and not any(row.decides for row in rows)
    ]
    key = attrgetter("platform", "native_id", "head", "target")
    found.sort(key=lambda each: (not each.is_even, each.sample != "random", *key(each)))
    once: dict[tuple[str, str, str], Conflict] = {}
    for each in found:
        once.setdefault((each.text_digest, each.head, each.target), each)
    return list(once.values())


def answers_by_text(
    connection: Connection, topic: str, since: date, until: date
) -> dict[Question, list[dict[str, str]]]:
    """Gives what each annotator said of each text, by question (no label that settles).

    Of targets' present texts: what was said of others can be mended no more.

    Of copies one, with what was said last: they keep what they took of an answer that was
    corrected since.
    """
    given = LABELS.c
    statement = (
        select(POSTS.c.text_digest, given.head, given.target, given.annotator, given.label)
        .select_from(_LABELS_WITH_POSTS)
        .where(POSTS.c.topic == topic, POSTS.c.day >= since, POSTS.c.day < until)
        .where(~given.decides, aside.is_present(given.target))
        .order_by(given.labelled_at, POSTS.c.id)
    )
    found: dict[Question, dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    for row in connection.execute(statement):
        found[row.head, row.target][row.text_digest][row.annotator] = row.label
    return {question: list(texts.values()) for question, texts in sorted(found.items())}


def _by_answer(
    connection: Connection, topic: str, of_post: Sequence[str]
) -> Iterable[list[AnyRow]]:
    """Gives the labels of each question about each post that still has its text."""
    statement = (
        select(
            *(POSTS.c[name] for name in of_post),
            *(LABELS.c[name] for name in _LABEL_OF_EXAMPLE),
        )
        .select_from(_LABELS_WITH_POSTS)
        .where(besides(POSTS.c.topic, topic), POSTS.c.text != "")
    )
    of_answer: dict[tuple[int, str, str], list[AnyRow]] = defaultdict(list)
    for row in connection.execute(statement):
        of_answer[row.id, row.head, row.target].append(row)
    return of_answer.values()


def _conflict(rows: Sequence[AnyRow]) -> Conflict:
    row = rows[0]
    return Conflict(
        post_id=row.id,
        native_id=row.native_id,
        platform=row.platform,
        text_digest=row.text_digest,
        head=row.head,
        target=row.target,
        sample=row.sample,
        given={each.annotator: each.label for each in rows},
    )


def put_aside(connection: Connection, topic: str, target: str, *, before: str, now: str) -> None:
    """Lets what people said of a target whose text has changed answer the former text alone.

    What was said of this text earlier counts again.
    """
    of_topic = select(POSTS.c.id).where(POSTS.c.topic == topic)
    for table in (LABELS, LABEL_MARKS):
        here = table.c.post_id.in_(of_topic)
        aside.exchange(connection, table, here, target, before=before, now=now)


def count(connection: Connection, topic: str, question: Question, sample: LabelSample) -> int:
    """Counts the posts that have a label of this sample."""
    statement = (
        select(func.count(LABELS.c.post_id.distinct()))
        .select_from(_LABELS_WITH_POSTS)
        .where(besides(POSTS.c.topic, topic), _asks(question), LABELS.c.sample == sample)
    )
    return connection.execute(statement).scalar_one()


def count_since(connection: Connection, topic: str, since: datetime | None) -> int:
    """Counts the answers about texts that came after a moment; all of them where it is None.

    That copies of a text have taken one changes nothing.
    """
    answer = LABELS.c
    distinct = (
        select(POSTS.c.text_digest, answer.head, answer.target, answer.annotator)
        .distinct()
        .select_from(_LABELS_WITH_POSTS)
        .where(
            besides(POSTS.c.topic, topic),
            true() if since is None else answer.labelled_at > since,
        )
        .subquery()
    )
    return connection.execute(select(func.count()).select_from(distinct)).scalar_one()


def _asks(question: Question) -> Any:
    head, target = question
    return and_(LABELS.c.head == head, LABELS.c.target == target)


def _posts(connection: Connection, topic: str, native_ids: Iterable[str]) -> Posts:
    found: Posts = defaultdict(dict)
    for platform in _platforms(connection, topic):  # The index has platform before native id.
        for chunk in in_chunks(native_ids):
            statement = select(POSTS.c.id, POSTS.c.native_id, POSTS.c.text_digest).where(
                POSTS.c.topic == topic,
                POSTS.c.platform == platform,
                POSTS.c.native_id.in_(chunk),
            )
            for row in connection.execute(statement):
                found[row.native_id][platform] = (row.id, row.text_digest)
    return found


def _platforms(connection: Connection, topic: str) -> list[str]:
    statement = select(POSTS.c.platform).distinct().where(POSTS.c.topic == topic)
    return list(connection.execute(statement).scalars())


def _find(posts: Posts, label: HumanLabel) -> tuple[int, str] | None:
    """Finds a label's post; without a platform only where one post alone has its id."""
    candidates = posts.get(label.native_id, {})
    if label.platform is not None:
        return candidates.get(label.platform)
    return next(iter(candidates.values())) if len(candidates) == 1 else None


def _later(known: _Said | None, label: HumanLabel, at: datetime) -> _Said:
    """What an annotator says once a label is given; drawn at random, a post stays in the audit."""
    said = _Said(label.label, label.sample, label.decides, label.at or at)
    if known is None:
        return said
    if _is_outdone(label, known, at):
        return known
    return said._replace(sample="random") if known.sample == "random" else said


def _is_outdone(label: HumanLabel, known: _Said, now: datetime) -> bool:
    """Whether a label says less than what is known, as one of an older file may.

    One that tells its time is as late as it says, and what is known no later than now. One that
    does not may be old: it takes the place of no answer that was asked for at random, or that
    settles, unless it is such a one.
    """
    if label.at is not None:
        return label.at < min(known.labelled_at, now)
    return (label.sample != "random" and known.sample == "random") or (
        known.decides and not label.decides
    )


def _stored(connection: Connection, post_ids: Iterable[int]) -> dict[tuple[Any, ...], _Said]:
    found = {}
    for chunk in in_chunks(post_ids):
        statement = select(LABELS).where(LABELS.c.post_id.in_(chunk))
        for row in connection.execute(statement).mappings():
            key = tuple(row[name] for name in KEY)
            found[key] = _Said(*(row[name] for name in VALUES))
    return found


def write(
    connection: Connection,
    rows: Sequence[dict[str, Any]],
    where: ColumnElement[bool] | None = None,
) -> None:
    """Stores answers in the place of earlier ones, of those alone that a condition holds for."""
    if not rows:
        return
    insertion = insert_into(connection, LABELS)
    insertion = insertion.on_conflict_do_update(
        index_elements=[LABELS.c[name] for name in KEY],
        set_={name: insertion.excluded[name] for name in VALUES},
        where=where,
    )
    connection.execute(insertion, rows)


def deciding(rows: Sequence[AnyRow]) -> Sequence[AnyRow]:
    """Where some labels of an answer are random, those alone."""
    return [row for row in rows if row.sample == "random"] or rows


def truth_of(rows: Sequence[AnyRow]) -> str | None:
    """What settles, else the answer given most often; None where two were given equally often."""
    settling = [row for row in rows if row.decides]
    if settling:
        return str(max(settling, key=lambda row: row.labelled_at).label)
    ranked = Counter(row.label for row in rows).most_common(2)
    if len(ranked) == 2 and ranked[0][1] == ranked[1][1]:
        return None
    return str(ranked[0][0])


def _example(rows: Sequence[AnyRow]) -> LabelledPost | None:
    """One answer of the people; where some labels are random, those alone decide."""
    rows = deciding(rows)
    label = truth_of(rows)
    if label is None:
        return None
    row = rows[0]
    return LabelledPost(
        native_id=row.native_id,
        platform=row.platform,
        post_id=row.id,
        text=row.text,
        text_digest=row.text_digest,
        head=row.head,
        target=row.target,
        label=label,
        sample=min(each.sample for each in rows),
        day=row.day,
        cohort=row.cohort,
        language=row.language,
        author=row.author,
        labelled_at=max(each.labelled_at for each in rows),
        annotators=tuple(sorted(each.annotator for each in rows if each.label == label)),
    )
