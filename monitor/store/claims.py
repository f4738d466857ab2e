"""Claims: which worker is scoring which queued posts, so that several share the work.

A claim is a mark on the queue's row with a time at which it lapses, not an open transaction:
scoring takes seconds, and nobody waits for it. On PostgreSQL claimers pass over rows that another
one is claiming at the same moment (`SKIP LOCKED`); on SQLite they take turns.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, or_, select, update

from monitor.store.chunks import in_chunks
from monitor.store.presence import gone
from monitor.store.rows import UNSCORED


@dataclass(frozen=True, slots=True)
class Claim:
    """Who claims, from when, for how long at most, and among which posts.

    Attributes:
        among: Post ids [first, end), None for all.
    """

    holder: str
    at: datetime
    seconds: float
    among: tuple[int, int] | None = None


def take(connection: Connection, topic: str, claim: Claim, limit: int) -> list[int]:
    """Claims queued posts that nobody is at, the newest first; returns their ids."""
    statement = (
        select(UNSCORED.c.post_id)
        .where(UNSCORED.c.topic == topic, *_range(claim.among), _free(connection, topic, claim))
        .order_by(UNSCORED.c.created_at.desc(), UNSCORED.c.native_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = list(connection.execute(statement).scalars())
    until = claim.at + timedelta(seconds=claim.seconds)
    for chunk in in_chunks(taken):
        mark = update(UNSCORED).where(UNSCORED.c.post_id.in_(chunk))
        connection.execute(mark.values(claimed_by=claim.holder, claimed_until=until))
    return taken


def let_go(connection: Connection, topic: str, post_ids: Iterable[int]) -> None:
    """Frees posts that are queued still, whatever came of them."""
    for chunk in in_chunks(post_ids):
        statement = update(UNSCORED).where(
            UNSCORED.c.topic == topic,
            UNSCORED.c.post_id.in_(chunk),
            UNSCORED.c.claimed_by.is_not(None),
        )
        connection.execute(statement.values(claimed_by=None, claimed_until=None))


def let_go_of(connection: Connection, holder: str) -> None:
    """Frees all that a worker has claimed."""
    statement = update(UNSCORED).where(UNSCORED.c.claimed_by == holder)
    connection.execute(statement.values(claimed_by=None, claimed_until=None))


def _free(connection: Connection, topic: str, claim: Claim) -> ColumnElement[bool]:
    """Nobody's, lapsed, or of a worker that lives no more."""
    claimed = UNSCORED.c
    holders = (
        select(claimed.claimed_by)
        .distinct()
        .where(claimed.topic == topic, claimed.claimed_by.is_not(None))
    )
    others = set(connection.execute(holders).scalars()) - {None, claim.holder}
    dead = sorted(gone(connection, (str(other) for other in others)))
    return or_(
        claimed.claimed_by.is_(None),
        claimed.claimed_by == claim.holder,
        claimed.claimed_until <= claim.at,
        claimed.claimed_by.in_(dead),
    )


def _range(among: tuple[int, int] | None) -> tuple[ColumnElement[bool], ...]:
    if among is None:
        return ()
    return (UNSCORED.c.post_id >= among[0], UNSCORED.c.post_id < among[1])
