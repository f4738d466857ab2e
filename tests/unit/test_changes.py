"""Differences between days and change points, from released figures and joint draws."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
import ruptures
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.figure import Figure
from monitor.shares.changes import (
    LEVEL_DAYS,
    PENALTY,
    change_points,
    daily_changes,
    level_changes,
    place_of,
)

DAY = date(2020, 6, 1)
FIGURE = Figure(
    topic="walkout",
    day=DAY,
    platform="all",
    cohort="all",
    language="all",
    head="stance",
    target="walkout",
    label="favor",
    version="v1",
    posts=100,
    authors=90,
    share_raw=0.4,
    share=0.4,
    low=0.3,
    high=0.5,
    coverage=1.0,
    validated=True,
    withheld=None,
)


def released(shares, *, spread=0.02, common=0.0, seed=0):
    """Two labels' figures by day, and draws around them that share an error common to all days."""
    rng = np.random.default_rng(seed)
    shift = common * rng.standard_normal(400)
    figures, draws = [], {}
    for n, share in enumerate(shares):
        noise = spread * rng.standard_normal(400)
        for label, value in (("favor", share), ("none", 1 - share)):
            figure = replace(FIGURE, day=DAY + timedelta(n), label=label, share=value)
            sign = 1 if label == "favor" else -1
            figures.append(figure)
            draws[figure.day, place_of(figure)] = value + sign * (shift + noise)
    return figures, draws


def told_by(figures, version, days):
    """The figures, of some days by another version."""
    return [replace(one, version=version) if one.day in days else one for one in figures]


def test_days_of_two_versions_are_not_compared():
    figures, draws = released([0.3] * 4)
    figures = told_by(figures, "v0", {DAY, DAY + timedelta(1)})
    found = {(one.since, one.day) for one in daily_changes(figures, draws)}
    assert found == {(DAY, DAY + timedelta(1)), (DAY + timedelta(2), DAY + timedelta(3))}


@pytest.mark.parametrize(("between", "points"), [(set(), 2), ({8, 9, 10}, 0)])
def test_no_change_point_is_told_across_days_of_another_version(between, points):
    figures, draws = released([0.2] * 9 + [0.6] * 11)
    figures = told_by(figures, "v0", {DAY + timedelta(n) for n in between})
    assert len(level_changes(figures, draws)) == points


def hidden(figures, *days):
    return [
        replace(one, share=None, low=None, high=None, withheld="incomplete")
        if (one.day - DAY).days in days
        else one
        for one in figures
    ]


def test_a_difference_has_an_interval_that_leaves_out_what_both_days_share():
    figures, draws = released([0.4, 0.5], common=0.2)
    favor = next(one for one in daily_changes(figures, draws) if one.label == "favor")
    assert (favor.since, favor.day) == (DAY, DAY + timedelta(1))
    assert favor.difference == pytest.approx(0.1, abs=0.01)
    assert 0.02 < favor.low < favor.difference < favor.high < 0.18
    assert not favor.level


def test_there_is_no_difference_to_or_from_a_withheld_day():
    figures, draws = released([0.4, 0.5, 0.6, 0.7])
    changes = daily_changes(hidden(figures, 1), draws)
    assert {(one.since, one.day) for one in changes} == {(DAY + timedelta(2), DAY + timedelta(3))}


def test_cells_are_not_compared_with_one_another():
    figures, draws = released([0.4])
    (other,) = [
        replace(one, day=DAY + timedelta(1), cohort="employees")
        for one in figures
        if one.label == "favor"
    ]
    assert daily_changes([*figures, other], draws) == []


def test_a_level_change_is_found_on_its_first_day_with_the_levels_difference():
    noise = np.random.default_rng(1).normal(0, 0.01, 20)
    figures, draws = released(np.r_[[0.3] * 12, [0.45] * 8] + noise, spread=0.02)
    changes = level_changes(figures, draws)
    assert {one.label for one in changes} == {"favor", "none"}
    (favor,) = [one for one in changes if one.label == "favor"]
    assert (favor.since, favor.day) == (DAY + timedelta(11), DAY + timedelta(12))
    assert favor.level
    assert favor.low < 0.15 < favor.high


def test_a_change_behind_withheld_days_says_since_when_nothing_was_known():
    figures, draws = released([0.3] * 8 + [0.9, 0.9] + [0.6] * 8)
    changes = level_changes(hidden(figures, 8, 9), draws)
    assert {(one.since, one.day) for one in changes} == {(DAY + timedelta(7), DAY + timedelta(10))}


def test_a_series_of_few_days_has_no_levels():
    figures, draws = released([0.1, 0.1, 0.1, 0.9, 0.9, 0.9])
    assert level_changes(figures, draws) == []


def test_noise_hardly_ever_makes_a_change_point():
    rng = np.random.default_rng(2)
    found = [
        change_points(rng.normal(0.3, 0.03, (30, 3)), np.full((30, 3), 0.03)) for _ in range(40)
    ]
    assert sum(map(bool, found)) <= 4


@settings(max_examples=25, deadline=None)
@given(
    shares=st.lists(st.floats(0, 1), min_size=0, max_size=16),
    spread=st.floats(0, 0.3),
)
def test_change_points_lie_inside_the_series_in_order(shares, spread):
    series = np.array([[one, 1 - one] for one in shares]).reshape(-1, 2)
    points = change_points(series, np.full(series.shape, spread))
    assert points == sorted(set(points))
    assert all(0 < point < len(series) for point in points)


@pytest.mark.parametrize("seed", range(20))
def test_change_points_are_those_of_the_slow_search(seed):
    rng = np.random.default_rng(seed)
    moved = (rng.random((90, 1)) < 0.08) * rng.normal(0, 0.2, (90, 2))
    series = 0.4 + np.cumsum(moved, axis=0) + rng.normal(0, 0.03, (90, 2))
    independent = series[:, :1] / 0.03
    search = ruptures.Pelt(model="l2", min_size=LEVEL_DAYS, jump=1).fit(independent)
    slow = search.predict(pen=PENALTY * float(np.log(90)))[:-1]
    assert change_points(series, np.full(series.shape, 0.03)) == slow
