"""When each pipeline step runs: APScheduler under a watch that notices when it has died."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from monitor.crontab import crontab_fields
from monitor.errors import DaemonDeadError
from monitor.job import Job, JobRunner, asks_platform, describe
from monitor.lease import DaemonLease
from monitor.observability import get_logger
from monitor.settings import DaemonSettings, JobSettings
from monitor.store.queries import Queries
from monitor.store.values import JobRun

WORKERS = 4
HEARTBEAT_EVERY = 2.0
STANDBY_POLL = 1.0
WATCH_EVERY = 0.5
AFTER_BREAK = timedelta(hours=1)
"""Between a night's run that was broken off and the next: it may be what breaks the process."""


@dataclass(slots=True)
class Heartbeat:
    """When the scheduler last showed that it still starts jobs.

    It has a thread of its own, so that four long jobs do not look like a dead scheduler, and
    it is measured on the monotonic clock, so that a changed clock does not either.
    """

    clock: Callable[[], datetime]
    at: datetime | None = None
    _monotonic: float = 0.0

    def beat(self) -> None:
        """Called by the scheduler."""
        self._monotonic = time.monotonic()
        self.at = self.clock()

    def silent_for(self) -> float:
        """Seconds since the last beat."""
        return time.monotonic() - self._monotonic


