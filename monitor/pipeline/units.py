"""Answers counted by another unit than posts: by authors, or by texts."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from classifiers.heads import head
from monitor.store.scores import SCALE
from monitor.store.values import DayPost, DayPrediction


@dataclass(slots=True)
class _Sums:
    """How many answers, and their labels and scores, in whole numbers of `SCALE`."""

    count: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    soft: Counter[str] = field(default_factory=Counter)

    def add(self, answer: DayPrediction) -> None:
        self.count += 1
        self.labels[answer.label] += SCALE
        soft = self.soft  # `Counter.update` takes three times as long.
        for label, score in zip(head(answer.head).labels, answer.scores, strict=True):
            soft[label] += score


@dataclass(slots=True)
class Units:
    """One cell's answers to one question (or its volume) by author and by text."""

    _texts: _Sums = field(default_factory=_Sums)
    _authors: dict[str, _Sums] = field(default_factory=lambda: defaultdict(_Sums))
    _nobodys: int = 0
    _copies: int = 0
    _copiers: set[str] = field(default_factory=set)

    def add_volume(self, *, is_copy: bool) -> None:
        """Counts an opinion, whatever it says."""
        self._texts.count += not is_copy

    def add(self, post: DayPost, answer: DayPrediction, *, is_copy: bool) -> None:
        """Counts an answer."""
        if not is_copy:
            self._texts.add(answer)
        elif post.author is not None:
            self._copiers.add(post.author)
        self._copies += is_copy
        if post.author is not None:
            self._authors[post.author].add(answer)
        self._nobodys += post.author is None

    def as_counts(self) -> dict[str, dict[str, Any]]:
        """What an aggregate keeps: `texts`, and `authors`, each of whom counts one in all.

        An author's parts are rounded each for themselves, so that no order matters. `apart` are
        the posts that count otherwise than by posts, and how many known authors wrote them: who
        subtracts one unit from another learns about those (see `monitor/shares/apart.py`).
        """
        labels: Counter[str] = Counter()
        soft: Counter[str] = Counter()
        for one in self._authors.values():
            labels.update({name: round(n / one.count) for name, n in one.labels.items()})
            soft.update({name: round(n / one.count) for name, n in one.soft.items()})
        several = [one.count for one in self._authors.values() if one.count > 1]
        return {
            "authors": _counts(
                _Sums(len(self._authors), labels, soft),
                _apart(sum(several) + self._nobodys, len(several)),
            ),
            "texts": _counts(self._texts, _apart(self._copies, len(self._copiers))),
        }


def _apart(posts: int, authors: int) -> dict[str, int]:
    return {"posts": posts, "authors": authors} if posts else {}


def _counts(sums: _Sums, apart: dict[str, int]) -> dict[str, Any]:
    found: dict[str, Any] = {"count": sums.count}
    if sums.soft:
        found["labels"] = dict(sorted(sums.labels.items()))
        found["soft"] = dict(sorted(sums.soft.items()))
        found["apart"] = apart
    return found
