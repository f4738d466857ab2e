"""The banded equations against the same model written out as one large normal distribution."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.audit_errors import Audit, audit_errors, coordinates
from classifiers.series_model import MEAN_PRECISION, Cells, Habits, SeriesModel

LABELS = 3
RANK = LABELS - 1


def made(seed, follow):
    """Three series of 4, 1 and 3 cells, their audit, and the model's equations."""
    rng = np.random.default_rng(seed)
    series = np.array([2, 2, 2, 2, 5, 9, 9, 9])
    day = np.array([0, 1, 3, 9, 4, 2, 3, 4])
    posts = rng.integers(10, 90, len(series)).astype(float)
    cells = Cells(posts, rng.dirichlet([3, 2, 1], len(series)) * posts[:, None], series, day)
    cell = rng.integers(0, len(series), 30)
    audit = Audit(cell, rng.integers(0, LABELS, 30), rng.dirichlet([1, 1, 1], 30))
    middle = np.bincount(audit.truth, minlength=LABELS) / 30 @ coordinates(LABELS)
    errors = replace(audit_errors(audit), follow=follow, middle=middle)
    model = SeriesModel(cells, audit, np.full(LABELS, 1 / LABELS))
    return cells, audit, model.given(errors)


def dense_prior(cells, audit, habits):
    """The covariance of every cell's shares and errors, (unknowns, unknowns)."""
    same = cells.series[:, None] == cells.series[None]
    apart = np.abs(cells.day[:, None] - cells.day[None])
    part = np.array([(cells.series[audit.cell] == one).mean() for one in cells.series])

    def walk(variance, stay):
        return np.where(same, np.exp(variance) / (1 + np.exp(-stay)) ** apart, 0)

    shares = walk(habits.stray, habits.stay) + np.exp(habits.apart) * same + 1 / MEAN_PRECISION
    errors = walk(habits.err, habits.err_stay) + same * np.exp(habits.err_apart) * (1 - part)
    whole = np.zeros((len(cells.posts), 2 * RANK, len(cells.posts), 2 * RANK))
    for n in range(RANK):
        whole[:, n, :, n] = shares
        whole[:, RANK + n, :, RANK + n] = errors
    size = len(cells.posts) * 2 * RANK
    return whole.reshape(size, size)


def dense(cells, audit, solvable, habits):
    """Log-likelihood up to a constant, and the unknowns' means, (cells, 2 RANK), scaled."""
    prior = dense_prior(cells, audit, habits)
    evidence = np.zeros_like(prior)
    for n, block in enumerate(solvable._precision):
        rows = slice(n * 2 * RANK, (n + 1) * 2 * RANK)
        evidence[rows, rows] = block
    pull = solvable._pull.reshape(-1)
    known = np.linalg.inv(prior) + evidence
    mean = np.linalg.solve(known, pull)
    determinant = np.linalg.slogdet(np.eye(len(prior)) + prior @ evidence)[1]
    return (pull @ mean - determinant) / 2 + solvable._alone, mean.reshape(-1, 2 * RANK)


numbers = st.floats(-4, 1.5)
habits = st.builds(Habits, numbers, numbers, numbers, numbers, numbers, numbers)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 99), one=habits, other=habits, follow=st.floats(0, 1))
def test_banded_equations_are_the_same_model_as_the_dense_ones(seed, one, other, follow):
    cells, audit, solvable = made(seed, follow)
    (fit, mean), (fit_of_other, _) = (dense(cells, audit, solvable, each) for each in (one, other))
    banded = solvable.log_likelihood(one) - solvable.log_likelihood(other)
    assert banded == pytest.approx(fit - fit_of_other, abs=1e-4, rel=1e-5)
    found = solvable.draw(one, None)
    assert found.shares == pytest.approx(mean[:, :RANK] @ solvable._share_scale.T, abs=1e-5)
    assert found.errors == pytest.approx(mean[:, RANK:] @ solvable._error_scale.T, abs=1e-5)


def test_draws_have_the_models_means_and_spreads():
    cells, audit, solvable = made(1, 0.4)
    how = Habits(-2.0, -3.0, 0.5, -0.5, -2.0, -3.0)
    rng = np.random.default_rng(0)
    drawn = [solvable.draw(how, rng) for _ in range(4000)]
    scaled = np.stack([np.linalg.solve(solvable._share_scale, one.shares.T).T for one in drawn])
    prior = dense_prior(cells, audit, how)
    evidence = np.zeros_like(prior)
    for n, block in enumerate(solvable._precision):
        rows = slice(n * 2 * RANK, (n + 1) * 2 * RANK)
        evidence[rows, rows] = block
    covariance = np.linalg.inv(np.linalg.inv(prior) + evidence)
    spread = np.sqrt(np.diagonal(covariance)).reshape(-1, 2 * RANK)[:, :RANK]
    mean = dense(cells, audit, solvable, how)[1][:, :RANK]
    assert np.abs(scaled.mean(axis=0) - mean).max() < 0.1 * spread.max()
    assert scaled.std(axis=0) == pytest.approx(spread, rel=0.06)


def test_levels_that_are_told_take_the_place_of_drawn_ones():
    _, _, solvable = made(2, 0.2)
    how = Habits(-8.0, -8.0, 0.0, 0.0, -2.0, -3.0)  # cells hardly leave their series' level
    levels = solvable.levels(how, np.random.default_rng(3))
    told = (np.array([2, 5, 9]), levels)
    drawn = [solvable.draw(how, np.random.default_rng(n), told) for n in range(30)]
    middle = np.mean([one.shares for one in drawn], axis=0)
    assert middle[:4].mean(axis=0) == pytest.approx(levels.shares[0], abs=0.02)
    assert middle[5:].mean(axis=0) == pytest.approx(levels.shares[2], abs=0.02)
    others = (
        np.array([1, 3]),
        replace(levels, shares=levels.shares[:2] + 9, errors=levels.errors[:2]),
    )
    unmoved = solvable.draw(how, np.random.default_rng(0), others)
    assert unmoved.shares == pytest.approx(solvable.draw(how, np.random.default_rng(0)).shares)


@pytest.mark.parametrize(
    ("first", "others"),
    [pytest.param(25, 0, id="posts that are counted"), pytest.param(16, 9, id="nine that are not")],
)
def test_sums_that_do_not_hold_the_audited_posts_tell_nothing_of_the_rest(first, others):
    audit = Audit(np.zeros(25, dtype=int), np.arange(25) % LABELS, np.tile([1.0, 0, 0], (25, 1)))

    def pull(rest):
        sums = np.array([[first, 0.0, 0.0]]) + (2 + others) * np.array([rest])
        cells = Cells(np.array([27.0]), sums, np.array([0]), np.array([0]))
        return SeriesModel(cells, audit, np.full(LABELS, 1 / LABELS)).given(errors)._pull

    errors = audit_errors(audit)
    is_heard = not np.array_equal(pull([0.1, 0.9, 0]), pull([0.1, 0, 0.9]))
    assert is_heard == (others == 0)