class Daemon:
    """Runs jobs while it holds the lease.

    Jobs are kept in memory only; when each is due comes from the recorded runs. A stored
    schedule would reset long intervals at every restart, and an error inside it would end
    APScheduler's thread.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        runner: JobRunner,
        lease: DaemonLease,
        queries: Queries,
        settings: DaemonSettings,
    ) -> None:
        self._jobs = jobs
        self._runner = runner
        self._lease = lease
        self._queries = queries
        self._settings = settings
        self._stop = threading.Event()
        self._running: set[str] = set()
        self.heartbeat = Heartbeat(runner.clock)

    @property
    def is_idle(self) -> bool:
        """Whether no job is at work."""
        return not self._running

    def stop(self) -> None:
        """Asks for an end: running batches finish, nothing new starts. Safe in a signal."""
        self._stop.set()

    def wait_for_lease(self, on_standby: Callable[[], None] = lambda: None) -> bool:
        """Waits as standby until this daemon may work; False when stopped before."""
        waiting = False
        while not self._stop.is_set():
            if self._lease.acquire():
                return True
            if not waiting:
                waiting = True
                on_standby()
            self._stop.wait(STANDBY_POLL)
        return False

    def run_until_stopped(self) -> bool:
        """Runs the schedule until `stop()`; returns whether every running job came to its end.

        Raises:
            DaemonDeadError: The scheduler no longer starts jobs.
            StandbyError: The lease was lost.
        """
        scheduler = self._scheduler()
        self.heartbeat.beat()
        scheduler.start()
        try:
            while not self._stop.wait(WATCH_EVERY):
                self._check_alive()
                self._lease.keep()
        finally:
            self._stop.set()
            clean = self._wind_down(scheduler)
        return clean

    def run_once(self) -> list[str]:
        """Runs every job once, in pipeline order; returns the names of those that failed."""
        failed = []
        for job in self._jobs:
            if self._stop.is_set():
                break
            if not self._runner.run(job, self._should_stop):
                failed.append(job.name)
        return failed

    def keep_lease_while(self) -> LeaseKeeper:
        """Renews the lease in the background while a `with` block runs."""
        return LeaseKeeper(self._lease, self.stop)

    def _should_stop(self) -> bool:
        return self._stop.is_set()

    def _scheduler(self) -> BackgroundScheduler:
        scheduler = BackgroundScheduler(
            executors={
                "default": ThreadPoolExecutor(WORKERS),
                # A platform that is slow (or streams) must not keep scoring and counting waiting,
                # nor a new version, with which all posts are scored again, what else is due.
                "platforms": ThreadPoolExecutor(
                    max(1, sum(asks_platform(job.name) for job in self._jobs))
                ),
                "scoring": ThreadPoolExecutor(WORKERS),
                "heartbeat": ThreadPoolExecutor(1),
            },
            job_defaults={"coalesce": True, "max_instances": 1},
            timezone="UTC",
        )
        scheduler.add_job(
            self.heartbeat.beat,
            IntervalTrigger(seconds=HEARTBEAT_EVERY),
            executor="heartbeat",
            misfire_grace_time=None,
        )
        for position, job in enumerate(self._jobs):
            scheduler.add_job(
                self._run,
                _trigger(job.schedule, job.timezone),
                args=[job],
                id=job.name,
                executor=_executor(job.name),
                next_run_time=self._first_run(job, position),
                misfire_grace_time=max(1, int(job.schedule.misfire_grace)),
            )
        return scheduler

    def _first_run(self, job: Job, position: int) -> datetime:
        """When a job is due; jobs that are due at once start in pipeline order, a little apart."""
        now = self._runner.clock()
        soon = now + timedelta(milliseconds=200 * position)
        last = self._queries.last_run(job.name)
        return max(soon, next_run(job.schedule, last, now, job.timezone))

    def _run(self, job: Job) -> None:
        if self._stop.is_set():
            return
        self._running.add(job.name)
        try:
            self._runner.run(job, self._should_stop)
        finally:
            self._running.discard(job.name)

    def _check_alive(self) -> None:
        silent = self.heartbeat.silent_for()
        if silent > self._settings.heartbeat_seconds:
            raise DaemonDeadError(
                f"the scheduler has started nothing for {silent:.0f} s",
                hint="start the daemon again; the log's last lines say what it was doing",
                retryable=True,
            )

    def _wind_down(self, scheduler: BackgroundScheduler) -> bool:
        scheduler.shutdown(wait=False)
        deadline = time.monotonic() + self._settings.stop_seconds
        while self._running and time.monotonic() < deadline:
            time.sleep(0.05)
        if self._running:
            get_logger().warning("jobs_abandoned", jobs=sorted(self._running))
        self._lease.release()
        return self.is_idle


class LeaseKeeper:
    """Renews a lease from a thread of its own; a lost lease calls `on_loss`."""

    def __init__(self, lease: DaemonLease, on_loss: Callable[[], None]) -> None:
        self._lease = lease
        self._on_loss = on_loss
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)
        self.lost = False

    def __enter__(self) -> LeaseKeeper:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._lease.release()

    def _keep(self) -> None:
        while not self._done.wait(WATCH_EVERY):
            try:
                self._lease.keep()
            except Exception as error:  # noqa: BLE001  unrenewed is lost, whatever the reason
                self.lost = True
                get_logger().error("lease_lost", error=describe(error))
                self._on_loss()
                return


def next_run(
    schedule: JobSettings, last: JobRun | None, now: datetime, timezone: tzinfo = UTC
) -> datetime:
    """When a job is due: by interval or crontab after its last run, at once when that has passed.

    So a machine that is off at night does at its start what the night was for. A night's run that
    was broken off is due again an hour after it began.
    """
    if last is None or last.started_at > now:
        return now  # A run in the future was recorded by a clock that has been put right since.
    if schedule.every is not None:
        return max(now, last.started_at + timedelta(seconds=schedule.every))
    following = _trigger(schedule, timezone).get_next_fire_time(last.started_at, last.started_at)
    if following is not None and last.status not in ("ok", "failed"):
        following = min(following, last.started_at + AFTER_BREAK)
    return now if following is None else max(now, following)


def _executor(job: str) -> str:
    if asks_platform(job):
        return "platforms"
    return "scoring" if job.startswith("classify:") else "default"


def _trigger(schedule: JobSettings, timezone: tzinfo) -> BaseTrigger:
    if schedule.cron is not None:
        return CronTrigger(**crontab_fields(schedule.cron), timezone=timezone)
    return IntervalTrigger(seconds=schedule.every, jitter=schedule.jitter or None)
