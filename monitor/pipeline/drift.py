"""Whether a topic's posts have left what its version was made for, and whether to train again."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from classifiers.heads import head as head_named
from classifiers.registry import Registry
from classifiers.shift import (
    FEWEST,
    Points,
    PointSet,
    Shift,
    compare,
    keep_reference,
    read_reference,
    word_points,
)
from monitor.outward import rounded_down, rounded_up
from monitor.pipeline.classify import questions_of
from monitor.pipeline.reference import References, marks_of
from monitor.store.chosen import Answered
from monitor.store.queries import Queries
from monitor.store.scores import SCALE
from monitor.store.values import FORMER, AuditLabel, Candidate, Question, with_text
from monitor.topic import Topic

if TYPE_CHECKING:
    from classifiers.runtime import Scorer

POSTS = 300
RARE = 0.01
"""A change that chance shows less often than this, over all comparisons, counts."""
PARTS = 4
FEWEST_IN_PART = 20


@dataclass(frozen=True, slots=True)
class AuditPart:
    """How often the version was wrong on the audit labels of some days.

    Attributes:
        low, high: The 95 % Wilson interval of the error.
    """

    head: str
    target: str
    since: date
    until: date
    labels: int
    error: float
    low: float
    high: float

    @property
    def told(self) -> str:
        """The error with its interval, `20% (15% to 26%)`."""
        return f"{self.error:.0%} ({rounded_down(self.low):.0%} to {rounded_up(self.high):.0%})"


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What has changed since the version was made.

    Attributes:
        posts: How many of the newest posts were compared; 0 where there were too few, or where
            they have just become the reference.
        new_labels: Answers that came since.
        advice: Why to train again, a sentence each; empty where nothing asks for it.
    """

    version: str
    posts: int
    shifts: tuple[Shift, ...]
    audit: tuple[AuditPart, ...]
    new_labels: int
    advice: tuple[str, ...]


class Advice:
    """Tells why to train again, and looks at the posts again only after a change.

    Args:
        step: Makes what compares posts.
        stamp: Gives a topic's stamp; equal ones mean that nothing has changed.
    """

    def __init__(self, step: Callable[[], DriftStep], stamp: Callable[[str], Hashable]) -> None:
        self._step = step
        self._stamp = stamp
        self._known: dict[str, tuple[Hashable, tuple[str, ...]]] = {}

    def about(self, topic: Topic) -> tuple[str, ...]:
        """Gives the reasons, a sentence each; none where nothing asks for it.

        Embeddings are left out: reading the posts takes seconds (`monitor models drift`).
        """
        stamp = self._stamp(topic.name)
        known = self._known.get(topic.name)
        if known is None or known[0] != stamp:
            advice = self._step().report(topic, embed=False, keep=False).advice
            known = self._known[topic.name] = (stamp, advice)
        return known[1]


