"""Writes what QuaPy and ppi-python say of a small made-up example, for tests to compare with.

pip install quapy jax numpyro ppi-python      # in an environment of its own: 1.2 GB
python benchmarks/reference.py > tests/unit/reference/quantifiers.json
"""

from __future__ import annotations

import json

import numpy as np
import quapy
from ppi_py import ppi_mean_ci, ppi_mean_pointestimate
from quapy.method.aggregative import ACC, EMQ, PACC
from sklearn.base import BaseEstimator

LABELS = 3


class Told(BaseEstimator):
    """A classifier whose probabilities are handed in as features."""

    def __init__(self) -> None:
        self.classes_ = np.arange(LABELS)

    def fit(self, _x: object, _y: object) -> Told:
        return self

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        return x

    def predict(self, x: np.ndarray) -> np.ndarray:
        return x.argmax(axis=1)


def drawn(posts: int, mix: list[float], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    truth = rng.choice(LABELS, posts, p=mix)
    evidence = np.exp(1.2 * (rng.standard_normal((posts, LABELS)) + 1.2 * np.eye(LABELS)[truth]))
    scores = np.round(evidence / evidence.sum(axis=1, keepdims=True), 3)
    scores[:, -1] = 1 - scores[:, :-1].sum(axis=1)
    return truth, np.round(np.clip(scores, 0, 1), 3)


def labels(*scores: np.ndarray) -> list[np.ndarray]:
    return [each.argmax(axis=1) for each in scores]


def main() -> None:
    rng = np.random.default_rng(7)
    truth, scores = drawn(300, [0.5, 0.3, 0.2], rng)
    _, others = drawn(600, [0.2, 0.3, 0.5], rng)
    found = {}
    for name, method, told, asked in (
        ("acc", ACC(Told(), fit_classifier=False, val_split=None), *labels(scores, others)),
        ("pacc", PACC(Told(), fit_classifier=False, val_split=None), scores, others),
    ):
        method.aggregation_fit(told, truth)
        found[name] = method.aggregate(asked).tolist()
    shares = np.bincount(truth, minlength=LABELS) / len(truth)
    found["emq"] = EMQ.EM(shares, others)[0].tolist()
    for name, power in (("ppi", 1.0), ("ppi_tuned", None)):
        columns = [((truth == label).astype(float), scores[:, label], others[:, label])
                   for label in range(LABELS)]  # fmt: skip
        found[name] = [float(np.ravel(ppi_mean_pointestimate(*c, lam=power))[0]) for c in columns]
        found[f"{name}_interval"] = [
            np.ravel(ppi_mean_ci(*c, alpha=0.05, lam=power)).tolist() for c in columns
        ]
    given = {"truth": truth.tolist(), "scores": scores.tolist(), "others": others.tolist()}
    print(json.dumps({"quapy": quapy.__version__, "given": given, "found": found}))


if __name__ == "__main__":
    main()
