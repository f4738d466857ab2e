"""The random draw of posts for people to label."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Row, exists, false, or_, select

from monitor.languages import UNDETERMINED
from monitor.store.chunks import besides, in_chunks
from monitor.store.engine import insert_into
from monitor.store.rows import LABELS, POSTS
from monitor.store.values import Question, UnlabelledPost


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which answers are wanted, and about which posts."""

    topic: str
    questions: tuple[Question, ...]
    languages: tuple[str, ...]


def unlabelled(connection: Connection, wanted: Wanted, limit: int) -> list[UnlabelledPost]:
    """Draws opinions that lack a random label for any of the questions; of copies the first."""
    drawn, _ = _walk(connection, wanted, limit)
    posts = by_id(connection, wanted.topic, drawn)
    return [posts[post_id] for post_id in drawn]


def echo(connection: Connection, wanted: Wanted, limit: int) -> int:
    """Labels drawn copies of labelled texts with those texts' labels; returns how many posts.

    Only copies that the draw meets on its way take labels: so the labelled posts stay a random
    sample of all posts, copies included.
    """
    _, copies = _walk(connection, wanted, limit)
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for chunk in in_chunks(sorted(set(copies.values()))):
        of_twin: dict[int, list[dict[str, Any]]] = defaultdict(list)
        statement = select(LABELS).where(LABELS.c.post_id.in_(chunk), LABELS.c.sample == "random")
        for row in connection.execute(statement).mappings():
            of_twin[row["post_id"]].append(dict(row))
        for post_id, twin in copies.items():
            for label in of_twin.get(twin, ()):
                key = (post_id, label["head"], label["target"], label["annotator"])
                # A moment before its twin's, so that undoing goes by the twin.
                at = label["labelled_at"] - timedelta(milliseconds=1)
                rows[key] = label | {"post_id": post_id, "labelled_at": at}
    if rows:
        insertion = insert_into(connection, LABELS).on_conflict_do_nothing()
        connection.execute(insertion, list(rows.values()))
    return len({key[0] for key in rows})


def _walk(connection: Connection, wanted: Wanted, limit: int) -> tuple[list[int], dict[int, int]]:
    """Goes through the shuffled candidates until `limit` are found that have to be asked.

    Returns:
        Those, and of the copies of labelled texts on the way each with its labelled twin.
    """
    twins = _labelled_texts(connection, wanted)
    drawn: dict[str, int] = {}
    copies: dict[int, int] = {}
    for row in sorted(_candidates(connection, wanted), key=_lot):
        if row.text_digest in twins and twins[row.text_digest] != row.id:
            copies[row.id] = twins[row.text_digest]
            continue
        drawn.setdefault(row.text_digest, row.id)
        if len(drawn) == limit:
            break
    return list(drawn.values()), copies


def _labelled_texts(connection: Connection, wanted: Wanted) -> dict[str, int]:
    """The texts with random labels for every question, each with a post that has them."""
    said: dict[tuple[str, int], set[Question]] = defaultdict(set)
    statement = (
        select(POSTS.c.text_digest, POSTS.c.id, LABELS.c.head, LABELS.c.target)
        .select_from(LABELS.join(POSTS, LABELS.c.post_id == POSTS.c.id))
        .where(POSTS.c.topic == wanted.topic, POSTS.c.text != "", LABELS.c.sample == "random")
        .order_by(POSTS.c.id.desc())
    )
    for row in connection.execute(statement):
        said[row.text_digest, row.id].add((row.head, row.target))
    return {
        digest: post_id
        for (digest, post_id), questions in said.items()
        if set(wanted.questions) <= questions
    }


def by_id(connection: Connection, topic: str, post_ids: Sequence[int]) -> dict[int, UnlabelledPost]:
    """Gives those of the posts that are there and have their text."""
    posts: dict[int, UnlabelledPost] = {}
    for chunk in in_chunks(post_ids):
        statement = select(POSTS.c.id, POSTS.c.native_id, POSTS.c.platform, POSTS.c.text).where(
            POSTS.c.id.in_(chunk), besides(POSTS.c.topic, topic), POSTS.c.text != ""
        )
        posts |= {row.id: UnlabelledPost(*row[1:]) for row in connection.execute(statement)}
    return posts


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
    statement = select(POSTS.c.id, *_LOT, POSTS.c.text_digest).where(
        POSTS.c.topic == wanted.topic,
        POSTS.c.kind != "repost",
        POSTS.c.text != "",
        POSTS.c.language.in_([*wanted.languages, UNDETERMINED]),
        or_(false(), *(~one for one in labelled)),
    )
    return connection.execute(statement)


_LOT = (POSTS.c.platform, POSTS.c.native_id)


def _lot(row: Row[*tuple[Any, ...]]) -> bytes:
    return blake2b(f"{row.platform}\0{row.native_id}".encode(), digest_size=16).digest()
