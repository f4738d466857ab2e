"""A topic's page is drawn once for the same figures, and never shows others."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor.dashboard import kept_pages
from monitor.dashboard.app import make_board
from monitor.dashboard.kept_pages import DrawnPage, KeptPages
from monitor.dashboard.selection import Selection
from monitor.dashboard.steady import SteadyFigures
from monitor.figure import Figure
from monitor.store.values import SeriesSwitch, SourceState
from tests.dashboard_fakes import NOW, SETTINGS, TOPIC, FakeFigures, FakeQueries


class Changing(FakeFigures):
    """Figures whose shares can be changed."""

    share = 0.5

    def released(self, *args: Any, **asked: Any) -> list[Figure]:
        return [
            one if one.share is None else replace(one, share=self.share, low=0.1, high=0.9)
            for one in super().released(*args, **asked)
        ]


@dataclass
class Site:
    """A dashboard's kept pages, and what they are made from."""

    figures: Any = field(default_factory=Changing)
    queries: Any = field(default_factory=FakeQueries)
    now: datetime = NOW
    state: int = 1

    def __post_init__(self) -> None:
        steady = SteadyFigures(self.figures, lambda _: self.state, lambda: self.now)
        board = make_board(
            {TOPIC.name: TOPIC},
            steady,
            self.queries,
            settings=SETTINGS,  # type: ignore[arg-type]
            clock=lambda: self.now,
        )
        self.pages = KeptPages(board)

    def page(self, **selected: Any) -> DrawnPage:
        return self.pages.page(TOPIC, Selection(**selected))


@pytest.fixture
def drawings(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every page that is put together is noted here."""
    made: list[Any] = []
    real = kept_pages.topic_page

    def noted(*asked: Any) -> Any:
        made.append(asked)
        return real(*asked)

    monkeypatch.setattr(kept_pages, "topic_page", noted)
    return made


def test_a_page_is_drawn_once_for_the_same_figures(drawings: list[Any]) -> None:
    site = Site()
    first = site.page()
    assert site.page() == first
    assert len(drawings) == 1
    assert "50% (10" in first.blocks["stance-walkout"]


def test_other_selections_are_other_pages(drawings: list[Any]) -> None:
    site = Site()
    cohorts = site.page(by=("cohort",))
    assert cohorts.blocks != site.page().blocks
    assert site.page(by=("cohort",)) == cohorts
    assert len(drawings) == 2


def test_changed_figures_are_shown_at_once(drawings: list[Any]) -> None:
    site = Site()
    site.page()
    site.figures.share, site.state = 0.25, 2
    assert "25% (10" in site.page().blocks["stance-walkout"]
    assert len(drawings) == 2


def test_a_new_day_of_the_topic_is_a_new_page(drawings: list[Any]) -> None:
    site = Site()
    site.page()
    site.now += timedelta(days=1)
    site.page()
    assert len(drawings) == 2


def test_labels_that_have_come_are_told_at_once(drawings: list[Any]) -> None:
    site = Site(figures=FakeFigures(validated=False))
    assert "138 more checked posts needed" in site.page().page.sections[0].audit
    site.figures.validated, site.state = True, 2
    assert site.page().page.sections[0].audit == ""


def test_sources_and_versions_are_told_as_they_are_now(drawings: list[Any]) -> None:
    site = Site()
    site.page()
    site.queries.sources = lambda _topic: [SourceState("x", 5, NOW, None, {"bad_json": 7})]
    site.queries.switches = [
        SeriesSwitch("b" * 64, NOW - timedelta(hours=1)),
        SeriesSwitch("a" * 64, NOW - timedelta(days=9)),
    ]
    page = site.page().page
    assert [one.source for one in page.sources] == ["x"]
    assert "bbbbbbbb" in page.notices[0]
    site.now += timedelta(days=8)
    assert site.page().page.notices == ()
    assert len(drawings) == 2  # the second for another day


def test_a_topic_without_figures_is_a_page_too() -> None:
    site = Site(figures=FakeFigures(days=0), queries=FakeQueries(posts=False))
    drawn = site.page()
    assert drawn.page.volume is None
    assert not drawn.page.has_posts
    assert set(drawn.blocks.values()) <= {""}


def test_only_some_pages_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_pages, "_MOST_PAGES", 2)
    site = Site()
    for by in ((), ("cohort",), ("platform",)):
        site.page(by=by)
    assert len(site.pages._kept) == 2


def test_what_is_kept_does_not_hold_the_charts_twice() -> None:
    drawn = Site().page()
    assert all(section.blocks == () for section in drawn.page.sections)
    assert drawn.page.volume is not None
    assert drawn.page.volume.blocks == ()


def test_hostile_names_stay_text() -> None:
    class Hostile(FakeFigures):
        def released(self, *args: Any, **asked: Any) -> list[Figure]:
            return [
                replace(one, platform="<script>x</script>")
                for one in super().released(*args, **asked)
            ]

    blocks = Site(figures=Hostile()).page(by=("platform",)).blocks
    assert "<script>x" not in "".join(blocks.values())
