"""Shares of a whole range that are right however bad the classifier is.

Prediction-powered inference (Angelopoulos and others 2023, with the power tuning of PPI++):
the mean of the people's labels, moved by as much as the classifier's mean scores differ between
all posts and the labelled ones, times how much the scores are worth. A classifier that knows
nothing is worth 0, and the audit's plain mean is left, with its plain interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from classifiers.audit_errors import Floats, Integers

NORMAL_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class RangeShares:
    """Shares (labels,) with 95 % intervals, from 0 to 1.

    Attributes:
        worth: How much of the scores is used for each label, 0 to 1.
    """

    share: Floats
    low: Floats
    high: Floats
    worth: Floats


def range_shares(
    truth: Integers,
    scores: Floats,
    others: int,
    sums: Floats,
    *,
    worth: Floats | None = None,
    weights: Floats | None = None,
) -> RangeShares:
    """Estimates the shares of all posts from the labelled ones and everybody's scores.

    The labelled posts are a simple random sample of all, or of parts of them whose sizes their
    weights make up for (poststratification; Holt and Smith 1979). Intervals are normal, and have
    a least width: a label that none of them has may yet be among the others.

    Args:
        truth: (labelled posts,) the people's labels.
        scores: (labelled posts, labels) probabilities.
        others: Posts that nobody labelled.
        sums: (labels,) sums of their probabilities.
        worth: How much of the scores to use; what is best where None. (The variance of scores
            is taken from the labelled posts: of the others only sums are kept.)
        weights: (labelled posts,) for how many each counts, 1 on average; 1 where None.

    Raises:
        ValueError: There is no labelled post.
    """
    labelled, labels = scores.shape
    if not labelled:
        raise ValueError("without a labelled post nothing can be said of all")
    answers = np.eye(labels)[truth]
    weights = np.ones(labelled) if weights is None else weights
    worth = _worth(answers, scores, others) if worth is None else worth
    every = (sums + scores.sum(axis=0)) / (others + labelled)
    behind = (every - weights @ scores / labelled) * (1 + labelled / max(others, 1))
    share = weights @ answers / labelled + worth * behind
    left = np.maximum(_variance(answers - worth * scores, weights), _least(answers, worth, weights))
    theirs = worth**2 * scores.var(axis=0) / others if others else 0
    reach = NORMAL_95 * np.sqrt(left / labelled + theirs)
    low, high = np.clip(share - reach, 0, 1), np.clip(share + reach, 0, 1)
    return RangeShares(np.clip(share, 0, 1), low, high, worth)


def _worth(answers: Floats, scores: Floats, others: int) -> Floats:
    """What minimises the variance: the slope of labels on scores, shrunk by the posts' ratio."""
    labelled = len(answers)
    if labelled < 2 or not others:
        return np.zeros(answers.shape[1])
    together = ((answers - answers.mean(axis=0)) * (scores - scores.mean(axis=0))).sum(axis=0)
    spread = ((scores - scores.mean(axis=0)) ** 2).sum(axis=0)
    slope = together / np.maximum(spread, 1e-12)
    return np.asarray(np.clip(slope / (1 + labelled / others), 0, 1))


def _variance(values: Floats, weights: Floats) -> Floats:
    """Of a weighted mean, times the posts."""
    off = values - weights @ values / len(values)
    return np.asarray(weights**2 @ off**2 / len(values))


def _least(answers: Floats, worth: Floats, weights: Floats) -> Floats:
    """Variance of a label where two posts more with it and two without it had been seen.

    (Agresti and Coull 1998.) Of this, scores are taken to explain no more than they are worth,
    and never all: of a label that nobody has seen they are worth nothing.
    """
    unequal = float((weights**2).mean())
    labelled = len(answers) / unequal  # as many equal ones tell as much (Kish 1965)
    part = (weights @ answers / unequal + 2) / (labelled + 4)
    left = 1 - worth + worth * min(1.0, 4 / (labelled + 4))
    return np.asarray(unequal * part * (1 - part) * left)
