"""The month's reads: counted, forecast, spread, and never more than the cap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from collectors.x_budget import SMALLEST_PAGE, Budget, forecast

BEGIN = datetime(2026, 9, 1, tzinfo=UTC)
END = datetime(2026, 10, 1, tzinfo=UTC)


class Clock:
    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def budget(cap: int, reads: int, now: datetime = BEGIN + timedelta(days=15)) -> Budget:
    return Budget(cap, lambda: reads, Clock(now))


def test_a_forecast_extends_the_month_so_far() -> None:
    found = forecast(1000, BEGIN + timedelta(days=10), 5000)
    assert (found.expected, found.share, found.runs_out) == (3000, 0.2, None)


def test_a_forecast_tells_when_the_cap_is_reached() -> None:
    found = forecast(1000, BEGIN + timedelta(days=10), 2000)
    assert found.runs_out == BEGIN + timedelta(days=20)


@pytest.mark.parametrize("cap", [0, 1000, 900])
def test_a_used_up_cap_has_run_out(cap: int) -> None:
    now = BEGIN + timedelta(days=10)
    assert forecast(1000, now, cap).runs_out == now


def test_a_month_without_reads_runs_nowhere() -> None:
    assert forecast(0, BEGIN, 100).runs_out is None


def test_whole_pages_are_read_while_there_is_plenty() -> None:
    assert budget(1000, 500).page_size(100) == 100


def test_the_last_page_is_no_larger_than_what_is_left() -> None:
    assert budget(1000, 985).page_size(100) == 15


@pytest.mark.parametrize("reads", [991, 1000, 2000])
def test_with_less_left_than_the_smallest_page_nothing_is_read(reads: int) -> None:
    found = budget(1000, reads)
    assert found.page_size(100) == 0
    assert found.exhausted()


def test_what_this_run_read_counts_before_it_is_stored() -> None:
    found = budget(1000, 900)
    found.spend(95)
    assert found.left() == 5
    assert found.page_size(100) == 0


def test_the_last_fifth_is_spread_over_the_rest_of_the_month() -> None:
    found = budget(10_000, 8_000, END - timedelta(hours=10))
    found.begin(END - timedelta(hours=11))
    assert found.slow()
    assert found.page_size(500) == 200  # An hour of ten, for 2,000 posts.
    found.spend(195)
    assert found.page_size(500) == 0


def test_a_share_too_small_for_a_page_grows_until_it_is_one() -> None:
    clock = Clock(BEGIN + timedelta(days=20))
    found = Budget(1000, lambda: 900, clock)
    last = clock.now
    sizes = []
    for _ in range(40):
        clock.now += timedelta(hours=1)
        found.begin(last)
        sizes.append(found.page_size(100))
    assert sizes[0] == 0
    assert max(sizes) >= SMALLEST_PAGE


def test_a_new_month_begins_anew() -> None:
    clock = Clock(END - timedelta(seconds=1))
    stored = [1000]
    found = Budget(1000, lambda: stored[0], clock)
    assert found.exhausted()
    clock.now, stored[0] = END, 0
    assert found.left() == 1000


def test_reads_of_other_topics_count() -> None:
    stored = [0]
    found = Budget(1000, lambda: stored[0], Clock(BEGIN))
    stored[0] = 995
    assert found.exhausted()
