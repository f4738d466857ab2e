"""What concerns very many posts is done in steps, between which others write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import Engine, select
from store_values import NOW, QUESTIONS, answers, day_posts, page, pending, post

from monitor.errors import StoreError
from monitor.store import steps
from monitor.store.engine import reading
from monitor.store.queries import Queries
from monitor.store.rows import SCORING, UNSCORED
from monitor.store.store import Store

Meanwhile = Callable[[Callable[[int], object]], None]


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Has something done after each step, of two posts, with the step's number."""

    def do(what: Callable[[int], object]) -> None:
        numbers = count(1)
        monkeypatch.setattr(steps, "pause", lambda: what(next(numbers)))

    monkeypatch.setattr(steps, "SIZE", 2)
    return do


@pytest.fixture
def posts(store: Store, queries: Queries, topic: str) -> list[int]:
    """The ids of seven posts."""
    store.save_page(topic, "file", page(*(post(str(n)) for n in range(7))), at=NOW)
    return sorted(one.id for one in pending(queries, topic))


def purge(store: Store, topic: str) -> int:
    return store.purge_texts(topic, NOW + timedelta(hours=1))


def begin(store: Store, topic: str, version: str = "v1") -> None:
    store.begin_scoring(topic, version, QUESTIONS, languages=["en"])


def queued(engine: Engine, topic: str) -> list[int]:
    statement = select(UNSCORED.c.post_id).where(UNSCORED.c.topic == topic)
    with reading(engine) as connection:
        return sorted(connection.execute(statement).scalars())


def queue_of(engine: Engine, topic: str) -> str:
    statement = select(SCORING.c.version).where(SCORING.c.topic == topic)
    with reading(engine) as connection:
        return connection.execute(statement).scalar_one()


def interrupt(number: int) -> None:
    if number == 2:
        raise StoreError("ended", hint="")


@pytest.mark.usefixtures("posts")
def test_others_write_between_the_steps_of_a_purge(
    store: Store, queries: Queries, topic: str, meanwhile: Meanwhile
) -> None:
    meanwhile(lambda number: store.show_version(topic, f"v{number}"))
    assert purge(store, topic) == 7
    assert queries.shown_versions(topic) == ["v4", "v3", "v2", "v1"]
    assert all(one.is_purged for one in day_posts(queries, topic))


@pytest.mark.usefixtures("posts")
def test_a_purge_that_was_ended_is_gone_on_with_by_the_next(
    store: Store, queries: Queries, topic: str, meanwhile: Meanwhile
) -> None:
    meanwhile(interrupt)
    with pytest.raises(StoreError, match="ended"):
        purge(store, topic)
    meanwhile(lambda _: None)
    assert purge(store, topic) == 3
    assert all(one.is_purged for one in day_posts(queries, topic))


def test_a_purge_takes_old_posts_alone_of_its_topic_out_of_the_queue(
    store: Store, engine: Engine, topic: str, posts: list[int], meanwhile: Meanwhile
) -> None:
    meanwhile(lambda _: None)
    store.save_page(f"{topic}-b", "file", page(post("b")), at=NOW)
    store.save_page(topic, "file", page(post("new")), at=NOW + timedelta(days=1))
    begin(store, topic)
    begin(store, f"{topic}-b")
    assert purge(store, topic) == len(posts)
    assert (len(queued(engine, topic)), len(queued(engine, f"{topic}-b"))) == (1, 1)


def test_others_write_while_answers_of_dropped_versions_go(
    store: Store, queries: Queries, topic: str, meanwhile: Meanwhile, posts: list[int]
) -> None:
    found = pending(queries, topic)
    for version in ("v1", "v2"):
        store.save_predictions(topic, version, answers(found))
    meanwhile(lambda number: store.show_version(topic, f"w{number}"))
    store.drop_versions(topic, ["v1"])
    assert len(queries.shown_versions(topic)) == 4
    assert len(pending(queries, topic, "v1")) == len(posts)
    assert pending(queries, topic, "v2") == []


def test_what_changes_while_the_queue_is_filled_is_in_it_or_out(
    store: Store,
    queries: Queries,
    engine: Engine,
    topic: str,
    posts: list[int],
    meanwhile: Meanwhile,
) -> None:
    found = {one.id: one for one in pending(queries, topic)}

    def change(number: int) -> None:
        if number != 2:
            return
        assert not queries.pending(topic, "v2", QUESTIONS, languages=["en"], limit=9)
        changed = [post("0", text="", revision=1), post("6", text="edited", revision=1)]
        store.save_page(topic, "file", page(*changed, post("new")), at=NOW)
        answered = [found[posts[1]], found[posts[5]]]
        store.save_predictions(topic, "v1", answers(answered))

    store.save_predictions(topic, "v2", answers(list(found.values())))
    meanwhile(change)
    begin(store, topic)
    (new,) = set(queued(engine, topic)) - set(posts)
    assert queued(engine, topic) == [*posts[2:5], posts[6], new]
    assert queue_of(engine, topic) == "v1"


def test_a_queue_that_is_being_filled_serves_nobody(
    store: Store, queries: Queries, topic: str, posts: list[int], meanwhile: Meanwhile
) -> None:
    wanted = {"languages": ["en"]}
    seen = []
    meanwhile(lambda _: seen.append(queries.pending_count(topic, "v1", QUESTIONS, **wanted)))
    begin(store, topic)
    assert seen == [len(posts)] * 4
    assert queries.pending_count(topic, "v1", QUESTIONS, **wanted) == len(posts)


def test_filling_that_was_ended_is_gone_on_with(
    store: Store, engine: Engine, topic: str, posts: list[int], meanwhile: Meanwhile
) -> None:
    meanwhile(interrupt)
    with pytest.raises(StoreError, match="ended"):
        begin(store, topic)
    assert queued(engine, topic) == posts[:4]
    more: list[int] = []
    meanwhile(more.append)
    begin(store, topic)
    assert queued(engine, topic) == posts
    assert (more, queue_of(engine, topic)) == ([1, 2], "v1")


def test_two_who_fill_the_same_queue_share_the_work(
    store: Store, engine: Engine, topic: str, posts: list[int], meanwhile: Meanwhile
) -> None:
    ran: list[int] = []

    def also(number: int) -> None:
        ran.append(number)
        if number == 1:
            begin(store, topic)

    meanwhile(also)
    begin(store, topic)
    assert ran == [1, 2, 3, 4, 5]
    assert (queued(engine, topic), queue_of(engine, topic)) == (posts, "v1")


def test_a_queue_that_is_filled_for_others_by_now_is_theirs(
    store: Store, engine: Engine, topic: str, posts: list[int], meanwhile: Meanwhile
) -> None:
    meanwhile(lambda number: begin(store, topic, "v2") if number == 1 else None)
    begin(store, topic)
    assert (queued(engine, topic), queue_of(engine, topic)) == (posts, "v2")


def test_a_queue_forgotten_while_it_is_filled_is_not_taken_for_whole(
    store: Store, queries: Queries, topic: str, posts: list[int], meanwhile: Meanwhile
) -> None:
    store.sync_targets(topic, {"walkout": "the walkout"})
    meanwhile(lambda _: store.sync_targets(topic, {"walkout": "the employees' walkout"}))
    begin(store, topic)
    assert queries.pending_count(topic, "v1", QUESTIONS, languages=["en"]) == len(posts)
    meanwhile(lambda _: None)
    begin(store, topic)
    assert queries.pending_count(topic, "v1", QUESTIONS, languages=["en"]) == len(posts)
