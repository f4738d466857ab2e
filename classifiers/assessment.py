"""Judging a base on validation sets, and fitting its temperatures.

Each set is halved by a hash of the row ids. What is said of calibration is said of each half by
the temperatures that the other half gave; the temperatures that are kept come from both. Besides
the recipe's sets there are two that are made of them: posts paired with other sets' targets, of
which they say nothing (stance `none`), and these beside posts that take a side (relevance).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from classifiers.asked import Asked, AskedPost
from classifiers.augmentation import unrelated
from classifiers.batches import encode
from classifiers.calibration import Temperature, apply_temperature, fit_temperatures
from classifiers.dataset import (
    NO_STANCE,
    OFF_TOPIC,
    RELEVANT,
    LabelledText,
    without_contradictions,
)
from classifiers.encoder import Classifier
from classifiers.evaluation import (
    Labels,
    Probabilities,
    accuracy,
    area_under_curve,
    bootstrap_interval,
    expected_calibration_error,
    log_loss,
    macro_f1,
)
from classifiers.fitting import predict_logits
from classifiers.heads.relevance import HEAD as RELEVANCE
from classifiers.heads.stance import HEAD as STANCE
from classifiers.label_head import Metric
from classifiers.recipe import METRICS, ValidationSet, rows_of
from classifiers.reliability import ReliabilityBin, reliability
from classifiers.slices import slices
from classifiers.tokenisation import POST_TOKENS, Tokeniser

ROWS_PER_SET = 500
"""Of a larger set only so many count where sets are taken together."""

UNRELATED_PER_SET = 150
UNRELATED = "stance, unrelated targets"
RELEVANCE_PAIRS = "relevance, sides and unrelated targets"

_SEED = 20260601

Logits = NDArray[np.float32]


@dataclass(frozen=True)
class Assessment:
    """What a base is worth.

    Attributes:
        temperature: Per head, one number per label.
        metrics: Figures per validation set, and per head over all its sets (``all of <head>``).
        reliability: Per head, over all its sets: how often answers of like confidence are right.
        slices: Figures of parts of each validation set, by what its rows are like.
    """

    temperature: Mapping[str, Temperature]
    metrics: Mapping[str, Mapping[str, float]]
    reliability: Mapping[str, Sequence[ReliabilityBin]]
    slices: Mapping[str, Mapping[str, Mapping[str, float]]]

    def tables(self, version: str) -> str:
        """Return the tables of a card, in Markdown."""
        lines = [f"version {version}", "", "| set | rows | figures |", "|---|---|---|"]
        for name, figures in self.metrics.items():
            told = [f"{key} {value:.3f}" for key, value in figures.items() if key != "rows"]
            lines.append(f"| {name} | {figures['rows']:.0f} | {', '.join(told)} |")
        for name, bins in self.reliability.items():
            lines += ["", f"| {name}: said | right | 95 % interval | rows |", "|---|---|---|---|"]
            lines += [
                f"| {one.confidence:.1%} | {one.right:.1%} | {one.low:.1%} to {one.high:.1%} "
                f"| {one.rows} |"
                for one in bins
            ]
        lines += ["", "| set | part | score | interval | calibration error | rows |"]
        lines += ["|---|---|---|---|---|---|"]
        for name, parts in self.slices.items():
            for part, found in parts.items():
                score, low, high = (f"{100 * found[key]:.1f}" for key in ("score", "low", "high"))
                error, rows = f"{found['calibration_error']:.3f}", f"{found['rows']:.0f}"
                lines.append(f"| {name} | {part} | {score} | {low} to {high} | {error} | {rows} |")
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class _Predicted:
    """One set's true labels and logits, which rows are of its first half, and its parts."""

    title: str
    head: str
    metric: Metric
    truth: Labels
    logits: Logits
    first: NDArray[np.bool_]
    parts: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)

    def half(self, *, first: bool) -> tuple[Logits, Labels]:
        rows = self.first == first
        return self.logits[rows], self.truth[rows]

    def probabilities(self, temperatures: Mapping[bool, Temperature]) -> Probabilities:
        """Return each half's probabilities by the temperatures of the other one."""
        by_half = {key: apply_temperature(self.logits, one) for key, one in temperatures.items()}
        return np.where(self.first[:, None], by_half[False], by_half[True])


class Predictor:
    """What the model makes of rows about targets, or about none."""

    def __init__(self, model: Classifier, tokeniser: Tokeniser) -> None:
        self._model = model
        self._tokeniser = tokeniser

    def logits(self, rows: Sequence[LabelledText]) -> dict[str, Logits]:
        """Return each head's logits, (rows, labels)."""
        asked = [AskedPost(row.text, (Asked(row.target, row.labels),)) for row in rows]
        encoded = encode(asked, self._tokeniser, post_tokens=POST_TOKENS)
        found = predict_logits(self._model, encoded)
        return {
            name: np.stack([answer.reshape(-1) for answer in answers])
            for name, answers in found.items()
        }


def assess(
    model: Classifier, tokeniser: Tokeniser, validation: Sequence[ValidationSet], data: Path
) -> Assessment:
    """Return the temperatures and the figures of a model on the validation sets in ``data``."""
    predictor = Predictor(model, tokeniser)
    predicted: list[_Predicted] = []
    by_set: dict[str, list[LabelledText]] = {}
    sided: list[tuple[list[LabelledText], Logits]] = []
    for part in validation:
        rows = judged_rows(part, data)
        logits = predictor.logits(rows)
        metric = METRICS[part.metric]
        found = _predicted(part.title, part.head, metric, rows, logits[part.head])
        predicted.append(replace(found, parts=slices(rows)))
        if part.head == STANCE.name:
            by_set[part.title] = rows
            sided.append(_taking_sides(rows, logits[RELEVANCE.name]))
    if len(by_set) > 1:
        pairs = unrelated_pairs(by_set)
        logits = predictor.logits(pairs)
        predicted += [
            _predicted(UNRELATED, STANCE.name, accuracy, pairs, logits[STANCE.name]),
            _relevance([*sided, (pairs, logits[RELEVANCE.name])]),
        ]
    return _assessment(predicted)


