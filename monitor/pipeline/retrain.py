"""From human labels to a candidate version, compared with the champion on the same posts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from classifiers.adaptation import Adaptation, Example, HeldOut, adapt, beats_champion
from classifiers.registry import ModelVersion, Registry
from monitor.errors import LabelError
from monitor.pipeline.classify import whole_answers
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import LabelledPost, Prediction
from monitor.topic import Topic


@dataclass(frozen=True, slots=True)
class Retrained:
    """A candidate and whether the gate would let it take over.

    Attributes:
        reason: The gate's comparison in words.
        examples: How many labels it was made from.
    """

    version: ModelVersion
    beats: bool
    reason: str
    examples: int


@dataclass(frozen=True, slots=True)
class RetrainStep:
    """Trains a candidate on a topic's labels."""

    store: Store
    queries: Queries
    registry: Registry
    clock: Callable[[], datetime]

    def retrain(
        self,
        topic: Topic,
        *,
        seed: int = 0,
        progress: Callable[[str, float], None] = lambda what, part: None,
    ) -> Retrained:
        """Makes a candidate version from every label of the topic.

        The candidate's answers about the labelled posts are stored here, and each comes from a
        model that did not train on that post: later scoring leaves them as they are, so the
        figures and the confusion matrix never rest on a remembered label.

        Raises:
            LabelError: The topic has no labels.
            ClassifierError: The labels are too few or too uniform to train on.
        """
        posts = self.queries.examples(topic.name)
        if not posts:
            raise LabelError(
                f"{topic.name} has no labelled posts",
                hint="`monitor label queue` draws posts to label, `monitor label import` takes them",
            )
        result = adapt(
            self.registry,
            topic.name,
            _examples(topic, posts),
            seed=seed,
            progress=progress,
        )
        self._keep_held_out(topic, result, posts)
        beats, reason = beats_champion(result.version)
        version = result.version
        self.store.record_version(
            topic.name, version.id, stage="candidate", metrics=version.metrics, at=self.clock()
        )
        return Retrained(version, beats, reason, len(posts))

    def _keep_held_out(
        self, topic: Topic, result: Adaptation, posts: Sequence[LabelledPost]
    ) -> None:
        by_id = {_example_id(post): post for post in posts}
        predictions = [
            Prediction(post.post_id, post.text_digest, post.head, post.target, label, scores)
            for held_out in result.held_out
            for post, (label, scores) in zip(
                [by_id[name] for name in held_out.example_ids],
                whole_answers(held_out.scores),
                strict=True,
            )
        ]
        self.store.save_predictions(topic.name, result.version.id, predictions)


def _examples(topic: Topic, posts: Sequence[LabelledPost]) -> list[Example]:
    texts = {target.name: target.text for target in topic.targets} | {"": ""}
    return [
        Example(
            id=_example_id(post),
            text=post.text,
            head=post.head,
            target=texts[post.target],
            label=post.label,
            audit=post.sample == "random",
        )
        for post in posts
        if post.target in texts
    ]


def _example_id(post: LabelledPost) -> str:
    return f"{post.platform}/{post.native_id}/{post.head}/{post.target}"
