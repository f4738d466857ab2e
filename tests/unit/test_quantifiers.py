"""Our arithmetic beside QuaPy's and ppi-python's answers, as benchmarks/reference.py wrote them."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from classifiers.prediction_powered import range_shares
from classifiers.prevalence import Audit, Cells, estimate_shares

HERE = Path(__file__).parent
REFERENCE = json.loads((HERE / "reference" / "quantifiers.json").read_text(encoding="utf-8"))
FOUND = REFERENCE["found"]
TRUTH, SCORES, OTHERS = (np.array(REFERENCE["given"][n]) for n in ("truth", "scores", "others"))


@pytest.fixture(scope="module")
def quantifiers():
    path = HERE.parents[1] / "benchmarks" / "quantifiers.py"
    spec = importlib.util.spec_from_file_location("quantifiers", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("method", ["acc", "pacc"])
def test_adjusted_counts_are_quapys(quantifiers, method):
    found = getattr(quantifiers, method)(TRUTH, SCORES, OTHERS)
    assert found == pytest.approx(FOUND[method], abs=2e-3)


def test_expectation_maximisation_is_quapys(quantifiers):
    found = quantifiers.emq(np.bincount(TRUTH) / len(TRUTH), OTHERS)
    assert found == pytest.approx(FOUND["emq"], abs=2e-3)


def test_divergence_is_nothing_between_equals_and_grows_with_distance(quantifiers):
    same, other = np.array([0.2, 0.8]), np.array([0.6, 0.4])
    assert quantifiers.divergence(same, same, 10) == pytest.approx(0)
    assert quantifiers.divergence(same, other, 10) > quantifiers.divergence(same, same + 0.1, 10)


def test_one_cell_with_hard_labels_is_near_the_bayesian_answer():
    """Ziegler and Czyż's model (QuaPy's BayesianCC), by importance sampling from its prior.

    It knows no errors that vary between cells, so the two agree only roughly, and ours is wider.
    """
    hot = np.eye(3)
    labels, others = SCORES.argmax(axis=1), OTHERS.argmax(axis=1)
    shares, weights = bayesian(labels, others)
    mean = weights @ shares
    spread = np.sqrt(weights @ (shares - mean) ** 2)
    one = np.zeros(1, dtype=np.int64)
    counts = np.bincount(others, minlength=3).astype(float)
    audit = Audit(np.full(len(TRUTH), -1), TRUTH, hot[labels])
    found = estimate_shares(Cells(np.array([counts.sum()]), counts[None], one, one), audit)
    assert (found.low[0] <= mean).all()
    assert (mean <= found.high[0]).all()
    assert found.share[0] == pytest.approx(mean, abs=0.08)
    assert (found.high[0] - found.low[0] > 3.5 * spread).all()


def test_bayesian_classify_and_count_draws_from_the_posterior(quantifiers):
    others = OTHERS.argmax(axis=1)
    chains = np.tile(np.bincount(others, minlength=3), (8, 1))
    mean, low, high = quantifiers.bayesian_cc(TRUTH, SCORES, chains, draws=1500)
    shares, weights = bayesian(SCORES.argmax(axis=1), others)
    exact = weights @ shares
    assert mean.mean(axis=0) == pytest.approx(exact, abs=0.015)
    spread = np.sqrt(weights @ (shares - exact) ** 2)
    assert (high - low).mean(axis=0) == pytest.approx(3.92 * spread, rel=0.1)


def bayesian(labels, others, draws=40_000):
    rng = np.random.default_rng(0)
    matrix = np.ones((3, 3))
    np.add.at(matrix, (TRUTH, labels), 1)
    rows = np.stack([rng.dirichlet(row, draws) for row in matrix], axis=1)
    shares = rng.dirichlet([1, 1, 1], draws)
    seen = np.einsum("dy,dyc->dc", shares, rows)
    log = np.log(seen) @ np.bincount(others, minlength=3)
    weights = np.exp(log - log.max())
    return shares, weights / weights.sum()


def test_the_whole_ranges_shares_are_those_of_prediction_powered_inference():
    full = range_shares(TRUTH, SCORES, len(OTHERS), OTHERS.sum(axis=0), worth=np.ones(3))
    assert full.share == pytest.approx(FOUND["ppi"], abs=1e-9)
    assert full.low == pytest.approx([low for low, _ in FOUND["ppi_interval"]], abs=3e-3)
    assert full.high == pytest.approx([high for _, high in FOUND["ppi_interval"]], abs=3e-3)


def test_how_much_scores_are_worth_is_nearly_what_ppi_finds_with_all_of_them():
    found = range_shares(TRUTH, SCORES, len(OTHERS), OTHERS.sum(axis=0))
    intervals = np.array(FOUND["ppi_tuned_interval"])
    assert found.share == pytest.approx(FOUND["ppi_tuned"], abs=0.02)
    assert found.high - found.low == pytest.approx(intervals[:, 1] - intervals[:, 0], rel=0.1)


def test_scores_that_know_nothing_leave_the_audits_mean():
    rng = np.random.default_rng(0)
    scores, others = rng.dirichlet([1, 1, 1], 300), rng.dirichlet([1, 1, 1], 5000)
    found = range_shares(TRUTH, scores, len(others), others.sum(axis=0))
    assert found.share == pytest.approx(np.bincount(TRUTH) / 300, abs=0.02)


def test_ten_labels_alike_are_no_certainty():
    scores = np.tile([0.8, 0.1, 0.1], (10, 1))
    found = range_shares(np.zeros(10, dtype=np.int64), scores, 90, scores.sum(axis=0) * 9)
    assert found.low[0] < 0.95
    assert found.high[1] > 0.02


def test_a_label_that_nobody_has_seen_may_be_as_frequent_as_the_rule_of_three_says():
    truth = np.repeat([1, 2], 75)
    scores = np.tile([0.02, 0.49, 0.49], (150, 1))
    found = range_shares(truth, scores, 6000, scores[0] * 6000)
    assert found.low[0] == 0
    assert found.high[0] == pytest.approx(3 / 150, rel=0.1)


def test_intervals_of_a_rare_label_hold():
    held = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        truth = rng.choice(3, 3000, p=[0.005, 0.6, 0.395])
        scores = rng.dirichlet([1, 1, 1], 3000) * 0.4 + 0.6 * np.eye(3)[truth]
        found = range_shares(truth[:150], scores[:150], 2850, scores[150:].sum(axis=0))
        every = (truth == 0).mean()
        held.append(found.low[0] <= every <= found.high[0])
    assert np.mean(held) >= 0.93


def test_intervals_hold_where_the_first_half_has_most_of_the_labels_and_weights_say_so():
    held, unweighted = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        truth = np.where(rng.random(2000) < np.repeat([0.7, 0.3], 1000), 0, 1)
        scores = rng.dirichlet([1, 1], 2000) * 0.7 + 0.3 * np.eye(2)[truth]
        audit = np.concatenate([rng.permutation(1000)[:120], 1000 + rng.permutation(1000)[:30]])
        rest = np.delete(np.arange(2000), audit)
        given = truth[audit], scores[audit], len(rest), scores[rest].sum(axis=0)
        every = (truth == 0).mean()
        for kept, weights in ((held, np.repeat([0.625, 2.5], [120, 30])), (unweighted, None)):
            found = range_shares(*given, weights=weights)
            kept.append(found.low[0] <= every <= found.high[0])
    assert np.mean(held) >= 0.92
    assert np.mean(unweighted) < 0.6


def test_without_a_label_nothing_is_said():
    with pytest.raises(ValueError, match="without a labelled post"):
        range_shares(np.array([], dtype=np.int64), np.zeros((0, 3)), 5, np.ones(3))


def test_intervals_of_the_whole_range_hold_however_bad_the_classifier():
    held = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        truth = rng.choice(3, 2000, p=[0.6, 0.3, 0.1])
        scores = rng.dirichlet([1, 1, 1], 2000)
        drawn = rng.permutation(2000)
        audit, rest = drawn[:150], drawn[150:]
        found = range_shares(truth[audit], scores[audit], len(rest), scores[rest].sum(axis=0))
        every = np.bincount(truth, minlength=3) / 2000
        held.append((found.low <= every) & (every <= found.high))
    assert 0.92 <= np.mean(held) <= 0.985
