"""Counts that are kept as posts and rejections come and go, and what is asked by the hour."""

from __future__ import annotations

from datetime import timedelta

from store_values import NOW, deletion, label, page, post, repost

from collectors.post import Rejection, Window
from monitor.kept import KeptPage
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import Posted


def save(store: Store, topic: str, kept: KeptPage, source: str = "file") -> None:
    store.save_page(topic, source, kept, at=NOW)


def assert_counted(queries: Queries, topic: str) -> None:
    """What is kept as a count is what counting the rows gives."""
    counts, totals = queries.counts(topic), queries.totals(topic)
    assert (counts.posts, counts.labels, counts.rejections, counts.dirty_days) == (
        totals.posts,
        totals.labels,
        totals.rejections,
        totals.dirty_days,
    )
    assert sum(source.posts for source in queries.sources(topic)) == totals.posts


def test_rejections_that_are_dropped_stay_counted(
    store: Store, queries: Queries, topic: str
) -> None:
    other = f"{topic}-b"
    for one in (topic, other):
        save(store, one, page(rejections=[Rejection("bad_json", "f:1")]))
    assert store.drop_rejections(topic, NOW) == 0
    assert store.drop_rejections(topic, NOW + timedelta(hours=1)) == 1
    assert store.drop_rejections(topic, NOW + timedelta(hours=1)) == 0
    assert_counted(queries, topic)
    assert queries.sources(topic)[0].rejections == {"bad_json": 1}
    assert store.drop_rejections(other, NOW + timedelta(hours=1)) == 1


def test_counts_follow_what_comes_and_goes(store: Store, queries: Queries, topic: str) -> None:
    rejected = [Rejection("bad_json", "f:1"), Rejection("no_id", "f:2"), Rejection("no_id", "f:3")]
    steps = [
        page(post("1"), post("2"), repost("3", "1"), rejections=rejected),
        page(post("1", text="changed", revision=2), post("2"), rejections=rejected[:1]),
        page(post("4", author="gone"), post("5", author="gone"), post("6")),
        page(deletions=[deletion("1")]),
        page(deletions=[deletion(author="gone")]),
        page(post("1"), post("7")),
    ]
    expected = [3, 3, 6, 4, 2, 3]
    for number, (kept, posts) in enumerate(zip(steps, expected, strict=True)):
        save(store, topic, kept, source="one" if number % 2 else "two")
        assert queries.counts(topic).posts == posts
        assert_counted(queries, topic)
    store.save_labels(topic, [label("2")], at=NOW)
    assert_counted(queries, topic)
    store.remove_source(topic, "two")
    assert_counted(queries, topic)


def test_a_source_without_a_post_left_has_none(store: Store, queries: Queries, topic: str) -> None:
    save(store, topic, page(post("1")))
    save(store, topic, page(deletions=[deletion("1")]))
    (state,) = queries.sources(topic)
    assert (state.posts, state.last_post_at) == (0, None)


def test_a_topic_s_counts_are_its_own(store: Store, queries: Queries, topic: str) -> None:
    save(store, topic, page(post("1"), post("2")))
    save(store, f"{topic}-other", page(post("1")))
    assert (queries.counts(topic).posts, queries.counts(f"{topic}-other").posts) == (2, 1)


def test_hours_count_opinions_and_their_known_authors(
    store: Store, queries: Queries, topic: str
) -> None:
    hour = timedelta(hours=1)
    save(
        store,
        topic,
        page(
            post("1", author="a"),
            post("2", author="a"),
            post("3", author=None),
            repost("4", "1"),
            post("5", author="b")._replace(created_at=NOW + hour),
        ),
    )
    windows = [Window(NOW + n * hour, NOW + (n + 1) * hour) for n in (-1, 0, 1)]
    assert queries.posted(topic, windows) == [Posted(0, 0), Posted(3, 1), Posted(1, 1)]
