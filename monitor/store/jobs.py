"""What the program and its users did: runs of jobs, and the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    delete,
    func,
    insert,
    literal,
    select,
    tuple_,
    update,
)

from monitor.store.chunks import in_chunks
from monitor.store.rows import AUDIT_LOG, JOB_RUNS
from monitor.store.values import FinishedStatus, JobRun, LogEntry


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended."""

    at: datetime
    status: FinishedStatus
    counts: Mapping[str, int]
    error: str


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody did."""

    actor: str
    action: str
    details: Mapping[str, Any]


def start(connection: Connection, job: str, topic: str, at: datetime) -> int:
    """Notes that a job has started and returns the run's id."""
    row = {"job": job, "topic": topic, "started_at": at, "status": "running"}
    statement = insert(JOB_RUNS).values(row | {"counts": {}, "error": ""})
    return int(connection.execute(statement.returning(JOB_RUNS.c.id)).scalar_one())


def finish(connection: Connection, run_id: int, ending: Ending) -> None:
    """Notes how a run ended."""
    connection.execute(
        update(JOB_RUNS)
        .where(JOB_RUNS.c.id == run_id)
        .values(
            finished_at=ending.at,
            status=ending.status,
            counts=dict(ending.counts),
            error=ending.error,
        )
    )


def prune(connection: Connection, before: datetime) -> int:
    """Drops the runs started before, but each job's last one: due times rest on it."""
    last = select(func.max(JOB_RUNS.c.id)).group_by(JOB_RUNS.c.job)
    old = delete(JOB_RUNS).where(JOB_RUNS.c.started_at < before, JOB_RUNS.c.id.not_in(last))
    return int(connection.execute(old).rowcount)


def runs(connection: Connection, limit: int) -> list[JobRun]:
    """Gives the last runs, newest first."""
    statement = select(JOB_RUNS).order_by(JOB_RUNS.c.id.desc()).limit(limit)
    return [JobRun(**row) for row in connection.execute(statement).mappings()]


def last_runs(connection: Connection, each: int) -> list[JobRun]:
    """Gives that many last runs of every job, newest first, however rarely it runs."""
    found: list[JobRun] = []
    # Ids first, as PostgreSQL would join all runs with them: it cannot know how few they are.
    for ids in in_chunks(sorted(_last_ids(connection, each), reverse=True)):
        statement = select(JOB_RUNS).where(JOB_RUNS.c.id.in_(ids)).order_by(JOB_RUNS.c.id.desc())
        found += [JobRun(**row) for row in connection.execute(statement).mappings()]
    return found


def _last_ids(connection: Connection, each: int) -> list[int]:
    """The ids of every job's last runs, one step down the index for each.

    By ranges in the index's own order: for `job = ...` PostgreSQL takes the primary key's index,
    and walks all runs since a job's last.
    """
    run, names = JOB_RUNS.c, _job_names()
    last = select(run.id).order_by(run.job.desc(), run.id.desc()).limit(1)
    newest = last.where(run.job >= names.c.job, run.job <= names.c.job).scalar_subquery()
    first = select(names.c.job, newest.label("id"), literal(1).label("number"))
    walk = first.where(names.c.job.is_not(None)).cte("last_ids", recursive=True)
    here = tuple_(walk.c.job, walk.c.id)
    older = last.where(run.job >= walk.c.job, tuple_(run.job, run.id) < here)
    step = select(walk.c.job, older.scalar_subquery(), walk.c.number + 1)
    walk = walk.union_all(step.where(walk.c.id.is_not(None), walk.c.number < each))
    return list(connection.scalars(select(walk.c.id).where(walk.c.id.is_not(None))))


def _job_names() -> CTE:
    """Every job's name, and a last row without one: DISTINCT would read the whole index."""
    job = JOB_RUNS.c.job
    names = select(func.min(job).label("job")).cte("job_names", recursive=True)
    following = select(func.min(job)).where(job > names.c.job).scalar_subquery()
    return names.union_all(select(following).where(names.c.job.is_not(None)))


def last_run(connection: Connection, job: str) -> JobRun | None:
    """Gives a job's last run."""
    return _one_run(connection, job)


def last_finished(connection: Connection, job: str) -> JobRun | None:
    """Gives a job's last run that is over."""
    return _one_run(connection, job, JOB_RUNS.c.finished_at.is_not(None))


def newest_start(connection: Connection, until: datetime) -> datetime | None:
    """When the last of all runs began that began until then."""
    begun = select(func.max(JOB_RUNS.c.started_at)).where(JOB_RUNS.c.started_at <= until)
    return connection.execute(begun).scalar()


def last_success(connection: Connection, job: str) -> JobRun | None:
    """Gives a job's last run that went well."""
    return _one_run(connection, job, JOB_RUNS.c.status == "ok")


def _one_run(connection: Connection, job: str, *which: ColumnElement[bool]) -> JobRun | None:
    runs = select(JOB_RUNS).where(JOB_RUNS.c.job == job, *which)
    last = runs.order_by(JOB_RUNS.c.id.desc()).limit(1)
    row = connection.execute(last).mappings().one_or_none()
    return None if row is None else JobRun(**row)


def log(connection: Connection, at: datetime, deed: Deed) -> None:
    """Writes a line into the audit log."""
    connection.execute(
        insert(AUDIT_LOG).values(
            logged_at=at, actor=deed.actor, action=deed.action, details=dict(deed.details)
        )
    )


def log_entries(connection: Connection, limit: int, *, action: str | None = None) -> list[LogEntry]:
    """Gives the last lines of the audit log, newest first; those of one action, if so wanted."""
    line = AUDIT_LOG.c
    statement = select(line.logged_at, line.actor, line.action, line.details)
    if action is not None:
        statement = statement.where(line.action == action)
    statement = statement.order_by(line.id.desc()).limit(limit)
    return [LogEntry(*row) for row in connection.execute(statement)]