@dataclass(frozen=True, slots=True)
class DriftStep:
    """Compares the newest posts with those at the time when the champion was made.

    Attributes:
        load: Gives a version's scorer.
        references: What the newest posts are compared with.
        enough_labels: New labels that are worth training on.
    """

    queries: Queries
    registry: Registry
    load: Callable[[str], Scorer]
    references: References
    enough_labels: int

    def report(self, topic: Topic, *, embed: bool = True, keep: bool = True) -> DriftReport:
        """Compares.

        Args:
            topic: The topic.
            embed: Whether the posts are read by the encoder too (tens a second).
            keep: Whether what is compared for the first time becomes the reference.
        """
        version = self.registry.champion(topic.name)
        answered = Answered(topic.name, version.id, topic.languages, topic.span)
        newest = self.queries.newest_answered(answered, limit=POSTS)
        points = self._points(topic, version.id, newest, embed=embed)
        shifts: tuple[Shift, ...] = ()
        if len(newest) >= FEWEST:
            shifts = self._shifts(topic, version.id, points, keep=keep)
        audit = [
            part
            for question in questions_of(topic)
            for part in _parts(
                question,
                self.queries.audit_labels(
                    topic.name, *question, version.id, languages=topic.languages
                ),
            )
        ]
        labels = (
            self.queries.labels_new_to(topic.name, version.id, version.created_at)
            if version.topic
            else self.queries.labels_since(topic.name, None)
        )
        advice = [*_of_shifts(shifts), *_of_audit(audit), *self._of_labels(labels)]
        compared = len(newest) if shifts else 0
        return DriftReport(version.id, compared, tuple(shifts), tuple(audit), labels, tuple(advice))

    def has_reference(self, topic: Topic) -> bool:
        """Tells whether there is something to compare with."""
        version = self.registry.champion(topic.name).id
        return self.references.path(topic.name, version).is_file()

    def _points(
        self, topic: Topic, version: str, newest: Sequence[Candidate], *, embed: bool
    ) -> dict[str, PointSet]:
        texts = [one.text for one in newest]
        if len(texts) < FEWEST:
            return {}
        points = {"words": PointSet(word_points(texts), marks_of(newest))}
        for question in questions_of(topic):
            answered = [one for one in newest if question in one.scores]
            if len(answered) >= FEWEST:
                scores = np.array([one.scores[question] for one in answered]) / SCALE
                points[_scores_of(topic, question)] = PointSet(
                    scores.astype(np.float32), marks_of(answered)
                )
        if embed:
            points["embeddings"] = PointSet(self._embedded(version, texts), marks_of(newest))
        return points

    def _embedded(self, version: str, texts: Sequence[str]) -> Points:
        # Embedding brings the model's libraries.
        embedding = importlib.import_module("classifiers.embedding")
        found: Points = embedding.embed(self.load(version), texts)
        return found

    def _shifts(
        self, topic: Topic, version: str, points: dict[str, PointSet], *, keep: bool
    ) -> tuple[Shift, ...]:
        path = self.references.path(topic.name, version)
        kept = read_reference(path)
        reference = _with_texts(kept, points)
        if keep and points.keys() - kept.keys():
            keep_reference(path, points | reference)
        return tuple(
            compare(reference[name].points, each.points, name.partition(FORMER)[0])
            for name, each in points.items()
            if name in reference
        )

    def _of_labels(self, labels: int) -> list[str]:
        if labels < self.enough_labels:
            return []
        return [f"{labels} labels have come since this version was made"]


def _scores_of(topic: Topic, question: Question) -> str:
    """Names the scores of a question: with another text its target is another question."""
    head, target = question
    if not target:
        return f"scores of {head}"
    return f"scores of {head} {with_text(target, topic.target_texts[target])}"


def _with_texts(kept: dict[str, PointSet], names: Iterable[str]) -> dict[str, PointSet]:
    """What was kept, by the present names: earlier programs left the targets' texts out."""
    former = {name.partition(FORMER)[0]: name for name in names if name not in kept}
    return {former.get(name, name): each for name, each in kept.items()}


def _of_shifts(shifts: Sequence[Shift]) -> list[str]:
    return [
        f"the {one.of} of the newest posts are others than when this version was made (chance "
        f"shows as much in {one.chance:.1%} of cases)"
        for one in shifts
        if one.chance < RARE
    ]


def _of_audit(parts: Sequence[AuditPart]) -> list[str]:
    told = []
    for question in dict.fromkeys((part.head, part.target) for part in parts):
        first, *_, last = [one for one in parts if (one.head, one.target) == question] * 2
        if last.low > first.high:
            told.append(
                f"errors about {' '.join(question).strip()} rose from {first.told} to {last.told}"
            )
    return told


def _parts(question: Question, labels: Sequence[AuditLabel]) -> list[AuditPart]:
    """The audit in up to `PARTS` spans of days with about as many labels."""
    count = min(PARTS, len(labels) // FEWEST_IN_PART)
    if count < 2:
        return []
    return [
        _part(question, [labels[n] for n in rows])
        for rows in np.array_split(np.arange(len(labels)), count)
    ]


def _part(question: Question, labels: Sequence[AuditLabel]) -> AuditPart:
    names = head_named(question[0]).labels
    wrong = sum(one.truth != names[int(np.argmax(one.scores))] for one in labels)
    low, high = wilson(wrong, len(labels))
    days = [one.day for one in labels]
    error = wrong / len(labels)
    return AuditPart(*question, min(days), max(days), len(labels), error, low, high)


def wilson(times: int, of: int) -> tuple[float, float]:
    """Returns the 95 % interval of a share (Wilson, JASA 1927)."""
    z, share = 1.96, times / of
    middle = (share + z**2 / (2 * of)) / (1 + z**2 / of)
    half = z * np.sqrt(share * (1 - share) / of + z**2 / (4 * of**2)) / (1 + z**2 / of)
    return float(max(middle - half, 0)), float(min(middle + half, 1))
