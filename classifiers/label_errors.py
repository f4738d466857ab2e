"""Labels that are probably wrong, by confident learning.

After Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset
Labels" (JAIR 2021), as the package cleanlab documents it (``filter_by="confident_learning"``).
Ours because cleanlab brings pandas and scikit-learn, 140 MB; the tests compare it with
cleanlab's own answers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifiers.evaluation import Labels, Probabilities

FEWEST = 30
"""Fewer labels say too little about how confident the model is of each."""


@dataclass(frozen=True)
class LabelErrors:
    """What confident learning says of a set of labels.

    Attributes:
        rows: Those that are probably wrong, the least likely label first.
        noise: Estimated share of wrong labels among all, 0 where too few tell.
    """

    rows: tuple[int, ...]
    noise: float


def label_errors(given: Labels, probabilities: Probabilities) -> LabelErrors:
    """Return which given labels are probably wrong.

    Args:
        given: Indices of the labels that people gave.
        probabilities: (rows, labels) of a model that had not seen these rows.
    """
    if len(given) < FEWEST:
        return LabelErrors((), 0.0)
    joint, suggested = _confident_joint(given, probabilities)
    told = suggested >= 0
    wrong = told & (suggested != given) & (probabilities.argmax(axis=1) != given)
    rows = np.flatnonzero(wrong)
    own = probabilities[rows, given[rows]]
    ranked = rows[np.argsort(own, kind="stable")]
    return LabelErrors(tuple(int(row) for row in ranked), _noise(joint, given))


def _confident_joint(
    given: Labels, probabilities: Probabilities
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return counts (given, confident) and each row's confident label, -1 where there is none.

    A label is confident where its probability reaches the mean that it has among the rows
    labelled so; of several confident ones the most probable counts.
    """
    labels = probabilities.shape[1]
    thresholds = np.array(
        [
            probabilities[given == label, label].mean() if (given == label).any() else 1.0
            for label in range(labels)
        ]
    )
    reached = probabilities >= thresholds - 1e-6
    best = np.where(reached, probabilities, -1.0).argmax(axis=1)
    confident = np.where(reached.any(axis=1), best, -1)
    joint = np.zeros((labels, labels))
    told = confident >= 0
    np.add.at(joint, (given[told], confident[told]), 1)
    return joint, confident


def _noise(joint: NDArray[np.float64], given: Labels) -> float:
    """Return the share of wrong labels by the joint, its rows scaled to the labels' counts."""
    counts = np.bincount(given, minlength=len(joint)).astype(float)
    rows = joint.sum(axis=1)
    scaled = joint * np.where(rows > 0, counts / np.maximum(rows, 1), 0)[:, None]
    total = scaled.sum()
    return float(1 - np.trace(scaled) / total) if total else 0.0
