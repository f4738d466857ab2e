"""The random draw of posts for people to label."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from heapq import nsmallest
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, exists, false, or_, select, true

from monitor.languages import scored_languages
from monitor.store.chunks import besides, in_chunks
from monitor.store.rows import LABELS, POSTS
from monitor.store.values import Question, UnlabelledPost

Days = tuple[date, date]
"""The first day, and the first one left out."""
_SPARE = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which answers are wanted, and about which posts.

    Attributes:
        days: Those of the posts; None for all that are stored.
    """

    topic: str
    questions: tuple[Question, ...]
    languages: tuple[str, ...]
    days: Days | None = None


def unlabelled(connection: Connection, wanted: Wanted, limit: int) -> list[UnlabelledPost]:
    """Draws opinions that lack a random label for any of the questions; of copies the first.

    Copies of texts that have their labels are not drawn: they take those (`echo.py`).
    """
    answered: dict[str, set[Question]] = defaultdict(set)
    for row in labelled(connection, wanted.topic):
        answered[row.text_digest].add((row.head, row.target))
    first = FirstTexts(limit)
    for row in candidates(connection, wanted):
        if not set(wanted.questions) <= answered.get(row.text_digest, set()):
            first.add(lot_of(row), row)
    drawn = first.post_ids()
    posts = by_id(connection, wanted.topic, drawn)
    return [posts[post_id] for post_id in drawn]


class FirstTexts:
    """The posts that come first, of those with the same text the first alone.

    It holds some more than are asked for, however many there are.

    Args:
        limit: How many are asked for.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._best: dict[str, tuple[bytes, int]] = {}

    def add(self, lot: bytes, row: Row[*tuple[Any, ...]]) -> None:
        """Looks at a post."""
        mine = (lot, int(row.id))
        self._best[row.text_digest] = min(self._best.get(row.text_digest, mine), mine)
        if len(self._best) > 2 * self._limit + _SPARE:
            self._best = dict(self._first())

    def post_ids(self) -> list[int]:
        """Gives them, the first one first."""
        return [post_id for _, (_, post_id) in self._first()]

    def _first(self) -> list[tuple[str, tuple[bytes, int]]]:
        return nsmallest(self._limit, self._best.items(), key=lambda each: each[1])


def labelled(connection: Connection, topic: str) -> Sequence[Row[*tuple[Any, ...]]]:
    """Gives the posts that have random labels and their text, by question; the latest last."""
    statement = (
        select(POSTS.c.text_digest, POSTS.c.id, LABELS.c.head, LABELS.c.target)
        .select_from(LABELS.join(POSTS, LABELS.c.post_id == POSTS.c.id))
        .where(besides(POSTS.c.topic, topic), POSTS.c.text != "", LABELS.c.sample == "random")
        .order_by(LABELS.c.labelled_at, POSTS.c.id.desc())
    )
    return connection.execute(statement).all()


def by_id(connection: Connection, topic: str, post_ids: Sequence[int]) -> dict[int, UnlabelledPost]:
    """Gives those of the posts that are there and have their text."""
    posts: dict[int, UnlabelledPost] = {}
    for chunk in in_chunks(post_ids):
        statement = select(*_UNLABELLED).where(
            POSTS.c.id.in_(chunk), besides(POSTS.c.topic, topic), POSTS.c.text != ""
        )
        posts |= {row.id: UnlabelledPost(*row[1:]) for row in connection.execute(statement)}
    return posts


_UNLABELLED = tuple(
    POSTS.c[name] for name in ("id", "native_id", "platform", "text", "text_digest")
)


def candidates(connection: Connection, wanted: Wanted) -> Iterable[Row[*tuple[Any, ...]]]:
    """Gives the opinions that lack a random label for any of the questions, in no order."""
    label = LABELS.c
    answered = (
        exists().where(
            label.post_id == POSTS.c.id,
            label.head == head,
            label.target == target,
            label.sample == "random",
        )
        for head, target in wanted.questions
    )
    statement = select(POSTS.c.id, *_LOT, POSTS.c.text_digest).where(
        *opinions(wanted.topic, wanted.languages, wanted.days),
        or_(false(), *(~one for one in answered)),
    )
    return streamed(connection, statement)


def streamed(
    connection: Connection, statement: Select[*tuple[Any, ...]]
) -> Iterable[Row[*tuple[Any, ...]]]:
    """Gives very many rows, of which few are held at once."""
    return connection.execute(statement.execution_options(yield_per=500))


def opinions(
    topic: str, languages: Sequence[str], days: Days | None
) -> tuple[ColumnElement[bool], ...]:
    """What holds for a topic's posts that a person may be asked about."""
    return (
        POSTS.c.topic == topic,
        POSTS.c.kind != "repost",
        POSTS.c.text != "",
        POSTS.c.language.in_(scored_languages(languages)),
        of_days(days),
    )


def of_days(days: Days | None) -> ColumnElement[bool]:
    """Whether a post is of the days."""
    return true() if days is None else (POSTS.c.day >= days[0]) & (POSTS.c.day < days[1])


_LOT = (POSTS.c.platform, POSTS.c.native_id)


def lot_of(row: Row[*tuple[Any, ...]]) -> bytes:
    """A post's place in the shuffle, which depends on its id alone."""
    return blake2b(f"{row.platform}\0{row.native_id}".encode(), digest_size=16).digest()
