"""From human labels to a candidate version, compared with the champion on the same posts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from classifiers.adaptation import AdaptationResult, Example, adapt, beats_champion
from classifiers.examples import Key
from classifiers.heads import head
from classifiers.registry import ModelVersion, Registry
from monitor.errors import LabelError
from monitor.pipeline.classify import whole_answer
from monitor.post_ids import PostIds
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
    """Trains a candidate on a topic's labels.

    Attributes:
        ids: What a topic's post ids are sealed with.
        cache: Where exported models are kept.
        threads: Processor threads to use; all there are where None.
    """

    store: Store
    queries: Queries
    registry: Registry
    ids: Callable[[str], PostIds]
    clock: Callable[[], datetime]
    cache: Path
    threads: int | None

    def retrain(
        self,
        topic: Topic,
        *,
        progress: Callable[[str, float], None] = lambda _stage, _part: None,
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
                hint="`monitor label queue` draws posts, `monitor label import` takes answers",
            )
        examples = _examples(topic, posts, self.ids(topic.name))
        result = adapt(
            self.registry,
            topic.name,
            list(examples),
            cache=self.cache,
            threads=self.threads,
            progress=progress,
        )
        by_key = {example.key: post for example, post in examples.items()}
        self._keep_held_out(topic, result, by_key)
        beats, reason = beats_champion(result.version)
        version = result.version
        learned = {(post.platform, post.native_id) for post in by_key.values()}
        self.store.record_training(topic.name, version.id, sorted(learned))
        self.store.record_version(
            topic.name, version.id, stage="candidate", metrics=version.metrics, at=self.clock()
        )
        return Retrained(version, beats, reason, len(examples))

    def _keep_held_out(
        self, topic: Topic, result: AdaptationResult, posts: Mapping[Key, LabelledPost]
    ) -> None:
        predictions = [
            _prediction(posts[key], probabilities) for key, probabilities in result.held_out.items()
        ]
        self.store.save_predictions(topic.name, result.version.id, predictions)


def _prediction(post: LabelledPost, probabilities: Sequence[float]) -> Prediction:
    label, scores = whole_answer(probabilities, head(post.head).labels)
    return Prediction(post.post_id, post.text_digest, post.head, post.target, label, scores)


def _examples(
    topic: Topic, posts: Sequence[LabelledPost], ids: PostIds
) -> dict[Example, LabelledPost]:
    """The posts as examples; a label towards a target that the topic no longer has is left out."""
    texts = {target.name: target.text for target in topic.targets} | {"": ""}
    return {
        Example(
            id=f"{post.platform}/{ids.open(post.native_id)}",
            text=post.text,
            head=post.head,
            target=texts[post.target],
            label=post.label,
            audit=post.sample == "random",
        ): post
        for post in posts
        if post.target in texts
    }
