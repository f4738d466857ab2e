"""What a version of the model makes of labelled rows, through the fast path."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifiers.dataset import LabelledText
from classifiers.errors import BadExampleError
from classifiers.evaluation import (
    Labels,
    bootstrap_interval,
    confusion_matrix,
    expected_calibration_error,
    log_loss,
    macro_f1,
    recall_and_f1,
)
from classifiers.label_head import LabelHead
from classifiers.runtime import Scorer


@dataclass(frozen=True)
class Judgement:
    """Figures of one head on labelled rows.

    Attributes:
        head: The head's name.
        metric: The name of the head's own measure.
        score: That measure.
        low: Lower end of its 95 % bootstrap interval over the rows.
        high: Upper end.
        rows: How many there are.
        macro_f1: Mean F1 over the labels that occur.
        accuracy: Share of rows whose most probable label is the true one.
        log_loss: Mean negative log probability of the true label.
        calibration_error: Expected calibration error over 15 bins of confidence.
        f1: Per label.
        confusion: Counts, a row per true label.
        targets: The head's measure and the number of rows per target, where there are several.
    """

    head: str
    metric: str
    score: float
    low: float
    high: float
    rows: int
    macro_f1: float
    accuracy: float
    log_loss: float
    calibration_error: float
    f1: Mapping[str, float]
    confusion: list[list[int]]
    targets: Mapping[str, tuple[float, int]]


def judge(scorer: Scorer, known: LabelHead, rows: Sequence[LabelledText]) -> Judgement:
    """Return how a version answers rows that have labels of one head.

    Raises:
        BadExampleError: The version does not answer the head, or not towards a row's target.
        BadTargetError: The head takes a target and a row's is empty.
    """
    truth = np.array([row.labels[known.name] for row in rows], dtype=np.int64)
    probabilities = answers(scorer, known, rows)
    guess = probabilities.argmax(axis=1)
    low, high = bootstrap_interval(truth, guess, known.metric)
    _, f1 = recall_and_f1(truth, guess)
    return Judgement(
        head=known.name,
        metric=known.metric.__name__,
        score=known.metric(truth, guess),
        low=low,
        high=high,
        rows=len(rows),
        macro_f1=macro_f1(truth, guess),
        accuracy=float((truth == guess).mean()),
        log_loss=log_loss(truth, probabilities),
        calibration_error=expected_calibration_error(truth, probabilities),
        f1=dict(zip(known.labels, map(float, np.pad(f1, (0, len(known.labels)))), strict=False)),
        confusion=confusion_matrix(truth, guess, len(known.labels)).tolist(),
        targets=_per_target(known, rows, truth, guess),
    )


def answers(scorer: Scorer, known: LabelHead, rows: Sequence[LabelledText]) -> NDArray[np.float32]:
    """Return calibrated probabilities, (rows, labels), each row towards its own target.

    Raises:
        BadExampleError: The version does not answer the head, or not towards a row's target.
        BadTargetError: The head takes a target and a row's is empty.
    """
    _check_answered(scorer, known, rows)
    texts = [row.text for row in rows]
    if not known.takes_target:
        return scorer.score(texts, heads=[known.name])[0].probabilities
    targets = [row.target for row in rows]
    return scorer.score_pairs(texts, targets, heads=[known.name])[0].probabilities


def _check_answered(scorer: Scorer, known: LabelHead, rows: Sequence[LabelledText]) -> None:
    """Raise if a version does not answer what rows are asked."""
    for target in dict.fromkeys(row.target if known.takes_target else "" for row in rows):
        if not scorer.answers(known.name, target):
            towards = f" towards {target!r}" if target else ""
            raise BadExampleError(
                f"version {scorer.version} does not answer {known.name}{towards}",
                hint="choose a version that was taught it, or leave these rows out",
            )


def _per_target(
    known: LabelHead, rows: Sequence[LabelledText], truth: Labels, guess: Labels
) -> dict[str, tuple[float, int]]:
    """Return the head's measure per target, none where there is one target only."""
    targets = np.array([row.target for row in rows])
    names = sorted(set(targets.tolist()))
    if len(names) < 2:
        return {}
    chosen = {name: targets == name for name in names}
    return {
        name: (known.metric(truth[held], guess[held]), int(held.sum()))
        for name, held in chosen.items()
    }
