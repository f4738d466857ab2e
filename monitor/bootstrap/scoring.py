"""Scoring posts, on this machine or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from monitor.bootstrap import workers
from monitor.bootstrap.loading import load
from monitor.errors import MonitorError, UsageError

if TYPE_CHECKING:
    from monitor.bootstrap.application import Application
    from monitor.job import ShouldStop
    from monitor.pipeline.archive import ArchiveStep
    from monitor.pipeline.classify import ClassifyStep
    from monitor.pipeline.shadow import Beside, ShadowStep
    from monitor.settings import DistributionSettings
    from monitor.topic import Topic


def classify(
    app: Application,
    topic: Topic,
    *,
    engine: DistributionSettings | None = None,
    should_stop: ShouldStop = lambda: False,
    progress: Callable[[int], None] = lambda _: None,
) -> Mapping[str, int]:
    """Scores what the champion has not answered; loads the model only if there is work.

    Args:
        app: The program's parts.
        topic: Whose posts.
        engine: Where; unless told as the settings say.
        should_stop: Asked after every batch.
        progress: Told how many posts are done.

    Raises:
        MonitorError: As the steps raise, or Dask is not installed.
    """
    where = engine or app.settings.distribution
    if where.uses_dask and _is_pending(app, topic):
        with workers.connected(where) as cluster:
            counts: Mapping[str, int] = cluster.classify(
                app, topic, should_stop=should_stop, progress=progress
            )
            return counts
    from_version = app.champion(topic).id
    step: ClassifyStep = load("monitor.pipeline.classify", "ClassifyStep")(
        app.store,
        app.queries,
        app.scorers.lazy(from_version),
        app.settings.classify.batch_posts,
    )
    done = step.classify(topic, should_stop=should_stop, progress=progress)
    return {"posts": done.posts, "reused": done.reused}


def classify_archive(
    app: Application,
    topic: Topic,
    archive: ArchiveStep,
    *,
    engine: DistributionSettings | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Mapping[str, int]:
    """Scores files of posts into files of answers, past the database.

    Raises:
        MonitorError: A file cannot be read (the others are answered), or Dask is not installed.
    """
    where = engine or app.settings.distribution
    if where.uses_dask:
        with workers.connected(where) as cluster:
            counts: Mapping[str, int] = cluster.classify_archive(
                app, topic, archive, progress=progress
            )
            return counts
    scorer, files, posts = app.scorers.lazy(app.champion(topic).id), archive.files(), 0
    refused: list[UsageError] = []
    for file in files:
        try:
            posts += archive.answer(file, topic, scorer)
        except UsageError as error:
            refused.append(error)
        progress(posts)
    if refused:
        raise MonitorError(
            f"{len(refused)} of {len(files)} files were not answered: {refused[0]}",
            hint=refused[0].hint or "the others are answered; mend the cause and run it again",
        )
    return {"posts": posts, "files": len(files)}


def shadow(
    app: Application,
    topic: Topic,
    version: str,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Beside]:
    """Scores the newest posts with another version, beside the champion.

    Raises:
        ClassifierError: It is not on disk, or another topic's.
    """
    app.registry.owned(topic.name, version)
    step: ShadowStep = load("monitor.pipeline.shadow", "ShadowStep")(app.store, app.queries)
    return step.compare(
        topic,
        app.champion(topic).id,
        app.scorers.lazy(version),
        posts=app.settings.retraining.shadow_posts,
        progress=progress,
    )


def pending(app: Application, topic: Topic) -> int:
    """Counts the posts that the champion has still to score."""
    champion = app.champion(topic)
    questions = app.answered_by(topic, champion)
    return app.queries.pending_count(topic.name, champion.id, questions, languages=topic.languages)


def _is_pending(app: Application, topic: Topic) -> bool:
    champion = app.champion(topic)
    questions = app.answered_by(topic, champion)
    return app.queries.is_pending(topic.name, champion.id, questions, languages=topic.languages)
