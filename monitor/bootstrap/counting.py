"""Counting days, on this machine or on a cluster, and what follows when they were rebuilt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from monitor.bootstrap import workers
from monitor.bootstrap.drifting import renew_reference
from monitor.bootstrap.loading import load

if TYPE_CHECKING:
    from monitor.bootstrap.application import Application
    from monitor.job import ShouldStop
    from monitor.pipeline.aggregate import AggregateStep
    from monitor.pipeline.switch import SwitchStep
    from monitor.settings import DistributionSettings
    from monitor.topic import Topic


def aggregate(
    app: Application,
    topic: Topic,
    *,
    rebuild: bool = False,
    engine: DistributionSettings | None = None,
    should_stop: ShouldStop = lambda: False,
) -> Mapping[str, int]:
    """Rebuilds changed days, and lets a champion that has caught up take over the series.

    Args:
        app: The program's parts.
        topic: Whose days.
        rebuild: Every day, not only those that changed.
        engine: Where; unless told on this machine alone, as changed days are few.
        should_stop: Asked after every day.

    Raises:
        MonitorError: As the steps raise, or Dask is not installed.
    """
    if engine is not None and engine.uses_dask:
        with workers.connected(engine) as cluster:
            counts: Mapping[str, int] = cluster.aggregate(
                app, topic, rebuild=rebuild, should_stop=should_stop
            )
            return counts
    step: AggregateStep = load("monitor.pipeline.aggregate", "AggregateStep")(
        app.store, app.queries
    )
    is_covered = covers(app, topic)
    days = step.aggregate(topic, rebuild=rebuild, should_stop=should_stop)
    return settle(app, topic, days, switch=is_covered and not should_stop())


def covers(app: Application, topic: Topic) -> bool:
    """Tells whether the champion has answered what is shown; asked before days are rebuilt."""
    champion = app.champion(topic)
    return _switch_step(app).covers(topic, champion.id, app.answered_by(topic, champion))


def settle(app: Application, topic: Topic, days: int, *, switch: bool) -> Mapping[str, int]:
    """What follows when days were rebuilt; returns how many, for the record of the run.

    Args:
        app: The program's parts.
        topic: Whose days.
        days: How many were rebuilt.
        switch: Whether the champion's series may be shown: it covers the posts, by `covers`, and
            every changed day was rebuilt afterwards.
    """
    if days:
        ids = app.post_ids(topic.name)
        unlearn = load("monitor.pipeline.forget", "UnlearnStep")
        unlearn(app.queries, app.registry, ids).unlearn(topic)
        renew_reference(app, topic)
    if switch:
        _switch_step(app).show(topic, app.champion(topic).id)
    return {"days": days}


def _switch_step(app: Application) -> SwitchStep:
    step: SwitchStep = load("monitor.pipeline.switch", "SwitchStep")(app.store, app.queries)
    return step
