"""Confident learning, compared with what cleanlab says of the same rows."""

import json
from pathlib import Path

import numpy as np
import pytest

from classifiers.label_errors import label_errors

REFERENCE = json.loads(
    (Path(__file__).parent.parent / "reference/label_errors.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", REFERENCE["cases"], ids=["thirty", "fifteen", "clean"])
def test_probable_errors_and_noise_are_cleanlabs(case: dict[str, list[float]]) -> None:
    found = label_errors(np.array(case["given"]), np.array(case["probabilities"]))
    assert set(found.rows) == set(case["rows"])
    assert found.noise == pytest.approx(case["noise"], abs=0.02)


def test_the_least_likely_label_comes_first() -> None:
    case = REFERENCE["cases"][0]
    given, probabilities = np.array(case["given"]), np.array(case["probabilities"])
    rows = list(label_errors(given, probabilities).rows)
    own = probabilities[rows, given[rows]]
    assert list(own) == sorted(own)


def test_few_labels_are_not_judged() -> None:
    found = label_errors(np.array([0, 1]), np.array([[0.1, 0.9], [0.9, 0.1]]))
    assert (found.rows, found.noise) == ((), 0.0)
