"""Numbers, days and reasons as readers see them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.dashboard import words
from monitor.figure import Withheld


@pytest.mark.parametrize(
    ("share", "written"),
    [(0.0, "0%"), (0.001, "<1%"), (0.495, "50%"), (0.58, "58%"), (0.998, ">99%"), (1.0, "100%")],
)
def test_a_share_reads_as_a_whole_percentage(share: float, written: str) -> None:
    assert words.percent(share) == written


@pytest.mark.parametrize(
    ("low", "high", "written"),
    [
        (0.5, 0.66, "50–66%"),
        (0.48, 0.29 + 0.24, "48–53%"),
        (0.4764, 0.5236, "47–53%"),
        (0.4951, 0.5049, "49–51%"),
        (0.001, 0.004, "<1–1%"),
        (0.996, 0.998, "99–>99%"),
        (0.0, 1.0, "0–100%"),
    ],
)
def test_an_interval_names_both_ends_rounded_outwards(
    low: float, high: float, written: str
) -> None:
    assert words.interval(low, high) == written


@pytest.mark.parametrize(
    ("low", "high", "written"),
    [
        (0.07, 0.12 + 0.05, "+7 to +17"),
        (-0.004, 0.08, "−1 to +8"),
        (-0.058, -0.002, "−6 to 0"),
        (0.0, 0.0, "0 to 0"),
    ],
)
def test_a_differences_interval_is_rounded_outwards(low: float, high: float, written: str) -> None:
    assert words.points_between(low, high) == written


@given(st.floats(min_value=0, max_value=1, exclude_min=True, exclude_max=True))
def test_a_share_strictly_between_never_reads_as_none_or_all(share: float) -> None:
    assert words.percent(share) not in ("0%", "100%")


@pytest.mark.parametrize("reason", get_args(Withheld))
def test_every_reason_for_withholding_has_words(reason: Withheld) -> None:
    assert reason not in words.why_withheld(reason, 10)


def test_the_minimum_of_authors_is_told() -> None:
    assert words.why_withheld("small_group", 12) == "fewer than 12 different authors posted"


@pytest.mark.parametrize(
    ("first", "last", "written"),
    [
        (date(2020, 6, 1), date(2020, 6, 1), "1 June 2020"),
        (date(2020, 6, 1), date(2020, 6, 7), "1 to 7 June 2020"),
        (date(2020, 5, 30), date(2020, 6, 2), "30 May to 2 June 2020"),
        (date(2020, 12, 30), date(2021, 1, 2), "30 December 2020 to 2 January 2021"),
    ],
)
def test_a_span_names_what_differs(first: date, last: date, written: str) -> None:
    assert words.days_between(first, last) == written


@pytest.mark.parametrize(
    ("days", "written"),
    [
        (["2020-06-01"], "1 June"),
        (["2020-06-03", "2020-06-01", "2020-06-02", "2020-06-05"], "1–3, 5 June"),
        (["2020-05-30", "2020-06-01"], "30 May, 1 June"),
        (["2020-05-30", "2020-05-31", "2020-06-01", "2020-06-08"], "30 May–1, 8 June"),
        (["2020-12-31", "2021-01-01"], "31 December 2020–1 January 2021"),
    ],
)
def test_neighbouring_days_are_drawn_together(days: list[str], written: str) -> None:
    assert words.days_listed([date.fromisoformat(day) for day in days]) == written


@given(st.sets(st.integers(0, 40), min_size=1))
def test_days_listed_has_one_part_per_run_of_days(offsets: set[int]) -> None:
    runs = sum(1 for n in offsets if n - 1 not in offsets)
    days = [date(2020, 6, 1) + timedelta(days=n) for n in offsets]
    assert words.days_listed(days).count(",") == runs - 1


def test_a_moment_is_told_in_the_topics_time_zone() -> None:
    at = datetime(2020, 6, 1, 2, 30, tzinfo=UTC)
    assert words.moment(at, ZoneInfo("America/Los_Angeles")) == "31 May 2020, 19:30 PDT"
