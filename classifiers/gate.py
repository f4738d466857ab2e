"""Whether a candidate beats the champion, judged on labels that neither has trained on."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from classifiers.calibration import apply_temperature, fit_temperature
from classifiers.evaluation import confusion_matrix, log_loss, log_losses
from classifiers.examples import FROZEN_TEST, Example, part_of
from classifiers.heads import head
from classifiers.version import ModelVersion

FEWEST_FOR_AUDIT = 50

Logits = NDArray[np.float32]
Figures = dict[str, dict[str, float]]


def fitted_temperatures(examples: Sequence[Example], logits: Sequence[Logits]) -> dict[str, float]:
    """Return each head's temperature, from held-out logits (of audit examples, if enough)."""
    found = {}
    for name in sorted({example.head for example in examples}):
        rows = [i for i, example in enumerate(examples) if example.head == name]
        audit = [i for i in rows if examples[i].audit]
        rows = audit if len(audit) >= FEWEST_FOR_AUDIT else rows
        truth = np.array([examples[i].label_index for i in rows])
        found[name] = fit_temperature(np.stack([logits[i] for i in rows]), truth)
    return found


def calibrated(
    examples: Sequence[Example], logits: Sequence[Logits], temperature: Mapping[str, float]
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

    ``audit/<head>`` is over all audit examples, ``test/<head>`` over the frozen fifth.
    """
    figures: Figures = {}
    for name in sorted({example.head for example in examples}):
        of_head = [i for i, example in enumerate(examples) if example.head == name]
        chosen = {
            "audit": [i for i in of_head if examples[i].audit],
            "test": [i for i in of_head if part_of(examples[i].text) == FROZEN_TEST],
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

    Both answer the same rows, so the differences are taken row by row.
    """
    truth = np.array([examples[i].label_index for i in rows])
    before, after = (
        log_losses(truth, np.stack([answers[i] for i in rows])) for answers in (champion, candidate)
    )
    error = (before - after).std(ddof=1) / np.sqrt(len(rows)) if len(rows) > 1 else np.inf
    return {"gain": float((before - after).mean()), "gain_error": float(error)}


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
    """Return whether a candidate should be promoted, and why, in words.

    It should if its log loss on the audit examples is lower than the champion's by more than
    one standard error for some head it was trained on, and higher by as much for none. Log loss
    is a proper score: on posts drawn at random it rewards the probabilities that daily shares
    need. The head's metric is told beside it and does not decide: macro recall, say, counts a
    label that is rare in the topic as much as a common one, and falls when a model learns the
    topic's mix.
    """
    audits = {k: v for k, v in version.metrics.items() if k.startswith("audit/")}
    if not audits:
        return False, "there are no audit labels (posts drawn at random) to judge by"
    better = any(figures["gain"] > figures["gain_error"] for figures in audits.values())
    worse = any(figures["gain"] < -figures["gain_error"] for figures in audits.values())
    reasons = [
        f"{name.removeprefix('audit/')}: log loss {figures['candidate_log_loss']:.3f} against the "
        f"champion's {figures['champion_log_loss']:.3f} (lower by {figures['gain']:.3f} ± "
        f"{figures['gain_error']:.3f}), score {figures['candidate']:.3f} against "
        f"{figures['champion']:.3f}, on {figures['rows']:.0f} audit labels"
        for name, figures in audits.items()
    ]
    won = better and not worse
    return won, ("better; " if won else "not better; ") + "; ".join(reasons)
