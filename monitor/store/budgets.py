"""How much of the daily privacy budget is used up."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection, select

from monitor.store.engine import insert_into
from monitor.store.rows import BUDGETS

MILLIONTHS = 1_000_000


def spend(connection: Connection, topic: str, day: date, *, epsilon: float, budget: float) -> bool:
    """Takes from a day's budget if it suffices; says whether it did."""
    row = BUDGETS.c
    statement = select(row.spent).where(row.topic == topic, row.day == day)
    before = connection.execute(statement).scalar_one_or_none() or 0
    now = before + round(epsilon * MILLIONTHS)
    if now > round(budget * MILLIONTHS):
        return False
    insertion = insert_into(connection, BUDGETS).values(topic=topic, day=day, spent=now)
    insertion = insertion.on_conflict_do_update(
        index_elements=[row.topic, row.day], set_={"spent": insertion.excluded.spent}
    )
    connection.execute(insertion)
    return True
