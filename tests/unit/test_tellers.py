"""Which version tells of a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.shares.tellers import told_by
from monitor.store.values import VOLUME, DayTotal

DAY = date(2020, 6, 1)
QUESTION = ("stance", "walkout")
ENOUGH = 0.9


def total(posts: int, version: str = "") -> DayTotal:
    """So many opinions, or so many answers of a version."""
    return DayTotal(DAY, *(QUESTION if version else (VOLUME, "")), version, posts)


def teller(opinions: int, answered: Mapping[str, int]) -> str:
    totals = [total(opinions), *(total(posts, version) for version, posts in answered.items())]
    return told_by(totals, ["new", "old"], enough=ENOUGH)[DAY, QUESTION]


@pytest.mark.parametrize(
    ("answered", "expected"),
    [
        pytest.param({"new": 100, "old": 100}, "new", id="both all: the newest"),
        pytest.param({"new": 90, "old": 100}, "new", id="the newest enough"),
        pytest.param({"new": 89, "old": 100}, "old", id="the newest too few"),
        pytest.param({"old": 100}, "old", id="the newest none"),
        pytest.param({"new": 100}, "new", id="the newest alone"),
        pytest.param({"new": 40, "old": 60}, "old", id="nobody enough: the most"),
        pytest.param({"new": 50, "old": 50}, "new", id="nobody enough, as many: the newest"),
    ],
)
def test_the_newest_version_that_answered_enough_of_a_day_tells_of_it(
    answered: Mapping[str, int], expected: str
) -> None:
    assert teller(100, answered) == expected


def test_a_version_that_has_answered_nothing_tells_of_nothing_however_little_is_enough() -> None:
    totals = [total(100), total(100, "old")]
    assert told_by(totals, ["new", "old"], enough=0.0) == {(DAY, QUESTION): "old"}


def test_a_day_without_answers_is_told_by_nobody() -> None:
    assert told_by([total(50)], ["new", "old"], enough=ENOUGH) == {}


@given(
    opinions=st.integers(0, 50),
    new=st.integers(0, 50),
    old=st.integers(0, 50),
)
def test_another_version_tells_only_of_what_the_newest_has_not_answered(
    opinions: int, new: int, old: int
) -> None:
    if teller(opinions, {"new": new, "old": old}) == "old":
        assert new < max(ENOUGH * opinions, 1)
        assert old > new
