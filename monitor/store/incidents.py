"""Incidents: times in which an alert rule held, and what has been told about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, func, insert, or_, select, update

from collectors.post import Checkpoint
from monitor.store import sources
from monitor.store.engine import reading, writing
from monitor.store.face_rows import INCIDENTS

LONGEST_WAIT = timedelta(hours=1)
"""The most between two tries of one message."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident.

    Attributes:
        ended_at: None while it lasts.
        told_start, told_end: Which of its two messages have gone out.
        attempts: How often the message due has been tried in vain.
        next_attempt_at: Not before this moment; None for at once.
    """

    id: int
    topic: str
    rule: str
    kind: str
    started_at: datetime
    ended_at: datetime | None
    message: str
    end_message: str
    told_start: bool
    told_end: bool
    attempts: int
    next_attempt_at: datetime | None


@dataclass(frozen=True, slots=True)
class Basis:
    """What a rule's last incident goes by.

    Attributes:
        rule: Digest of what the rule said as the incident began; empty if it was taken away.
        unknown_since: Since when nothing can be said of it; None while something can.
        about: The jobs or sources that were told of, and since when it holds for each no more;
            None while it does.
    """

    rule: str
    unknown_since: datetime | None = None
    about: Mapping[str, datetime | None] = field(default_factory=dict)


class Incidents:
    """Reads and writes incidents.

    Args:
        engine: From `open_engine`, migrated.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def last(self, topic: str, rule: str) -> Incident | None:
        """Gives a rule's last incident."""
        found = self._select((INCIDENTS.c.topic == topic) & (INCIDENTS.c.rule == rule), 1)
        return found[0] if found else None

    def recent(self, limit: int, *, topic: str | None = None) -> list[Incident]:
        """Gives the last incidents, newest first."""
        return self._select(INCIDENTS.c.topic == topic if topic else INCIDENTS.c.id > 0, limit)

    def lasting(self, topic: str) -> list[Incident]:
        """Gives a topic's incidents that have not ended, newest first."""
        where = (INCIDENTS.c.topic == topic) & INCIDENTS.c.ended_at.is_(None)
        return self._select(where, 1000)

    def basis(self, topic: str, rule: str) -> Basis | None:
        """Gives what a rule's last incident goes by; None where an earlier program began it."""
        with reading(self._engine) as connection:
            kept = sources.checkpoint(connection, topic, _name(rule))
        return None if kept is None else _basis(kept.state)

    def keep(self, topic: str, rule: str, basis: Basis, *, at: datetime) -> None:
        """Says what a rule's last incident goes by."""
        with writing(self._engine) as connection:
            _keep(connection, (topic, rule), basis, at)

    def open(
        self, topic: str, rule: str, kind: str, message: str, *, basis: Basis, at: datetime
    ) -> None:
        """Begins an incident, unless one of the rule lasts already."""
        row = {"topic": topic, "rule": rule, "kind": kind, "started_at": at, "message": message}
        row |= {"end_message": "", "told_start": False, "told_end": False, "attempts": 0}
        same = (INCIDENTS.c.topic == topic) & (INCIDENTS.c.rule == rule)
        lasting = select(INCIDENTS.c.id).where(same, INCIDENTS.c.ended_at.is_(None))
        with writing(self._engine) as connection:
            if connection.execute(lasting).first() is None:
                connection.execute(insert(INCIDENTS).values(row))
                _keep(connection, (topic, rule), basis, at)

    def extend(self, incident: Incident, message: str, *, basis: Basis, at: datetime) -> None:
        """Says more of an incident that lasts: its first message goes out once more."""
        lasting = (INCIDENTS.c.id == incident.id) & INCIDENTS.c.ended_at.is_(None)
        values = {"message": message, "told_start": False, "attempts": 0, "next_attempt_at": None}
        with writing(self._engine) as connection:
            connection.execute(update(INCIDENTS).where(lasting).values(values))
            _keep(connection, (incident.topic, incident.rule), basis, at)

    def end(self, incident_id: int, message: str, *, at: datetime) -> None:
        """Ends an incident; again changes nothing."""
        lasting = (INCIDENTS.c.id == incident_id) & INCIDENTS.c.ended_at.is_(None)
        self._update(lasting, ended_at=at, end_message=message)

    def due(self, at: datetime) -> list[Incident]:
        """Gives the incidents of which a message is to go out now, oldest first."""
        column = INCIDENTS.c
        again_at = column.next_attempt_at
        # Later than any wait: a clock put it off that has been put right since.
        ready = or_(again_at.is_(None), again_at <= at, again_at > at + LONGEST_WAIT)
        return sorted(self._select(_untold() & ready, 1000), key=lambda one: one.id)

    def told(self, incident_id: int, *, end: bool) -> None:
        """Notes that a message has gone out."""
        what: dict[str, Any] = {"told_end": True} if end else {"told_start": True}
        self._update(INCIDENTS.c.id == incident_id, **what, attempts=0, next_attempt_at=None)

    def failed(self, incident_id: int, attempts: int, *, again_at: datetime) -> None:
        """Notes that a message did not go out, and when to try again."""
        where = INCIDENTS.c.id == incident_id
        self._update(where, attempts=attempts, next_attempt_at=again_at)

    def _update(self, where: Any, **values: Any) -> None:
        with writing(self._engine) as connection:
            connection.execute(update(INCIDENTS).where(where).values(values))

    def _select(self, where: Any, limit: int) -> list[Incident]:
        statement = select(INCIDENTS).where(where).order_by(INCIDENTS.c.id.desc()).limit(limit)
        with reading(self._engine) as connection:
            return [Incident(**row) for row in connection.execute(statement).mappings()]


def count_untold(connection: Connection, topic: str) -> int:
    """Counts a topic's incidents of which a message was tried and has not gone out."""
    tried = (INCIDENTS.c.topic == topic) & (INCIDENTS.c.attempts > 0)
    statement = select(func.count()).select_from(INCIDENTS).where(tried, _untold())
    return int(connection.execute(statement).scalar_one())


def _untold() -> ColumnElement[bool]:
    column = INCIDENTS.c
    return (~column.told_start) | (column.ended_at.is_not(None) & ~column.told_end)


def _keep(connection: Connection, of: tuple[str, str], basis: Basis, at: datetime) -> None:
    topic, rule = of
    delivery = sources.Delivery(topic, _name(rule), at)
    since = basis.unknown_since
    state: dict[str, Any] = {"rule": basis.rule, "unknown_since": _written(since)}
    if basis.about:
        state["about"] = {name: _written(gone) for name, gone in basis.about.items()}
    sources.save_checkpoint(connection, delivery, Checkpoint(state))


def _basis(state: Mapping[str, Any]) -> Basis:
    about = {name: _read(gone) for name, gone in state.get("about", {}).items()}
    return Basis(state["rule"], _read(state["unknown_since"]), about)


def _written(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


def _read(written: str) -> datetime | None:
    return datetime.fromisoformat(written) if written else None


def _name(rule: str) -> str:
    """Of the checkpoint that keeps a rule's basis."""
    return f"alert:{rule}"
