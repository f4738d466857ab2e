"""People's labels: taking them in, what is known against them, and what to label next."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from monitor.bootstrap.loading import load

if TYPE_CHECKING:
    from monitor.bootstrap.application import Application
    from monitor.pipeline.choose import ChooseStep
    from monitor.pipeline.label_review import LabelReview, LabelReviewStep
    from monitor.pipeline.labels import LabelStep
    from monitor.topic import Topic


def label_step(app: Application, topic: Topic) -> LabelStep:
    """What takes a topic's label files in."""
    made: LabelStep = load("monitor.pipeline.labels", "LabelStep")(
        app.store, app.post_ids(topic.name), app.clock
    )
    return made


def echo_labels(app: Application, topic: Topic) -> int:
    """Labels copies of the topic's labelled texts; returns how many."""
    return label_step(app, topic).echo(topic)


def review_labels(app: Application, topic: Topic) -> LabelReview:
    """What is known against the topic's labels.

    Where no version that has learnt them is the champion, the newest candidate judges, refused
    or not: it may have been refused for its labels.
    """
    step: LabelReviewStep = load("monitor.pipeline.label_review", "LabelReviewStep")(app.queries)
    versions = [app.champion(topic), *reversed(app.registry.list(topic.name))]
    return step.review(topic, [one.id for one in versions if one.base])


def choose_posts(
    app: Application,
    topic: Topic,
    *,
    progress: Callable[[str, float], None] = lambda _stage, _part: None,
) -> int:
    """Chooses posts to label anew; returns how many. Loads the model if there are some."""
    settings = app.settings.labelling
    step: ChooseStep = load("monitor.pipeline.choose", "ChooseStep")(
        app.store, app.queries, app.registry, app.scorer, app.clock, settings.pool
    )
    return step.choose(topic, settings.chosen, progress=progress)
