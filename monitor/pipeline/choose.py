"""Chooses the posts that people should label next because the model would learn from them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from classifiers.registry import Registry
from classifiers.selection import choose
from monitor.copies import CopyFinder
from monitor.pipeline.classify import questions_of
from monitor.store.chosen import Answered
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import Candidate, Question
from monitor.topic import Topic

if TYPE_CHECKING:
    from classifiers.runtime import Scorer

LOOKED_AT = 4000
"""Unlabelled posts whose stored answers are looked at, the newest first."""


@dataclass(frozen=True, slots=True)
class ChooseStep:
    """Fills a topic's queue of chosen posts.

    Attributes:
        load: Gives a version's scorer.
        pool: The most doubted posts, of which embeddings are made (tens a second).
    """

    store: Store
    queries: Queries
    registry: Registry
    load: Callable[[str], Scorer]
    clock: Callable[[], datetime]
    pool: int

    def choose(
        self,
        topic: Topic,
        count: int,
        *,
        progress: Callable[[str, float], None] = lambda _stage, _part: None,
    ) -> int:
        """Chooses posts anew; returns how many.

        Of the unlabelled posts with the champion's answers, those it doubts most are embedded,
        and of these posts are drawn that differ from each other. No text like a labelled or
        chosen one is taken.
        """
        version = self.registry.champion(topic.name).id
        questions = questions_of(topic)
        doubted = self._doubted(topic, version, questions)
        chosen: list[int] = []
        if doubted:
            # Embedding brings the model's libraries.
            embedding = importlib.import_module("classifiers.embedding")
            embeddings = embedding.embed(
                self.load(version),
                [one.text for one in doubted],
                progress=lambda part: progress("reading posts to choose from", part),
            )
            scores = [_scores(doubted, question) for question in questions]
            known = [each for each in scores if each is not None]
            chosen = [doubted[number].post_id for number in choose(known, embeddings, count)]
        self.store.choose_posts(
            topic.name, chosen, reason="uncertain", version=version, at=self.clock()
        )
        return len(chosen)

    def _doubted(
        self, topic: Topic, version: str, questions: Sequence[Question]
    ) -> list[Candidate]:
        answered = Answered(topic.name, version, topic.languages, topic.span)
        candidates = self.queries.candidates(answered, limit=LOOKED_AT)
        copies = CopyFinder()
        for post in self.queries.examples(topic.name):
            copies.is_copy(post.text)
        ranked = sorted(
            candidates, key=lambda one: (-_doubt(one, questions), one.text_digest, one.post_id)
        )
        fresh = (one for one in ranked if not copies.is_copy(one.text))
        return [one for one, _ in zip(fresh, range(self.pool), strict=False)]


def _doubt(candidate: Candidate, questions: Sequence[Question]) -> float:
    """How far the most probable label is from certain, for the most doubted question."""
    found = [candidate.scores[one] for one in questions if one in candidate.scores]
    return max((1 - max(scores) / sum(scores) for scores in found), default=0.0)


def _scores(
    candidates: Sequence[Candidate], question: Question
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]] | None:
    """Probabilities, (candidates, labels); of one without an answer, as of all labels alike."""
    known = next((one.scores[question] for one in candidates if question in one.scores), None)
    if known is None:
        return None
    even = (1,) * len(known)
    scores = np.array([one.scores.get(question, even) for one in candidates], dtype=float)
    return np.asarray(scores / scores.sum(axis=1, keepdims=True))
