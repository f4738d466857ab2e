"""Accounts that a platform closes and may open again: of its words the latest one counts.

The tombstones of a closed account say so in their reason, and hold the platform's time as
`removed_at`. Opened, they stay for a while as a note, so that the closing, told again, is known
to be over. Tombstones of any other reason (a person's wish, say) are not opened by anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, or_, select, update

from monitor.store.chunks import in_chunks
from monitor.store.rows import TOMBSTONES
from monitor.store.sources import Delivery

# No platform's own reasons have a colon in them.
_CLOSED = "closed: "
_OPENED = "opened:"

STANDS: ColumnElement[bool] = TOMBSTONES.c.reason != _OPENED
"""Whether a tombstone refuses anything."""


def reason_of(reason: str, at: datetime | None) -> str:
    """The reason that an author's tombstone holds."""
    return reason if at is None else _CLOSED + reason


def closed_at(reason: str, removed_at: datetime) -> datetime | None:
    """When the platform closed the account, None where the tombstone holds for good."""
    return removed_at if reason.startswith(_CLOSED) else None


def gives_way(
    reason: ColumnElement[str], removed_at: ColumnElement[datetime]
) -> ColumnElement[bool]:
    """Whether a stored tombstone gives way to one that comes: to a later one, or one for good."""
    is_stronger = or_(~reason.startswith(_CLOSED), removed_at > TOMBSTONES.c.removed_at)
    return and_(TOMBSTONES.c.reason.startswith(_CLOSED), is_stronger)


def is_over(
    connection: Connection, topic: str, digests: Collection[str], at: datetime | None
) -> bool:
    """Whether an account was opened again since it was closed."""
    if at is None:
        return False
    return any(
        row.reason == _OPENED and row.removed_at >= at for row in _rows(connection, topic, digests)
    )


def open_again(
    connection: Connection, delivery: Delivery, digests: Collection[str], at: datetime
) -> None:
    """Takes the tombstones of a closed account away, if nothing else is against its author."""
    at = min(at, delivery.at)
    rows = _rows(connection, delivery.topic, digests)
    standing = [row for row in rows if row.reason != _OPENED]
    if not standing or not all(_is_closed_before(row, at) for row in standing):
        return
    keep = delivery.errand.keep_unmet
    until = None if keep is None else delivery.at + keep
    statement = update(TOMBSTONES).where(
        TOMBSTONES.c.topic == delivery.topic,
        TOMBSTONES.c.digest.in_([row.digest for row in standing]),
    )
    connection.execute(statement.values(reason=_OPENED, removed_at=at, kept_until=until))


def forget(connection: Connection, topic: str, digests: Iterable[str]) -> None:
    """Forgets that accounts were opened, since they are closed again."""
    for chunk in in_chunks(digests):
        connection.execute(
            delete(TOMBSTONES).where(
                TOMBSTONES.c.topic == topic, TOMBSTONES.c.digest.in_(chunk), ~STANDS
            )
        )


def _is_closed_before(row: Row[str, str, datetime], at: datetime) -> bool:
    closed = closed_at(row.reason, row.removed_at)
    return closed is not None and closed < at


def _rows(
    connection: Connection, topic: str, digests: Collection[str]
) -> list[Row[str, str, datetime]]:
    columns = TOMBSTONES.c
    statement = select(columns.digest, columns.reason, columns.removed_at).where(
        columns.topic == topic, columns.digest.in_(digests)
    )
    return list(connection.execute(statement).all())
