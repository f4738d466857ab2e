"""Temperature scaling: one number per head that makes its probabilities honest.

After Guo et al., "On Calibration of Modern Neural Networks" (ICML 2017).
"""

import numpy as np
from numpy.typing import NDArray

from classifiers.evaluation import Labels, log_loss

Logits = NDArray[np.floating]


def apply_temperature(logits: Logits, temperature: float) -> NDArray[np.float32]:
    """Return the softmax of the logits divided by the temperature, row by row."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    weights = np.exp(scaled)
    probabilities: NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(
        np.float32
    )
    return probabilities


def fit_temperature(logits: Logits, labels: Labels) -> float:
    """Return the temperature between 0.2 and 5 that minimises the log loss.

    Fewer than 10 rows say too little: the temperature is then 1.
    """
    if len(labels) < 10:
        return 1.0

    def loss(log_temperature: float) -> float:
        return log_loss(labels, apply_temperature(logits, float(np.exp(log_temperature))))

    low, high = np.log(0.2), np.log(5.0)
    for _ in range(50):  # a ternary search: the loss has one minimum
        third = (high - low) / 3
        if loss(low + third) < loss(high - third):
            high -= third
        else:
            low += third
    return float(np.exp((low + high) / 2))
