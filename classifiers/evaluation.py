"""How predictions are judged: the scores that the literature reports, and calibration.

Labels are indices into a head's ``labels`` throughout.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
Probabilities = NDArray[np.floating]


def confusion_matrix(truth: Labels, predicted: Labels, classes: int) -> Labels:
    """Return counts, one row per true label and one column per predicted label."""
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (truth, predicted), 1)
    return counts


def recall_and_f1(truth: Labels, predicted: Labels) -> tuple[NDArray[np.float64], ...]:
    """Return recall and F1 per label, 0 where a label was neither true nor predicted."""
    classes = int(max(truth.max(initial=0), predicted.max(initial=0))) + 1
    counts = confusion_matrix(truth, predicted, classes).astype(np.float64)
    hits, true, claimed = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    recall = hits / np.maximum(true, 1)
    f1 = 2 * hits / np.maximum(true + claimed, 1)
    return recall, f1


def macro_recall(truth: Labels, predicted: Labels) -> float:
    """Return the mean recall over the labels that occur (SemEval-2017 task 4A)."""
    recall, _ = recall_and_f1(truth, predicted)
    return float(recall[np.unique(truth)].mean()) if len(truth) else 0.0


def macro_f1(truth: Labels, predicted: Labels) -> float:
    """Return the mean F1 over the labels that occur (VAST)."""
    _, f1 = recall_and_f1(truth, predicted)
    return float(f1[np.unique(truth)].mean()) if len(truth) else 0.0


def f1_favor_against(truth: Labels, predicted: Labels) -> float:
    """Return the mean F1 of stance's first two labels, favor and against (SemEval-2016)."""
    if not len(truth):
        return 0.0
    _, f1 = recall_and_f1(truth, predicted)
    return float(np.pad(f1, (0, 2))[:2].mean())


def accuracy(truth: Labels, predicted: Labels) -> float:
    """Return the part of the rows whose predicted label is the true one, 0 without rows."""
    return float((truth == predicted).mean()) if len(truth) else 0.0


def log_losses(truth: Labels, probabilities: Probabilities) -> NDArray[np.float64]:
    """Return each row's negative log probability of its true label."""
    given = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return np.asarray(-np.log(np.maximum(given, 1e-12)))


def log_loss(truth: Labels, probabilities: Probabilities) -> float:
    """Return the mean negative log probability of the true label."""
    return float(log_losses(truth, probabilities).mean())


def expected_calibration_error(
    truth: Labels, probabilities: Probabilities, bins: int = 15
) -> float:
    """Return the mean gap between confidence and accuracy over equally wide bins."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == truth
    bin_of = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gaps = [
        abs(confidence[bin_of == index].mean() - correct[bin_of == index].mean())
        * (bin_of == index).mean()
        for index in np.unique(bin_of)
    ]
    return float(np.sum(gaps))


def area_under_curve(positive: NDArray[np.bool_], scores: NDArray[np.floating]) -> float:
    """Return the part of pairs of a positive and a negative row that the scores put in order.

    The area under the ROC curve, which is Mann and Whitney's U over the number of pairs; ties
    count half, and 0.5 is returned where one kind is missing.
    """
    higher, lower = scores[positive], np.sort(scores[~positive])
    if not len(higher) or not len(lower):
        return 0.5
    below = [np.searchsorted(lower, higher, side).mean() for side in ("left", "right")]
    return float(np.mean(below) / len(lower))


def bootstrap_interval(
    truth: Labels,
    predicted: Labels,
    metric: Callable[[Labels, Labels], float],
    *,
    samples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of a metric over the rows."""
    random = np.random.default_rng(seed)
    draws = (random.integers(0, len(truth), len(truth)) for _ in range(samples))
    values = [metric(truth[draw], predicted[draw]) for draw in draws]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
