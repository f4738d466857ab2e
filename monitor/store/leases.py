"""Leases: the right to act for a name, until a moment unless prolonged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from monitor.store.engine import insert_into
from monitor.store.presence import gone
from monitor.store.rows import LEASES
from monitor.store.values import Lease


@dataclass(frozen=True, slots=True)
class Term:
    """From when a lease is wanted, and for how long."""

    at: datetime
    seconds: float


def acquire(connection: Connection, name: str, holder: str, term: Term) -> bool:
    """Takes or prolongs a lease if it is free, expired or the holder's own."""
    now = current(connection, name)
    if now is not None and now.holder != holder and not _is_over(connection, now, term):
        return False
    insertion = insert_into(connection, LEASES).values(
        name=name, holder=holder, expires_at=term.at + timedelta(seconds=term.seconds)
    )
    insertion = insertion.on_conflict_do_update(
        index_elements=[LEASES.c.name],
        set_={
            "holder": insertion.excluded.holder,
            "expires_at": insertion.excluded.expires_at,
        },
    )
    connection.execute(insertion)
    return True


def _is_over(connection: Connection, lease: Lease, wanted: Term) -> bool:
    """Expired; or half of its time has passed without a renewal, and its holder is gone.

    A holder that lives renews after a third, and is back by then from a lost connection.
    """
    left = (lease.expires_at - wanted.at).total_seconds()
    if left <= 0:
        return True
    if connection.dialect.name == "sqlite" or left > wanted.seconds / 2:
        return False
    return bool(gone(connection, [lease.holder]))


def release(connection: Connection, name: str, holder: str) -> bool:
    """Frees a lease if the holder has it."""
    statement = delete(LEASES).where(LEASES.c.name == name, LEASES.c.holder == holder)
    return connection.execute(statement).rowcount > 0


def current(connection: Connection, name: str) -> Lease | None:
    """Tells who holds a lease, or held it last."""
    statement = select(LEASES.c.holder, LEASES.c.expires_at).where(LEASES.c.name == name)
    row = connection.execute(statement).one_or_none()
    return None if row is None else Lease(row.holder, row.expires_at)
