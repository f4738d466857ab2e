"""How a classifier errs, as an audit sample of labelled posts tells it.

A post's scores are told as a point: its probabilities in `coordinates`, which drop the one
dimension that their sum of 1 leaves over. Of each true label the audit gives the mean point
and the spread around it; together they are what a confusion matrix is to counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PRIOR_POSTS = 2.0
"""Weight of what the classifier says of itself in each true label's row, in audit posts."""
LEAST_SPREAD = 0.02
"""Part of a spread that is put into every direction, so that none is taken for certain."""


@dataclass(frozen=True, slots=True)
class Audit:
    """Randomly drawn posts that people labelled.

    Attributes:
        cell: Index of each post's cell, -1 where it is in none of those at hand: then it
            teaches only how the classifier errs.
        truth: Index of the people's label.
        scores: (posts, labels) probabilities by a classifier that did not train on the post.
        series: Number of the series that each post was drawn from, -1 for none of those at hand,
            where labels do not count in cells; None where their cells tell.
        alike: Part of these series' posts that their cells count, from 0 to 1: of a few voices
            for many posts, the posts' errors tell less.
    """

    cell: Integers
    truth: Integers
    scores: Floats
    series: Integers | None = None
    alike: float = 1.0


@dataclass(frozen=True, slots=True)
class Errors:
    """One idea of how the classifier errs.

    Attributes:
        means: (labels, dimensions) mean point of the posts of each true label.
        spreads: (labels, dimensions, dimensions) their covariances.
        follow: How far, from 0 to 1, the scores of a cell follow its shares where posts of the
            same label differ between cells. 0: they do not differ, scores move with the mix of
            labels alone (label shift). 1: they differ so that a slope S of scores against shares
            becomes S + S (1 - S), towards scores that stay calibrated in each cell (covariate
            shift, as where the classifier knows the cell by its words).
        middle: (dimensions,) point of the audit's shares, around which they follow.
    """

    means: Floats
    spreads: Floats
    follow: float = 0.0
    middle: Floats | float = 0.0


@lru_cache(maxsize=8)
def coordinates(labels: int) -> Floats:
    """Gives an orthonormal basis, (labels, labels - 1), of the directions that sum to zero."""
    centred = np.eye(labels) - 1 / labels
    basis, _ = np.linalg.qr(centred[:, : labels - 1])
    return np.asarray(basis)


def audit_errors(audit: Audit, rng: np.random.Generator | None = None) -> Errors:
    """Tells the classifier's errors: the most likely ones, or by `rng` ones drawn at random.

    The draw is a Bayesian bootstrap: every audit post gets a random weight (Rubin 1981). Each
    row has a prior worth `PRIOR_POSTS` posts, which is what a calibrated classifier says about
    itself: every audit post takes part in each label's row as its scores say.
    """
    return point_errors(audit.scores @ coordinates(audit.scores.shape[1]), audit, rng)


def point_errors(points: Floats, audit: Audit, rng: np.random.Generator | None = None) -> Errors:
    """The same for any points, (audited posts, dimensions), that tell of the audited posts."""
    weights = np.zeros(audit.scores.shape)
    weights[np.arange(len(audit.truth)), audit.truth] = 1
    own = PRIOR_POSTS * audit.scores / np.maximum(audit.scores.sum(axis=0), 1e-9)
    weights += np.where(own > 1e-6, own, 0)  # a tinier shape draws numbers slow to reckon with
    if rng is not None:
        weights = rng.standard_gamma(weights)
    weights /= np.maximum(weights.sum(axis=0), 1e-12)
    means = weights.T @ points
    return Errors(means, _spreads(points, weights, means))


def _spreads(points: Floats, weights: Floats, means: Floats) -> Floats:
    dimensions = points.shape[1]
    spreads = np.empty((len(means), dimensions, dimensions))
    for label, mean in enumerate(means):
        off = points - mean
        spreads[label] = (weights[:, label, None] * off).T @ off
    size = np.trace(spreads, axis1=1, axis2=2) / dimensions
    floor = (LEAST_SPREAD * np.maximum(size, 1e-5) + 1e-6)[:, None, None] * np.eye(dimensions)
    return np.asarray((1 - LEAST_SPREAD) * spreads + floor)


def label_spread(shares: Floats) -> Floats:
    """Covariance, (…, dimensions, dimensions), of one post's label where labels have `shares`."""
    basis = coordinates(shares.shape[-1])
    mean = shares @ basis
    squares = np.einsum("...k,ki,kj->...ij", shares, basis, basis)
    return np.asarray(squares - mean[..., :, None] * mean[..., None, :])
