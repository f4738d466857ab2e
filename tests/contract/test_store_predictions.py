"""Predictions reach the post they were made for, once, and every lack of one is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from store_values import NOW, QUESTIONS, answers, day_posts, page, pending, post, repost

from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import Prediction


def clean(store: Store, queries: Queries, topic: str) -> None:
    for seen in store.dirty_days(topic):
        store.replace_day(topic, seen, [])


def test_pending_gives_the_newest_posts_first(store: Store, queries: Queries, topic: str) -> None:
    hours = {"1": 0, "2": 5, "3": 5, "4": 9}
    posts = [post(name, created_at=NOW + timedelta(hours=h)) for name, h in hours.items()]
    store.save_page(topic, "file", page(*posts), at=NOW)
    texts = [each.text[-1] for each in pending(queries, topic, limit=3)]
    assert texts == ["4", "2", "3"]


def test_pending_takes_reposts_and_leaves_foreign_languages_and_empty_texts(
    store: Store, queries: Queries, topic: str
) -> None:
    posts = [
        post("1"),
        repost("2", of="1"),
        post("3", language="und"),
        post("4", language="fi"),
        post("5", text=""),
    ]
    store.save_page(topic, "file", page(*posts), at=NOW)
    assert {each.text[-1] for each in pending(queries, topic)} == {"1", "2", "3"}
    assert queries.pending_count(topic, "v1", QUESTIONS, languages=["en"]) == 3


def test_a_post_is_pending_while_any_answer_of_the_version_is_missing(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_page(topic, "file", page(post("1")), at=NOW)
    found = pending(queries, topic)
    store.save_predictions(topic, "v1", answers(found, QUESTIONS[:1]))
    assert pending(queries, topic) == found
    store.save_predictions(topic, "v1", answers(found, QUESTIONS[1:]))
    assert pending(queries, topic) == []
    assert pending(queries, topic, "v2") == found


def test_nothing_is_pending_where_nothing_is_asked(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_page(topic, "file", page(post("1")), at=NOW)
    assert queries.pending(topic, "v1", [], languages=["en"], limit=9) == []


def test_a_prediction_is_stored_once_and_its_first_answer_stays(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_page(topic, "file", page(post("1")), at=NOW)
    found = answers(pending(queries, topic))
    assert store.save_predictions(topic, "v1", found) == 2
    clean(store, queries, topic)
    other = [replace(each, label="favor") for each in found]
    assert store.save_predictions(topic, "v1", other + other) == 0
    assert [p.label for p in day_posts(queries, topic)[0].predictions] == ["none", "none"]
    assert store.dirty_days(topic) == []


def test_new_predictions_mark_the_days_of_their_posts(
    store: Store, queries: Queries, topic: str
) -> None:
    posts = [post("1"), post("2", created_at=NOW + timedelta(days=1))]
    store.save_page(topic, "file", page(*posts), at=NOW)
    newest, _ = pending(queries, topic)
    clean(store, queries, topic)
    store.save_predictions(topic, "v1", answers([newest]))
    assert [d.day for d in store.dirty_days(topic)] == [NOW.date() + timedelta(days=1)]


def test_a_prediction_for_a_post_edited_or_gone_is_skipped(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_page(topic, "file", page(post("1"), post("2")), at=NOW)
    found = pending(queries, topic)
    gone = Prediction(10**9, "0" * 32, "sentiment", "", "neutral", (1,))
    store.save_page(topic, "file", page(post("2", revision=1, text="edited")), at=NOW)
    assert store.save_predictions(topic, "v1", [*answers(found), gone]) == 2
    assert [each.text for each in pending(queries, topic)] == ["edited"]


def test_a_post_of_another_topic_takes_no_prediction(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_page(topic, "file", page(post("1")), at=NOW)
    found = answers(pending(queries, topic))
    assert store.save_predictions(f"{topic}-b", "v1", found) == 0


def test_identical_texts_find_the_known_answer(store: Store, queries: Queries, topic: str) -> None:
    store.save_page(topic, "file", page(post("1", text="same")), at=NOW)
    (first,) = pending(queries, topic)
    store.save_predictions(topic, "v1", answers([first]))
    known = queries.known_predictions(topic, "v1", [first.text_digest, "f" * 32])
    assert known == {
        (first.text_digest, "sentiment", ""): ("none", (1000, 2000, 7000)),
        (first.text_digest, "stance", "walkout"): ("none", (1000, 2000, 7000)),
    }
    assert queries.known_predictions(topic, "v2", [first.text_digest]) == {}


def test_many_digests_are_looked_up_at_once(store: Store, queries: Queries, topic: str) -> None:
    posts = [post(str(number)) for number in range(1200)]
    store.save_page(topic, "file", page(*posts), at=NOW)
    found = pending(queries, topic, limit=2000)
    assert store.save_predictions(topic, "v1", answers(found)) == 2400
    known = queries.known_predictions(topic, "v1", [each.text_digest for each in found])
    assert len(known) == 2400


def test_a_target_asked_with_another_text_loses_its_answers(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_page(topic, "file", page(post("1")), at=NOW)
    store.sync_targets(topic, {"walkout": "the walkout", "policy": "the policy"})
    store.save_predictions(topic, "v1", answers(pending(queries, topic)))
    clean(store, queries, topic)
    store.sync_targets(topic, {"walkout": "the employees' walkout", "policy": "the policy"})
    (kept,) = day_posts(queries, topic)
    assert [p.head for p in kept.predictions] == ["sentiment"]
    assert [d.day for d in store.dirty_days(topic)] == [NOW.date()]


@pytest.mark.parametrize("targets", [{"walkout": "the walkout"}, {}], ids=["same", "left out"])
def test_targets_that_did_not_change_keep_their_answers(
    store: Store, queries: Queries, topic: str, targets: dict[str, str]
) -> None:
    store.save_page(topic, "file", page(post("1")), at=NOW)
    store.sync_targets(topic, {"walkout": "the walkout"})
    store.save_predictions(topic, "v1", answers(pending(queries, topic)))
    clean(store, queries, topic)
    store.sync_targets(topic, targets)
    assert (pending(queries, topic), store.dirty_days(topic)) == ([], [])
