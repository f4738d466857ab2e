"""How each source stands: when it last went well, what it has cost, whether it has gone silent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from collectors.post import Window
from collectors.x_budget import Forecast, forecast
from monitor.settings import Settings
from monitor.silence import LOOKED_AT, MOST_POSTS, unusual_silence
from monitor.store.queries import Queries
from monitor.store.values import SAMPLE_SOURCE
from monitor.topic import Topic

BUDGET = "monthly_reads"
"""The option of a source whose posts are billed that holds the month's budget."""


@dataclass(frozen=True, slots=True)
class Budget:
    """This month's billed posts."""

    used: int
    cap: int
    forecast: Forecast


@dataclass(frozen=True, slots=True)
class Standing:
    """How one source stands for one topic.

    Attributes:
        job: Of the daemon.
        last_success: When a run of it last went well, None if never.
        newest_post: When its newest post was posted.
        silent_for: Set where that is unusually long ago.
        error: Of the last run that is over, empty if it went well.
    """

    source: str
    topic: str
    job: str
    last_success: datetime | None
    newest_post: datetime | None
    silent_for: timedelta | None
    budget: Budget | None
    error: str


def standings(
    sources: list[str],
    topic: Topic,
    queries: Queries,
    settings: Settings,
    clock: Callable[[], datetime],
) -> list[Standing]:
    """Tells how a topic's sources stand."""
    if not sources:
        return []
    now = clock()
    newest = {state.source: state.last_post_at for state in queries.sources(topic.name, until=now)}
    found = []
    for source in sources:
        job = f"collect:{source}:{topic.name}"
        success, last = queries.last_success(job), queries.last_finished(job)
        found.append(
            Standing(
                source=source,
                topic=topic.name,
                job=job,
                last_success=success.finished_at if success else None,
                newest_post=newest.get(source),
                silent_for=silence(source, topic, queries, now),
                budget=_budget(source, queries, settings, now),
                error=last.error if last else "",
            )
        )
    return found


def silence(source: str, topic: Topic, queries: Queries, now: datetime) -> timedelta | None:
    """How long a source has been unusually silent; after a topic's end nobody has to speak.

    As of the last whole hour: when a silence begins would tell its last post's minute.
    """
    if source == SAMPLE_SOURCE:
        return None
    reached = min(now.replace(minute=0, second=0, microsecond=0), topic.window.end)
    looked_at = Window(reached - LOOKED_AT, now)
    arrivals = queries.arrivals(topic.name, source, looked_at, limit=MOST_POSTS)
    return unusual_silence(arrivals, reached)


def _budget(source: str, queries: Queries, settings: Settings, now: datetime) -> Budget | None:
    own = settings.sources.get(source)
    options: Mapping[str, Any] = own.options if own else {}
    if BUDGET not in options:
        return None
    used, cap = queries.reads(source, now), int(options[BUDGET])
    return Budget(used, cap, forecast(used, now, cap))
