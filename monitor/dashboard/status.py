"""How the monitor itself is doing: jobs, scheduler, database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from monitor.dashboard import words
from monitor.dashboard.operations import counts_in_words, smallest_group, told_moment, told_silence
from monitor.errors import StoreError
from monitor.figures import Answered, every_question
from monitor.job import is_configured
from monitor.settings import Settings
from monitor.standing import Standing, standings
from monitor.store.queries import Queries
from monitor.store.values import SAMPLE_SOURCE, JobRun, Lease
from monitor.topic import Topic

_RUNS_LOOKED_AT = 20
_FAILURES_SHOWN = 10
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the process can do its work.

    Attributes:
        scheduler: `running`, `silent`, or `elsewhere` where this process has none.
        database: `ok` or `unreachable`.
        reasons: What is wrong, empty when nothing is.
    """

    scheduler: str
    database: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JobLine:
    """The last run of a job."""

    job: str
    status: str
    started: str
    took: str
    counts: str
    error: str


@dataclass(frozen=True, slots=True)
class TopicLine:
    """What is left to do for a topic."""

    name: str
    title: str
    version: str | None
    pending_posts: int | None
    dirty_days: int
    is_sample: bool


@dataclass(frozen=True, slots=True)
class SourceLine:
    """How a platform stands for a topic; `note` says what is unusual about it."""

    source: str
    topic: str
    last_success: str
    newest_post: str
    budget: str
    note: str


@dataclass(frozen=True)
class StatusPage:
    """Everything that the status template shows."""

    health: Health
    database: str
    lease: str
    jobs: tuple[JobLine, ...]
    failures: tuple[JobLine, ...]
    topics: tuple[TopicLine, ...]
    sources: tuple[SourceLine, ...] = ()


def check_health(
    queries: Queries, settings: Settings, *, now: datetime, heartbeat: datetime | None
) -> Health:
    """Checks that the scheduler has been heard of lately and that the database answers."""
    scheduler, reasons = _scheduler(settings, now, heartbeat)
    database = "ok"
    try:
        queries.job_runs(1)
    except StoreError as error:
        database = "unreachable"
        reasons = [*reasons, f"database unreachable: {error}"]
    return Health(scheduler, database, tuple(reasons))


def status_page(
    topics: Mapping[str, Topic],
    queries: Queries,
    health: Health,
    *,
    settings: Settings,
    lease: Callable[[], Lease | None],
    clock: Callable[[], datetime],
    answered: Answered = every_question,
) -> StatusPage:
    """Puts the status together; of a database that cannot be reached, nothing is told."""
    database = settings.database_url.partition(":")[0].partition("+")[0]
    if health.database != "ok":
        return StatusPage(health, database, "not known", (), (), ())
    found, stored = queries.last_runs(_RUNS_LOOKED_AT), queries.topics()
    runs = [run for run in found if is_configured(run, topics, stored, settings)]
    failures = [run for run in runs if run.status == "failed"][:_FAILURES_SHOWN]
    return StatusPage(
        health=health,
        database=database,
        lease=_lease(lease()),
        jobs=tuple(_job_line(run, topics) for run in _last_runs(runs)),
        failures=tuple(_job_line(run, topics) for run in failures),
        topics=tuple(_topic_line(topic, queries, answered) for topic in topics.values()),
        sources=tuple(
            _source_line(one)
            for topic in topics.values()
            for one in standings(_platforms(settings), topic, queries, settings, clock)
        ),
    )


def _platforms(settings: Settings) -> list[str]:
    return [name for name in settings.sources.enabled() if name != SAMPLE_SOURCE]


def _source_line(one: Standing) -> SourceLine:
    silent, budget = told_silence(one.silent_for), one.budget
    quiet, newest = "", told_moment(one.newest_post)
    if silent:
        quiet = f"silent for {silent.total_seconds() / 3600:.0f} h, longer than its usual gaps"
    return SourceLine(
        source=one.source,
        topic=one.topic,
        last_success=words.moment(one.last_success, _UTC) if one.last_success else "never",
        newest_post=words.moment(newest, _UTC) if newest else "none yet",
        budget=f"{words.number(budget.used)} of {words.number(budget.cap)} reads, "
        f"{words.number(budget.forecast.expected)} by the month's end"
        if budget
        else "",
        note=one.error or quiet,
    )


def _scheduler(
    settings: Settings, now: datetime, heartbeat: datetime | None
) -> tuple[str, list[str]]:
    if heartbeat is None:
        return "elsewhere", []
    silent = now - heartbeat
    if silent <= timedelta(seconds=settings.daemon.heartbeat_seconds):
        return "running", []
    return "silent", [f"the scheduler has not been heard of for {silent.total_seconds():.0f} s"]


def _last_runs(runs: Sequence[JobRun]) -> list[JobRun]:
    last: dict[str, JobRun] = {}
    for run in runs:
        last.setdefault(run.job, run)
    return [last[job] for job in sorted(last)]


def _job_line(run: JobRun, topics: Mapping[str, Topic]) -> JobLine:
    took = f"{(run.finished_at - run.started_at).total_seconds():.1f} s" if run.finished_at else ""
    counts = counts_in_words(run, smallest_group(topics, run.topic))
    return JobLine(run.job, run.status, words.moment(run.started_at, _UTC), took, counts, run.error)


def _lease(lease: Lease | None) -> str:
    """Names host and process; what follows in a holder's name only tells processes apart."""
    if lease is None:
        return "nobody"
    holder = "/".join(lease.holder.split("/")[:2])
    return f"{holder}, until {lease.expires_at.astimezone(UTC):%H:%M:%S} UTC"


def _topic_line(topic: Topic, queries: Queries, answered: Answered) -> TopicLine:
    version = queries.shown_version(topic.name)
    pending = None
    if version is not None:
        pending = queries.pending_count(
            topic.name, version, answered(topic, version), languages=topic.languages
        )
    return TopicLine(
        name=topic.name,
        title=topic.title,
        version=version,
        pending_posts=pending,
        dirty_days=queries.counts(topic.name).dirty_days,
        is_sample=queries.sample_only(topic.name),
    )
