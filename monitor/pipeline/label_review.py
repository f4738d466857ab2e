"""How far a topic's labels can be trusted: agreement, conflicts, probable errors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from classifiers.heads import head as head_named
from classifiers.label_errors import label_errors
from monitor.agreement import Agreement, agreement, annotator_agreement
from monitor.store.queries import Queries
from monitor.store.values import Conflict, LabelledPost, Question, StoredLabel
from monitor.topic import Topic

Answers = Mapping[tuple[str, str, str], tuple[str, tuple[int, ...]]]
"""Label and scores by (text digest, head, target)."""


@dataclass(frozen=True, slots=True)
class QuestionReview:
    """One question's labels.

    Attributes:
        posts: How many posts have an answer, of those with the same text one.
        by_annotator: Each annotator's agreement with the others' majority.
        noise: Estimated share of wrong labels (confident learning).
    """

    head: str
    target: str
    posts: int
    agreement: Agreement
    by_annotator: dict[str, Agreement]
    noise: float


@dataclass(frozen=True, slots=True)
class ProbableError:
    """A label that a model which had not seen the post finds improbable.

    Attributes:
        probability: What the model gives the label, 0 to 1.
    """

    post: LabelledPost
    suggested: str
    probability: float


@dataclass(frozen=True, slots=True)
class LabelReview:
    """Everything that is known against a topic's labels; what was settled is none of it.

    Attributes:
        is_judged: Whether a version was there that could tell which labels are probably wrong.
    """

    questions: tuple[QuestionReview, ...]
    conflicts: tuple[Conflict, ...]
    errors: tuple[ProbableError, ...]
    is_judged: bool = True


@dataclass(frozen=True, slots=True)
class LabelReviewStep:
    """Reviews labels with the answers of a version that are stored."""

    queries: Queries

    def review(self, topic: Topic, versions: Sequence[str]) -> LabelReview:
        """Reviews every label of the topic.

        Args:
            topic: The topic.
            versions: Those that have learnt the topic; the first with stored answers judges.
                About posts that trained it, these are those of models that had not seen them.
                The shipped one is none: what it finds improbable is more often its own error.
        """
        posts = _once(self.queries.examples(topic.name))
        stored = self.queries.labels(topic.name, *topic.span)
        answers = self._answers(topic, versions, posts)
        errors, noise = _errors(posts, answers)
        settled = {_key(label) for label in stored if label.decides}
        errors = [one for one in errors if _key(one.post) not in settled]
        reviews = [
            _question_review(question, given, noise.get(question, 0.0))
            for question, given in self.queries.answers_by_text(topic.name, *topic.span).items()
        ]
        conflicts = self.queries.conflicts(topic.name)
        return LabelReview(tuple(reviews), tuple(conflicts), tuple(errors), bool(answers))

    def _answers(
        self, topic: Topic, versions: Sequence[str], posts: Sequence[LabelledPost]
    ) -> Answers:
        digests = sorted({post.text_digest for post in posts})
        known = (self.queries.known_predictions(topic.name, one, digests) for one in versions)
        return next((answers for answers in known if answers), {})


def _once(posts: Sequence[LabelledPost]) -> list[LabelledPost]:
    """Of posts with the same text and label the first alone."""
    once: dict[tuple[str, str, str, str], LabelledPost] = {}
    for post in posts:
        once.setdefault((post.text_digest, post.head, post.target, post.label), post)
    return list(once.values())


def _errors(
    posts: Sequence[LabelledPost], answers: Answers
) -> tuple[list[ProbableError], dict[Question, float]]:
    by_question: dict[Question, list[tuple[LabelledPost, tuple[int, ...]]]] = defaultdict(list)
    for post in posts:
        answer = answers.get((post.text_digest, post.head, post.target))
        if answer is not None:
            by_question[post.head, post.target].append((post, answer[1]))
    found, noise = [], {}
    for question, rows in by_question.items():
        errors, noise[question] = _probable_errors(question[0], rows)
        found += errors
    return sorted(found, key=lambda each: (each.probability, each.post.native_id)), noise


def _key(label: StoredLabel | LabelledPost) -> tuple[str, str, str, str]:
    """What a label is about."""
    return (label.platform, label.native_id, label.head, label.target)


def _probable_errors(
    head: str, rows: Sequence[tuple[LabelledPost, tuple[int, ...]]]
) -> tuple[list[ProbableError], float]:
    labels = head_named(head).labels
    scores = np.array([scores for _, scores in rows], dtype=float)
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    given = np.array([labels.index(post.label) for post, _ in rows])
    found = label_errors(given, probabilities)
    errors = [
        ProbableError(
            rows[row][0],
            labels[int(probabilities[row].argmax())],
            float(probabilities[row, given[row]]),
        )
        for row in found.rows
    ]
    return errors, found.noise


def _question_review(
    question: Question, given: Sequence[dict[str, str]], noise: float
) -> QuestionReview:
    return QuestionReview(
        *question,
        posts=len(given),
        agreement=agreement(list(said.values()) for said in given),
        by_annotator=annotator_agreement(given),
        noise=noise,
    )
