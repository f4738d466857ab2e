"""Shares of all shown days together, right however bad the classifier is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from classifiers.heads import head as head_named
from classifiers.prediction_powered import range_shares
from monitor.figure import Figure
from monitor.shares.corrected import DIGITS
from monitor.shares.rollup import SCALE, CellCounts
from monitor.store.values import AuditLabel, Question


@dataclass(frozen=True, slots=True)
class WholeShare:
    """One label's share of all posts of the days whose shares are shown.

    Attributes:
        since, until: First day, and the day after the last one.
        days: How many of the days between have their shares shown.
        posts: Their scored posts.
        audited: How many of these people have labelled.
        share, low, high: By prediction-powered inference, with its 95 % interval.
    """

    topic: str
    since: date
    until: date
    head: str
    target: str
    label: str
    version: str
    days: int
    posts: int
    audited: int
    share: float
    low: float
    high: float


def shown_days(figures: Sequence[Figure], question: Question) -> list[date]:
    """The days on which every label's share of a question is released."""
    hidden = {one.day for one in figures if _asks(one, question) and one.share is None}
    return sorted({one.day for one in figures if _asks(one, question)} - hidden)


def whole_shares(
    shown: Sequence[Figure],
    counts: Mapping[date, CellCounts],
    audit: Sequence[AuditLabel],
    days: Collection[date],
) -> list[WholeShare]:
    """Estimates every label of one question.

    Args:
        shown: The question's released figures of one of the days, a label each.
        counts: By day.
        audit: The question's audit labels of any day.
        days: The days to take together; not empty, sorted.
    """
    labels = head_named(shown[0].head).labels
    inside = [one for one in audit if one.day in days]
    if not inside:
        return []
    scores = np.array([one.scores for one in inside]) / SCALE
    truth = np.array([labels.index(one.truth) for one in inside])
    soft: Counter[str] = Counter()
    for day in days:
        soft.update(counts[day].soft_sums)
    posts = sum(counts[day].posts for day in days)
    sums = np.array([soft[label] for label in labels]) / SCALE - scores.sum(axis=0)
    found = range_shares(truth, scores, posts - len(inside), sums)
    ordered = sorted(days)
    return [
        WholeShare(
            topic=one.topic,
            since=ordered[0],
            until=ordered[-1] + timedelta(1),
            head=one.head,
            target=one.target,
            label=one.label,
            version=one.version,
            days=len(ordered),
            posts=posts,
            audited=len(inside),
            share=round(float(found.share[labels.index(one.label)]), DIGITS),
            low=round(float(found.low[labels.index(one.label)]), DIGITS),
            high=round(float(found.high[labels.index(one.label)]), DIGITS),
        )
        for one in shown
    ]


def _asks(figure: Figure, question: Question) -> bool:
    return (figure.head, figure.target) == question
