"""What has changed since a model was made, and whether to train it again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from monitor.bootstrap.loading import load

if TYPE_CHECKING:
    from monitor.bootstrap.application import Application
    from monitor.pipeline.drift import Advice, DriftReport, DriftStep
    from monitor.pipeline.reference import References
    from monitor.topic import Topic


def drift(app: Application, topic: Topic, *, embed: bool = True) -> DriftReport:
    """What has changed since the topic's champion was made, and whether to train again.

    Args:
        app: The program's parts.
        topic: The topic.
        embed: Whether the newest posts are read by the encoder too; loads the model.
    """
    return _drift_step(app).report(topic, embed=embed)


def advice(app: Application) -> Advice:
    """Why to train a topic's model again, as cheaply as a page needs it."""
    found: Advice = load("monitor.pipeline.drift", "Advice")(
        partial(_drift_step, app), app.stamps.of
    )
    return found


def keep_reference(app: Application, topic: Topic) -> None:
    """Keeps what later posts are compared with, if the champion has none yet."""
    step = _drift_step(app)
    if not step.has_reference(topic):
        step.report(topic)


def renew_reference(app: Application, topic: Topic) -> None:
    """Drops what was made of posts that are gone from all that later posts are compared with.

    If the champion's goes with it, the newest posts take its place (without embeddings).
    """
    step = _drift_step(app)
    had_one = step.has_reference(topic)
    trim_references(app, topic.name)
    if had_one and not step.has_reference(topic):
        step.report(topic, embed=False)


def trim_references(app: Application, topic: str) -> None:
    """The same of a topic without a file; nothing takes its place."""
    _references(app).trim(topic)


def drop_references(app: Application, topic: str, versions: Sequence[str]) -> None:
    """Drops what was kept for versions that are gone."""
    _references(app).drop(topic, versions)


def _references(app: Application) -> References:
    made: References = load("monitor.pipeline.reference", "References")(
        app.queries, app.settings.home / "references"
    )
    return made


def _drift_step(app: Application) -> DriftStep:
    step: DriftStep = load("monitor.pipeline.drift", "DriftStep")(
        app.queries,
        app.registry,
        app.scorer,
        _references(app),
        app.settings.retraining.new_labels,
    )
    return step
