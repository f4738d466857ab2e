"""Confidence against how often it is right, and shares as the model counts them."""

import numpy as np
import pytest

from classifiers.reliability import reliability, share_errors, wilson_interval


def answers(rows: int, seed: int, *, boast: float = 0.0):
    """Rows whose truth is drawn with the very probabilities; told ones may boast."""
    chance = np.random.default_rng(seed)
    honest = chance.dirichlet((1.0, 1.0, 1.0), rows)
    truth = np.array([chance.choice(3, p=row) for row in honest])
    told = honest ** (1 + boast)
    return truth, told / told.sum(axis=1, keepdims=True)


def test_honest_probabilities_lie_on_the_line_and_boasting_ones_below() -> None:
    honest = reliability(*answers(4000, 1))
    assert all(one.low <= one.confidence <= one.high for one in honest)
    boasting = reliability(*answers(4000, 1, boast=2.0))
    assert sum(one.high < one.confidence for one in boasting) >= 6


def test_bins_hold_equally_many_rows_in_the_order_of_confidence() -> None:
    bins = reliability(*answers(403, 2))
    assert sorted(one.rows for one in bins) == [50] * 5 + [51] * 3
    assert [one.confidence for one in bins] == sorted(one.confidence for one in bins)
    assert len(reliability(*answers(59, 2))) == 2


def test_too_few_rows_say_nothing() -> None:
    assert reliability(*answers(19, 3)) == []
    assert share_errors(*answers(0, 3)) == []


def test_the_interval_of_a_share_s_error_holds_none_where_there_is_none() -> None:
    held = 0
    for seed in range(200):
        held += all(one.low <= 0 <= one.high for one in share_errors(*answers(300, seed))[:1])
    assert held >= 180  # 95 % of 200, less four standard deviations


def test_a_share_that_is_told_too_high_is_off_by_so_much() -> None:
    truth = np.array([0, 1, 1, 1])
    told = np.array([[0.75, 0.25]] * 4)
    first, second = share_errors(truth, told)
    assert (first.told, first.true, first.error) == (0.75, 0.25, 0.5)
    assert second.error == pytest.approx(-0.5)
    assert first.low < 0.5 < first.high


@pytest.mark.parametrize(
    ("hits", "rows", "low", "high"), [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634)]
)
def test_wilson_s_interval_is_that_of_the_literature(
    hits: int, rows: int, low: float, high: float
) -> None:
    assert wilson_interval(hits, rows) == pytest.approx((low, high), abs=1e-4)
