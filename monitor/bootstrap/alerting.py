"""Judging alert rules."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from monitor.alarms.evidence import Spending
from monitor.bootstrap.loading import load
from monitor.job import is_configured
from monitor.standing import standings

if TYPE_CHECKING:
    from monitor.bootstrap.application import Application
    from monitor.pipeline.alert import AlertStep
    from monitor.topic import Topic


def alert_step(app: Application) -> AlertStep:
    """What judges alert rules and tells; brings Apprise."""
    made: AlertStep = load("monitor.pipeline.alert", "AlertStep")(
        app.figures,
        app.queries,
        app.incidents,
        app.teller(),
        app.clock,
        rules=lambda topic: load("monitor.pipeline.alert", "rules_in_force")(
            topic, app.alert_rules.of(topic.name)
        ),
        spending=partial(_spending, app),
        counts_run=partial(
            is_configured,
            topics=app.topics,
            stored=app.queries.topics(),
            settings=app.settings,
        ),
        asked=app.live.names(),
    )
    return made


def _spending(app: Application, topic: Topic) -> list[Spending]:
    standing = standings(app.live.names(), topic, app.queries, app.settings, app.clock)
    return [
        Spending(one.source, one.budget.used, one.budget.cap, one.budget.forecast.expected)
        for one in standing
        if one.budget is not None
    ]
