"""The field's estimators of shares, for comparison: no intervals, each cell for itself.

Small and plain on purpose; `tests/unit/test_quantifiers.py` holds them to what QuaPy answers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def acc(truth: Integers, scores: Floats, others: Floats) -> Floats:
    """Adjusted classify and count (Forman 2008): the mix whose labels would be counted so."""
    one_hot = np.eye(scores.shape[1])
    return pacc(truth, one_hot[scores.argmax(axis=1)], one_hot[others.argmax(axis=1)])


def pacc(truth: Integers, scores: Floats, others: Floats) -> Floats:
    """The same with probabilities (Bella and others 2010)."""
    labels = scores.shape[1]
    fallback = np.eye(labels)
    means = np.array([
        scores[truth == label].mean(axis=0) if (truth == label).any() else fallback[label]
        for label in range(labels)
    ])  # fmt: skip
    return mixture(means, others.mean(axis=0))


def mixture(means: Floats, seen: Floats) -> Floats:
    """The shares, on the simplex, whose mixture of means is nearest to what was seen."""
    heavy = 1e3
    found, _ = nnls(np.vstack([means.T, np.full(len(means), heavy)]), np.append(seen, heavy))
    return np.asarray(found / found.sum())


def emq(shares: Floats, others: Floats, rounds: int = 1000) -> Floats:
    """Expectation maximisation over the mix (Saerens, Latinne and Decaestecker 2002).

    Args:
        shares: Those that the classifier's probabilities were made for.
        others: (posts, labels) probabilities.
        rounds: At most.
    """
    start = np.maximum(shares, 1e-6)
    found = start / start.sum()
    for _ in range(rounds):
        moved = others * (found / start)
        mean = (moved / moved.sum(axis=1, keepdims=True)).mean(axis=0)
        if np.abs(mean - found).mean() < 1e-6:
            return np.asarray(mean)
        found = mean
    return found


def divergence(truth: Floats, found: Floats, posts: float) -> float:
    """Kullback-Leibler divergence, smoothed by half a post as SemEval-2016 did."""
    smoothing = 1 / (2 * max(posts, 1))
    p, q = (each + smoothing for each in (truth, found))
    p, q = p / p.sum(), q / q.sum()
    return float((p * np.log(p / q)).sum())
