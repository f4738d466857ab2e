"""The field's estimators of shares, for comparison: each cell for itself.

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


def bayesian_cc(
    truth: Integers, scores: Floats, counts: Floats, *, draws: int = 400, settling: int = 100
) -> tuple[Floats, Floats, Floats]:
    """Bayesian classify and count (Ziegler and Czyz 2023), by Gibbs sampling.

    Flat Dirichlet priors on the shares and on every row of the confusion matrix; both learn from
    the cell's counts.

    Args:
        truth: Of the audited posts.
        scores: Theirs; only the most probable label counts.
        counts: (cells, labels) posts by most probable label.
        draws: Kept ones.
        settling: Thrown away before.

    Returns:
        Mean shares and both ends of their 95 % intervals, (cells, labels) each.
    """
    rng = np.random.default_rng(0)
    labels = scores.shape[1]
    known = np.ones((labels, labels))
    np.add.at(known, (truth, scores.argmax(axis=1)), 1)
    rows = np.tile(known / known.sum(axis=1, keepdims=True), (len(counts), 1, 1))
    shares = np.full((len(counts), labels), 1 / labels)
    kept = np.empty((draws, len(counts), labels))
    for step in range(settling + draws):
        chance = np.swapaxes(shares[:, :, None] * rows, 1, 2)
        chance /= chance.sum(axis=2, keepdims=True)
        split = rng.multinomial(counts.astype(int), chance)
        shares = _dirichlet(1 + split.sum(axis=1), rng)
        rows = _dirichlet(known + np.swapaxes(split, 1, 2), rng)
        if step >= settling:
            kept[step - settling] = shares
    low, high = np.percentile(kept, [2.5, 97.5], axis=0)
    return kept.mean(axis=0), low, high


def _dirichlet(weights: Floats, rng: np.random.Generator) -> Floats:
    drawn = rng.standard_gamma(weights)
    return np.asarray(drawn / drawn.sum(axis=-1, keepdims=True))


def divergence(truth: Floats, found: Floats, posts: float) -> float:
    """Kullback-Leibler divergence, smoothed by half a post as SemEval-2016 did."""
    smoothing = 1 / (2 * max(posts, 1))
    p, q = (each + smoothing for each in (truth, found))
    p, q = p / p.sum(), q / q.sum()
    return float((p * np.log(p / q)).sum())
