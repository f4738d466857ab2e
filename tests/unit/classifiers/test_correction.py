from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from classifiers.calibration import apply_temperature
from classifiers.correction import (
    CLASS_WEIGHT_POWER,
    CORRECTIONS_FILE,
    Correction,
    Space,
    read_corrections,
    read_labels,
    save_corrections,
)
from classifiers.errors import ModelFilesError
from classifiers.heads import head
from classifiers.label_mix import class_weights


def drawn(rows: int, features: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features that hold what decides the label, a base that knows half of it, labels."""
    random = np.random.default_rng(seed)
    hidden = random.normal(size=(rows, 3))
    x = (hidden @ random.normal(size=(3, features))).astype(np.float32)
    labels = np.digitize(hidden[:, 0] + 0.3 * random.normal(size=rows), [-0.5, 0.5])
    logits = random.normal(size=(rows, 3)).astype(np.float32)
    logits[np.arange(rows), labels] += 0.7
    return x, logits, labels


def share_right(logits: np.ndarray, labels: np.ndarray) -> float:
    return float((logits.argmax(axis=1) == labels).mean())


@pytest.mark.parametrize(("rows", "features"), [(300, 20), (120, 400)], ids=["wide", "narrow"])
def test_it_learns_what_the_base_does_not_know(rows: int, features: int) -> None:
    x, logits, labels = drawn(rows, features)
    learnt_from = np.arange(rows * 2 // 3)
    held_out = np.arange(len(learnt_from), rows)
    correction = Space(x).fitted(learnt_from, logits, labels, 0.3)
    after = correction.corrected(logits[held_out], x[held_out])
    assert share_right(after, labels[held_out]) > share_right(logits[held_out], labels[held_out])


def test_a_strong_penalty_leaves_the_base_all_but_its_bias() -> None:
    x, logits, labels = drawn(200, 10)
    correction = Space(x).fitted(np.arange(200), logits, labels, 1e6)
    assert np.abs(correction.weights).max() < 1e-3


def test_nothing_to_learn_from_changes_nothing() -> None:
    x, logits, labels = drawn(30, 10)
    correction = Space(x).fitted(np.arange(0), logits, labels, 1.0)
    assert np.array_equal(correction.corrected(logits, x), logits)


def test_the_fit_is_the_minimum_of_what_it_says() -> None:
    x, logits, labels = drawn(60, 4, seed=3)
    penalty, scaled = 0.5, (x - x.mean(axis=0)) / x.std(axis=0) / 2
    importance = class_weights(labels, 3, CLASS_WEIGHT_POWER)

    def loss(flat: np.ndarray) -> float:
        weights, bias, scale = flat[:12].reshape(4, 3), flat[12:15], flat[15]
        answers = scale * logits + scaled @ weights + bias
        top = answers.max(axis=1)
        total = top + np.log(np.exp(answers - top[:, None]).sum(axis=1))
        missed = (importance[labels] * (total - answers[np.arange(60), labels])).sum()
        missed += (total[:, None] - answers).mean(axis=0).sum()  # each label once more
        return float(
            missed + penalty * (weights**2).sum() + (scale - 1) ** 2 + 0.01 * (bias**2).sum()
        )

    best = minimize(loss, np.r_[np.zeros(15), 1.0]).x
    expected = best[15] * logits + scaled @ best[:12].reshape(4, 3) + best[12:15]
    found = Space(x).fitted(np.arange(60), logits, labels, penalty).corrected(logits, x)
    assert found == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("label", range(3))
def test_a_few_labels_that_all_agree_leave_a_doubt(label: int) -> None:
    x, logits, _ = drawn(500, 40)
    labels = np.full(500, label)
    found = Space(x).fitted(np.arange(24), logits, labels, 1.0).corrected(logits, x)
    sure = apply_temperature(found[24:], 1.0)[:, label]
    assert 0.8 < np.median(sure) < 0.97


def test_of_many_rows_one_more_of_each_label_changes_nothing() -> None:
    x, logits, labels = drawn(1000, 20)
    space, rows = Space(x), np.arange(1000)
    found = space.fitted(rows, logits, labels, 1.0).corrected(logits, x)
    fewer = space.fitted(np.r_[rows, rows], logits, labels, 2.0).corrected(logits, x)
    assert apply_temperature(found, 1.0) == pytest.approx(apply_temperature(fewer, 1.0), abs=0.005)


@pytest.mark.parametrize("features", [20, 400], ids=["fewer than rows", "more than rows"])
def test_where_it_begins_does_not_change_where_it_ends(features: int) -> None:
    x, logits, labels = drawn(120, features)
    space, rows = Space(x), np.arange(120)
    alone = space.fitted(rows, logits, labels, 1.0)
    after = space.fitted(rows, logits, labels, 1.0, space.fitted(rows, logits, labels, 30.0))
    assert after.corrected(logits, x) == pytest.approx(alone.corrected(logits, x), abs=1e-2)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 30), st.integers(1, 40), st.integers(0, 1000))
def test_fewer_dimensions_hold_the_features_exactly(rows: int, features: int, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(rows, features)).astype(np.float32)
    x[:, 0] = 1.0  # a feature that never changes
    standard = (x - x.mean(axis=0)) / np.where(x.std(axis=0) > 1e-6, x.std(axis=0), 1.0)
    expected = standard @ standard.T / features
    found = Space(x).rows
    assert found.shape[1] <= max(rows, features)
    assert found @ found.T == pytest.approx(expected, abs=1e-3)


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    kept = {
        ("stance", "the walkout / petition: now"): Correction(
            np.ones((4, 3), np.float32), np.zeros(3, np.float32), np.ones(1, np.float32)
        ),
        ("sentiment", ""): Correction(
            np.full((2, 3), 2, np.float32), np.ones(3, np.float32), np.zeros(1, np.float32)
        ),
    }
    save_corrections(tmp_path, kept)
    found = read_corrections(tmp_path)
    assert set(found) == set(kept)
    for asked, correction in kept.items():
        assert np.array_equal(found[asked].weights, correction.weights)
        assert np.array_equal(found[asked].bias, correction.bias)
        assert np.array_equal(found[asked].scale, correction.scale)
    assert read_labels(tmp_path) == {one: head(one).labels for one in ("sentiment", "stance")}


def test_a_base_has_none(tmp_path: Path) -> None:
    assert read_corrections(tmp_path) == {}
    assert read_labels(tmp_path) == {}


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / CORRECTIONS_FILE).write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00garbage!")
    with pytest.raises(ModelFilesError, match="cannot be read as corrections"):
        read_corrections(tmp_path)
    with pytest.raises(ModelFilesError, match="cannot be read as corrections"):
        read_labels(tmp_path)
