"""Krippendorff's alpha against worked examples."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.agreement import agreement


def test_krippendorffs_own_example_of_two_coders() -> None:
    """Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", example B: 0.692."""
    units = ["ab", "aa", "bb", "bb", "db", "cc", "cc", "cc", "ee", "dd", "dd", "ad"]
    found = agreement([list(unit) for unit in units])
    assert found.alpha == pytest.approx(0.692, abs=0.0005)
    assert found.same == pytest.approx(9 / 12)


def test_perfect_agreement_is_one_and_opposition_less_than_chance() -> None:
    assert agreement([["a", "a"], ["b", "b"]]).alpha == 1
    opposed = agreement([["a", "b"], ["b", "a"]]).alpha
    assert opposed is not None and opposed < 0


def test_without_double_answers_nothing_is_told() -> None:
    found = agreement([["a"], ["b"], []])
    assert (found.posts, found.same, found.alpha) == (0, None, None)


def test_one_label_alone_leaves_alpha_undefined() -> None:
    found = agreement([["a", "a"]] * 20)
    assert (found.same, found.alpha) == (1, None)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.sampled_from("abc"), min_size=2, max_size=4), min_size=10, max_size=40))
def test_the_interval_is_repeatable_and_alpha_at_most_one(units: list[list[str]]) -> None:
    found = agreement(units)
    assert found == agreement(units)
    if found.alpha is not None:
        assert found.alpha <= 1 + 1e-9
    if found.low is not None and found.high is not None:
        assert found.low <= found.high
