import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from classifiers import evaluation
from classifiers.calibration import (
    apply_temperature,
    fit_factor,
    fit_temperature,
    fit_temperatures,
)
from classifiers.evaluation import area_under_curve

TRUTH = np.array([0, 0, 1, 1, 2, 2])
GUESS = np.array([0, 1, 1, 1, 2, 0])

labels = st.integers(1, 60).flatmap(
    lambda n: st.tuples(*[arrays(np.int64, n, elements=st.integers(0, 2)) for _ in range(2)])
)


def test_scores_equal_those_worked_out_by_hand() -> None:
    assert evaluation.macro_recall(TRUTH, GUESS) == pytest.approx((1 / 2 + 1 + 1 / 2) / 3)
    assert evaluation.macro_f1(TRUTH, GUESS) == pytest.approx((1 / 2 + 4 / 5 + 2 / 3) / 3)
    assert evaluation.f1_favor_against(TRUTH, GUESS) == pytest.approx((1 / 2 + 4 / 5) / 2)


@pytest.mark.parametrize("guess", [[2, 2], [0, 1]], ids=["never favor or against", "always"])
def test_f1_of_favor_and_against_stands_absent_labels(guess: list[int]) -> None:
    assert evaluation.f1_favor_against(np.array([2, 2]), np.array(guess)) == 0


@given(labels)
def test_the_confusion_matrix_counts_every_row_once(pair: tuple[np.ndarray, np.ndarray]) -> None:
    counts = evaluation.confusion_matrix(*pair, 3)
    assert counts.sum() == len(pair[0])
    assert counts.sum(axis=1).tolist() == np.bincount(pair[0], minlength=3).tolist()


@given(labels)
def test_scores_lie_between_0_and_1_and_perfection_is_1(
    pair: tuple[np.ndarray, np.ndarray],
) -> None:
    for metric in (evaluation.macro_recall, evaluation.macro_f1, evaluation.f1_favor_against):
        assert 0 <= metric(*pair) <= 1
    assert evaluation.macro_recall(pair[0], pair[0]) == 1


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    probabilities = np.tile([[0.8, 0.1, 0.1]], (10, 1))
    truth = np.array([0] * 6 + [1] * 4)
    assert evaluation.expected_calibration_error(truth, probabilities) == pytest.approx(0.2)


def test_the_bootstrap_interval_holds_the_score() -> None:
    truth, guess = np.tile(TRUTH, 20), np.tile(GUESS, 20)
    low, high = evaluation.bootstrap_interval(truth, guess, evaluation.macro_f1, samples=200)
    assert low < evaluation.macro_f1(truth, guess) < high


def test_the_bootstrap_holds_one_draw_at_a_time() -> None:
    rows = np.zeros(20_000, dtype=np.int64)
    tracemalloc.start()
    try:
        evaluation.bootstrap_interval(rows, rows, evaluation.accuracy, samples=100)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10 * rows.nbytes


@given(arrays(np.float32, (5, 3), elements=st.floats(-50, 50, width=32)), st.floats(0.2, 5))
def test_a_temperature_keeps_order_and_sums_to_one(logits: np.ndarray, temperature: float) -> None:
    probabilities = apply_temperature(logits, temperature)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    best = np.take_along_axis(probabilities, logits.argmax(axis=1)[:, None], axis=1)[:, 0]
    assert (best == probabilities.max(axis=1)).all()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_made_the_labels_is_found_again(temperature: float) -> None:
    random = np.random.default_rng(3)
    logits = random.normal(0, 3, (8000, 3))
    chances = apply_temperature(logits, temperature)
    truth = (chances.cumsum(axis=1) < random.random((8000, 1))).sum(axis=1).clip(max=2)
    assert fit_temperature(logits, truth) == pytest.approx(temperature, rel=0.07)


def test_too_few_rows_leave_the_temperature_alone() -> None:
    assert fit_temperature(np.zeros((5, 3)), np.zeros(5, dtype=np.int64)) == 1.0


def test_two_dozen_right_answers_hardly_make_the_rest_surer() -> None:
    logits = np.tile(np.log([0.62, 0.25, 0.13]), (24, 1))
    factor = fit_factor(logits, np.zeros(24, dtype=np.int64), [1.0, 1.2, 1.1])
    assert 0.62 < apply_temperature(logits[:1], factor)[0, 0] < 0.87


def test_many_rows_find_their_factor_whatever_was_before() -> None:
    random = np.random.default_rng(3)
    logits = random.normal(0, 3, (1000, 3))
    chances = apply_temperature(logits, [3.0, 2.4, 2.1])
    truth = (chances.cumsum(axis=1) < random.random((1000, 1))).sum(axis=1).clip(max=2)
    alone = fit_temperature(logits, truth)
    assert fit_factor(logits, truth, [1.0, 0.8, 0.7]) == pytest.approx(3, rel=0.12)
    assert fit_factor(logits, truth, 1.0) == pytest.approx(alone, rel=0.03)


@given(
    logits=arrays(np.float64, (40, 3), elements=st.floats(-8, 8)),
    temperatures=st.tuples(*[st.floats(0.3, 4)] * 3),
)
def test_a_temperature_for_each_answer_leaves_the_answer_as_it_is(
    logits: NDArray[np.float64], temperatures: tuple[float, float, float]
) -> None:
    found = apply_temperature(logits, temperatures)
    guess = logits.argmax(axis=1)
    rows = np.arange(len(logits))
    assert np.allclose(found.sum(axis=1), 1, atol=1e-5)
    assert (found[rows, guess] >= found.max(axis=1) - 1e-6).all()
    for label, temperature in enumerate(temperatures):
        same = apply_temperature(logits[guess == label], temperature)
        assert np.array_equal(found[guess == label], same)


def test_answers_that_are_too_sure_get_a_higher_temperature_alone() -> None:
    random = np.random.default_rng(4)
    logits = random.normal(0, 1.5, (6000, 3))
    guess = logits.argmax(axis=1)
    honest = apply_temperature(logits, 1.0).astype(float)
    honest[guess == 2] = apply_temperature(logits[guess == 2], 2.5)
    truth = (honest.cumsum(axis=1) < random.random((6000, 1))).sum(axis=1).clip(max=2)
    first, second, third = fit_temperatures(
        [(logits[:4000], truth[:4000]), (logits[4000:], truth[4000:])]
    )
    assert first == pytest.approx(1, abs=0.12)
    assert second == pytest.approx(1, abs=0.12)
    assert third == pytest.approx(2.5, rel=0.15)


def test_each_set_counts_the_same_for_a_temperature() -> None:
    right = (np.tile([2.0, 0.0], (1000, 1)), np.repeat([0, 1], [990, 10]))
    wrong = (np.tile([2.0, 0.0], (100, 1)), np.repeat([0, 1], [60, 40]))
    together, _ = fit_temperatures([right, wrong])
    doubled, _ = fit_temperatures([right, (np.tile(wrong[0], (9, 1)), np.tile(wrong[1], 9))])
    assert together == pytest.approx(doubled, rel=1e-6)


@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=1, max_size=30))
def test_the_area_under_the_curve_is_the_part_of_pairs_in_order(
    rows: list[tuple[bool, int]],
) -> None:
    positive = [score for is_positive, score in rows if is_positive]
    negative = [score for is_positive, score in rows if not is_positive]
    pairs = [(p > n) + 0.5 * (p == n) for p in positive for n in negative]
    found = area_under_curve(
        np.array([is_positive for is_positive, _ in rows]),
        np.array([s for _, s in rows], dtype=float),
    )
    assert found == pytest.approx(np.mean(pairs) if pairs else 0.5)
