"""A job of the daemon: what it does, when, and how its runs are recorded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from collectors.errors import CollectorError
from monitor.errors import StoreError
from monitor.observability import get_logger
from monitor.settings import JobSettings, Settings
from monitor.store.store import Store
from monitor.store.values import FinishedStatus, JobRun

ShouldStop = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Job:
    """One repeated piece of work.

    Attributes:
        name: `<step>:<topic>` or `collect:<source>:<topic>`.
        work: Does it and returns its counts; asks its argument between batches whether to stop.
        schedule: When it runs.
        timezone: Whose clocks its crontab line goes by.
    """

    name: str
    topic: str
    work: Callable[[ShouldStop], Mapping[str, int]]
    schedule: JobSettings
    timezone: tzinfo = UTC


@dataclass(slots=True)
class Resting:
    """Work that is left alone for a while once it says that trying again cannot help.

    A platform that lets us in no more must not be asked every few minutes. Until the rest is
    over (or the program has been started anew) the same error comes at once, so that the job
    still shows as failed, with what to change.
    """

    work: Callable[[ShouldStop], Mapping[str, int]]
    clock: Callable[[], datetime]
    rest: timedelta = timedelta(hours=6)
    _error: CollectorError | None = None
    _until: datetime | None = None

    def __call__(self, should_stop: ShouldStop) -> Mapping[str, int]:
        """Does the work, unless it rests."""
        now = self.clock()
        if self._error and self._until and self._until - self.rest <= now < self._until:
            raise self._error
        try:
            counts = self.work(should_stop)
        except CollectorError as error:
            self._error = None if error.retryable else error
            self._until = now + self.rest
            raise
        self._error = None
        return counts


@dataclass(frozen=True, slots=True)
class JobRunner:
    """Runs jobs so that a broken one is seen, and stops no other."""

    store: Store
    clock: Callable[[], datetime]

    def run(self, job: Job, should_stop: ShouldStop) -> bool:
        """Runs a job once, records the run, and says whether it went well."""
        log = get_logger().bind(job=job.name)
        try:
            run = self.store.start_run(job.name, job.topic, self.clock())
            counts: Mapping[str, int] = {}
            status: FinishedStatus = "failed"
            error = ""
            try:
                counts = job.work(should_stop)
                status = "stopped" if should_stop() else "ok"
            except Exception as failure:  # noqa: BLE001  one broken source must not stop the rest
                error = describe(failure)
            self.store.finish_run(run, self.clock(), status, counts=counts, error=error)
        except StoreError as failure:  # the record itself could not be written
            log.error("job_unrecorded", error=describe(failure))
            return False
        if error:
            log.error("job_failed", error=error)
        elif any(counts.values()):
            log.info("job_finished", **counts)
        return not error


def is_configured(
    run: JobRun, topics: Collection[str], stored: Collection[str], settings: Settings
) -> bool:
    """Whether the job of a run still is one: its topic known, its step and source switched on.

    Each job's last run is kept for ever, and so is what it says. `topics` have a file; those that
    are `stored` are purged without one too.
    """
    step, _, rest = run.job.partition(":")
    schedule = getattr(settings.jobs, step, None)
    if schedule is None or not schedule.enabled:
        return False
    known = {"", *topics, *(stored if step == "retention" else ())}
    if run.topic not in known:
        return False
    return not asks_platform(run.job) or rest.partition(":")[0] in settings.sources.enabled()


def asks_platform(job: str) -> bool:
    """Whether a job of this name waits for a platform."""
    return job.startswith(("collect:", "compliance:"))


def describe(failure: Exception) -> str:
    """An error in one line: ours with its hint, a foreign one by its kind alone.

    A foreign message may quote what it was working on, and a post's text must not reach a log.
    """
    hint = getattr(failure, "hint", None)
    if hint is None:
        where = failure.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        line = f" at {where.tb_frame.f_code.co_name}:{where.tb_lineno}" if where else ""
        return f"{type(failure).__name__}{line}"
    return f"{failure} ({hint})" if hint else str(failure)
