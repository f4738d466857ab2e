"""How many posts and rejections each source has: counted as they come and go.

Counting the rows instead takes time that grows with them. The transaction that writes or removes
rows changes their count too, so that the two never differ. Rejections that retention drops stay
counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import ColumnElement, Connection, delete, func, select

from monitor.store.engine import insert_into
from monitor.store.rows import POSTS, TALLIES

_POSTS = "posts"
_REJECTED = "rejected:"
_TALLY = TALLIES.c


def add_posts(connection: Connection, topic: str, source: str, number: int) -> None:
    """Counts stored posts."""
    _add(connection, topic, {(source, _POSTS): number})


def add_rejections(
    connection: Connection, topic: str, source: str, by_reason: Mapping[str, int]
) -> None:
    """Counts rejections by reason."""
    numbers = {(source, f"{_REJECTED}{reason}"): one for reason, one in by_reason.items()}
    _add(connection, topic, numbers)


def take_posts(connection: Connection, topic: str, which: ColumnElement[bool]) -> None:
    """Takes posts out of the counts; called before they are removed."""
    statement = select(POSTS.c.source, func.count()).where(which).group_by(POSTS.c.source)
    gone = {(row[0], _POSTS): -row[1] for row in connection.execute(statement)}
    _add(connection, topic, gone)


def forget(connection: Connection, topic: str, source: str) -> None:
    """Drops all counts of a source."""
    connection.execute(delete(TALLIES).where(_TALLY.topic == topic, _TALLY.source == source))


def posts(connection: Connection, topic: str) -> dict[str, int]:
    """Gives the number of posts by source, of those that have some."""
    statement = select(_TALLY.source, _TALLY.number).where(
        _TALLY.topic == topic, _TALLY.what == _POSTS, _TALLY.number > 0
    )
    return {row.source: row.number for row in connection.execute(statement)}


def rejections(connection: Connection, topic: str) -> dict[str, dict[str, int]]:
    """Gives the number of rejections by source and reason."""
    statement = select(TALLIES).where(_TALLY.topic == topic, _TALLY.what != _POSTS)
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for row in connection.execute(statement):
        found[row.source][row.what.removeprefix(_REJECTED)] = row.number
    return found


def _add(connection: Connection, topic: str, numbers: Mapping[tuple[str, str], int]) -> None:
    rows = [
        {"topic": topic, "source": source, "what": what, "number": number}
        for (source, what), number in numbers.items()
        if number
    ]
    if not rows:
        return
    insertion = insert_into(connection, TALLIES)
    insertion = insertion.on_conflict_do_update(
        index_elements=[_TALLY.topic, _TALLY.source, _TALLY.what],
        set_={"number": _TALLY.number + insertion.excluded.number},
    )
    connection.execute(insertion, rows)
