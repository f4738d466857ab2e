"""Cells whose scores the audit does not explain.

If only the shares of labels differ between audit and cell, a cell's scores are a mixture of
those that the audit tells of each label. Whatever the mixture, the counts of most probable
labels must then fit the mean probabilities. Where they do not (the classifier's confidence has
changed: new words, another audience), the audit's errors are not this cell's.
"""

from __future__ import annotations

import numpy as np

from classifiers.audit_errors import Audit, Floats, coordinates, point_errors
from classifiers.series_model import USUAL_POSTS, Cells

THRESHOLD = 5.0
"""Mean squared standardised deviation beyond which a cell counts as drifted."""


def unexplained(cells: Cells, audit: Audit) -> Floats:
    """How much looser than usual each cell's scores have to be read.

    Returns:
        (cells,) 1 where the audit explains the scores (or nothing tells), else their
        `deviations`.
    """
    found = deviations(cells, audit)
    return np.where(found > THRESHOLD, found, 1.0)


def deviations(cells: Cells, audit: Audit) -> Floats:
    """How far each cell's scores are from what the audit explains.

    Returns:
        (cells,) mean squared deviation from the mixture of labels that fits best, in its standard
        deviations; around 1 where the audit explains them, 1 where nothing tells.
    """
    if cells.counts is None or not len(audit.truth):
        return np.ones(len(cells.posts))
    basis = coordinates(cells.sums.shape[1])
    labels = np.eye(len(basis))[audit.scores.argmax(axis=1)]
    points = np.hstack([audit.scores @ basis, labels @ basis])
    posts = np.maximum(cells.posts, 1)[:, None]
    seen = np.hstack([cells.sums / posts @ basis, cells.counts / posts @ basis])
    return np.where(cells.posts > 0, _deviation(points, audit, seen, cells.posts), 1.0)


def _deviation(points: Floats, audit: Audit, seen: Floats, posts: Floats) -> Floats:
    """Of each cell from the mixture of labels that fits it best, per degree of freedom."""
    errors = point_errors(points, audit)
    basis = coordinates(len(errors.means))
    shares = np.bincount(audit.truth, minlength=len(basis)) + 0.5
    row_posts, shares = shares, shares / shares.sum()
    one = np.einsum("k,kij->ij", shares, errors.spreads)
    of_means = np.einsum("k,kij->ij", shares**2 / row_posts, errors.spreads)
    part = 1 / np.maximum(posts, 1) + 1 / USUAL_POSTS
    certain = np.linalg.inv(part[:, None, None] * one + of_means)
    slope, off = errors.means.T @ basis, seen - errors.means.mean(axis=0)
    normal = np.einsum("ia,tij,jb->tab", slope, certain, slope) + 1e-9 * np.eye(basis.shape[1])
    pulled = np.einsum("ia,tij,tj->ta", slope, certain, off)
    best = np.linalg.solve(normal, pulled[..., None])[..., 0]
    left = off - best @ slope.T
    squared = np.einsum("ti,tij,tj->t", left, certain, left)
    return np.asarray(squared / basis.shape[1])
