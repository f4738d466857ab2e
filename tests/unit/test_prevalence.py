"""Corrected shares, on simulated series whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classifiers import prevalence
from classifiers.drift import deviations
from classifiers.prevalence import Audit, Cells, estimate_shares, learn
from tests.simulated_series import BLIND, FAIR, GOOD, error, held, series


@pytest.mark.parametrize(
    ("ability", "options", "at_most"),
    [
        pytest.param(FAIR, {"labels": 150}, 0.9, id="150 labels"),
        pytest.param(FAIR, {"varying": 0.3, "size": 1000}, 1.1, id="errors vary by day"),
        pytest.param(1.5, {"stray": 0.3, "labels": 600}, 0.5, id="shares shift much"),
        pytest.param(FAIR, {"size": 25, "walk": 0.3}, 0.8, id="small days that walk"),
    ],
)
def test_intervals_hold_the_truth_and_the_correction_takes_error_away(ability, options, at_most):
    of_crowd, of_posts, corrected, plain = [], [], [], []
    for seed in range(2):  # benchmarks/prevalence.py has many
        one = series(seed, ability, **options)
        found = estimate_shares(one.cells, one.audit, seed=seed)
        of_crowd.append(held(found, one.crowd))
        of_posts.append(held(found, one.posts))
        corrected.append(error(found.share, one.posts))
        plain.append(error(one.plain, one.posts))
    assert np.mean(of_crowd) >= 0.9
    assert np.mean(of_posts) >= 0.9
    assert np.mean(corrected) < at_most * np.mean(plain)


def test_a_classifier_that_knows_nothing_gives_way_to_the_audits_mean():
    errors, audit_errors, inside = [], [], []
    for seed in range(2):
        one = series(seed, BLIND)
        found = estimate_shares(one.cells, one.audit)
        errors.append(error(found.share, one.posts))
        audit_errors.append(error(one.audit_mean[None, :], one.posts))
        inside.append(held(found, one.crowd))
        assert np.abs(found.share.mean(axis=0) - one.audit_mean).max() < 0.08
    assert np.mean(errors) < np.mean(audit_errors) + 0.01
    assert np.mean(inside) >= 0.85


def test_a_classifier_that_hardly_errs_leaves_the_counted_shares_inside():
    one = series(0, GOOD, labels=400)
    found = estimate_shares(one.cells, one.audit)
    assert error(found.share, one.posts) < 0.02
    assert held(found, one.posts) > 0.97


def test_more_audit_labels_narrow_the_intervals():
    few, many = (width(series(0, FAIR, labels=n)) for n in (100, 1000))
    assert many < few


def width(one):
    found = estimate_shares(one.cells, one.audit)
    return float((found.high - found.low).mean())


def test_a_fully_audited_cell_has_the_peoples_share():
    truth = np.array([0] * 5 + [2] * 25)
    scores = np.eye(3)[[0] * 10 + [1] * 20]
    cells = Cells(
        posts=np.array([30.0, 90.0]),
        sums=np.array([[10.0, 20, 0], [30, 30, 30]]),
        series=np.zeros(2, dtype=np.int64),
        day=np.arange(2),
    )
    found = estimate_shares(cells, Audit(np.zeros(30, dtype=np.int64), truth, scores))
    assert found.share[0] == pytest.approx([5 / 30, 0, 25 / 30], abs=1e-6)


def test_the_same_seed_gives_the_same_bytes_whatever_the_order_of_the_cells():
    one = series(3, FAIR, days=6)
    first = estimate_shares(one.cells, one.audit, seed=4)
    again = estimate_shares(one.cells, one.audit, seed=4)
    assert first.share.tobytes() == again.share.tobytes()
    assert first.low.tobytes() == again.low.tobytes()
    turned = np.arange(6)[::-1]
    moved = replace(one.audit, cell=5 - one.audit.cell)
    found = estimate_shares(one.cells.at(turned), moved, seed=4)
    assert found.share[::-1] == pytest.approx(first.share, abs=1e-9)


def test_labels_of_half_of_the_days_serve_the_other_half_too():
    inside = []
    for seed in range(2):
        one = series(seed, FAIR, labels=300)
        early = one.audit.cell < 15
        audit = Audit(one.audit.cell[early], one.audit.truth[early], one.audit.scores[early])
        found = estimate_shares(one.cells, audit, seed=seed)
        late = (found.low[15:] <= one.crowd[15:]) & (one.crowd[15:] <= found.high[15:])
        inside.append(late.mean())
    assert np.mean(inside) >= 0.88


def test_audit_labels_outside_the_cells_teach_how_the_classifier_errs():
    inside = []
    for seed in range(2):
        one = series(seed, FAIR)
        outside = replace(one.audit, cell=np.full_like(one.audit.cell, -1))
        inside.append(held(estimate_shares(one.cells, outside), one.posts))
    assert np.mean(inside) >= 0.88


def test_shares_add_up_where_more_posts_were_audited_than_are_left():
    one = series(0, FAIR)
    busiest = np.bincount(one.audit.cell).argmax()
    posts = one.cells.posts.copy()
    sums = one.cells.sums.copy()
    sums[busiest] *= 2 / posts[busiest]
    posts[busiest] = 2
    found = estimate_shares(replace(one.cells, posts=posts, sums=sums), one.audit)
    assert found.share[busiest].sum() == pytest.approx(1)
    assert found.high.max() <= 1


def test_audit_labels_that_do_not_count_in_cells_teach_the_errors_of_their_series():
    inside, widths = [], []
    for seed in range(2):
        one = series(seed, FAIR)
        outside = replace(one.audit, cell=np.full_like(one.audit.cell, -1))
        drawn = replace(outside, series=np.zeros_like(one.audit.cell))
        tried = (drawn, replace(drawn, alike=0.5), outside)
        found = [estimate_shares(one.cells, audit) for audit in tried]
        inside.append(held(found[0], one.posts))
        widths.append([(one.high - one.low).mean() for one in found])
    assert np.mean(inside) >= 0.9
    known, half, unknown = np.mean(widths, axis=0)
    assert known < 0.8 * unknown
    assert known < half < unknown


def test_audit_labels_without_their_series_are_refused():
    one = series(0, FAIR, days=3)
    few = replace(one.audit, series=np.zeros(2, dtype=np.int64))
    with pytest.raises(ValueError, match="series"):
        estimate_shares(one.cells, few)


def test_where_the_classifier_errs_otherwise_a_platforms_own_audit_labels_tell():
    one = series(2, FAIR, labels=500, tilted=2.0)
    cells = replace(one.cells, series=np.repeat([0, 1], 15), day=np.arange(30) % 15)
    found = estimate_shares(cells, one.audit)
    nowhere = replace(one.audit, cell=np.full_like(one.audit.cell, -1))
    pooled = estimate_shares(cells, nowhere)
    assert error(found.share[15:], one.posts[15:]) < error(pooled.share[15:], one.posts[15:])
    inside = (found.low[15:] <= one.posts[15:]) & (one.posts[15:] <= found.high[15:])
    assert inside.mean() >= 0.85


def test_scores_that_follow_shares_beyond_the_labels_are_not_overdone(monkeypatch):
    errors, inside, overdone = [], [], []
    for seed in range(3):
        one = series(seed, FAIR, knows=1.0, stray=0.1, labels=300)
        found = estimate_shares(one.cells, one.audit, seed=seed)
        errors.append(error(found.share, one.posts))
        inside.append(held(found, one.posts))
        with monkeypatch.context() as without:
            without.setattr(prevalence, "FOLLOW", (1.0, 1e9))
            overdone.append(error(estimate_shares(one.cells, one.audit).share, one.posts))
    assert np.mean(errors) < np.mean(overdone)
    assert np.mean(inside) >= 0.9


def test_of_scores_that_do_not_follow_it_is_learnt_that_they_do_not():
    def followed(knows):
        one = series(4, FAIR, knows=knows, stray=0.3, labels=1500, days=40)
        return np.mean([errors.follow for errors, _, _ in learn(one.cells, one.audit).ideas])

    assert followed(0.0) < 0.2 < followed(1.0)


def test_a_day_estimated_again_from_what_was_learnt_hardly_moves():
    one = series(5, FAIR, days=40)
    learnt = learn(one.cells, one.audit)
    whole = estimate_shares(one.cells, one.audit, learnt=learnt)
    window = np.arange(25, 40)
    cell = np.where(one.audit.cell >= 25, one.audit.cell - 25, -1)
    last = estimate_shares(one.cells.at(window), replace(one.audit, cell=cell), learnt=learnt)
    assert np.abs(last.share[-1] - whole.share[-1]).max() < 0.03


def test_of_many_cells_those_around_most_audited_posts_teach_the_others(monkeypatch):
    one = series(7, FAIR, days=250, size=40, labels=300)
    monkeypatch.setattr(prevalence, "LEARNING_CELLS", 100)
    found = estimate_shares(one.cells, one.audit, draws=40)
    assert held(found, one.posts) >= 0.9
    assert error(found.share, one.posts) < error(one.plain, one.posts)


def test_a_cell_whose_confidence_the_audit_does_not_know_is_drifted_and_wider():
    one = series(1, FAIR, days=12, size=600)
    usual = estimate_shares(one.cells, one.audit)
    sums, counts = one.cells.sums.copy(), one.cells.counts.copy()
    sums[3] = one.cells.posts[3] * np.array([0.4, 0.3, 0.3])
    counts[3] = one.cells.posts[3] * np.array([1, 0, 0])  # never sure, and always the same
    changed = estimate_shares(replace(one.cells, sums=sums, counts=counts), one.audit)
    assert list(np.flatnonzero(changed.drifted)) == [3]
    assert not usual.drifted.any()
    assert (changed.high - changed.low)[3].mean() > (usual.high - usual.low)[3].mean()


def test_deviations_of_usual_days_lie_around_one():
    one = series(1, FAIR, days=40, size=600)
    found = deviations(one.cells, one.audit)
    assert 0.5 < found.mean() < 2
    assert len(np.unique(found.round(3))) > 30


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    posts=st.lists(st.integers(0, 400), min_size=1, max_size=5),
    labels=st.integers(2, 4),
    audited=st.integers(0, 40),
    seed=st.integers(0, 2**32 - 1),
)
def test_whatever_comes_in_shares_sum_to_one_inside_their_intervals(posts, labels, audited, seed):
    rng = np.random.default_rng(seed)
    scores = rng.dirichlet([0.3] * labels, sum(posts))
    day = np.repeat(np.arange(len(posts)), posts)
    sums = np.zeros((len(posts), labels))
    np.add.at(sums, day, scores)
    drawn = rng.permutation(sum(posts))[:audited]
    audit = Audit(day[drawn], rng.integers(0, labels, len(drawn)), scores[drawn])
    days = np.arange(len(posts))
    cells = Cells(np.array(posts, dtype=float), sums, np.zeros_like(days), days)
    found = estimate_shares(cells, audit, draws=30)
    assert found.share.sum(axis=1) == pytest.approx(1, abs=1e-6)
    assert (found.low <= found.share).all()
    assert (found.share <= found.high).all()
    assert found.low.min() >= 0
    assert found.high.max() <= 1


def nothing():
    return Audit(np.array([], dtype=np.int64), np.array([], dtype=np.int64), np.zeros((0, 3)))


@pytest.mark.parametrize("cells", [0, 2])
def test_without_posts_and_audit_there_is_an_answer_that_says_nothing(cells):
    days = np.arange(cells)
    empty = Cells(np.zeros(cells), np.zeros((cells, 3)), np.zeros_like(days), days)
    found = estimate_shares(empty, nothing())
    assert found.share.shape == (cells, 3)
    assert (found.high - found.low > 0.6).all()


@pytest.mark.parametrize(
    ("sums", "audit"),
    [
        pytest.param(np.zeros(3), (0, 0), id="sums without cells"),
        pytest.param(np.zeros((2, 3)), (2, 0), id="no such cell"),
        pytest.param(np.zeros((2, 3)), (0, 3), id="no such label"),
        pytest.param(np.zeros((2, 3)), (0, -1), id="negative label"),
        pytest.param(np.zeros((3, 3)), (0, 0), id="arrays of different lengths"),
        pytest.param(np.zeros((2, 2)), (0, 0), id="scores of other labels"),
    ],
)
def test_what_does_not_fit_together_is_refused(sums, audit):
    two = np.zeros(2, dtype=np.int64)
    cells = Cells(np.zeros(2), sums, two, two)
    with pytest.raises(ValueError, match=r"cells|audit"):
        estimate_shares(cells, Audit(*(np.array([n]) for n in audit), np.full((1, 3), 1 / 3)))
