"""Retraining as one deed: train, judge, take over or not, tidy up, choose what to label next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from classifiers.errors import PromotionError
from monitor.bootstrap.drifting import drop_references
from monitor.bootstrap.labelling import choose_posts, echo_labels
from monitor.bootstrap.loading import load
from monitor.observability import get_logger
from monitor.topic import Topic
from monitor.tracking import track

if TYPE_CHECKING:
    from monitor.bootstrap.application import Application
    from monitor.pipeline.retrain import Retrained, RetrainStep  # brings the model's libraries

Promote = Literal["auto", "never", "force"]
"""`auto`: if every check of the gate passed. `force`: whatever they say."""

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Deed:
    """What came of retraining.

    Attributes:
        promoted: Whether the candidate is the champion now; the posts are still to be scored.
        pruned: Old versions that were removed.
        overtaken: Whether another version became the champion while this one was trained, which
            it was not compared with.
        rolled_back: Whether these labels gave a version that somebody went back from.
    """

    retrained: Retrained
    promoted: bool
    pruned: tuple[str, ...]
    overtaken: bool = False
    rolled_back: bool = False

    @property
    def reason(self) -> str:
        """Why it came so, in words."""
        if self.overtaken:
            return "another version took over while it was trained; retrain to compare both"
        if self.rolled_back:
            return (
                "these labels give the version that was rolled back; `monitor models promote` lets "
                "it take over again"
            )
        return self.retrained.reason


def retrain_topic(
    app: Application,
    topic: Topic,
    *,
    who: str,
    promote: Promote,
    progress: Progress = lambda _stage, _part: None,
) -> Deed:
    """Trains a candidate, lets it take over as told, and writes down what was decided.

    Raises:
        LabelError: The topic has no labels.
        ClassifierError: The labels are too few or too uniform to train on.
    """
    echo_labels(app, topic)
    answers = app.queries.labels_since(topic.name, None)
    ruled = app.registry.champion(topic.name).id
    retrained = retrain_step(app).retrain(topic, progress=progress)
    version = retrained.version.id
    overtaken = promote == "auto" and app.registry.champion(topic.name).id != ruled
    rolled_back = promote != "force" and app.registry.is_rolled_back(topic.name, version)
    may = retrained.beats and not (overtaken or rolled_back)
    wanted = promote == "force" or (promote == "auto" and may)
    promoted = wanted and not retrained.is_champion
    details = {"topic": topic.name, "version": version, "promote": promote}
    failed = [check.name for check in retrained.verdict.checks if not check.passed]
    if promoted:
        promote_version(app, topic, version, who=who)
    # Last: whoever finds no such line knows that nothing was decided yet.
    learnt = {"labels": retrained.examples, "answers": answers}
    app.store.log(who, "retrained", details | learnt | {"failed": failed})
    track(app.settings.retraining.mlflow_uri, retrained.version, app.registry.path(version))
    get_logger().info(
        "retrained", topic=topic.name, version=version, promoted=promoted, failed=failed
    )
    pruned = prune_versions(app, topic)
    choose_posts(app, topic, progress=progress)
    return Deed(retrained, promoted, pruned, overtaken, rolled_back)


def retrain_step(app: Application) -> RetrainStep:
    """What trains a candidate version; brings the model's libraries."""
    trial = load("monitor.pipeline.trial", "Trial")(
        app.scorers.loaded,
        load("classifiers.verdict", "Tolerances")(**app.settings.gate.model_dump()),
        app.settings.retraining.general_sets,
        app.settings.audit.minimum_labels,
    )
    step: RetrainStep = load("monitor.pipeline.retrain", "RetrainStep")(
        app.store,
        app.queries,
        app.registry,
        app.post_ids,
        app.clock,
        trial,
        app.settings.home / "cache",
        app.settings.classify.threads or None,
    )
    return step


def promote_version(app: Application, topic: Topic, version: str, *, who: str) -> str:
    """Makes a version the champion and writes it down; returns its id.

    Its files are checked first: a version that would be refused on loading must not rule.

    Raises:
        ClassifierError: It is not on disk, of another topic, or not what it was made as, or its
            training was broken off before it was judged.
    """
    app.registry.check(version)
    wanted = app.registry.owned(topic.name, version)
    if wanted.topic and not wanted.verdict:
        raise PromotionError(
            f"version {version} was never judged: its training was broken off",
            hint=f"`monitor retrain --topic {topic.name}` makes it anew",
        )
    promoted = app.registry.promote(topic.name, version).id
    app.store.log(who, "promoted", {"topic": topic.name, "version": promoted})
    return promoted


def roll_back(app: Application, topic: Topic, *, who: str) -> str:
    """Goes back to the champion before, shows its series if it ever was, and returns its id.

    Nothing is scored for it: its answers are still there. Posts that came meanwhile are scored
    with it by the next job. A series that was never complete is shown when it is.

    Raises:
        ClassifierError: There is no champion to go back to, or it is not on disk or not what it
            was made as.
    """
    app.registry.check(app.registry.preceding(topic.name))
    version = app.registry.rollback(topic.name).id
    app.store.log(who, "rolled_back", {"topic": topic.name, "version": version})
    if version in app.queries.shown_versions(topic.name):
        app.store.show_version(topic.name, version)
        app.store.log("pipeline", "version_shown", {"topic": topic.name, "version": version})
    return version


def prune_versions(app: Application, topic: Topic) -> tuple[str, ...]:
    """Removes a topic's oldest candidates with their answers; returns them."""
    removed = app.registry.prune(
        topic.name,
        app.settings.retraining.keep_versions,
        needed=app.queries.shown_versions(topic.name),
    )
    if removed:
        app.store.drop_versions(topic.name, removed)
        drop_references(app, topic.name, removed)
        app.store.log("pipeline", "pruned", {"topic": topic.name, "versions": list(removed)})
    return removed
