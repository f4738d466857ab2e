"""Judging a trained model on validation sets, and fitting its temperatures.

Each validation set is halved by a hash of the row ids: temperatures are fitted on one half,
calibration is reported on the other, all other measures on both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from classifiers.asked import Asked, AskedPost
from classifiers.batches import encode
from classifiers.calibration import apply_temperature, fit_temperature
from classifiers.dataset import read_labelled, without_contradictions
from classifiers.encoder import Classifier
from classifiers.evaluation import (
    Labels,
    bootstrap_interval,
    expected_calibration_error,
    log_loss,
)
from classifiers.fitting import predict_logits
from classifiers.heads import head
from classifiers.recipe import METRICS, ValidationSet
from classifiers.tokenisation import POST_TOKENS, Tokeniser

ROWS_PER_SET = 500


@dataclass(frozen=True)
class Assessment:
    """A temperature per head, and figures per validation set."""

    temperature: Mapping[str, float]
    metrics: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class _Predicted:
    """One validation set's true labels and logits, and which rows fit the temperature."""

    of: ValidationSet
    truth: Labels
    logits: NDArray[np.float32]
    fits: NDArray[np.bool_]


def assess(
    model: Classifier, tokeniser: Tokeniser, validation: Sequence[ValidationSet], data: Path
) -> Assessment:
    """Return the temperatures and the figures of a model on the validation sets in ``data``."""
    predicted = [_predict(model, tokeniser, part, data) for part in validation]
    temperature = {
        name: _temperature([each for each in predicted if each.of.head == name])
        for name in sorted({part.head for part in validation})
    }
    return Assessment(
        temperature,
        {each.of.title: _figures(each, temperature[each.of.head]) for each in predicted},
    )


def _predict(
    model: Classifier, tokeniser: Tokeniser, part: ValidationSet, data: Path
) -> _Predicted:
    """Return what the model makes of one validation set."""
    rows = read_labelled(data / part.name / "val.jsonl", head(part.head))
    if not part.contradictions:
        rows = without_contradictions(rows)
    asked = [AskedPost(row.text, (Asked(row.target, row.labels),)) for row in rows]
    answers = predict_logits(model, encode(asked, tokeniser, post_tokens=POST_TOKENS))
    logits = np.stack([row.reshape(-1) for row in answers[part.head]])
    fits = np.array([crc32(row.id.encode()) % 2 == 0 for row in rows])
    return _Predicted(part, np.array([row.labels[part.head] for row in rows]), logits, fits)


def _temperature(sets: Sequence[_Predicted]) -> float:
    """Return the temperature that suits the first rows of each set's fitting half."""
    logits = [each.logits[each.fits][:ROWS_PER_SET] for each in sets]
    truth = [each.truth[each.fits][:ROWS_PER_SET] for each in sets]
    return fit_temperature(np.concatenate(logits), np.concatenate(truth))


def _figures(each: _Predicted, temperature: float) -> dict[str, float]:
    """Return one set's figures."""
    metric = METRICS[each.of.metric]
    guess = each.logits.argmax(axis=1)
    low, high = bootstrap_interval(each.truth, guess, metric, samples=300)
    probabilities = apply_temperature(each.logits, temperature)
    held_out = ~each.fits
    return {
        each.of.metric: metric(each.truth, guess),
        "low": low,
        "high": high,
        "rows": float(len(each.truth)),
        "log_loss": log_loss(each.truth, probabilities),
        "calibration_error": expected_calibration_error(
            each.truth[held_out], probabilities[held_out]
        ),
    }
