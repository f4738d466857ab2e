"""Which hours a rule compares: the newest collected ones, by the clock of the topic's people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from collectors.post import Window
from monitor.alert_rule import AlertTable
from monitor.pipeline.hours import last_hours
from monitor.store.values import CoverageSpan, Posted
from tests.dashboard_fakes import TOPIC

# Clocks in Los Angeles went forward on 8 March 2020.
SPRING = replace(TOPIC, start=date(2020, 3, 1), end=date(2020, 4, 1))
NOW = datetime(2020, 3, 10, 20, 30, tzinfo=UTC)  # half past one in the afternoon there
RULE = AlertTable(name="spike", kind="spike", window_hours=2, days=3).model_dump()


@dataclass
class Posts:
    """Everything is collected up to a moment but for some gaps; every hour has ten posts."""

    until: datetime = NOW
    gaps: tuple[tuple[datetime, datetime], ...] = ()
    asked: list[Window] = field(default_factory=list)

    def coverage(self, topic: str, since: datetime, until: datetime) -> list[CoverageSpan]:
        ends = [*(one[0] for one in self.gaps), self.until]
        starts = [since, *(one[1] for one in self.gaps)]
        return [CoverageSpan("x", a, b, "complete", "") for a, b in zip(starts, ends, strict=True)]

    def posted(self, topic: str, windows: Sequence[Window]) -> list[Posted]:
        self.asked = list(windows)
        return [Posted(10, 10) for _ in windows]


def look(posts: Any, **rule: Any) -> Any:
    return last_hours(RULE | rule, SPRING, posts, NOW)


def test_the_same_hours_are_those_of_the_people_s_clocks() -> None:
    posts = Posts()
    found = look(posts)
    assert (found.end, found.covered, found.earlier) == (NOW.replace(minute=0), True, (10, 10, 10))
    ends = [one.end.astimezone(SPRING.timezone) for one in posts.asked]
    assert [(one.day, one.hour) for one in ends] == [(10, 13), (9, 13), (8, 13), (7, 13)]
    assert {one.end - one.start for one in posts.asked} == {timedelta(hours=2)}


def test_hours_that_are_not_collected_yet_wait_for_their_posts() -> None:
    found = look(Posts(until=NOW - timedelta(hours=4)))
    assert found.end == datetime(2020, 3, 10, 16, tzinfo=UTC)


def test_without_collection_nothing_is_said() -> None:
    assert not look(Posts(until=NOW - timedelta(hours=40))).covered


def test_an_earlier_day_that_was_not_collected_is_left_out() -> None:
    gap = (datetime(2020, 3, 9, 18, tzinfo=UTC), datetime(2020, 3, 9, 21, tzinfo=UTC))
    assert len(look(Posts(gaps=(gap,))).earlier) == 2


def test_a_file_does_not_stand_in_for_live_collection() -> None:
    class Imported(Posts):
        def coverage(self, topic: str, since: datetime, until: datetime) -> list[CoverageSpan]:
            whole = CoverageSpan("file", since, until, "complete", "")
            return [*super().coverage(topic, since, until), whole]

    gap = (datetime(2020, 3, 9, 18, tzinfo=UTC), datetime(2020, 3, 9, 21, tzinfo=UTC))
    assert len(look(Imported(gaps=(gap,))).earlier) == 2


def test_few_authors_are_no_crowd() -> None:
    class Few(Posts):
        def posted(self, topic: str, windows: Sequence[Window]) -> list[Posted]:
            return [Posted(500, 9) for _ in windows]

    assert not look(Few()).is_shown


def test_before_the_topic_has_begun_there_is_no_hour() -> None:
    early = replace(SPRING, start=date(2020, 3, 10))
    morning = datetime(2020, 3, 10, 8, 30, tzinfo=UTC)  # half past one at night there
    posts: Any = Posts()
    assert last_hours(RULE, early, posts, morning) is None
