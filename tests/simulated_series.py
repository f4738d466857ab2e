"""Series whose truth is known: days with shares of their own, a classifier that errs, an audit."""

from dataclasses import dataclass

import numpy as np

from classifiers.prevalence import Audit, Cells

LABELS = 3
FAIR, POOR, BLIND, GOOD = 1.2, 0.7, 0.1, 4.0
"""How far apart the classifier's evidence for the labels lies."""


@dataclass
class Series:
    """A simulated topic: its cells, an audit, and both truths."""

    cells: Cells
    audit: Audit
    crowd: np.ndarray
    posts: np.ndarray

    @property
    def plain(self):
        return shares(self.cells.counts)

    @property
    def audit_mean(self):
        return np.bincount(self.audit.truth, minlength=LABELS) / len(self.audit.truth)


def series(seed, ability, *, days=30, size=200, labels=200, stray=0.06, varying=0.0, walk=0.0,
           tilted=0.0, knows=0.0):  # fmt: skip
    """Days with shares of their own; `varying` lets the classifier err differently by day.

    `tilted` makes it lean to the first label on the second half of the days. At `knows` = 1 it
    tells by something else than the label (a word, a name) what day it is, and is calibrated on
    each; at 0 posts of one label look alike on all days.

    The classifier is calibrated for the mix of the whole series, as one adapted to it is.
    """
    rng = np.random.default_rng(seed)
    mean = rng.dirichlet([4] * LABELS)
    crowd = rng.dirichlet((1 / stray - 1) * mean, days)
    if walk:
        steps = rng.normal(0, walk, (days, LABELS))
        crowd = shares(np.exp(np.log(mean) + np.cumsum(steps, axis=0)))
    sizes = np.maximum(rng.poisson(size * rng.lognormal(0, 0.7, days)), 10)
    day = np.repeat(np.arange(days), sizes)
    truth = (rng.random(len(day))[:, None] > crowd.cumsum(axis=1)[day]).sum(axis=1).clip(0, 2)
    evidence = rng.standard_normal((len(day), LABELS)) + ability * np.eye(LABELS)[truth]
    evidence += rng.normal(0, varying, (days, LABELS, LABELS))[day, truth]
    usual = np.bincount(truth, minlength=LABELS) / len(truth)
    believed = ability * evidence + (1 - knows) * np.log(usual) + knows * np.log(crowd[day] + 1e-3)
    believed[day >= days // 2, 0] += tilted
    scores = shares(np.exp(believed - believed.max(axis=1, keepdims=True)))
    drawn = rng.choice(len(day), labels, replace=False)
    audit = Audit(day[drawn], truth[drawn], scores[drawn])
    return Series(cells_of(day, scores, days), audit, crowd, shares(table(day, truth, days)))


def cells_of(day, scores, days):
    counts = table(day, scores.argmax(axis=1), days)
    sums = np.zeros((days, scores.shape[1]))
    np.add.at(sums, day, scores)
    return Cells(counts.sum(axis=1), sums, np.zeros(days, dtype=np.int64), np.arange(days), counts)


def table(day, label, days):
    counts = np.zeros((days, LABELS))
    np.add.at(counts, (day, label), 1)
    return counts


def shares(counts):
    return counts / counts.sum(axis=1, keepdims=True)


def error(estimate, truth):
    return float(np.abs(estimate - truth).mean())


def held(found, truth):
    return float(((found.low <= truth + 1e-9) & (truth - 1e-9 <= found.high)).mean())
