"""The random draw of posts for people to label."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from heapq import nsmallest
from typing import Any

from sqlalchemy import Connection, Row, exists, false, or_, select

from monitor.store.chunks import in_chunks
from monitor.store.rows import LABELS, POSTS
from monitor.store.values import UNDETERMINED, Question, UnlabelledPost


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which answers are wanted, and about which posts."""

    topic: str
    questions: tuple[Question, ...]
    languages: tuple[str, ...]


def unlabelled(connection: Connection, wanted: Wanted, limit: int) -> list[UnlabelledPost]:
    """Draws opinions that lack a random label for any of the questions."""
    drawn = [row.id for row in nsmallest(limit, _candidates(connection, wanted), key=_lot)]
    posts: dict[int, UnlabelledPost] = {}
    for chunk in in_chunks(drawn):
        statement = select(POSTS.c.id, POSTS.c.native_id, POSTS.c.platform, POSTS.c.text).where(
            POSTS.c.id.in_(chunk)
        )
        posts |= {row.id: UnlabelledPost(*row[1:]) for row in connection.execute(statement)}
    return [posts[post_id] for post_id in drawn]


def _candidates(connection: Connection, wanted: Wanted) -> Iterable[Row[*tuple[Any, ...]]]:
    label = LABELS.c
    labelled = (
        exists().where(
            label.post_id == POSTS.c.id,
            label.head == head,
            label.target == target,
            label.sample == "random",
        )
        for head, target in wanted.questions
    )
    statement = select(POSTS.c.id, POSTS.c.platform, POSTS.c.native_id).where(
        POSTS.c.topic == wanted.topic,
        POSTS.c.kind != "repost",
        POSTS.c.text != "",
        POSTS.c.language.in_([*wanted.languages, UNDETERMINED]),
        or_(false(), *(~one for one in labelled)),
    )
    return connection.execute(statement)


def _lot(row: Row[*tuple[Any, ...]]) -> bytes:
    return blake2b(f"{row.platform}\0{row.native_id}".encode(), digest_size=16).digest()