def judged_rows(part: ValidationSet, data: Path) -> list[LabelledText]:
    """Return the rows of a validation set in a folder of data."""
    rows = rows_of(part, data)
    return rows if part.contradictions else without_contradictions(rows)


def unrelated_pairs(by_set: Mapping[str, Sequence[LabelledText]]) -> list[LabelledText]:
    """Return posts of each set with a target of another one, of which they say nothing."""
    random = np.random.default_rng(_SEED)
    found = []
    for name, rows in by_set.items():
        foreign = sorted(
            {row.target for other, theirs in by_set.items() if other != name for row in theirs}
        )
        picked = random.permutation(len(rows))[:UNRELATED_PER_SET]
        for row in (rows[index] for index in picked):
            post = AskedPost(row.text, (Asked(row.target, row.labels),))
            if asked := unrelated(post, foreign, random):
                found.append(LabelledText(row.id, row.text, asked.target, asked.labels))
    return found


def _taking_sides(
    rows: Sequence[LabelledText], logits: Logits
) -> tuple[list[LabelledText], Logits]:
    """Return some rows that take a side, with their logits."""
    taken = [i for i, row in enumerate(rows) if row.labels[STANCE.name] != NO_STANCE]
    taken = taken[: 2 * UNRELATED_PER_SET]
    return [rows[i] for i in taken], logits[taken]


def _relevance(parts: Sequence[tuple[list[LabelledText], Logits]]) -> _Predicted:
    """Return rows that take a side, which are relevant, beside unrelated ones."""
    rows = [row for some, _ in parts for row in some]
    logits = np.concatenate([found for _, found in parts])
    return _predicted(RELEVANCE_PAIRS, RELEVANCE.name, macro_f1, rows, logits)


def _predicted(
    title: str, name: str, metric: Metric, rows: Sequence[LabelledText], logits: Logits
) -> _Predicted:
    truth = np.array([row.labels[name] for row in rows], dtype=np.int64)
    first = np.array([crc32(row.id.encode()) % 2 == 0 for row in rows])
    return _Predicted(title, name, metric, truth, logits, first)


def _assessment(predicted: Sequence[_Predicted]) -> Assessment:
    temperature: dict[str, Temperature] = {}
    metrics: dict[str, dict[str, float]] = {}
    bins: dict[str, list[ReliabilityBin]] = {}
    parts: dict[str, dict[str, dict[str, float]]] = {}
    for name in sorted({each.head for each in predicted}):
        sets = [each for each in predicted if each.head == name]
        temperature[name] = fit_temperatures([(each.logits, each.truth) for each in sets])
        of_half = {
            first: fit_temperatures([each.half(first=first) for each in sets])
            for first in (True, False)
        }
        found = [each.probabilities(of_half) for each in sets]
        for each, probabilities in zip(sets, found, strict=True):
            metrics[each.title] = _figures(each, probabilities)
            if each.parts:
                parts[each.title] = _figures_of_parts(each, probabilities)
        counted = _counted(sets)
        truth = np.concatenate([one.truth[rows] for one, rows in zip(sets, counted, strict=True)])
        whole = np.concatenate([one[rows] for one, rows in zip(found, counted, strict=True)])
        bins[name] = reliability(truth, whole)
        metrics[f"all of {name}"] = {
            "calibration_error": expected_calibration_error(truth, whole),
            "log_loss": log_loss(truth, whole),
            "rows": float(len(truth)),
        }
    return Assessment(temperature, metrics, bins, parts)


def _counted(sets: Sequence[_Predicted]) -> list[NDArray[np.int64]]:
    """Return each set's rows that count where sets are taken together, drawn at random."""
    most = ROWS_PER_SET if len(sets) > 1 else None
    random = np.random.default_rng(_SEED)
    return [random.permutation(len(each.truth))[:most] for each in sets]


def _figures(each: _Predicted, probabilities: Probabilities) -> dict[str, float]:
    """Return one set's figures."""
    guess = each.logits.argmax(axis=1)
    low, high = bootstrap_interval(each.truth, guess, each.metric, samples=300)
    found = {
        each.metric.__name__: each.metric(each.truth, guess),
        "low": low,
        "high": high,
        "rows": float(len(each.truth)),
        "log_loss": log_loss(each.truth, probabilities),
        "calibration_error": expected_calibration_error(each.truth, probabilities),
    }
    if each.head == RELEVANCE.name:
        relevant = each.logits[:, RELEVANT] - each.logits[:, OFF_TOPIC]
        found["area_under_curve"] = area_under_curve(each.truth == RELEVANT, relevant)
    return found


def _figures_of_parts(
    each: _Predicted, probabilities: Probabilities
) -> dict[str, dict[str, float]]:
    """Return the figures of a set's parts, by the set's measure."""
    guess = each.logits.argmax(axis=1)
    found = {}
    for name, held in each.parts.items():
        truth, said = each.truth[held], guess[held]
        low, high = bootstrap_interval(truth, said, each.metric, samples=300)
        found[name] = {
            "score": each.metric(truth, said),
            "low": low,
            "high": high,
            "rows": float(len(truth)),
            "calibration_error": expected_calibration_error(truth, probabilities[held]),
        }
    return found
