"""What is recorded when posts come in after their day is over."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from monitor.pipeline.aggregate import AggregateStep
from monitor.store.values import DayPost, DirtyDay
from monitor.topic import Query, Target, Topic

DAY = date(2020, 6, 1)
TOPIC = Topic(
    name="walkout",
    title="Walkout",
    timezone=ZoneInfo("America/Los_Angeles"),
    start=DAY,
    end=date(2020, 6, 11),
    languages=("en",),
    targets=(Target("walkout", "the walkout"),),
    queries={"": Query(("walkout",), {})},
)
OVER = datetime(2020, 6, 2, 7, tzinfo=UTC)  # midnight in Los Angeles


@dataclass
class FakeStore:
    """One day, its posts and its cells; both the store's writes and its reads."""

    posts: list = field(default_factory=list)
    stored: list = field(default_factory=list)
    logged: list = field(default_factory=list)

    def keep_days(self, topic, zone, day_of):
        return 0

    def dirty_days(self, topic):
        return [DirtyDay(DAY, 1)]

    def day_rows(self, topic, day):
        return self.posts

    def cells(self, topic, versions, since, until):
        return self.stored

    def replace_day(self, topic, dirty, cells):
        self.stored = cells

    def log(self, actor, action, details):
        self.logged.append((actor, action, details))


def posts(count):
    return [
        DayPost(n, "x", "public", "en", "original", f"{n:032x}", predictions=())
        for n in range(count)
    ]


def aggregate(store, now):
    AggregateStep(store, store, clock=lambda: now).aggregate(TOPIC)


@pytest.mark.parametrize(
    ("earlier", "later", "now", "logged"),
    [
        pytest.param(5, 6, OVER, 1, id="late arrivals"),
        pytest.param(5, 4, OVER, 1, id="late removals"),
        pytest.param(5, 5, OVER, 0, id="nothing new"),
        pytest.param(0, 5, OVER, 0, id="first count of an old day"),
        pytest.param(5, 6, OVER.replace(hour=6), 0, id="the day is not over"),
    ],
)
def test_a_day_that_is_over_is_revised_on_record(earlier, later, now, logged):
    store = FakeStore(posts(earlier))
    aggregate(store, now)
    store.posts = posts(later)
    aggregate(store, now)
    revision = ("pipeline", "day_revised", {"topic": "walkout", "day": "2020-06-01"})
    assert store.logged == [revision] * logged
