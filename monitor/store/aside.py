"""What belongs to a target's former text: put aside, and brought back with it.

With another text a target is another question. What was answered, counted, shown and said about the
former one is kept under `values.with_text`, where nobody looks for a target of the topic.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, Table, update

from monitor.store.values import FORMER, with_text


def exchange(
    connection: Connection,
    table: Table,
    which: ColumnElement[bool],
    target: str,
    *,
    before: str,
    now: str,
) -> None:
    """Puts a table's rows of the text before aside, and brings those of the present one back.

    Args:
        connection: In a transaction.
        table: It names targets in the column `target`.
        which: Whose rows.
        target: The target's name.
        before: The text that it had.
        now: The text that it has from now on.
    """
    of = table.c.target
    for old, new in ((target, with_text(target, before)), (with_text(target, now), target)):
        connection.execute(update(table).where(of == old, which).values(target=new))


def is_present(target: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a row is of a target's present text, or of no target."""
    return ~target.contains(FORMER)
