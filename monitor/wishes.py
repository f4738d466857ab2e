"""What people can ask for on a page, and how it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING

from monitor.store.tasks import Task
from monitor.task import Progress, Work

if TYPE_CHECKING:
    from monitor.bootstrap import Application


def works(app: Application) -> Mapping[str, Work]:
    """Returns how each kind of task is done."""
    return {
        "retrain": lambda task, progress: _retrain(app, task, progress),
        "promote": lambda task, progress: _promote(app, task, progress),
        "rollback": lambda task, progress: _roll_back(app, task, progress),
        "backfill": lambda task, progress: _backfill(app, task, progress),
    }


def _retrain(app: Application, task: Task, progress: Progress) -> str:
    """Trains on the topic's labels, and lets the candidate take over where it is better."""
    topic = app.topic(task.topic)
    retrained = app.retrain_step().retrain(topic, progress=progress)
    version = retrained.version.id
    if not retrained.beats:
        return f"Candidate {version} is not better than the champion: {retrained.reason}"
    app.registry.promote(topic.name, version)
    app.store.log(task.requested_by, "promoted", {"topic": topic.name, "version": version})
    _rescore(app, task, progress)
    return f"Version {version} is the champion: {retrained.reason}"


def _promote(app: Application, task: Task, progress: Progress) -> str:
    version = app.registry.promote(task.topic, str(task.arguments["version"])).id
    app.store.log(task.requested_by, "promoted", {"topic": task.topic, "version": version})
    _rescore(app, task, progress)
    return f"Version {version} is the champion."


def _roll_back(app: Application, task: Task, progress: Progress) -> str:
    version = app.registry.rollback(task.topic).id
    app.store.log(task.requested_by, "rolled_back", {"topic": task.topic, "version": version})
    _rescore(app, task, progress)
    return f"Version {version} is the champion again."


def _rescore(app: Application, task: Task, progress: Progress) -> None:
    """Scores and counts with the champion; the series switches when every post is covered."""
    topic = app.topic(task.topic)
    app.classify(topic, progress=_counted(progress, max(app.queries.counts(topic.name).posts, 1)))
    progress("counting", 0.0)
    app.aggregate(topic)


def _counted(progress: Progress, posts: int) -> Callable[[int], None]:
    return lambda done: progress("scoring posts", done / posts)


def _backfill(app: Application, task: Task, progress: Progress) -> str:
    """Collects days again; what is stored already is not stored twice."""
    topic = app.topic(task.topic)
    since, until = (date.fromisoformat(str(task.arguments[n])) for n in ("since", "until"))
    source = str(task.arguments["source"])
    collected = app.collect(
        topic,
        source,
        window=topic.window_of(since, until),
        should_stop=lambda: _is_stopped(progress),
    )
    counts = ", ".join(
        f"{count:,} {name.replace('_', ' ')}" for name, count in collected.counts.items() if count
    )
    return f"{source}, {since} to {until}: {counts or 'nothing new'}."


def _is_stopped(progress: Progress) -> bool:
    """Between two pages; where it shall stop, this raises and collecting ends here."""
    progress("collecting", 0.0)
    return False
