"""Erasing: what is past its time, and what somebody asks to have forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.bootstrap.counting import aggregate
from monitor.bootstrap.drifting import renew_reference, trim_references
from monitor.bootstrap.loading import load
from monitor.errors import ConfigurationError
from monitor.pseudonym import load_everywhere

if TYPE_CHECKING:
    from collectors.post import Deletion
    from monitor.bootstrap.application import Application
    from monitor.pipeline.forget import ForgetStep, RefuseStep
    from monitor.pipeline.retention import RetentionStep
    from monitor.topic import Topic


def purge(app: Application, topic: Topic) -> Mapping[str, int]:
    """Deletes texts and pseudonyms past their time, and removed answers that have company.

    Days are counted first: a purged post's author can no longer be.
    """
    aggregate(app, topic)
    counts = _purge(app, topic.name)
    renew_reference(app, topic)
    app.store.let_go_removed_answers(topic.name, topic.minimum_authors)
    return counts


def purge_stored(app: Application, topic: str) -> Mapping[str, int]:
    """Deletes texts and pseudonyms past their time; a topic without a file has them too."""
    counts = _purge(app, topic)
    trim_references(app, topic)
    return counts


def _purge(app: Application, topic: str) -> Mapping[str, int]:
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
    trim_references(app, topic)
    if removed:
        app.store.reclaim()
    return removed


def refuse_everywhere(app: Application, deletion: Deletion) -> None:
    """Refuses a post or an author from now on, also in topics that are not there yet."""
    step: RefuseStep = load("monitor.pipeline.forget", "RefuseStep")(
        app.store, load_everywhere(app.key_folder), app.clock
    )
    if deletion.native_id is not None:
        deletion = replace(deletion, native_id=_opened(app, deletion.native_id))
    step.refuse(deletion)


def _opened(app: Application, native_id: str) -> str:
    """The platform's own id, whichever topic's seal of it was given."""
    for topic in (*app.topics, *app.topics_without_file()):
        with suppress(ConfigurationError):  # Its key is elsewhere, so the seal is not its.
            native_id = app.post_ids(topic).open(native_id)
    return native_id


def _forget_step(app: Application, topic: str) -> ForgetStep:
    made: ForgetStep = load("monitor.pipeline.forget", "ForgetStep")(
        app.store, app.keys(topic), app.post_ids(topic), app.clock
    )
    return made
