"""Predictions reach the post they were made for, once, and every lack of one is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from store_values import NOW, QUESTIONS, answers, cell, day_posts, page, pending, post, repost

from monitor.authors import AuthorSketch
from monitor.releases import Chain
from monitor.shares.door import Asked, Door
from monitor.store.queries import Queries
from monitor.store.releases import ReleaseKey
from monitor.store.store import Store
from monitor.store.values import DailyAggregate, Prediction

DAY = NOW.date()
STANCE = ReleaseKey(DAY, "stance", "walkout", "v1")
OTHER = ReleaseKey(DAY, "stance", "policy", "v1")
TOTAL = ("all", "all", "all")
TEXTS = {"walkout": "the walkout", "policy": "the policy"}
REWORDED = TEXTS | {"walkout": "the employees' walkout"}


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


def test_the_lack_of_an_answer_is_told_before_the_queue_is_that_of_the_version(
    store: Store, queries: Queries, topic: str
) -> None:
    assert not queries.is_pending(topic, "v1", QUESTIONS, languages=["en"])
    store.save_page(topic, "file", page(post("1")), at=NOW)
    assert queries.is_pending(topic, "v1", QUESTIONS, languages=["en"])
    (found,) = pending(queries, topic)
    for first, is_there in ((found.id, True), (found.id + 1, False)):
        among = (first, first + 1)
        assert is_there == queries.is_pending(topic, "v1", QUESTIONS, languages=["en"], among=among)
    store.save_predictions(topic, "v1", answers([found]))
    assert not queries.is_pending(topic, "v1", QUESTIONS, languages=["en"])


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
    asked = [(p.head, p.target) for p in kept.predictions]
    assert asked == [("sentiment", ""), ("stance", "walkout: the walkout")]
    assert len(pending(queries, topic)) == 1
    assert [d.day for d in store.dirty_days(topic)] == [NOW.date()]


def crowd(topic: str, people: int, target: str = "walkout", label: str = "favor") -> DailyAggregate:
    sketch = AuthorSketch.of(str(n) for n in range(people))
    counted = {"posts": people, "authors": people, "authors_sketch": sketch}
    return cell(topic, target=target, label_counts={label: people}, **counted)


def count(store: Store, topic: str, *cells: DailyAggregate) -> None:
    store.mark_days(topic, [DAY])
    (seen,) = store.dirty_days(topic)
    store.replace_day(topic, seen, cells)


def shown(store: Store, key: ReleaseKey, live: DailyAggregate) -> DailyAggregate | None:
    """What is shown of a day of which this is stored, in the state in which it is shown."""
    place = (live.platform, live.cohort, live.language)
    later = NOW + timedelta(days=1)
    door = Door.of(live.topic, 10, later, store)
    decided = door.decide_all({key: Asked({place: live})})[key][TOTAL]
    return decided.base[place] if decided.base else None  # type: ignore[return-value]


def asked(store: Store, topic: str, people: int = 30) -> DailyAggregate:
    """Two targets' questions, counted and shown."""
    walkout, policy = crowd(topic, people), crowd(topic, people, "policy")
    store.save_page(topic, "file", page(post("1")), at=NOW)
    store.sync_targets(topic, TEXTS)
    count(store, topic, walkout, policy)
    assert (shown(store, STANCE, walkout), shown(store, OTHER, policy)) == (walkout, policy)
    return walkout


def test_a_target_asked_with_another_text_is_counted_and_shown_anew(
    store: Store, queries: Queries, topic: str
) -> None:
    asked(store, topic)
    before = store.release_chains(topic)
    store.sync_targets(topic, REWORDED)
    left = queries.cells(topic, ["v1"], DAY, DAY + timedelta(days=1))
    assert [one.target for one in left] == ["policy"]
    chains = store.release_chains(topic, before)
    assert (chains[STANCE].chain, chains[OTHER]) == (Chain(), before[OTHER])
    turned = crowd(topic, 30, label="against")
    count(store, topic, turned, *left)
    assert shown(store, STANCE, turned) == turned


def test_a_text_that_comes_back_finds_what_was_released_of_it(store: Store, topic: str) -> None:
    first = asked(store, topic)
    store.sync_targets(topic, REWORDED)
    turned = crowd(topic, 30, label="against")
    count(store, topic, turned)
    assert shown(store, STANCE, turned) == turned
    store.sync_targets(topic, TEXTS)
    with_one_more = crowd(topic, 31)
    count(store, topic, with_one_more)
    assert shown(store, STANCE, with_one_more) == first
    store.sync_targets(topic, REWORDED)
    count(store, topic, crowd(topic, 31, label="against"))
    assert shown(store, STANCE, crowd(topic, 31, label="against")) == turned


def test_who_has_read_a_chain_before_its_text_changed_reads_it_again(
    store: Store, topic: str
) -> None:
    asked(store, topic)
    before = store.release_chains(topic)
    store.sync_targets(topic, REWORDED)
    turned = crowd(topic, 30, label="against")
    count(store, topic, turned)
    shown(store, STANCE, turned)
    assert store.release_chains(topic, before)[STANCE] not in before.values()


def test_answers_to_the_former_text_are_not_written_down_as_shown(store: Store, topic: str) -> None:
    former = asked(store, topic)
    store.sync_targets(topic, REWORDED)
    assert shown(store, STANCE, former) is None
    assert store.release_chains(topic)[STANCE].chain == Chain()


def test_a_day_read_before_a_text_changed_is_not_written_after(
    store: Store, queries: Queries, topic: str
) -> None:
    store.save_page(topic, "file", page(post("1")), at=NOW)
    store.sync_targets(topic, TEXTS)
    store.save_predictions(topic, "v1", answers(pending(queries, topic)))
    (seen,) = store.dirty_days(topic)
    store.sync_targets(topic, REWORDED)
    assert not store.replace_day(topic, seen, [crowd(topic, 30)])
    assert queries.cells(topic, ["v1"], DAY, DAY + timedelta(days=1)) == []
    (again,) = store.dirty_days(topic)
    assert store.replace_day(topic, again, [])


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
