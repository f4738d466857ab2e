"""Several workers share the queue: each post is one worker's until it is answered or let go."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from store_values import NOW, QUESTIONS, answers, page, post

from monitor.store.claims import Claim
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import PendingPost

SECONDS = 60


def fill(store: Store, topic: str, count: int = 6, version: str = "v1") -> None:
    posts = [post(str(n), created_at=NOW + timedelta(minutes=n)) for n in range(count)]
    store.save_page(topic, "file", page(*posts), at=NOW)
    store.begin_scoring(topic, version, QUESTIONS, languages=["en"])


def claim(store: Store, topic: str, holder: str, **changes: Any) -> list[PendingPost]:
    at = changes.pop("at", NOW)
    among = changes.pop("among", None)
    wanted: dict[str, Any] = {"languages": ["en"], "limit": 2, "version": "v1"}
    wanted |= changes
    version = wanted.pop("version")
    return store.claim(topic, version, QUESTIONS, claim=Claim(holder, at, SECONDS, among), **wanted)


def numbers(posts: list[PendingPost]) -> list[str]:
    return [each.text[-1] for each in posts]


def test_two_workers_get_different_posts_the_newest_first(store: Store, topic: str) -> None:
    fill(store, topic)
    assert numbers(claim(store, topic, f"{topic}-one")) == ["5", "4"]
    assert numbers(claim(store, topic, f"{topic}-two")) == ["3", "2"]


def test_a_claim_ends_when_its_posts_are_answered(
    store: Store, queries: Queries, topic: str
) -> None:
    fill(store, topic, 2)
    mine = claim(store, topic, f"{topic}-one")
    assert claim(store, topic, f"{topic}-two") == []
    store.save_predictions(topic, "v1", answers(mine))
    assert not queries.is_pending(topic, "v1", QUESTIONS, languages=["en"])


def test_a_post_that_lacks_an_answer_after_all_is_free_again(store: Store, topic: str) -> None:
    fill(store, topic, 2)
    mine = claim(store, topic, f"{topic}-one")
    store.save_predictions(topic, "v1", answers(mine, QUESTIONS[:1]))
    assert claim(store, topic, f"{topic}-two") == mine


def test_a_claim_lapses_at_its_time(store: Store, topic: str) -> None:
    fill(store, topic, 2)
    mine = claim(store, topic, f"{topic}-one")
    just_before, then = NOW + timedelta(seconds=SECONDS - 1), NOW + timedelta(seconds=SECONDS)
    assert claim(store, topic, f"{topic}-two", at=just_before) == []
    assert claim(store, topic, f"{topic}-two", at=then) == mine


def test_a_worker_that_leaves_lets_go(store: Store, topic: str) -> None:
    fill(store, topic, 2)
    mine = claim(store, topic, f"{topic}-one")
    store.leave(f"{topic}-one")
    assert claim(store, topic, f"{topic}-two") == mine


def test_a_worker_can_be_given_a_range_of_posts(store: Store, queries: Queries, topic: str) -> None:
    fill(store, topic)
    ids = sorted(each.id for each in claim(store, topic, f"{topic}-a", limit=6))
    store.leave(f"{topic}-a")
    found = claim(store, topic, f"{topic}-b", among=(ids[1], ids[3]), limit=6)
    assert sorted(each.id for each in found) == ids[1:3]
    wanted: dict[str, Any] = {"languages": ["en"]}
    assert queries.is_pending(topic, "v1", QUESTIONS, among=(ids[1], ids[3]), **wanted)
    store.save_predictions(topic, "v1", answers(found))
    assert not queries.is_pending(topic, "v1", QUESTIONS, among=(ids[1], ids[3]), **wanted)


def test_an_edited_post_is_anybodys(store: Store, topic: str) -> None:
    fill(store, topic, 1)
    claim(store, topic, f"{topic}-one")
    store.save_page(topic, "file", page(post("0", revision=1, text="edited")), at=NOW)
    assert [each.text for each in claim(store, topic, f"{topic}-two")] == ["edited"]


def test_without_the_queue_of_these_answers_pending_posts_are_given(
    store: Store, topic: str
) -> None:
    fill(store, topic, 2)
    assert numbers(claim(store, topic, f"{topic}-one", version="v2")) == ["1", "0"]


@pytest.mark.parametrize("workers", [4])
def test_workers_that_claim_at_once_share_all_posts_and_none_twice(
    engine: Engine, store: Store, topic: str, workers: int
) -> None:
    fill(store, topic, 60)
    taken: list[list[int]] = [[] for _ in range(workers)]
    start = threading.Barrier(workers)

    def work(number: int) -> None:
        start.wait()
        for _ in range(30):
            taken[number] += [each.id for each in claim(store, topic, f"{topic}-{number}x{_}")]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    every = [post_id for some in taken for post_id in some]
    assert len(every) == len(set(every)) == 60
