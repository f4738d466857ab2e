"""Scores posts with a candidate beside the champion: what would change if it took over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from classifiers.heads import head as head_named
from monitor.errors import UsageError
from monitor.pipeline.classify import ScoresTexts, questions_of, whole_answer
from monitor.store.chosen import Answered
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import Candidate, Prediction, Question
from monitor.topic import Topic

BATCH = 100


@dataclass(frozen=True, slots=True)
class Beside:
    """Both versions' answers to one question about the same posts.

    Attributes:
        same: Part of the posts that get the same label.
        shares: By label, the champion's and the candidate's plain share.
    """

    head: str
    target: str
    posts: int
    same: float
    shares: Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class ShadowStep:
    """Scores the newest posts with another version; nothing that is shown changes."""

    store: Store
    queries: Queries

    def compare(
        self,
        topic: Topic,
        champion: str,
        candidate: ScoresTexts,
        *,
        posts: int,
        progress: Callable[[int], None] = lambda _: None,
    ) -> list[Beside]:
        """Scores posts that the champion has answered, and sets both beside each other.

        The answers are kept: if the candidate takes over, these posts are scored already.

        Args:
            topic: The topic.
            champion: Its version.
            candidate: The other version's fast path.
            posts: How many, the newest.
            progress: Told how many are done.

        Raises:
            UsageError: The champion has answered nothing yet.
        """
        answered = Answered(topic.name, champion, topic.languages, topic.span)
        newest = self.queries.newest_answered(answered, limit=posts)
        if not newest:
            raise UsageError(
                f"version {champion} has scored no post of {topic.name}",
                hint="run `monitor classify` first",
            )
        found: dict[Question, list[tuple[str, str]]] = {}
        for start in range(0, len(newest), BATCH):
            chunk = newest[start : start + BATCH]
            for question, post, label in self._score(topic, candidate, chunk):
                if question in post.scores:
                    before = _label(question, post.scores[question])
                    found.setdefault(question, []).append((before, label))
            progress(start + len(chunk))
        return [_beside(question, pairs) for question, pairs in sorted(found.items())]

    def _score(
        self, topic: Topic, candidate: ScoresTexts, posts: list[Candidate]
    ) -> list[tuple[Question, Candidate, str]]:
        scored = candidate.score([post.text for post in posts], topic.target_texts, heads=None)
        answers, predictions = [], []
        for scores in scored:
            question = (scores.head, scores.target)
            if question not in questions_of(topic):
                continue
            for post, row in zip(posts, scores.probabilities.tolist(), strict=True):
                label, parts = whole_answer(row, scores.labels)
                answers.append((question, post, label))
                predictions.append(
                    Prediction(post.post_id, post.text_digest, *question, label, parts)
                )
        self.store.save_predictions(
            topic.name, candidate.version, predictions, asked=topic.target_texts
        )
        return answers


def _label(question: Question, scores: tuple[int, ...]) -> str:
    return head_named(question[0]).labels[int(np.argmax(scores))]


def _beside(question: Question, pairs: list[tuple[str, str]]) -> Beside:
    counts = [Counter(said) for said in zip(*pairs, strict=True)]
    shares = {
        label: (counts[0][label] / len(pairs), counts[1][label] / len(pairs))
        for label in head_named(question[0]).labels
    }
    same = sum(before == after for before, after in pairs) / len(pairs)
    return Beside(*question, len(pairs), same, shares)
