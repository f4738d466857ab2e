"""Whether probabilities mean what they say, and by how much they are off as shares.

Judged on posts that people have labelled and the model has not trained on.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifiers.evaluation import Labels, Probabilities

MOST_BINS = 8
FEWEST_PER_BIN = 20
_Z = 1.959964  # of a 95 % interval


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows of similar confidence.

    Attributes:
        confidence: Mean probability of the most probable label.
        right: Part of the rows whose most probable label is the true one.
        low: Lower end of its 95 % interval (Wilson 1927).
        high: Upper end.
        rows: How many there are.
    """

    confidence: float
    right: float
    low: float
    high: float
    rows: int


@dataclass(frozen=True)
class ShareError:
    """A label's share as the model counts it and as people do, over the same rows.

    Attributes:
        told: Mean probability of the label.
        true: Part of the rows with this label.
        error: ``told`` minus ``true``.
        low: Lower end of its 95 % interval over rows (normal approximation of paired differences).
        high: Upper end.
    """

    told: float
    true: float
    error: float
    low: float
    high: float


def reliability(truth: Labels, probabilities: Probabilities) -> list[ReliabilityBin]:
    """Return bins of equally many rows, in the order of confidence (Guo et al. 2017, figure 1).

    Args:
        truth: (rows,) label indices.
        probabilities: (rows, labels).

    Returns:
        At most ``MOST_BINS``, of ``FEWEST_PER_BIN`` rows at least; none for fewer rows.
    """
    bins = min(MOST_BINS, len(truth) // FEWEST_PER_BIN)
    if not bins:
        return []
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == truth
    order = np.argsort(confidence, kind="stable")
    return [_bin(confidence[part], right[part]) for part in np.array_split(order, bins)]


def share_errors(truth: Labels, probabilities: Probabilities) -> list[ShareError]:
    """Return each label's error of prevalence, in the order of the labels; none without rows."""
    if not len(truth):
        return []
    labels = probabilities.shape[1]
    given = np.eye(labels)[truth]
    differences = probabilities.astype(np.float64) - given
    errors = differences.mean(axis=0)
    spread = differences.std(axis=0, ddof=1) if len(truth) > 1 else np.full(labels, np.inf)
    reach = _Z * spread / np.sqrt(len(truth))
    told, true = probabilities.mean(axis=0), given.mean(axis=0)
    columns = np.stack([told, true, errors, errors - reach, errors + reach], axis=1)
    return [ShareError(*map(float, row)) for row in columns]


def wilson_interval(hits: int, rows: int) -> tuple[float, float]:
    """Return the 95 % interval of a part of rows (Wilson 1927)."""
    part, square = hits / rows, _Z**2 / rows
    centre = (part + square / 2) / (1 + square)
    reach = _Z * np.sqrt(part * (1 - part) / rows + square / (4 * rows)) / (1 + square)
    return max(float(centre - reach), 0.0), min(float(centre + reach), 1.0)


def _bin(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> ReliabilityBin:
    hits, rows = int(np.sum(right)), len(confidence)
    low, high = wilson_interval(hits, rows)
    return ReliabilityBin(float(confidence.mean()), hits / rows, low, high, rows)
