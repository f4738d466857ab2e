"""From human labels to a candidate version, judged beside the champion on the same posts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version as package_version
from pathlib import Path

from classifiers.adaptation import AdaptationResult, Example, adapt
from classifiers.examples import Key
from classifiers.heads import head
from classifiers.model_card import model_card
from classifiers.registry import ModelVersion, Registry
from classifiers.verdict import Verdict
from monitor.errors import LabelError
from monitor.languages import scored_languages
from monitor.pipeline.classify import questions_of, whole_answer
from monitor.pipeline.example_groups import example_groups
from monitor.pipeline.trial import Audited, Trial
from monitor.post_ids import PostIds
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import LabelledPost, Prediction, Question
from monitor.topic import Topic

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Retrained:
    """A candidate and whether the gate would let it take over.

    Attributes:
        examples: How many labels it was made from.
    """

    version: ModelVersion
    verdict: Verdict
    examples: int

    @property
    def is_champion(self) -> bool:
        """Whether the labels gave the very version that rules: so do the same ones once more."""
        return self.version.stage == "champion"

    @property
    def beats(self) -> bool:
        """Whether the candidate may take over."""
        return self.verdict.passed and not self.is_champion

    @property
    def reason(self) -> str:
        """Why, in words."""
        if self.is_champion:
            return "these labels teach nothing that the champion has not learnt from them"
        return self.verdict.reason


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
    trial: Trial
    cache: Path
    threads: int | None

    def retrain(
        self,
        topic: Topic,
        *,
        progress: Progress = lambda _stage, _part: None,
    ) -> Retrained:
        """Makes a candidate version from every label of the topic, and judges it.

        The candidate's answers about the labelled posts are stored here, and each comes from a
        model that did not train on that post: later scoring leaves them as they are, so the
        figures and the confusion matrix never rest on a remembered label.

        Raises:
            LabelError: The topic has no labels.
            ClassifierError: The labels of every head are too few to train on.
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
        if result.version.stage == "champion" and result.version.verdict:
            # Judged and written down when it took over: these labels give the same one once more.
            verdict = Verdict.of(result.version.verdict)
            return Retrained(result.version, verdict, len(result.held_out))
        by_key = {example.key: post for example, post in examples.items()}
        self._keep_held_out(topic, result, by_key)
        progress("trying out the candidate", 0.97)
        asked, by_text = questions_of(topic), self.queries.answers_by_text(topic.name, *topic.span)
        given = {question: by_text[question] for question in asked if question in by_text}
        audits = self._audits(topic, posts)
        verdict = self.trial.judge(list(examples), result, given, audits)
        made = result.version
        learned = {(by_key[key].platform, by_key[key].native_id) for key in result.held_out}
        self.store.record_training(topic.name, made.id, sorted(learned))
        self.store.record_version(
            topic.name, made.id, stage="candidate", metrics=made.metrics, at=self.clock()
        )
        # Last: a version with a verdict is complete, one without was broken off.
        version = self.registry.describe(made.id, verdict=verdict.recorded, card=_card)
        return Retrained(version, verdict, len(result.held_out))

    def _audits(self, topic: Topic, posts: Sequence[LabelledPost]) -> dict[Question, Audited]:
        shown = self.queries.shown_version(topic.name)
        scored = scored_languages(topic.languages)
        readable = Counter(
            (post.head, post.target)
            for post in posts
            if post.sample == "random" and post.language in scored
        )
        found = {}
        for question in questions_of(topic):
            audit = (
                self.queries.audit_labels(topic.name, *question, shown, languages=topic.languages)
                if shown
                else ()
            )
            found[question] = Audited(len(audit), readable[question])
        return found

    def _keep_held_out(
        self, topic: Topic, result: AdaptationResult, posts: Mapping[Key, LabelledPost]
    ) -> None:
        predictions = [
            _prediction(posts[key], probabilities) for key, probabilities in result.held_out.items()
        ]
        self.store.save_predictions(
            topic.name, result.version.id, predictions, asked=topic.target_texts
        )


def _card(version: ModelVersion) -> str:
    return model_card(version, package_version("employee-sentiment-monitor"))


def _prediction(post: LabelledPost, probabilities: Sequence[float]) -> Prediction:
    label, scores = whole_answer(probabilities, head(post.head).labels)
    return Prediction(post.post_id, post.text_digest, post.head, post.target, label, scores)


def _examples(
    topic: Topic, posts: Sequence[LabelledPost], ids: PostIds
) -> dict[Example, LabelledPost]:
    """The posts as examples; a label towards a target that the topic no longer has is left out."""
    texts = topic.target_texts | {"": ""}
    groups = example_groups(posts)
    return {
        Example(
            id=f"{post.platform}/{ids.open(post.native_id)}",
            text=post.text,
            head=post.head,
            target=texts[post.target],
            label=post.label,
            audit=post.sample == "random",
            group=groups[post.post_id],
            labelled=post.labelled_at.isoformat(),
            slices={"platform": post.platform, "cohort": post.cohort, "language": post.language},
            annotators=post.annotators,
        ): post
        for post in posts
        if post.target in texts
    }
