"""What follows from how often each label is given: weights, and answers that read no post."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from classifiers.examples import FROZEN_TEST, Example

Shares = NDArray[np.float32]


def class_weights(labels: NDArray[np.int64], classes: int, power: float) -> NDArray[np.float64]:
    """Return a weight per label, its count to the power ``-power``, with mean 1 over rows.

    Args:
        labels: A label's index for each row.
        classes: How many labels there are.
        power: 0 weighs all rows alike, 1 all labels.
    """
    counts = np.maximum(np.bincount(labels, minlength=classes), 1)
    weights = counts**-power
    scaled: NDArray[np.float64] = weights * len(labels) / (weights * counts).sum()
    return scaled


def mixes_out_of_fold(examples: Sequence[Example], parts: Mapping[str, int]) -> list[Shares]:
    """Return, for each example, the shares of the labels that others gave to its question.

    The yardstick of a question that the champion does not answer: a candidate that reads posts
    has to do better than somebody who reads none.

    Counted are audit examples outside of the example's own fold and of the frozen test, each
    label once more than it was given.

    Args:
        examples: With one head or several.
        parts: From ``classifiers.split.parts_of``.
    """
    given: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for example in examples:
        part = parts[example.text]
        if example.audit and part != FROZEN_TEST:
            given[example.head, example.target].append((part, example.label_index))
    return [
        _mix(given[example.head, example.target], parts[example.text], len(example.labels))
        for example in examples
    ]


def _mix(given: Sequence[tuple[int, int]], own: int, labels: int) -> Shares:
    counted = [label for part, label in given if part != own]
    counts = np.bincount(np.array(counted, dtype=np.int64), minlength=labels) + 1
    shares: Shares = (counts / counts.sum()).astype(np.float32)
    return shares
