"""Which hours a rule compares: the newest collected ones, by the clock of the topic's people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

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
        return [self.of_hour(one.start) for one in windows]

    def of_hour(self, start: datetime) -> Posted:
        return Posted(10, 10)


def look(posts: Any, **rule: Any) -> Any:
    return last_hours(RULE | rule, SPRING, posts, NOW)


def test_the_same_hours_are_those_of_the_people_s_clocks() -> None:
    posts = Posts()
    found = look(posts)
    assert (found.end, found.covered, found.earlier) == (NOW.replace(minute=0), True, (20, 20, 20))
    ends = [one.end.astimezone(SPRING.timezone) for one in posts.asked]
    last = [(one.day, one.hour) for one in ends[1::2]]
    assert last == [(10, 13), (9, 13), (8, 13), (7, 13)]
    assert {one.end - one.start for one in posts.asked} == {timedelta(hours=1)}


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


def test_hours_of_few_authors_are_no_crowd() -> None:
    class Few(Posts):
        def of_hour(self, start: datetime) -> Posted:
            return Posted(500, 9)

    found = look(Few())
    assert (found.posts, found.earlier) == (0, (20, 20, 20))


def test_an_hour_is_counted_in_groups_that_make_no_rise_larger() -> None:
    class Some(Posts):
        def of_hour(self, start: datetime) -> Posted:
            return Posted(29, 12)

    found = look(Some())
    assert (found.posts, found.earlier) == (40, (60, 60, 60))


@pytest.mark.parametrize("people", [1, 9, 10])
@pytest.mark.parametrize("number", [0, 5, 9])
def test_longer_hours_and_shorter_ones_do_not_tell_an_hour_of_few(number: int, people: int) -> None:
    class Uneven(Posts):
        """The hour from ten has posts of few people, or a few more posts than whole groups."""

        def of_hour(self, start: datetime) -> Posted:
            if start.astimezone(SPRING.timezone).hour == 10:
                return Posted(30 + number, people) if people >= 10 else Posted(number, people)
            return Posted(40, 25)

    def told(hours: int) -> tuple[int, ...]:
        found = look(Uneven(), window_hours=hours)
        return (found.posts, *found.earlier)

    apart = {b - a for a, b in zip(told(2), told(3), strict=True)}
    assert apart <= ({30, 40} if people >= 10 else {0, 10})


def test_before_the_topic_has_begun_there_is_no_hour() -> None:
    early = replace(SPRING, start=date(2020, 3, 10))
    morning = datetime(2020, 3, 10, 8, 30, tzinfo=UTC)  # half past one at night there
    posts: Any = Posts()
    assert last_hours(RULE, early, posts, morning) is None
