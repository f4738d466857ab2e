"""`/metrics` for Prometheus: how the program does, never what anybody said."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from fastapi import Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.dashboard.board import Dashboard
from monitor.dashboard.shield import CallNext
from monitor.errors import StoreError
from monitor.pipeline.classify import questions_of
from monitor.privacy import whole_groups
from monitor.store.values import JobRun

_RUNS_LOOKED_AT = 500
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """One dashboard's metrics; the store's state is read when somebody asks.

    Args:
        board: What the routes answer from.
    """

    def __init__(self, board: Dashboard) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_State(board))
        self._answered = Histogram(
            "monitor_http_request_seconds",
            "Time to answer, by route and status.",
            ("route", "status"),
            buckets=_SECONDS,
            registry=self._registry,
        )

    def answer(self) -> Response:
        """Returns everything in Prometheus's text format."""
        return Response(
            generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def count(self, request: Request, call_next: CallNext) -> Response:
        """Measures an answer; it is counted under its route, never under its address."""
        started = time.perf_counter()
        response = await call_next(request)
        route = getattr(request.scope.get("route"), "path", "none")
        self._answered.labels(route, response.status_code).observe(time.perf_counter() - started)
        return response


class _State(Collector):
    """What the store tells, at the moment it is asked."""

    def __init__(self, board: Dashboard) -> None:
        self._board = board

    def describe(self) -> Iterator[Metric]:
        """Names nothing beforehand, so that registering does not read the database."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        up = _gauge("monitor_database_up", "Whether the database answers.")
        try:
            found = [*self._topics(), *self._jobs()]
            up.add_metric([], 1)
        except StoreError:
            found = []
            up.add_metric([], 0)
        yield up
        yield from found
        yield from self._heartbeat()

    def _topics(self) -> Iterator[Metric]:
        stored = _gauge(
            "monitor_posts", "Posts stored, reposts included, in whole smallest groups.", "topic"
        )
        labels = _gauge("monitor_labels", "Human labels stored.", "topic")
        rejected = _gauge("monitor_rejections", "Records rejected.", "topic")
        dirty = _gauge("monitor_dirty_days", "Days whose figures are to be rebuilt.", "topic")
        pending = _gauge("monitor_pending_posts", "Posts still to be scored.", "topic")
        newest = _gauge(
            "monitor_source_last_stored_timestamp_seconds",
            "When a source's last page was stored.",
            "topic",
            "source",
        )
        queries = self._board.queries
        for topic in self._board.topics.values():
            totals = queries.totals(topic.name)
            posts = whole_groups(totals.posts, topic.minimum_authors)
            stored.add_metric([topic.name], posts)
            labels.add_metric([topic.name], totals.labels)
            rejected.add_metric([topic.name], totals.rejections)
            dirty.add_metric([topic.name], totals.dirty_days)
            version = queries.shown_version(topic.name)
            if version is not None:
                waiting = queries.pending_count(
                    topic.name, version, questions_of(topic), languages=topic.languages
                )
                pending.add_metric([topic.name], waiting)
            for source in queries.sources(topic.name):
                if source.checkpoint_at is not None:
                    at = source.checkpoint_at.timestamp()
                    newest.add_metric([topic.name, source.source], at)
        yield from (stored, labels, rejected, dirty, pending, newest)

    def _jobs(self) -> Iterator[Metric]:
        last: dict[str, JobRun] = {}
        failures: Counter[str] = Counter()
        for run in self._board.queries.job_runs(_RUNS_LOOKED_AT):
            last.setdefault(run.job, run)
            failures[run.job] += run.status == "failed"
        ok = _gauge("monitor_job_ok", "Whether a job's last run went well.", "job")
        started = _gauge(
            "monitor_job_started_timestamp_seconds", "When a job's last run started.", "job"
        )
        failed = _gauge(
            "monitor_job_recent_failures",
            f"Failed runs among the last {_RUNS_LOOKED_AT} of all jobs.",
            "job",
        )
        for job, run in sorted(last.items()):
            ok.add_metric([job], run.status != "failed")
            started.add_metric([job], run.started_at.timestamp())
            failed.add_metric([job], failures[job])
        yield from (ok, started, failed)

    def _heartbeat(self) -> Iterator[Metric]:
        at = self._board.heartbeat()
        if at is not None:
            beat = _gauge(
                "monitor_scheduler_heartbeat_timestamp_seconds",
                "When this process's scheduler was last heard of.",
            )
            beat.add_metric([], at.timestamp())
            yield beat


def _gauge(name: str, about: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, about, labels=list(labels))
