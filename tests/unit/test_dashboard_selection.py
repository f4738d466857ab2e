"""Query parameters: read, checked, written back."""

from __future__ import annotations

from datetime import date
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.dashboard.selection import (
    UNITS,
    PageError,
    Selection,
    read_selection,
    with_default_range,
)
from monitor.privacy import DIMENSIONS
from monitor.shares.rollup import Unit


def test_nothing_asked_is_everything_unsplit() -> None:
    assert read_selection({}) == Selection()


def test_empty_values_count_as_absent() -> None:
    assert read_selection({"by": "", "since": "", "until": "", "truth": ""}) == Selection()


@pytest.mark.parametrize(
    ("parameters", "status", "told"),
    [
        ({"sine": "2020-06-01"}, 400, "sine"),
        ({"since": "yesterday"}, 422, "not a day"),
        ({"since": "2020-06-31"}, 422, "not a day"),
        ({"since": "2020-06-02", "until": "2020-06-02"}, 422, "not before"),
        ({"by": "author"}, 422, "split"),
        ({"by": "cohort,cohort"}, 422, "split"),
        ({"truth": "yes"}, 422, "neither 0 nor 1"),
        ({"unit": "people"}, 422, "not taken of"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_explained(
    parameters: dict[str, str], status: int, told: str
) -> None:
    with pytest.raises(PageError, match=told) as caught:
        read_selection(parameters)
    assert (caught.value.status, bool(caught.value.hint)) == (status, True)


def test_a_misspelt_parameter_is_told_its_nearest() -> None:
    with pytest.raises(PageError) as caught:
        read_selection({"sinse": "2020-06-01"})
    assert caught.value.hint == "Did you mean since?"


@given(
    by=st.permutations(DIMENSIONS).flatmap(
        lambda order: st.integers(0, 3).map(lambda n: tuple(order[:n]))
    ),
    since=st.none() | st.dates(max_value=date(2020, 1, 1)),
    until=st.none() | st.dates(min_value=date(2020, 1, 2)),
    preview=st.booleans(),
    truth=st.booleans(),
    unit=st.sampled_from(UNITS),
)
def test_an_address_reads_back_as_the_same_selection(
    by: tuple[str, ...],
    since: date | None,
    until: date | None,
    preview: bool,
    truth: bool,
    unit: Unit,
) -> None:
    selection = Selection(by, since, until, preview, truth, unit)
    address = selection.address().removeprefix("?")
    assert read_selection(dict(parse_qsl(address))) == selection


def test_an_address_can_change_one_thing() -> None:
    selection = Selection(by=("cohort",), truth=True)
    assert selection.address(truth=False) == "?by=cohort"


def test_a_long_topic_shows_its_last_days_unless_asked_for_more() -> None:
    first, end = date(2020, 1, 1), date(2023, 1, 1)
    assert with_default_range(Selection(), first, end).since == date(2022, 9, 3)
    assert with_default_range(Selection(), first, date(2020, 4, 1)) == Selection()
    asked = Selection(since=first)
    assert with_default_range(asked, first, end) == asked
