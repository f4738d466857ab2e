"""Scores the posts that the champion has not answered yet."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from classifiers.heads import reported_heads
from monitor.errors import StoreError
from monitor.holder import holder_name
from monitor.store.claims import Claim
from monitor.store.queries import Queries
from monitor.store.scores import SCALE
from monitor.store.store import Store
from monitor.store.values import PendingPost, Prediction, Question
from monitor.topic import Topic

if TYPE_CHECKING:
    from classifiers.runtime import Scores  # brings the model's libraries with it

CLAIM_SECONDS = 600
"""A batch takes seconds. A worker that hangs for so long loses its posts to others."""
_PAUSE_SECONDS = 0.2

Answers = dict[tuple[str, Question], tuple[str, tuple[int, ...]]]
"""Label and scores by text digest and question."""


def _now() -> datetime:
    return datetime.now(UTC)


class ScoresTexts(Protocol):
    """What this step asks of the classifier's fast path."""

    @property
    def version(self) -> str:
        """The version whose answers it gives."""
        ...

    def answers(self, head: str, target: str) -> bool:
        """As `ModelVersion.answers`."""
        ...

    def score(
        self, texts: Sequence[str], targets: Mapping[str, str], *, heads: Sequence[str] | None
    ) -> list[Scores]:
        """As `classifiers.runtime.Scorer.score`."""
        ...


@dataclass(frozen=True, slots=True)
class Classified:
    """How many posts were answered, how many of them by an identical text's answer."""

    posts: int = 0
    reused: int = 0
    finished: bool = True


def questions_of(topic: Topic) -> list[Question]:
    """Every head's questions about a topic: one, or one per target where it takes targets."""
    return [
        (head.name, target)
        for head in reported_heads()
        for target in ([t.name for t in topic.targets] if head.takes_target else [""])
    ]


class AnswersQuestions(Protocol):
    """A version of the model, or what scores with it."""

    def answers(self, head: str, target: str) -> bool:
        """Tells whether it answers a head's question towards a target's text."""
        ...


def answered_questions(topic: Topic, version: AnswersQuestions) -> list[Question]:
    """Those of a topic's questions that a version answers; the others wait for their labels."""
    texts = topic.target_texts | {"": ""}
    return [
        (head, target)
        for head, target in questions_of(topic)
        if version.answers(head, texts[target])
    ]


@dataclass(frozen=True, slots=True)
class ClassifyStep:
    """Answers pending posts batch by batch, newest first; every batch is one transaction.

    Attributes:
        among: Looks at posts of these ids [first, end) alone.
        clock: Tells when a claim lapses.
        wait: Pauses while others finish.
    """

    store: Store
    queries: Queries
    scorer: ScoresTexts
    batch_posts: int
    among: tuple[int, int] | None = None
    clock: Callable[[], datetime] = _now
    wait: Callable[[float], None] = time.sleep

    def classify(
        self,
        topic: Topic,
        *,
        should_stop: Callable[[], bool] = lambda: False,
        progress: Callable[[int], None] = lambda _: None,
    ) -> Classified:
        """Scores until nothing is pending or a stop is asked for.

        Several may do this at once, on several machines: each post is one worker's, and whoever
        has no more to do waits for the others' last batches.

        Raises:
            StoreError: Answers do not reach the store, so that going on would never end; or a
                target has another text by now.
        """
        self.store.sync_targets(topic.name, topic.target_texts)
        questions = answered_questions(topic, self.scorer)
        self.store.begin_scoring(
            topic.name, self.scorer.version, questions, languages=topic.languages
        )
        holder = holder_name()
        try:
            return self._work_off(topic, holder, should_stop, progress)
        finally:
            self.store.leave(holder)

    def _work_off(
        self,
        topic: Topic,
        holder: str,
        should_stop: Callable[[], bool],
        progress: Callable[[int], None],
    ) -> Classified:
        posts = reused = 0
        previous: list[PendingPost] = []
        while pending := self._claimed(topic, holder, should_stop):
            if pending == previous:
                raise StoreError(
                    f"{len(pending)} posts of {topic.name} stay pending after being scored",
                    hint="run `monitor doctor`; this is a defect worth reporting",
                )
            reused += self._answer(topic, pending)
            posts += len(pending)
            previous = pending
            progress(posts)
            if should_stop():
                return Classified(posts, reused, finished=False)
        return Classified(posts, reused, finished=not self._is_pending(topic))

    def _claimed(
        self, topic: Topic, holder: str, should_stop: Callable[[], bool]
    ) -> list[PendingPost]:
        """The next batch; none when nothing is pending, or a stop is asked for while waiting."""
        while not (batch := self._claim(topic, holder)) and self._is_pending(topic):
            if should_stop():
                return []
            self.wait(_PAUSE_SECONDS)
        return batch

    def _claim(self, topic: Topic, holder: str) -> list[PendingPost]:
        return self.store.claim(
            topic.name,
            self.scorer.version,
            answered_questions(topic, self.scorer),
            languages=topic.languages,
            claim=Claim(holder, self.clock(), CLAIM_SECONDS, self.among),
            limit=self.batch_posts,
        )

    def _is_pending(self, topic: Topic) -> bool:
        questions = answered_questions(topic, self.scorer)
        version, languages = self.scorer.version, topic.languages
        return self.queries.is_pending(
            topic.name, version, questions, languages=languages, among=self.among
        )

    def _answer(self, topic: Topic, pending: list[PendingPost]) -> int:
        """Answers every question about every pending post.

        Returns:
            How many posts took the answers of an identical text.
        """
        questions = answered_questions(topic, self.scorer)
        digests = sorted({post.text_digest for post in pending})
        answers: Answers = {
            (digest, (head, target)): answer
            for (digest, head, target), answer in self.queries.known_predictions(
                topic.name, self.scorer.version, digests
            ).items()
        }
        fresh = {
            post.text_digest: post.text
            for post in pending
            if any((post.text_digest, question) not in answers for question in questions)
        }
        answers = self._score(topic, fresh) | answers
        predictions = [
            Prediction(post.id, post.text_digest, *question, *answers[post.text_digest, question])
            for post in pending
            for question in questions
        ]
        self.store.save_predictions(
            topic.name, self.scorer.version, predictions, asked=topic.target_texts
        )
        return len(pending) - len(fresh)

    def _score(self, topic: Topic, texts: Mapping[str, str]) -> Answers:
        if not texts:
            return {}
        scored = self.scorer.score(list(texts.values()), topic.target_texts, heads=None)
        return {
            (digest, (scores.head, scores.target)): answer
            for scores in scored
            for digest, answer in zip(texts, _answers(scores), strict=True)
        }


def _answers(scores: Scores) -> list[tuple[str, tuple[int, ...]]]:
    return [whole_answer(row, scores.labels) for row in scores.probabilities.tolist()]


def whole_answer(
    probabilities: Sequence[float], labels: Sequence[str]
) -> tuple[str, tuple[int, ...]]:
    """Turns probabilities into the most probable label and whole 1/10,000 parts.

    The parts add up to exactly one: the label's own part takes what rounding left over.
    """
    best = max(range(len(labels)), key=lambda position: probabilities[position])
    parts = [round(float(value) * SCALE) for value in probabilities]
    parts[best] += SCALE - sum(parts)
    return labels[best], tuple(parts)
