"""What `/metrics` tells of the store: is it collecting, is it keeping up, is it right.

No figure of the crowd, no text and nobody's name is in them. What they tell of figures, they tell
of released ones.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from prometheus_client.core import GaugeMetricFamily, Metric

from classifiers.drift import THRESHOLD
from collectors.post import Window
from monitor.crontab import days_between
from monitor.dashboard.board import Dashboard
from monitor.dashboard.operations import smallest_group, told_moment, told_silence
from monitor.figure import Figure
from monitor.job import is_configured
from monitor.pipeline.backup import LAST_BACKUP
from monitor.privacy import whole_groups
from monitor.shares.hours import covered_hours
from monitor.standing import Standing, standings
from monitor.store.values import OTHER_TERMS, SAMPLE_SOURCE, CoverageSpan, JobRun
from monitor.topic import Topic

RUNS_LOOKED_AT = 20
COVERAGE_HOURS = 24
FIGURE_DAYS = 7


def stored(board: Dashboard) -> Iterator[Metric]:
    """What there is, and what is still to be done with it."""
    posts = gauge(
        "monitor_posts", "Posts stored, reposts included, in whole smallest groups.", "topic"
    )
    labels = gauge("monitor_labels", "Human labels stored.", "topic")
    rejected = gauge("monitor_rejections", "Records rejected.", "topic")
    dirty = gauge("monitor_dirty_days", "Days whose figures are to be rebuilt.", "topic")
    pending = gauge("monitor_pending_posts", "Posts still to be scored.", "topic")
    untold = gauge("monitor_alerts_untold", "Alerts that not every address has taken.", "topic")
    for topic in board.topics.values():
        totals = board.queries.counts(topic.name)
        posts.add_metric([topic.name], whole_groups(totals.posts, topic.minimum_authors))
        labels.add_metric([topic.name], totals.labels)
        rejected.add_metric([topic.name], whole_groups(totals.rejections, topic.minimum_authors))
        dirty.add_metric([topic.name], totals.dirty_days)
        untold.add_metric([topic.name], board.queries.untold_alerts(topic.name))
        version = board.queries.shown_version(topic.name)
        if version is not None:
            waiting = board.queries.pending_count(
                topic.name,
                version,
                board.figures.answered(topic, version),
                languages=topic.languages,
            )
            pending.add_metric([topic.name], waiting)
    yield from (posts, labels, rejected, dirty, pending, untold)


def collecting(board: Dashboard) -> Iterator[Metric]:
    """How each source does."""
    page = gauge(
        "monitor_source_last_stored_timestamp_seconds",
        "When a source's last page was stored.",
        "topic",
        "source",
    )
    success = gauge(
        "monitor_source_last_success_timestamp_seconds",
        "When a source's last run without an error ended.",
        "topic",
        "source",
    )
    newest = gauge(
        "monitor_source_newest_post_timestamp_seconds",
        "The hour in which a source's newest post was posted.",
        "topic",
        "source",
    )
    silent = gauge(
        "monitor_source_silent_seconds",
        "How long a source has been unusually silent, in whole hours; 0 where it is usual.",
        "topic",
        "source",
    )
    failing = gauge(
        "monitor_source_failing", "Whether a source's last run failed.", "topic", "source"
    )
    reads = gauge("monitor_source_reads", "Billed reads of this month (UTC).", "source")
    cap = gauge("monitor_source_reads_cap", "Billed reads that are allowed a month.", "source")
    budgets = {}
    for topic in board.topics.values():
        for state in board.queries.sources(topic.name):
            if state.checkpoint_at is not None:
                page.add_metric([topic.name, state.source], state.checkpoint_at.timestamp())
        for one in _standings(board, topic):
            own = [topic.name, one.source]
            _add_moment(success, own, one.last_success)
            _add_moment(newest, own, told_moment(one.newest_post))
            silent.add_metric(own, told_silence(one.silent_for).total_seconds())
            failing.add_metric(own, bool(one.error))
            if one.budget:
                budgets[one.source] = one.budget
    for source, budget in budgets.items():
        reads.add_metric([source], budget.used)
        cap.add_metric([source], budget.cap)
    yield from (page, success, newest, silent, failing, reads, cap, _coverage(board))


def jobs(board: Dashboard) -> Iterator[Metric]:
    """How each job does, and how fast it was the last time.

    Its name is in `name`: Prometheus itself says in `job` what it has scraped.
    """
    ok = gauge("monitor_job_ok", "Whether a job's last finished run went well.", "name")
    started = gauge(
        "monitor_job_started_timestamp_seconds", "When a job's last run started.", "name"
    )
    failed = gauge(
        "monitor_job_recent_failures",
        f"Failed runs among a job's last {RUNS_LOOKED_AT}.",
        "name",
    )
    every = gauge(
        "monitor_job_every_seconds",
        "How often a job is to run; by a crontab line a day, a week or a month.",
        "name",
    )
    took = gauge("monitor_job_duration_seconds", "How long a job's last finished run took.", "name")
    done = gauge(
        "monitor_job_done",
        "What a job's last finished run counted, in whole smallest groups.",
        "name",
        "what",
    )
    found, stored = board.queries.last_runs(RUNS_LOOKED_AT), board.queries.topics()
    topics = board.topics
    runs = [run for run in found if is_configured(run, topics, stored, board.settings)]
    failures = Counter(run.job for run in runs if run.status == "failed")
    for job, run in sorted(_first(runs).items()):
        started.add_metric([job], run.started_at.timestamp())
        failed.add_metric([job], failures[job])
        schedule = getattr(board.settings.jobs, job.partition(":")[0])
        if seconds := schedule.every or _most_seconds(schedule.cron):
            every.add_metric([job], seconds)
    for job, run in sorted(_first([run for run in runs if run.finished_at]).items()):
        ok.add_metric([job], run.status != "failed")
        if run.finished_at:
            took.add_metric([job], (run.finished_at - run.started_at).total_seconds())
        for what, count in run.counts.items():
            done.add_metric([job, what], whole_groups(count, smallest_group(topics, run.topic)))
    yield from (ok, started, failed, every, took, done)


def scheduler(board: Dashboard) -> Iterator[Metric]:
    """Whether a daemon is at work, here or elsewhere."""
    beat = gauge(
        "monitor_scheduler_heartbeat_timestamp_seconds",
        "When this process's scheduler was last heard of.",
    )
    _add_moment(beat, [], board.heartbeat())
    yield beat
    lease = board.lease()
    expires = gauge(
        "monitor_lease_expires_timestamp_seconds",
        "Until when a daemon holds the lease; 0 where none ever did.",
    )
    expires.add_metric([], lease.expires_at.timestamp() if lease else 0)
    yield expires


def machine(board: Dashboard) -> Iterator[Metric]:
    """Whether there is room, and a backup."""
    home = board.settings.home
    free = gauge("monitor_disk_free_bytes", "Room left on the disk of MONITOR_HOME.")
    if home.is_dir():
        free.add_metric([], shutil.disk_usage(home).free)
    kept = gauge(
        "monitor_last_backup_timestamp_seconds",
        "When `monitor backup` last ended well; absent before the first.",
    )
    mark = home / LAST_BACKUP
    if mark.is_file():
        kept.add_metric([], mark.stat().st_mtime)
    yield from (free, kept)


def figures(board: Dashboard) -> Iterator[Metric]:
    """Whether what is shown can be trusted; the topic's last days that are over count."""
    question = ("topic", "head", "target")
    labels = gauge("monitor_audit_labels", "Random posts that people labelled.", *question)
    needed = gauge("monitor_audit_labels_needed", "How many of them it takes.", *question)
    validated = gauge("monitor_validated", "Whether shares may be shown.", *question)
    drift = gauge(
        "monitor_drifted_ratio",
        "Part of the days whose scores the audit does not explain.",
        *question,
    )
    width = gauge(
        "monitor_interval_width",
        f"Mean width of the 95 % intervals of the last {FIGURE_DAYS} days shown.",
        *question,
    )
    withheld = gauge(
        "monitor_withheld_figures",
        f"Figures withheld, of the last {FIGURE_DAYS} days.",
        *question,
        "reason",
    )
    for topic in board.topics.values():
        for one in board.figures.validation(topic):
            own = [topic.name, one.head, one.target]
            labels.add_metric(own, one.audit_labels)
            needed.add_metric(own, one.needed)
            validated.add_metric(own, one.validated)
        days: dict[tuple[str, str], list[bool]] = {}
        for day in board.figures.drift(topic):
            days.setdefault((day.head, day.target), []).append(day.deviation >= THRESHOLD)
        for asked, drifted in days.items():
            drift.add_metric([topic.name, *asked], sum(drifted) / len(drifted))
        _add_figures(board.figures.released(topic), width, withheld)
    yield from (labels, needed, validated, drift, width, withheld)


