"""The daemon's jobs: what each does, which are enabled, and what runs them.

When each runs is the daemon's business (`monitor/daemon.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from collectors.errors import PastError
from monitor.bootstrap import collecting
from monitor.bootstrap.alerting import alert_step
from monitor.bootstrap.counting import aggregate
from monitor.bootstrap.labelling import echo_labels
from monitor.bootstrap.removal import purge, purge_stored
from monitor.bootstrap.scoring import classify
from monitor.job import Job, JobRunner, Resting, ShouldStop
from monitor.mailing import send_report
from monitor.observability import get_logger
from monitor.pipeline.retention import PUT_OFF, is_in_doubt
from monitor.retraining import retrain_topic
from monitor.standing import silence
from monitor.task import TaskStopped
from monitor.topic import Topic
from monitor.wishes import task_runner

if TYPE_CHECKING:
    from monitor.bootstrap.application import Application


def jobs_of(app: Application, only: Topic | None = None, *, once: bool = False) -> list[Job]:
    """Gives every enabled job, in pipeline order; `only` leaves out those of other topics.

    Those that run `once` put nothing off until tomorrow.
    """
    settings = app.settings.jobs
    jobs: list[Job] = []
    topics = list(app.topics.values())
    if settings.collect.enabled:
        jobs += [
            _collect_job(app, topic, source)
            for topic in topics
            for source in collecting.sources(app, topic)
        ]
    if settings.compliance.enabled:
        jobs += [
            _compliance_job(app, topic, source)
            for topic in topics
            for source in app.live.names()
            if app.live.has_checker(source)
        ]
    if settings.classify.enabled:
        jobs += [_classify_job(app, topic) for topic in topics]
    if settings.aggregate.enabled:
        jobs += [_aggregate_job(app, topic) for topic in topics]
    if settings.retention.enabled:
        retention = [_retention_job(app, topic) for topic in topics]
        retention += [_stored_retention_job(app, name) for name in app.topics_without_file()]
        jobs += retention if once else [_in_time(app, job) for job in retention]
    if settings.alert.enabled:
        jobs += [_alert_job(app, topic) for topic in topics]
    if settings.report.enabled:
        jobs += [_report_job(app, topic) for topic in topics]
    if settings.retrain.enabled:
        jobs += [_retrain_job(app, topic) for topic in topics]
    if settings.tasks.enabled:
        jobs.append(_tasks_job(app))
    return [job for job in jobs if only is None or job.topic in (only.name, "")]


def job_runner(app: Application) -> JobRunner:
    """What runs and records jobs."""
    return JobRunner(app.store, app.clock)


def _collect_job(app: Application, topic: Topic, source: str) -> Job:
    def work(should_stop: ShouldStop) -> Mapping[str, int]:
        try:
            counts = dict(collecting.collect(app, topic, source, should_stop=should_stop).counts)
        except PastError:  # for who asks by hand: no run to come will change it
            return {}
        if silent := silence(source, topic, app.queries, app.clock()):
            get_logger().warning(
                "source_silent",
                source=source,
                topic=topic.name,
                hours=round(silent.total_seconds() / 3600, 1),
            )
        return counts

    name = f"collect:{source}:{topic.name}"
    return Job(name, topic.name, Resting(work, app.clock), app.settings.jobs.collect)


def _compliance_job(app: Application, topic: Topic, source: str) -> Job:
    def work(should_stop: ShouldStop) -> Mapping[str, int]:
        return dict(collecting.check_stored(app, topic, source, should_stop=should_stop).counts)

    name = f"compliance:{source}:{topic.name}"
    return Job(name, topic.name, Resting(work, app.clock), app.settings.jobs.compliance)


def _classify_job(app: Application, topic: Topic) -> Job:
    def work(should_stop: ShouldStop) -> Mapping[str, int]:
        return classify(app, topic, should_stop=should_stop)

    return Job(f"classify:{topic.name}", topic.name, work, app.settings.jobs.classify)


def _aggregate_job(app: Application, topic: Topic) -> Job:
    echoed: datetime | None = None

    def work(should_stop: ShouldStop) -> Mapping[str, int]:
        nonlocal echoed
        now = app.clock()
        # The labelling page makes copies every 50 posts: here those of the last ones.
        if app.queries.labels_since(topic.name, echoed):
            echo_labels(app, topic)
        echoed = now
        return aggregate(app, topic, should_stop=should_stop)

    return Job(f"aggregate:{topic.name}", topic.name, work, app.settings.jobs.aggregate)


def _retention_job(app: Application, topic: Topic) -> Job:
    def work(_: ShouldStop) -> Mapping[str, int]:
        return purge(app, topic)

    return Job(f"retention:{topic.name}", topic.name, work, app.settings.jobs.retention)


def _stored_retention_job(app: Application, topic: str) -> Job:
    def work(_: ShouldStop) -> Mapping[str, int]:
        return purge_stored(app, topic)

    return Job(f"retention:{topic}", topic, work, app.settings.jobs.retention)


def _in_time(app: Application, job: Job) -> Job:
    """The same job, put off once where the clock may be wrong."""

    def work(should_stop: ShouldStop) -> Mapping[str, int]:
        if not is_in_doubt(app.queries, job.name, app.clock()):
            return job.work(should_stop)
        get_logger().warning("retention_put_off", topic=job.topic, reason="clock_ahead")
        return {PUT_OFF: 1}

    return replace(job, work=work)


def _alert_job(app: Application, topic: Topic) -> Job:
    def work(_: ShouldStop) -> Mapping[str, int]:
        counts, teller = alert_step(app).alert(topic), app.teller()
        teller.check()  # Once the others are told.
        # None is nothing to log every time, and yet to be told on the page.
        return counts if teller.addresses else counts | {"addresses": 0}

    return Job(f"alert:{topic.name}", topic.name, work, app.settings.jobs.alert)


def _report_job(app: Application, topic: Topic) -> Job:
    def work(_: ShouldStop) -> Mapping[str, int]:
        return send_report(app, topic)

    schedule = app.settings.jobs.report
    return Job(f"report:{topic.name}", topic.name, work, schedule, topic.timezone)


def _retrain_job(app: Application, topic: Topic) -> Job:
    """Trains where enough labels have come since the last one judged, and promotes by the gate."""

    def work(should_stop: ShouldStop) -> Mapping[str, int]:
        # Of one that was broken off before all was decided, the labels are as new as before.
        ended = app.queries.retrained_versions(topic.name)
        last = [each for each in app.registry.list(topic.name) if each.topic and each.id in ended]
        new = (
            app.queries.labels_new_to(topic.name, last[-1].id, last[-1].created_at)
            if last
            else app.queries.labels_since(topic.name, None)
        )
        if new < app.settings.retraining.new_labels:
            return {"new_labels": new}

        def progress(_stage: str, _part: float) -> None:
            if should_stop():
                raise TaskStopped

        try:
            deed = retrain_topic(app, topic, who="retrain job", promote="auto", progress=progress)
        except TaskStopped:  # the daemon ends; the next night trains again
            return {"new_labels": new}
        return {"new_labels": new, "promoted": int(deed.promoted)}

    return Job(f"retrain:{topic.name}", topic.name, work, app.settings.jobs.retrain)


def _tasks_job(app: Application) -> Job:
    first = [True]

    def work(should_stop: ShouldStop) -> Mapping[str, int]:
        runner = task_runner(app, first=first[0])
        first[0] = False
        return {"tasks": runner.run_waiting(should_stop)}

    return Job("tasks", "", work, app.settings.jobs.tasks)
