"""Alert rules that are made on a page, besides those in topic files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, delete, select, update

from monitor.store.engine import insert_into, reading, writing
from monitor.store.face_rows import ALERT_RULES

_RULE = ALERT_RULES.c


@dataclass(frozen=True, slots=True)
class StoredRule:
    """A rule as somebody made it, with all its keys in `rule`."""

    topic: str
    name: str
    rule: Mapping[str, Any]
    enabled: bool
    changed_by: str
    changed_at: datetime


class AlertRules:
    """Reads and writes rules.

    Args:
        engine: From `open_engine`, migrated.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, topic: str) -> list[StoredRule]:
        """Gives a topic's rules by name, those switched off included."""
        statement = select(ALERT_RULES).where(_RULE.topic == topic)
        with reading(self._engine) as connection:
            found = [
                StoredRule(
                    topic=row.topic,
                    name=row.name,
                    rule={**row.settings, "name": row.name, "kind": row.kind},
                    enabled=row.enabled,
                    changed_by=row.changed_by,
                    changed_at=row.changed_at,
                )
                for row in connection.execute(statement)
            ]
        return sorted(found, key=lambda one: one.name)

    def create(self, topic: str, rule: Mapping[str, Any], *, who: str, at: datetime) -> bool:
        """Stores a new rule, switched on; returns False where the name is taken."""
        values = {"topic": topic, "name": rule["name"], "enabled": True, **_content(rule, who, at)}
        with writing(self._engine) as connection:
            statement = insert_into(connection, ALERT_RULES).values(values)
            done = connection.execute(statement.on_conflict_do_nothing())
            return done.rowcount == 1

    def change(self, topic: str, rule: Mapping[str, Any], *, who: str, at: datetime) -> bool:
        """Puts a rule in the place of the one of its name; returns False where there is none."""
        return self._update(topic, rule["name"], **_content(rule, who, at))

    def switch(self, topic: str, name: str, *, enabled: bool, who: str, at: datetime) -> bool:
        """Switches a rule on or off; returns False where there is none."""
        return self._update(topic, name, enabled=enabled, changed_by=who, changed_at=at)

    def remove(self, topic: str, name: str) -> bool:
        """Removes a rule; returns False where there is none."""
        with writing(self._engine) as connection:
            where = (_RULE.topic == topic) & (_RULE.name == name)
            return connection.execute(delete(ALERT_RULES).where(where)).rowcount == 1

    def _update(self, topic: str, name: str, **values: Any) -> bool:
        where = (_RULE.topic == topic) & (_RULE.name == name)
        with writing(self._engine) as connection:
            return connection.execute(update(ALERT_RULES).where(where).values(values)).rowcount == 1


def _content(rule: Mapping[str, Any], who: str, at: datetime) -> dict[str, Any]:
    settings = {key: value for key, value in rule.items() if key not in ("name", "kind")}
    return {"kind": rule["kind"], "settings": settings, "changed_by": who, "changed_at": at}
