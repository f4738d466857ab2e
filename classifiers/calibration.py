"""Temperature scaling: what makes a head's probabilities honest.

After Guo et al., "On Calibration of Modern Neural Networks" (ICML 2017), with one temperature for a
head or one for each of its answers: where that answer is the most probable one, its temperature is
used. So the most probable answer stays what it was. A base that was trained with class weights is
surer of the rare answers than it is right, and less sure of the frequent ones, which one number
cannot mend.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from classifiers.evaluation import Labels, log_losses

Logits = NDArray[np.floating]
Temperature = float | Sequence[float]

PRIOR_ROWS = 20

_FEWEST = 10


def apply_temperature(logits: Logits, temperature: Temperature) -> NDArray[np.float32]:
    """Return the softmax of the logits divided by the temperature, row by row.

    Args:
        logits: (rows, labels).
        temperature: One for all rows, or one per label: that of the row's most probable label.
    """
    divisors = np.asarray(temperature, dtype=np.float64)
    if divisors.ndim:
        divisors = divisors[logits.argmax(axis=1)][:, None]
    scaled = logits.astype(np.float64) / divisors
    scaled -= scaled.max(axis=1, keepdims=True)
    weights = np.exp(scaled)
    probabilities: NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(
        np.float32
    )
    return probabilities


def fit_temperature(
    logits: Logits, labels: Labels, weights: NDArray[np.float64] | None = None
) -> float:
    """Return the temperature between 0.2 and 5 that minimises the log loss.

    Fewer than 10 rows say too little: the temperature is then 1.

    Args:
        logits: (rows, labels).
        labels: (rows,) label indices.
        weights: What each row counts, (rows,); all the same where None.
    """
    if len(labels) < _FEWEST:
        return 1.0

    def loss(temperature: float) -> float:
        losses = log_losses(labels, apply_temperature(logits, temperature))
        return float(np.average(losses, weights=weights))

    return _lowest(loss)


def fit_factor(logits: Logits, labels: Labels, temperature: Temperature) -> float:
    """Return the number, between 0.2 and 5, that labels say a temperature is to be multiplied by.

    As if ``PRIOR_ROWS`` more rows like these had been labelled as often as the temperature says: a
    few labels that all agree do not make everything sure.

    Args:
        logits: (rows, labels).
        labels: (rows,) label indices.
        temperature: The one before; see ``apply_temperature``.
    """
    before = apply_temperature(logits, temperature).astype(np.float64)
    truth = np.eye(logits.shape[1])[labels] + before * PRIOR_ROWS / len(labels)

    def loss(factor: float) -> float:
        after = apply_temperature(logits, (factor * np.asarray(temperature)).tolist())
        return float(-(truth * np.log(np.maximum(after, 1e-12))).sum())

    return _lowest(loss)


def _lowest(loss: Callable[[float], float]) -> float:
    """Return where a loss is lowest between 0.2 and 5."""
    low, high = np.log(0.2), np.log(5.0)
    for _ in range(50):  # a ternary search: the loss has one minimum
        third = (high - low) / 3
        if loss(float(np.exp(low + third))) < loss(float(np.exp(high - third))):
            high -= third
        else:
            low += third
    return float(np.exp((low + high) / 2))


def fit_temperatures(sets: Sequence[tuple[Logits, Labels]]) -> list[float]:
    """Return one temperature per label, each set counting the same.

    An answer's temperature changes only the rows where it is the most probable one, so each is
    fitted by itself.

    Args:
        sets: Logits (rows, labels) and label indices (rows,) of data sets of one head.
    """
    logits = np.concatenate([found for found, _ in sets])
    labels = np.concatenate([truth for _, truth in sets])
    weights = np.concatenate([np.full(len(truth), 1 / max(1, len(truth))) for _, truth in sets])
    guess = logits.argmax(axis=1)
    return [
        fit_temperature(logits[guess == label], labels[guess == label], weights[guess == label])
        for label in range(logits.shape[1])
    ]
