"""Long pieces of work that somebody asked for: queued here, done by the daemon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Engine, insert, select, update

from monitor.store.engine import reading, writing
from monitor.store.face_rows import TASKS

TaskStatus = Literal["queued", "running", "ok", "failed", "stopped"]
ENDED = ("ok", "failed", "stopped")
_OF_THE_MODEL = ("promote", "rollback", "retrain")
_BITS = 64
"""Of the longest number that a database can be asked for, its sign included."""
ATTEMPTS = 3
"""A task that has taken its process along so often is not begun again."""
_BROKEN_OFF = "broken off by the end of the daemon"


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of work.

    Attributes:
        seen_at: When it last told that it is getting on.
        part: How much of the stage is done, 0 to 1.
        outcome: What came of it, or why it failed, in a sentence.
        attempts: How often it was begun.
    """

    id: int
    kind: str
    topic: str
    arguments: Mapping[str, Any]
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    seen_at: datetime | None
    finished_at: datetime | None
    status: TaskStatus
    stage: str
    part: float
    stop_requested: bool
    outcome: str
    attempts: int

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.status not in ENDED


class Tasks:
    """Reads and writes tasks.

    Args:
        engine: From `open_engine`, migrated.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def request(
        self, kind: str, topic: str, arguments: Mapping[str, Any], *, who: str, at: datetime
    ) -> int:
        """Queues work; the same that still waits or runs is not queued twice.

        Of what changes the topic's model only the newest counts: where something else was asked
        for since, an older one would not have the last word.
        """
        with writing(self._engine) as connection:
            asked = _found(connection, TASKS.c.status.not_in(ENDED) & (TASKS.c.topic == topic))
            if kind in _OF_THE_MODEL:
                asked = [task for task in asked if task.kind in _OF_THE_MODEL][-1:]
            for task in asked:
                if (task.kind, dict(task.arguments)) == (kind, dict(arguments)):
                    return task.id
            row: dict[str, Any] = {"kind": kind, "topic": topic, "arguments": dict(arguments)}
            row |= {"requested_by": who, "requested_at": at, "status": "queued"}
            row |= {"stage": "", "part": 0.0, "stop_requested": False, "outcome": ""}
            row["attempts"] = 0
            statement = insert(TASKS).values(row).returning(TASKS.c.id)
            return int(connection.execute(statement).scalar_one())

    def claim(self, *, at: datetime, lost_before: datetime) -> Task | None:
        """Starts the oldest task that waits.

        One whose process fell silent waits again, for every kind of task can be repeated; after
        `ATTEMPTS` beginnings it is given up, and one that was told to stop has stopped.
        """
        with writing(self._engine) as connection:
            lost = (TASKS.c.status == "running") & (TASKS.c.seen_at < lost_before)
            endings = (
                (TASKS.c.stop_requested, "stopped", "Stopped on request."),
                (TASKS.c.attempts >= ATTEMPTS, "failed", f"Its process was lost {ATTEMPTS} times."),
            )
            for which, status, outcome in endings:
                ended = {"status": status, "finished_at": at, "outcome": outcome}
                connection.execute(update(TASKS).where(lost & which).values(ended))
            connection.execute(update(TASKS).where(lost).values(status="queued"))
            waiting = _found(connection, TASKS.c.status == "queued")
            if not waiting:
                return None
            first = waiting[0].id
            started: dict[str, Any] = {"status": "running", "started_at": at, "seen_at": at}
            started["attempts"] = TASKS.c.attempts + 1
            connection.execute(update(TASKS).where(TASKS.c.id == first).values(started))
            return _found(connection, TASKS.c.id == first)[0]

    def tell(self, task_id: int, stage: str, part: float, *, at: datetime) -> bool:
        """Notes how far a task is; returns whether somebody wants it to stop."""
        values = {"stage": stage, "part": part, "seen_at": at}
        statement = (
            update(TASKS)
            .where(TASKS.c.id == task_id)
            .values(values)
            .returning(TASKS.c.stop_requested)
        )
        with writing(self._engine) as connection:
            return bool(connection.execute(statement).scalar_one())

    def finish(self, task_id: int, status: TaskStatus, outcome: str, *, at: datetime) -> None:
        """Notes how a task ended."""
        values = {"status": status, "outcome": outcome, "finished_at": at}
        with writing(self._engine) as connection:
            connection.execute(update(TASKS).where(TASKS.c.id == task_id).values(values))

    def put_back(self, task: Task) -> bool:
        """Lets a task that the end of its daemon broke off wait again, as if never begun.

        Returns:
            False where somebody wants it to stop; then it is left as it is.
        """
        with writing(self._engine) as connection:
            now = _found(connection, TASKS.c.id == task.id)[0]
            if now.stop_requested:
                return False
            if now.attempts == task.attempts:  # else another daemon has begun it by now
                values = {"status": "queued", "stage": _BROKEN_OFF, "attempts": task.attempts - 1}
                connection.execute(update(TASKS).where(TASKS.c.id == task.id).values(values))
            return True

    def stop(self, task_id: int, *, at: datetime) -> bool:
        """Asks a task to stop, at once where it still waits; returns whether it was open."""
        if task_id.bit_length() >= _BITS:
            return False
        with writing(self._engine) as connection:
            task = next(iter(_found(connection, TASKS.c.id == task_id)), None)
            if task is None or not task.is_open:
                return False
            values: dict[str, Any] = {"stop_requested": True}
            if task.status == "queued":
                values |= {"status": "stopped", "finished_at": at}
            connection.execute(update(TASKS).where(TASKS.c.id == task_id).values(values))
            return True

    def recent(self, limit: int, *, topic: str | None = None) -> list[Task]:
        """Gives the last tasks, newest first."""
        statement = select(TASKS).order_by(TASKS.c.id.desc()).limit(limit)
        if topic is not None:
            statement = statement.where(TASKS.c.topic == topic)
        with reading(self._engine) as connection:
            return [Task(**row) for row in connection.execute(statement).mappings()]


def _found(connection: Connection, condition: Any) -> list[Task]:
    statement = select(TASKS).where(condition).order_by(TASKS.c.id)
    return [Task(**row) for row in connection.execute(statement).mappings()]
