"""Figures of a candidate and the champion on labels that neither has trained on."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from classifiers.calibration import Temperature, apply_temperature, fit_factor
from classifiers.correction import Asked
from classifiers.evaluation import confusion_matrix, log_loss, log_losses
from classifiers.examples import FROZEN_TEST, Example
from classifiers.heads import head
from classifiers.split import parts_of
from classifiers.version import ModelVersion

FEWEST_FOR_AUDIT = 50

Logits = NDArray[np.float32]
Figures = dict[str, dict[str, float]]


def fitted_factors(
    examples: Sequence[Example],
    logits: Sequence[Logits],
    temperature: Mapping[str, Temperature],
    questions: Collection[Asked],
) -> dict[Asked, float]:
    """Return what each question's labels say that its head's temperature is to be multiplied by.

    Told by held-out logits, of audit examples, if there are enough of them.
    """
    found = {}
    for name, target in questions:
        rows = [i for i, one in enumerate(examples) if (one.head, one.target) == (name, target)]
        audit = [i for i in rows if examples[i].audit]
        rows = audit if len(audit) >= FEWEST_FOR_AUDIT else rows
        truth = np.array([examples[i].label_index for i in rows])
        held_out = np.stack([logits[i] for i in rows])
        found[name, target] = fit_factor(held_out, truth, temperature[name])
    return found


def calibrated(
    examples: Sequence[Example], logits: Sequence[Logits], temperature: Mapping[str, Temperature]
) -> list[Logits]:
    """Return each example's logits as calibrated probabilities."""
    return [
        apply_temperature(row[None], temperature[example.head])[0]
        for example, row in zip(examples, logits, strict=True)
    ]


def compare(
    examples: Sequence[Example], candidate: Sequence[Logits], champion: Sequence[Logits]
) -> Figures:
    """Return figures of both, per head, on the frozen test and on the audit examples.

    ``audit/<head>`` is over all audit examples, ``test/<head>`` over the frozen test,
    where there is one.
    """
    figures: Figures = {}
    parts = parts_of(examples)
    for name in sorted({example.head for example in examples}):
        of_head = [i for i, example in enumerate(examples) if example.head == name]
        chosen = {
            "audit": [i for i in of_head if examples[i].audit],
            "test": [i for i in of_head if parts[examples[i].text] == FROZEN_TEST],
        }
        for kind, rows in chosen.items():
            if rows:
                figures[f"{kind}/{name}"] = {
                    "rows": float(len(rows)),
                    **_judged("candidate", rows, examples, candidate),
                    **_judged("champion", rows, examples, champion),
                    **_gain(rows, examples, candidate, champion),
                }
    return figures


def _gain(
    rows: Sequence[int],
    examples: Sequence[Example],
    candidate: Sequence[Logits],
    champion: Sequence[Logits],
) -> dict[str, float]:
    """Return by how much the candidate's log loss is lower, and that difference's standard error.

    Both answer the same rows, so the differences are taken row by row. One row tells no error.
    """
    truth = np.array([examples[i].label_index for i in rows])
    before, after = (
        log_losses(truth, np.stack([answers[i] for i in rows])) for answers in (champion, candidate)
    )
    gains = before - after
    if len(rows) == 1:
        return {"gain": float(gains.mean())}
    error = gains.std(ddof=1) / np.sqrt(len(rows))
    return {"gain": float(gains.mean()), "gain_error": float(error)}


def _judged(
    who: str, rows: Sequence[int], examples: Sequence[Example], answers: Sequence[Logits]
) -> dict[str, float]:
    """Return one version's metric and log loss over rows of one head."""
    truth = np.array([examples[i].label_index for i in rows])
    probabilities = np.stack([answers[i] for i in rows])
    metric = head(examples[rows[0]].head).metric
    return {
        who: metric(truth, probabilities.argmax(axis=1)),
        f"{who}_log_loss": log_loss(truth, probabilities),
    }


def audit_confusion(
    examples: Sequence[Example], answers: Sequence[Logits]
) -> dict[str, list[list[int]]]:
    """Return counts (true, predicted) over audit examples, by head or ``head/target text``."""
    rows: dict[str, list[int]] = {}
    for index, example in enumerate(examples):
        if example.audit:
            name = f"{example.head}/{example.target}" if example.target else example.head
            rows.setdefault(name, []).append(index)
    return {
        name: confusion_matrix(
            np.array([examples[i].label_index for i in held]),
            np.array([int(answers[i].argmax()) for i in held]),
            len(head(examples[held[0]].head).labels),
        ).tolist()
        for name, held in rows.items()
    }


def beats_champion(version: ModelVersion) -> tuple[bool, str]:
    """Return whether a version may take over by the verdict kept with it, and why, in words."""
    if not version.verdict:
        return False, "it has not been judged"
    failed = [check for check in version.verdict if not check["passed"]]
    told = failed or [check for check in version.verdict if check["name"] == "better"]
    return not failed, "; ".join(str(check["told"]) for check in told)
