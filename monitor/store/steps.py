"""What is done with very many posts, in steps: a transaction each, so that others write between.

A single transaction would keep all others waiting, the daemon's lease among them, until it is
done; one that takes minutes would never be.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import ColumnElement, Connection, Engine, func, select

from monitor.store.engine import reading, writing
from monitor.store.rows import POSTS

Ids = tuple[int, int]
"""Of posts, [first, end)."""

SIZE = 5000
"""Ids a step."""

_PAUSE_SECONDS = 0.01
"""SQLite gives nobody a turn for having waited: who waits for one asks again and again."""


def in_steps(
    engine: Engine, which: ColumnElement[bool], do: Callable[[Connection, Ids], int]
) -> int:
    """Does something with posts, and what else has ids between theirs; returns the sum.

    Ended in between, it is done in part, and can be begun again.
    """
    with reading(engine) as connection:
        first, end = span(connection, which)
    done = 0
    for start in range(first, end, SIZE):
        with writing(engine) as connection:
            done += do(connection, (start, min(start + SIZE, end)))
        pause()
    return done


def span(connection: Connection, which: ColumnElement[bool]) -> Ids:
    """Gives the ids between which posts lie; there are none where there is no such post."""
    statement = select(func.min(POSTS.c.id), func.max(POSTS.c.id)).where(which)
    first, last = connection.execute(statement).one()
    return (0, 0) if first is None else (first, last + 1)


def between(column: ColumnElement[int], ids: Ids) -> ColumnElement[bool]:
    """Whether an id is one of a step."""
    return (column >= ids[0]) & (column < ids[1])


def pause() -> None:
    """Lets others have their turn."""
    time.sleep(_PAUSE_SECONDS)
