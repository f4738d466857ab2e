"""Erasing: what is past its time, and what somebody asks to have forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from monitor.bootstrap.counting import aggregate
from monitor.bootstrap.loading import load

if TYPE_CHECKING:
    from collectors.post import Deletion
    from monitor.bootstrap.application import Application
    from monitor.pipeline.forget import ForgetStep
    from monitor.pipeline.retention import RetentionStep
    from monitor.topic import Topic


def purge(app: Application, topic: Topic) -> Mapping[str, int]:
    """Deletes texts and pseudonyms past their time, and removed answers that have company.

    Days are counted first: a purged post's author can no longer be.
    """
    aggregate(app, topic)
    counts = purge_stored(app, topic.name)
    app.store.let_go_removed_answers(topic.name, topic.minimum_authors)
    return counts


def purge_stored(app: Application, topic: str) -> Mapping[str, int]:
    """Deletes texts and pseudonyms past their time; a topic without a file has them too."""
    settings = app.settings.retention
    step: RetentionStep = load("monitor.pipeline.retention", "RetentionStep")(
        app.store,
        settings.text_days,
        app.clock,
        keep_labelled=bool(settings.labelled_copies),
        access_days=settings.access_days,
    )
    posts = step.purge(topic)
    keys: int = load("monitor.pipeline.retention", "destroy_keys")(
        app.keys(topic), app.queries, app.clock(), text_days=settings.text_days
    )
    return {"posts": posts, "keys": keys}


def forget(app: Application, topic: Topic, deletion: Deletion) -> int:
    """Erases a post or an author from a topic; returns how many posts went."""
    removed = _forget_step(app, topic.name).forget(deletion)
    aggregate(app, topic)
    if removed:
        app.store.reclaim()
    return removed


def forget_stored(app: Application, topic: str, deletion: Deletion) -> int:
    """Erases a post or an author from a topic without a file; its days are not rebuilt.

    Raises:
        ConfigurationError: The topic's key is not here: another installation has it.
    """
    removed = _forget_step(app, topic).forget(deletion)
    if removed:
        app.store.reclaim()
    return removed


def _forget_step(app: Application, topic: str) -> ForgetStep:
    made: ForgetStep = load("monitor.pipeline.forget", "ForgetStep")(
        app.store, app.keys(topic), app.post_ids(topic), app.clock
    )
    return made
