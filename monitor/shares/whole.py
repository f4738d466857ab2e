"""Shares of all shown days together, right however bad the classifier is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from classifiers.heads import head as head_named
from classifiers.prediction_powered import RangeShares, range_shares
from monitor.figure import Figure, Withheld
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
        share, low, high: By prediction-powered inference, with its 95 % interval; None where
            withheld.
        withheld: `unvalidated` or `too_uncertain`, as a day's; None where the share is told.
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
    share: float | None = None
    low: float | None = None
    high: float | None = None
    withheld: Withheld | None = None


def shown_days(figures: Sequence[Figure], question: Question) -> list[date]:
    """The days on which every label's share of a question is released."""
    hidden = {one.day for one in figures if _asks(one, question) and one.share is None}
    return sorted({one.day for one in figures if _asks(one, question)} - hidden)


def whole_shares(
    shown: Sequence[Figure],
    counts: Mapping[date, CellCounts],
    audit: Sequence[AuditLabel],
    *,
    needed: int,
    widest: float,
) -> list[WholeShare]:
    """Estimates every label of one question.

    Args:
        shown: The question's released figures of one of the days, a label each.
        counts: Of the days to take together; not empty.
        audit: The question's audit labels of any day.
        needed: How many of these days' labels it takes.
        widest: Interval that may be told.
    """
    labels = head_named(shown[0].head).labels
    inside = [one for one in audit if one.day in counts]
    found = _estimate(counts, inside, labels) if len(inside) >= needed else None
    told = [_hollow(one, counts, len(inside)) for one in shown]
    if found is None:
        return [replace(one, withheld="unvalidated") for one in told]
    return [_with_share(one, found, labels.index(one.label), widest) for one in told]


def _estimate(
    counts: Mapping[date, CellCounts], inside: Sequence[AuditLabel], labels: Sequence[str]
) -> RangeShares:
    scores = np.array([one.scores for one in inside]) / SCALE
    truth = np.array([labels.index(one.truth) for one in inside])
    soft: Counter[str] = Counter()
    for one in counts.values():
        soft.update(one.soft_sums)
    others = sum(one.posts for one in counts.values()) - len(inside)
    sums = np.array([soft[label] for label in labels]) / SCALE - scores.sum(axis=0)
    return range_shares(truth, scores, others, sums)


def _hollow(figure: Figure, counts: Mapping[date, CellCounts], audited: int) -> WholeShare:
    return WholeShare(
        topic=figure.topic,
        since=min(counts),
        until=max(counts) + timedelta(1),
        head=figure.head,
        target=figure.target,
        label=figure.label,
        version=figure.version,
        days=len(counts),
        posts=sum(one.posts for one in counts.values()),
        audited=audited,
    )


def _with_share(whole: WholeShare, found: RangeShares, row: int, widest: float) -> WholeShare:
    share, low, high = (
        round(float(values[row]), DIGITS) for values in (found.share, found.low, found.high)
    )
    if high - low > widest:
        return replace(whole, withheld="too_uncertain")
    return replace(whole, share=share, low=low, high=high)


def _asks(figure: Figure, question: Question) -> bool:
    return (figure.head, figure.target) == question