def gauge(name: str, about: str, *labels: str) -> GaugeMetricFamily:
    """A gauge that is filled when it is asked for."""
    return GaugeMetricFamily(name, about, labels=list(labels))


def _add_figures(
    released: Sequence[Figure], width: GaugeMetricFamily, withheld: GaugeMetricFamily
) -> None:
    over = [one for one in released if not one.provisional]
    last = set(sorted({one.day for one in over})[-FIGURE_DAYS:])
    widths: dict[tuple[str, str, str], list[float]] = {}
    reasons: Counter[tuple[str, str, str, str]] = Counter()
    for one in over:
        own = (one.topic, one.head, one.target)
        if one.day in last and one.withheld:
            reasons[*own, one.withheld] += 1
        elif one.day in last and one.low is not None and one.high is not None:
            widths.setdefault(own, []).append(one.high - one.low)
    for own, found in sorted(widths.items()):
        width.add_metric(list(own), sum(found) / len(found))
    for key, count in sorted(reasons.items()):
        withheld.add_metric(list(key), count)


def _coverage(board: Dashboard) -> Metric:
    """Of the last whole hours, those that belong to the topic; otherwise nobody is asked."""
    coverage = gauge(
        "monitor_coverage_ratio",
        f"Part of the last {COVERAGE_HOURS} hours that a source answered fully.",
        "topic",
        "source",
    )
    now = board.clock()
    end = now.replace(minute=0, second=0, microsecond=0)
    for topic in board.topics.values():
        first = max(end - timedelta(hours=COVERAGE_HOURS), topic.window.start)
        until = min(end, topic.window.end)
        if first >= until:
            continue
        spans = board.queries.coverage(topic.name, topic.window.start, now)
        for source in _platforms(board):
            own = [span for span in spans if span.source == source]
            window = Window(max(first, _first_answer(own) or first), until)
            if window.start < window.end:
                hours = [one.complete for one in covered_hours(topic.name, [source], own, window)]
                coverage.add_metric([topic.name, source], sum(hours) / len(hours))
    return coverage


def _first_answer(spans: Sequence[CoverageSpan]) -> datetime | None:
    """When a platform's live collection first answered; before, it was not switched on."""
    answered = (
        span.start
        for span in spans
        if not span.backfilled and (span.status != "gap" or span.reason == OTHER_TERMS)
    )
    return min(answered, default=None)


def _standings(board: Dashboard, topic: Topic) -> list[Standing]:
    return standings(_platforms(board), topic, board.queries, board.settings, board.clock)


def _platforms(board: Dashboard) -> list[str]:
    return [name for name in board.settings.sources.enabled() if name != SAMPLE_SOURCE]


def _most_seconds(cron: str) -> float | None:
    days = days_between(cron)
    return timedelta(days=days).total_seconds() if days else None


def _first(runs: Sequence[JobRun]) -> dict[str, JobRun]:
    """Each job's newest run; `runs` begins with the newest."""
    found: dict[str, JobRun] = {}
    for run in runs:
        found.setdefault(run.job, run)
    return found


def _add_moment(metric: GaugeMetricFamily, own: list[str], at: datetime | None) -> None:
    if at is not None:
        metric.add_metric(own, at.timestamp())
