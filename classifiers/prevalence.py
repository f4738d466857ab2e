"""From counts of predicted labels and an audit sample to shares with 95 % intervals.

Counting predicted labels is biased as soon as the classifier errs, and by how much depends on
the true shares themselves. The model here turns that around. Each cell (a day, or a part of
one) has true shares, drawn from a Dirichlet distribution around one mean of all cells; the
classifier turns them into counts by a matrix which people's labels of random posts (the audit)
tell. It is sampled by Gibbs steps:

1. the matrix (true label -> predicted label) from the audit alone: predictions never teach it,
   so that a wrong model of the days cannot bend it;
2. with that matrix held for some sweeps, each cell's predicted labels are dealt out to true
   labels, each cell's shares drawn from these, and the mean and how closely the cells keep to
   it drawn from all of them. (A new matrix in every sweep would be averaged out by the slow
   walk of the shares, which makes intervals too narrow.)

The matrix also differs from cell to cell, more than the audit could ever show. So a cell's
counts never weigh more than those of `ERROR_POSTS` posts: the count of a label whose error
rates vary by a beta distribution of that size has the variance of so many posts.

Audited posts count with their true label where they fall. The worse the classifier, the more
the result leans on the other cells' mean and so on the audit.

See docs/statistics.md. Background: Saerens et al. 2002 (adjusting to new priors), Forman 2008
(quantification), Keith & O'Connor 2018 and Fiksel et al. 2021 (Bayesian prevalence with
uncertain errors), Angelopoulos et al. 2023 (predictions beside labels).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

METHOD = "hierarchical"
ERROR_POSTS = 80.0
"""How much a cell's predicted labels weigh at most, in posts."""
MATRIX_PRIOR = 2.0
"""Weight of the prior of each row of the matrix, in audit labels."""
SWEEPS, KEPT = 12, 4
"""Gibbs sweeps per matrix, and how many of them (the last) are kept."""
MOVES = 3
"""Metropolis steps of mean and concentration per sweep."""
WARM_UP = 6
"""Matrices whose sweeps are not kept at all."""
CONCENTRATION_CENTRE, CONCENTRATION_SPREAD = np.log(10.0), 1.0
"""Log-normal prior of how closely cells keep to their mean."""


@dataclass(frozen=True, slots=True)
class Audit:
    """Randomly drawn posts that people labelled.

    Attributes:
        cell: Index of each post's row in the counts, -1 where it is in none of them: then it
            teaches only the matrix.
        truth: Index of the people's label.
        predicted: Index of the classifier's label, by a classifier that did not train on it.
    """

    cell: Integers
    truth: Integers
    predicted: Integers


@dataclass(frozen=True, slots=True)
class Shares:
    """Posterior mean and 95 % interval; arrays (cells, labels) of numbers from 0 to 1."""

    share: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class Estimate:
    """The share of one label in one cell, with what it rests on."""

    share: float
    low: float
    high: float
    posts: int
    authors: int
    method: str = METHOD


def estimate_shares(counts: Integers, audit: Audit, *, seed: int = 0, draws: int = 60) -> Shares:
    """Estimates the true shares of labels from counts of predicted ones.

    The interval holds both the share among the cell's very posts and the share that they are a
    sample of: a cell of ten posts has a wide one even if the classifier never errs.

    Args:
        counts: (cells, labels) posts by predicted label, the audited ones among them.
        audit: See there.
        seed: The same seed and input give the same result.
        draws: Matrices drawn; each contributes `KEPT` samples.

    Raises:
        ValueError: An index of the audit is out of range, or a shape does not fit.
    """
    _check(counts, audit)
    if not len(counts):
        empty = np.zeros(counts.shape)
        return Shares(empty, empty, empty)
    rng = np.random.default_rng(seed)
    chain = _Chain(counts, audit, rng)
    errors = _error_counts(audit, counts.shape[1])
    crowd, posts = [], []
    for draw in range(WARM_UP + draws):
        matrix = _dirichlet(errors, rng)
        for sweep in range(SWEEPS):
            chain.sweep(matrix, adapt=draw < WARM_UP)
            if draw >= WARM_UP and sweep >= SWEEPS - KEPT:
                crowd.append(chain.shares.astype(np.float32))
                posts.append(chain.shares_of_posts().astype(np.float32))
    return _summarise(np.stack(crowd), np.stack(posts))


def _check(counts: Integers, audit: Audit) -> None:
    if counts.ndim != 2 or counts.shape[1] < 2:
        raise ValueError(f"counts must be (cells, labels), not {counts.shape}")
    cells, labels = counts.shape
    if not len(audit.cell) == len(audit.truth) == len(audit.predicted):
        raise ValueError("the audit's arrays differ in length")
    for name, values, low, high in (
        ("cell", audit.cell, -1, cells),
        ("truth", audit.truth, 0, labels),
        ("predicted", audit.predicted, 0, labels),
    ):
        if len(values) and not (low <= values.min() and values.max() < high):
            raise ValueError(f"audit.{name} is outside [{low}, {high})")


def _error_counts(audit: Audit, labels: int) -> Floats:
    """Audit posts by (true, predicted) label, with the prior.

    The prior is worth `MATRIX_PRIOR` posts a row: half of them right, the others spread as the
    predictions are, so that a label without audit posts is neither perfect nor random.
    """
    errors = np.zeros((labels, labels))
    np.add.at(errors, (audit.truth, audit.predicted), 1)
    predicted = (errors.sum(axis=0) + 1) / (errors.sum() + labels)
    prior: Floats = MATRIX_PRIOR * (np.eye(labels) + predicted) / 2
    return errors + prior


