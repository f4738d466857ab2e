"""Shares of all shown days together, right however bad the classifier is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from classifiers.audit_errors import Floats
from classifiers.heads import head as head_named
from classifiers.prediction_powered import RangeShares, range_shares
from monitor.figure import DIGITS, Figure, Withheld
from monitor.shares.rollup import CellCounts
from monitor.store.scores import SCALE
from monitor.store.values import AuditLabel, Question

PARTS = 5
"""Days are cut into so many runs of about as many posts, whose labels count as their posts do."""
FEWEST_LABELS = 5
"""Fewest labels of a run: of one that hardly anybody looked at, nothing is known."""


@dataclass(frozen=True, slots=True)
class WholeShare:
    """One label's share of all posts of the days whose shares are shown.

    Attributes:
        since, until: First day, and the day after the last one.
        version: That tells of these days; where several do, all of them in order, with `+` between.
        days: How many of the days between have their shares shown.
        posts: Their scored posts.
        audited: How many of these people have labelled.
        share, low, high: By prediction-powered inference, with its 95 % interval; None where
            withheld.
        withheld: `unvalidated` or `too_uncertain`, as a day's; None where the share is told.
        author_days: The days' released counts of authors, added up: who wrote on several days
            counts on each. How many people they were together is not told: see docs/privacy.md.
        coverage: Mean part of these days that collection covered, 0 to 1; None where of one of
            them nothing is known.
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
    author_days: int | None = None
    coverage: float | None = None


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
        shown: The question's released figures of these days, in order.
        counts: Of the days to take together; not empty.
        audit: The question's audit labels of any day, with the prediction of the version that
            tells of the day.
        needed: How many of these days' labels it takes.
        widest: Interval that may be told.
    """
    labels = head_named(shown[0].head).labels
    inside = [one for one in audit if one.day in counts]
    weights = label_weights({day: one.posts for day, one in counts.items()}, inside)
    last = [one for one in shown if one.day == shown[-1].day]
    told = [_hollow(one, counts, len(inside), shown) for one in last]
    if weights is None or len(inside) < needed:
        return [replace(one, withheld="unvalidated") for one in told]
    found = _estimate(counts, inside, labels, weights)
    return [_with_share(one, found, labels.index(one.label), widest) for one in told]


def label_weights(posts: Mapping[date, int], inside: Sequence[AuditLabel]) -> Floats | None:
    """For how many each label counts, so that each run of days has the weight of its posts.

    Labels are drawn at random from what there is when they are drawn, so that a topic's first
    days have more of them than the last.

    Args:
        posts: Of each day.
        inside: Labels of these days.

    Returns:
        (labels,) 1 on average; None where a run of days has too few labels.
    """
    days = sorted(posts)
    sizes = np.array([posts[day] for day in days], dtype=np.float64)
    middle = (sizes.cumsum() - sizes / 2) / max(sizes.sum(), 1)
    _, run = np.unique((PARTS * middle).astype(np.int64), return_inverse=True)
    of_label = run[np.array([days.index(one.day) for one in inside], dtype=np.int64)]
    labelled = np.bincount(of_label, minlength=run.max() + 1)
    if labelled.min() < FEWEST_LABELS:
        return None
    parts = np.bincount(run, sizes) / sizes.sum()
    return np.asarray((parts * len(inside) / labelled)[of_label])


def _estimate(
    counts: Mapping[date, CellCounts],
    inside: Sequence[AuditLabel],
    labels: Sequence[str],
    weights: Floats,
) -> RangeShares:
    scores = np.array([one.scores for one in inside]) / SCALE
    truth = np.array([labels.index(one.truth) for one in inside])
    soft: Counter[str] = Counter()
    for one in counts.values():
        soft.update(one.soft_sums)
    # Audited posts that were removed may be in the audit longer than in the counts.
    others = max(sum(one.posts for one in counts.values()) - len(inside), 0)
    sums = np.array([soft[label] for label in labels]) / SCALE - scores.sum(axis=0)
    return range_shares(truth, scores, others, sums, weights=weights)


def _hollow(
    figure: Figure, counts: Mapping[date, CellCounts], audited: int, shown: Sequence[Figure]
) -> WholeShare:
    days = {one.day: one for one in shown}.values()
    covered = [one.coverage for one in days if one.coverage is not None]
    return WholeShare(
        topic=figure.topic,
        since=min(counts),
        until=max(counts) + timedelta(1),
        head=figure.head,
        target=figure.target,
        label=figure.label,
        version="+".join(dict.fromkeys(one.version for one in shown)),
        days=len(counts),
        posts=sum(one.posts for one in counts.values()),
        audited=audited,
        author_days=sum(one.authors or 0 for one in days),
        coverage=round(sum(covered) / len(days), DIGITS) if len(covered) == len(days) else None,
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
