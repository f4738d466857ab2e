"""Corrected shares, on simulated series whose truth is known."""

from dataclasses import dataclass

import numpy as np
import pytest

from classifiers.prevalence import Audit, estimate_shares

LABELS = 3
FAIR = np.array([[0.65, 0.15, 0.20], [0.12, 0.68, 0.20], [0.15, 0.15, 0.70]])
POOR = np.array([[0.50, 0.20, 0.30], [0.20, 0.50, 0.30], [0.20, 0.20, 0.60]])
BLIND = np.tile([0.3, 0.3, 0.4], (3, 1))


@dataclass
class Series:
    """A simulated topic: counts by predicted label, an audit, and both truths."""

    counts: np.ndarray
    audit: Audit
    crowd: np.ndarray
    posts: np.ndarray

    @property
    def audit_mean(self):
        return np.bincount(self.audit.truth, minlength=LABELS) / len(self.audit.truth)


def series(seed, matrix, *, days=30, size=200, labels=200, closeness=15, varying=None):
    """Days with shares of their own; `varying` lets the matrix differ from day to day."""
    rng = np.random.default_rng(seed)
    crowd = rng.dirichlet(closeness * rng.dirichlet([4] * LABELS), days)
    sizes = np.maximum(rng.poisson(size * rng.lognormal(0, 0.7, days)), 10)
    day = np.repeat(np.arange(days), sizes)
    truth = (rng.random(len(day))[:, None] > crowd.cumsum(axis=1)[day]).sum(axis=1).clip(0, 2)
    matrices = [
        matrix if varying is None else np.array([rng.dirichlet(varying * row) for row in matrix])
        for _ in range(days)
    ]
    rows = np.array(matrices).cumsum(axis=2)[day, truth]
    predicted = (rng.random(len(day))[:, None] > rows).sum(axis=1).clip(0, 2)
    drawn = rng.choice(len(day), labels, replace=False)
    audit = Audit(day[drawn], truth[drawn], predicted[drawn])
    return Series(table(day, predicted, days), audit, crowd, shares(table(day, truth, days)))


def table(day, label, days):
    counts = np.zeros((days, LABELS), dtype=np.int64)
    np.add.at(counts, (day, label), 1)
    return counts


def shares(counts):
    return counts / counts.sum(axis=1, keepdims=True)


def error(estimate, truth):
    return float(np.abs(estimate - truth).mean())


@pytest.mark.parametrize(
    ("matrix", "options"),
    [
        pytest.param(FAIR, {"labels": 150}, id="150 labels"),
        pytest.param(FAIR, {"labels": 400}, id="400 labels"),
        pytest.param(FAIR, {"varying": 100, "size": 1000}, id="errors vary by day"),
        pytest.param(FAIR, {"closeness": 4}, id="days differ much"),
        pytest.param(FAIR, {"closeness": 100}, id="days hardly differ"),
        pytest.param(FAIR, {"size": 25, "labels": 150}, id="small days"),
        pytest.param(POOR, {"labels": 300}, id="poor classifier"),
    ],
)
def test_intervals_hold_the_truth_and_the_correction_does_not_add_error(matrix, options):
    held_crowd, held_posts, corrected, plain = [], [], [], []
    for seed in range(5):
        one = series(seed, matrix, **options)
        found = estimate_shares(one.counts, one.audit, seed=seed)
        held_crowd.append((found.low <= one.crowd) & (one.crowd <= found.high))
        held_posts.append((found.low <= one.posts) & (one.posts <= found.high))
        corrected.append(error(found.share, one.posts))
        plain.append(error(shares(one.counts), one.posts))
    assert np.mean(held_crowd) >= 0.90
    assert np.mean(held_posts) >= 0.90
    assert np.mean(corrected) < np.mean(plain)


def test_a_classifier_that_knows_nothing_gives_way_to_the_audits_mean():
    errors, audit_errors = [], []
    for seed in range(5):
        one = series(seed, BLIND)
        found = estimate_shares(one.counts, one.audit)
        errors.append(error(found.share, one.posts))
        audit_errors.append(error(one.audit_mean[None, :], one.posts))
        assert np.abs(found.share.mean(axis=0) - one.audit_mean).max() < 0.08
    assert np.mean(errors) < np.mean(audit_errors) + 0.01


def test_a_classifier_that_never_errs_leaves_the_counted_shares_inside():
    one = series(0, np.eye(3) * 0.999 + 0.001 / 3, labels=400)
    found = estimate_shares(one.counts, one.audit)
    assert error(found.share, one.posts) < 0.02
    assert ((found.low <= one.posts) & (one.posts <= found.high)).mean() > 0.97


def test_more_audit_labels_narrow_the_intervals():
    few, many = (
        np.mean([width(series(seed, FAIR, labels=n)) for seed in range(3)]) for n in (100, 1000)
    )
    assert many < few


def width(one):
    found = estimate_shares(one.counts, one.audit)
    return float((found.high - found.low).mean())


def test_a_fully_audited_cell_has_the_peoples_share():
    counts = np.array([[10, 20, 0], [30, 30, 30]])
    truth = np.array([0] * 5 + [2] * 25)
    predicted = np.array([0] * 10 + [1] * 20)
    found = estimate_shares(counts, Audit(np.zeros(30, dtype=np.int64), truth, predicted))
    assert found.share[0] == pytest.approx([5 / 30, 0, 25 / 30], abs=1e-6)


def test_the_same_seed_gives_the_same_bytes():
    one = series(3, FAIR, days=5)
    first = estimate_shares(one.counts, one.audit, seed=4)
    again = estimate_shares(one.counts, one.audit, seed=4)
    assert first.share.tobytes() == again.share.tobytes()
    assert first.low.tobytes() == again.low.tobytes()


def test_shares_sum_to_one_and_lie_inside_their_intervals():
    one = series(1, POOR, days=12, size=15, labels=60)
    found = estimate_shares(one.counts, one.audit)
    assert found.share.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (found.low <= found.share).all()
    assert (found.share <= found.high).all()
    assert found.low.min() >= 0
    assert found.high.max() <= 1


def nothing():
    return np.array([], dtype=np.int64)


@pytest.mark.parametrize("cells", [0, 2])
def test_without_posts_and_audit_there_is_an_answer_that_says_nothing(cells):
    found = estimate_shares(
        np.zeros((cells, 3), dtype=np.int64), Audit(nothing(), nothing(), nothing())
    )
    assert found.share.shape == (cells, 3)
    assert (found.high - found.low > 0.6).all()


def test_audit_labels_outside_the_cells_teach_the_matrix_only():
    held = []
    for seed in range(6):
        one = series(seed, FAIR)
        outside = Audit(np.full_like(one.audit.cell, -1), one.audit.truth, one.audit.predicted)
        found = estimate_shares(one.counts, outside)
        held.append((found.low <= one.posts) & (one.posts <= found.high))
    assert np.mean(held) >= 0.90


@pytest.mark.parametrize(
    ("counts", "audit"),
    [
        pytest.param(np.zeros(3, dtype=np.int64), (0, 0, 0), id="counts without cells"),
        pytest.param(np.zeros((2, 3), dtype=np.int64), (2, 0, 0), id="no such cell"),
        pytest.param(np.zeros((2, 3), dtype=np.int64), (0, 3, 0), id="no such label"),
        pytest.param(np.zeros((2, 3), dtype=np.int64), (0, 0, -1), id="negative label"),
    ],
)
def test_what_does_not_fit_together_is_refused(counts, audit):
    with pytest.raises(ValueError, match=r"counts|audit"):
        estimate_shares(counts, Audit(*(np.array([n]) for n in audit)))
