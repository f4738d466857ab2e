"""The page says whose figures it shows while another version takes over, and afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from monitor.dashboard.turnover import Turnover, history, notices
from monitor.store.values import SeriesSwitch
from tests.dashboard_fakes import NOW, TOPIC, FakeQueries, fake_app

SHOWN, OLD, NEW = "0123456789abcdef", "fedcba9876543210", "aaaabbbbccccdddd"
SWITCHES = [
    SeriesSwitch(SHOWN, NOW - timedelta(days=2)),
    SeriesSwitch(OLD, NOW - timedelta(days=40)),
]


def client(queries: FakeQueries | None = None, **options: Any) -> TestClient:
    return TestClient(fake_app(None, queries, **options), base_url="http://127.0.0.1")


def test_until_the_new_version_has_answered_all_posts_the_page_says_whose_figures_it_shows() -> (
    None
):
    text = client(champion=lambda _: NEW).get("/topics/walkout").text
    assert f"still the figures of version {SHOWN[:12]}" in text
    assert f"Version {NEW[:12]} has taken over" in text
    assert "1,234 posts left to score" in text


@pytest.mark.parametrize("champion", [None, SHOWN], ids=["not known", "the shown one"])
def test_where_no_version_is_to_come_nothing_is_announced(champion: str | None) -> None:
    assert (
        "still the figures" not in client(champion=lambda _: champion).get("/topics/walkout").text
    )


def test_before_the_first_figures_nothing_is_announced() -> None:
    assert notices(Turnover(None, NEW, 10), TOPIC, NOW) == ()


def test_posts_that_are_scored_but_not_counted_are_no_posts_left() -> None:
    (told,) = notices(Turnover(SHOWN, NEW, 0), TOPIC, NOW)
    assert "all posts are scored, the days are being counted" in told


def test_a_switch_is_told_above_the_figures_for_a_week_and_below_them_for_ever() -> None:
    fresh = client(FakeQueries(switches=SWITCHES)).get("/topics/walkout").text
    assert fresh.count(f"figures are those of version {SHOWN[:12]}") == 2
    assert f"before, they were those of {OLD[:12]}" in fresh
    later = Turnover(SHOWN, SHOWN, 0, SWITCHES)
    assert notices(later, TOPIC, NOW + timedelta(days=6)) == ()
    assert len(history(later, TOPIC)) == 1


def test_the_first_version_of_all_is_no_switch() -> None:
    first = Turnover(SHOWN, SHOWN, 0, SWITCHES[:1])
    assert (notices(first, TOPIC, NOW), history(first, TOPIC)) == ((), ())


def test_programs_learn_the_same() -> None:
    web = client(FakeQueries(switches=SWITCHES), champion=lambda _: NEW)
    told = web.get("/api/v1/topics/walkout/series").json()
    assert (told["version"], told["champion"], told["waiting"]) == (SHOWN, NEW, 1234)
    assert [one["version"] for one in told["switches"]] == [SHOWN, OLD]
