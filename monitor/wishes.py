"""What people can ask for on a page, and how it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from monitor.bootstrap import collecting, scoring
from monitor.bootstrap.counting import aggregate
from monitor.bootstrap.drifting import keep_reference
from monitor.privacy import whole_groups
from monitor.retraining import promote_version, retrain_topic, roll_back
from monitor.store.tasks import Task
from monitor.task import LOST_AFTER, Progress, TaskRunner, Work
from monitor.topic import Topic

if TYPE_CHECKING:
    from monitor.bootstrap.application import Application


def task_runner(app: Application, *, first: bool = False) -> TaskRunner:
    """What does what was asked for.

    Args:
        app: The program's parts.
        first: Whether this daemon has run none yet: then what still runs was its
            predecessor's, which is gone (one daemon at a time holds the lease).
    """
    lost_after = timedelta(0) if first else LOST_AFTER
    return TaskRunner(app.tasks, works(app), app.clock, lost_after)


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
    deed = retrain_topic(app, topic, who=task.requested_by, promote="auto", progress=progress)
    version, reason = deed.retrained.version.id, deed.reason
    if deed.retrained.is_champion:
        _rescore(app, task, progress)
        return f"Version {version} stays the champion: {reason}"
    if not deed.promoted:
        return f"Candidate {version} does not take over: {reason}"
    _rescore(app, task, progress)
    return f"Version {version} is the champion: {reason}"


def _promote(app: Application, task: Task, progress: Progress) -> str:
    wanted = str(task.arguments["version"])
    version = promote_version(app, app.topic(task.topic), wanted, who=task.requested_by)
    _rescore(app, task, progress)
    return f"Version {version} is the champion."


def _roll_back(app: Application, task: Task, progress: Progress) -> str:
    """Goes back from the version that ruled when this was asked for; begun again, not twice."""
    topic = app.topic(task.topic)
    ruling = app.registry.ruling(topic.name)
    # An earlier program noted no version: what it had begun may have gone back already.
    is_new = task.attempts == 1 and not task.stage
    leaving = task.arguments.get("version", ruling if is_new else "")
    outcome = f"Version {ruling} is the champion already."
    if leaving == ruling:
        version = roll_back(app, topic, who=task.requested_by)
        outcome = f"Version {version} is the champion again."
    _rescore(app, task, progress)
    return outcome


def _rescore(app: Application, task: Task, progress: Progress) -> None:
    """Scores and counts with the champion; the series switches when every post is covered."""
    topic = app.topic(task.topic)
    pending = scoring.pending(app, topic)
    scoring.classify(app, topic, progress=_forecast(progress, pending, app.clock))
    progress("counting", 0.0)
    aggregate(app, topic)
    progress("keeping what later posts are compared with", 0.0)
    keep_reference(app, topic)


def _forecast(
    progress: Progress, posts: int, clock: Callable[[], datetime]
) -> Callable[[int], None]:
    """Tells how many posts are scored and how long the rest will take at this pace."""
    started = clock()

    def tell(done: int) -> None:
        seconds = (clock() - started).total_seconds() * max(posts - done, 0) / max(done, 1)
        left = f", about {max(1, round(seconds / 60))} min left" if posts > done else ""
        progress(f"scoring {done:,} of {posts:,} posts, newest first{left}", done / max(posts, 1))

    return tell


def _backfill(app: Application, task: Task, progress: Progress) -> str:
    """Collects days again; what is stored already is not stored twice."""
    topic = app.topic(task.topic)
    since, until = (date.fromisoformat(str(task.arguments[n])) for n in ("since", "until"))
    source = str(task.arguments["source"])
    collected = collecting.collect(
        app,
        topic,
        source,
        window=topic.window_of(since, until),
        should_stop=lambda: _is_stopped(progress),
    )
    counts = ", ".join(
        f"{_at_least(count, topic)} {name.replace('_', ' ')}"
        for name, count in collected.counts.items()
        if count
    )
    return f"{source}, {since} to {until}: {counts or 'nothing new'}."


def _at_least(count: int, topic: Topic) -> str:
    """A count as viewers may see it: of one day, it is that of posts that no figure may show."""
    told = whole_groups(count, topic.minimum_authors)
    return f"{told:,}" if told else f"fewer than {topic.minimum_authors}"


def _is_stopped(progress: Progress) -> bool:
    """Between two pages; where it shall stop, this raises and collecting ends here."""
    progress("collecting", 0.0)
    return False
