"""What comes into a day that retention has emptied is counted by post, and not made up else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine
from store_values import NOW, answers, deletion, page, pending, post

from monitor.kept import KeptPost
from monitor.pipeline.aggregate import AggregateStep
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import VOLUME, DailyAggregate, DayPost
from monitor.topic import Query, Target, Topic

DAY = NOW.date()
NIGHT, LATER = NOW + timedelta(days=30), NOW + timedelta(days=40)
TakeIn = Callable[..., None]


class Interrupted(Queries):
    """Somebody else is at work between a day's posts and what is read afterwards."""

    def __init__(self, engine: Engine, meanwhile: Callable[[], object]) -> None:
        super().__init__(engine)
        self.meanwhile = meanwhile

    def day_rows(self, topic: str, day: date) -> Iterator[DayPost]:
        yield from list(super().day_rows(topic, day))
        self.meanwhile()


@pytest.fixture
def take_in(store: Store, queries: Queries, topic: str) -> TakeIn:
    """Stores posts, with the version's answers."""

    def stored(*posts: KeptPost, at: datetime = NOW, label: str = "none") -> None:
        store.save_page(topic, "file", page(*posts), at=at)
        found = answers(pending(queries, topic))
        store.save_predictions(topic, "v1", [replace(each, label=label) for each in found])

    return stored


def aggregate(store: Store, queries: Queries, topic: str) -> None:
    watched = Topic(
        name=topic,
        title="Walkout",
        timezone=ZoneInfo("UTC"),
        start=DAY,
        end=DAY + timedelta(days=1),
        languages=("en",),
        targets=(Target("walkout", "the walkout"),),
        queries={"": Query(("walkout",), {})},
    )
    AggregateStep(store, queries, clock=lambda: LATER).aggregate(watched)


def cells(queries: Queries, topic: str, platform: str = "x") -> dict[str, DailyAggregate]:
    found = queries.cells(topic, ["v1"], DAY, DAY + timedelta(days=1))
    return {one.head: one for one in found if one.platform == platform}


@pytest.fixture
def emptied(store: Store, queries: Queries, take_in: TakeIn, topic: str) -> str:
    """A topic whose day was counted and then purged: three posts, two of them by one author."""
    posts = [post("1"), post("2", author="author-of-1"), post("3")]
    take_in(*posts)
    aggregate(store, queries, topic)
    store.purge_texts(topic, NIGHT)
    return topic


def test_a_recount_keeps_what_was_counted_by_author_and_text(
    store: Store, queries: Queries, emptied: str
) -> None:
    before = cells(queries, emptied)
    store.mark_days(emptied)
    aggregate(store, queries, emptied)
    assert cells(queries, emptied) == before
    assert set(before["stance"].units) == {"authors", "texts"}


@pytest.mark.parametrize("head", [VOLUME, "stance", "sentiment"])
def test_a_late_post_is_no_copy_and_leaves_no_count_that_it_is_missing_from(
    store: Store, queries: Queries, take_in: TakeIn, emptied: str, head: str
) -> None:
    take_in(post("4"), at=LATER)
    aggregate(store, queries, emptied)
    late = cells(queries, emptied)[head]
    assert (late.posts, late.authors, late.units) == (4, 3, {})


def test_the_counts_stay_unknown_when_the_day_is_counted_again(
    store: Store, queries: Queries, take_in: TakeIn, emptied: str
) -> None:
    take_in(post("4"), at=LATER)
    for _ in range(2):
        store.mark_days(emptied)
        aggregate(store, queries, emptied)
    assert cells(queries, emptied)["stance"].units == {}


def test_a_post_that_came_as_another_went_is_missing_from_the_counts_too(
    store: Store, queries: Queries, take_in: TakeIn, emptied: str
) -> None:
    store.save_page(emptied, "file", page(deletions=[deletion("3")]), at=LATER)
    take_in(post("4"), at=LATER, label="favor")
    aggregate(store, queries, emptied)
    late = cells(queries, emptied)["stance"]
    assert (late.posts, late.units) == (3, {})


def test_a_cell_of_posts_that_all_have_their_texts_is_counted_however_often_it_grows(
    store: Store, queries: Queries, take_in: TakeIn, emptied: str
) -> None:
    for number in (4, 5):
        late = [post(f"{number}{n}", platform="mastodon", author=f"m{number}") for n in range(2)]
        take_in(*late, at=LATER)
        aggregate(store, queries, emptied)
    found = cells(queries, emptied, "mastodon")["stance"]
    assert (found.posts, found.units["authors"]["count"]) == (4, 2)
    assert found.units["texts"]["count"] == 4


def test_a_day_that_was_never_counted_before_it_was_purged_is_counted_by_post_alone(
    store: Store, queries: Queries, take_in: TakeIn, topic: str
) -> None:
    take_in(post("1"), post("2"))
    store.purge_texts(topic, NIGHT)
    aggregate(store, queries, topic)
    assert {one.head: (one.posts, one.units) for one in cells(queries, topic).values()} == {
        VOLUME: (2, {}),
        "stance": (2, {}),
        "sentiment": (2, {}),
    }


def test_a_purge_while_the_day_is_counted_changes_no_count(
    store: Store, queries: Queries, engine: Engine, take_in: TakeIn, topic: str
) -> None:
    take_in(post("1"), post("2"))
    aggregate(store, queries, topic)
    take_in(post("3"))
    interrupted = Interrupted(engine, lambda: store.purge_texts(topic, NIGHT))
    aggregate(store, interrupted, topic)
    assert store.dirty_days(topic) == []
    assert cells(queries, topic)["stance"].units["authors"]["count"] == 3