class _Chain:
    """The state of the sampler: shares of every cell, their mean and concentration."""

    def __init__(self, counts: Integers, audit: Audit, rng: np.random.Generator) -> None:
        self.rng = rng
        inside = audit.cell >= 0
        self.known = np.zeros(counts.shape)
        np.add.at(self.known, (audit.cell[inside], audit.truth[inside]), 1)
        self.unknown = counts.astype(np.float64)
        np.subtract.at(self.unknown, (audit.cell[inside], audit.predicted[inside]), 1)
        self.unknown = np.maximum(self.unknown, 0)
        posts = self.unknown.sum(axis=1, keepdims=True)
        self.weight = (1 + ERROR_POSTS) / (np.maximum(posts, 1) + ERROR_POSTS)
        start = self.known.sum(axis=0) + self.unknown.sum(axis=0)
        self.mean = (start + 1) / (start.sum() + len(start))
        self.log_concentration = float(CONCENTRATION_CENTRE)
        self.step = 0.3
        self.shares = _dirichlet(np.exp(self.log_concentration) * self.mean + counts, rng)
        self.fraction = np.zeros((*counts.shape, counts.shape[1]))

    def sweep(self, matrix: Floats, *, adapt: bool) -> None:
        """One round: deal posts out to true labels, then mean, concentration and shares."""
        joint = self.shares[:, None, :] * matrix.T[None, :, :]
        self.fraction = joint / joint.sum(axis=2, keepdims=True)
        weighed = self.unknown * self.weight
        whole = np.floor(weighed + self.rng.random(weighed.shape)).astype(np.int64)
        split = self.rng.multinomial(whole, self.fraction)
        filled = whole > 0
        self.fraction[filled] = split[filled] / whole[filled][:, None]
        dealt = self.known + split.sum(axis=1)
        self._move_hyperparameters(_Exceeding(dealt.astype(np.int64)), adapt=adapt)
        self.shares = _dirichlet(np.exp(self.log_concentration) * self.mean + dealt, self.rng)

    def shares_of_posts(self) -> Floats:
        """The share among the cells' very posts, by what the last sweep dealt out."""
        truth = self.known + (self.unknown[:, :, None] * self.fraction).sum(axis=1)
        posts = truth.sum(axis=1, keepdims=True)
        return np.where(posts > 0, truth / np.maximum(posts, 1), self.shares)

    def _move_hyperparameters(self, dealt: _Exceeding, *, adapt: bool) -> None:
        """Metropolis steps on the logarithms of mean and concentration."""
        fit = _fit(dealt, self.mean, self.log_concentration)
        for _ in range(MOVES):
            noise = self.rng.standard_normal(len(self.mean) + 1) * self.step
            mean = np.maximum(self.mean * np.exp(noise[1:]), 1e-6)
            mean /= mean.sum()
            log_concentration = self.log_concentration + 3 * float(noise[0])
            moved = _fit(dealt, mean, log_concentration)
            accepted = np.log(self.rng.random()) < moved - fit
            if accepted:
                self.mean, self.log_concentration, fit = mean, log_concentration, moved
            if adapt:
                self.step *= 1.1 if accepted else 0.95


class _Exceeding:
    """How many cells have more than i posts, for every i: all that the fit needs of them.

    Attributes:
        by_label: (labels, most posts of a label).
        in_all: The same of the cells' totals.
    """

    def __init__(self, dealt: Integers) -> None:
        self.by_label = np.stack([_exceeding(column, int(dealt.max())) for column in dealt.T])
        total = dealt.sum(axis=1)
        self.in_all = _exceeding(total, int(total.max()))


def _exceeding(values: Integers, most: int) -> Integers:
    return np.asarray(len(values) - np.bincount(values, minlength=most + 1).cumsum()[:most])


def _fit(dealt: _Exceeding, mean: Floats, log_concentration: float) -> float:
    """Log density of the posts dealt out, shares integrated out (Dirichlet-multinomial).

    The logarithm of a rising factorial is a sum over i of log(alpha + i); summed over cells
    each term counts once per cell with more than i posts. Priors: log-normal concentration, a
    mean flat on the simplex (its density on the logarithmic scale is the last term).
    """
    concentration = np.exp(log_concentration)
    most = dealt.by_label.shape[1]
    alpha = (concentration * mean)[:, None] + np.arange(most)
    fit = (dealt.by_label * np.log(alpha)).sum()
    fit -= dealt.in_all @ np.log(concentration + np.arange(len(dealt.in_all)))
    distance = (log_concentration - CONCENTRATION_CENTRE) / CONCENTRATION_SPREAD
    return float(fit - 0.5 * distance**2 + np.log(mean).sum())


def _summarise(crowd: Floats, posts: Floats) -> Shares:
    """Mean over the posts; interval over posts and crowd, whichever reaches further."""
    tails = [2.5, 97.5]
    low_crowd, high_crowd = np.percentile(crowd, tails, axis=0)
    low_posts, high_posts = np.percentile(posts, tails, axis=0)
    share = posts.mean(axis=0, dtype=np.float64)
    return Shares(
        share=share,
        low=np.minimum(np.minimum(low_crowd, low_posts), share),
        high=np.maximum(np.maximum(high_crowd, high_posts), share),
    )


def _dirichlet(alpha: Floats, rng: np.random.Generator) -> Floats:
    """One draw per row; parameters under 1e-3 are raised to it, so that no row is all zero."""
    gammas = rng.standard_gamma(np.maximum(alpha, 1e-3)) + 1e-12
    return np.asarray(gammas / gammas.sum(axis=-1, keepdims=True))
