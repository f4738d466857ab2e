"""Who looked: how often on each day, at what; nothing of what was typed or from where."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, delete, select

from monitor.store.engine import insert_into
from monitor.store.rows import ACCESSES
from monitor.store.values import Access

_LOOKED = ACCESSES.c


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody looks at something.

    Attributes:
        actor: Who, as far as the program is told; `somebody` else.
        what: A page's route, or a command.
    """

    actor: str
    what: str
    topic: str


def note(connection: Connection, day: date, look: Look) -> None:
    """Counts one more time."""
    insertion = insert_into(connection, ACCESSES).values(
        day=day, actor=look.actor, what=look.what, topic=look.topic, times=1
    )
    insertion = insertion.on_conflict_do_update(
        index_elements=list(ACCESSES.primary_key.columns), set_={"times": _LOOKED.times + 1}
    )
    connection.execute(insertion)


def since(connection: Connection, day: date) -> list[Access]:
    """Gives who looked at what since a day, the newest first."""
    statement = select(ACCESSES).where(_LOOKED.day >= day)
    found = [Access(**row) for row in connection.execute(statement).mappings()]
    return sorted(found, key=lambda one: (-one.day.toordinal(), one.actor, one.what, one.topic))


def prune(connection: Connection, before: date) -> int:
    """Drops what was noted before a day."""
    return connection.execute(delete(ACCESSES).where(_LOOKED.day < before)).rowcount
