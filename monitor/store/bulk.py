"""Many new rows at once: by COPY on PostgreSQL, by one prepared statement on SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Date, Table, func, select, text

from monitor.store.rows import POSTS, UtcDateTime

Values = Sequence[Any]


def insert_rows(
    connection: Connection,
    table: Table,
    names: Sequence[str],
    rows: Iterable[Values],
    *,
    of_all: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Inserts rows that are known not to be there yet.

    Args:
        connection: In a writing transaction.
        table: The table.
        names: The columns that are given; SQLite and PostgreSQL fill in no others.
        rows: Their values, in the order of the names.
        of_all: Columns that have the same value in all rows.
    """
    [constants] = _bound(connection, table, tuple(of_all), [tuple(of_all.values())])
    ready = (constants + row for row in _bound(connection, table, names, rows))
    names = (*of_all, *names)
    columns = ", ".join(names)
    if connection.dialect.name == "postgresql":
        _copy(connection, f"COPY {table.name} ({columns}) FROM STDIN", ready)
        return
    if values := list(ready):
        marks = ", ".join("?" * len(names))
        # Names of our own tables and columns; every value is a parameter.
        statement = f"INSERT INTO {table.name} ({columns}) VALUES ({marks})"  # noqa: S608  # nosec B608
        connection.exec_driver_sql(statement, values)


def new_post_ids(connection: Connection, count: int) -> list[int]:
    """Takes ids that no post had before, not even one that is gone; in growing order."""
    if connection.dialect.name == "postgresql":
        sequence = func.nextval(func.pg_get_serial_sequence("posts", "id"))
        series = select(sequence).select_from(func.generate_series(1, count))
        return list(connection.execute(series).scalars())
    used = connection.execute(text("SELECT seq FROM sqlite_sequence WHERE name = 'posts'"))
    highest = connection.execute(select(func.max(POSTS.c.id))).scalar_one()
    first = max(used.scalar_one_or_none() or 0, highest or 0) + 1
    return list(range(first, first + count))


def _copy(connection: Connection, statement: str, rows: Iterable[Values]) -> None:
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _bound(
    connection: Connection, table: Table, names: Sequence[str], rows: Iterable[Values]
) -> Iterator[tuple[Any, ...]]:
    """The values as the driver takes them; few columns are kept otherwise than Python has them."""
    turns = [_turn(connection, table, name) for name in names]
    changing = [(place, turn) for place, turn in enumerate(turns) if turn is not None]
    for row in rows:
        ready = list(row)
        for place, turn in changing:
            ready[place] = turn(ready[place])
        yield tuple(ready)


def _turn(connection: Connection, table: Table, name: str) -> Callable[[Any], Any] | None:
    """What makes of a value what the driver takes; the same as SQLAlchemy's, which is slower."""
    kind, dialect = table.c[name].type, connection.dialect
    if isinstance(kind, UtcDateTime) and dialect.name == "sqlite":
        return _sqlite_time
    turn: Callable[[Any], Any] | None = kind.dialect_impl(dialect).bind_processor(dialect)
    # A page has few days.
    return cache(turn) if turn is not None and isinstance(kind, Date) else turn


def _sqlite_time(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    if moment.tzinfo is UTC:  # as nearly all are: much the fastest way
        return moment.isoformat(" ", "microseconds").removesuffix("+00:00")
    if moment.utcoffset() is None:
        raise ValueError("a datetime without an offset cannot be stored")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
