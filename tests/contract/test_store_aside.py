"""What a version said of a target's former text: nobody is shown it, and it comes back with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, select
from store_values import NOW, QUESTIONS, answers, deletion, label, page, pending, post

from monitor.authors import AuthorSketch
from monitor.kept import KeptDeletion
from monitor.pipeline.aggregate import AggregateStep
from monitor.store.chosen import Answered
from monitor.store.engine import reading
from monitor.store.queries import Queries
from monitor.store.rows import AGGREGATES, POSTS, PREDICTIONS, REMOVED_ANSWERS
from monitor.store.store import Store
from monitor.store.values import DailyAggregate, Prediction
from monitor.topic import Query, Target, Topic

TEXTS = {"walkout": "the walkout", "policy": "the policy"}
REWORDED = {**TEXTS, "walkout": "the employees' demands"}
STANCE = ("stance", "walkout")
ASIDE = "walkout: the walkout"
DAY = NOW.date()
SPAN = (DAY, DAY + timedelta(days=1))
LATER = NOW + timedelta(days=40)
AUTHORS = ("anna", "anna", "ben")


@pytest.fixture(autouse=True)
def posts(store: Store, queries: Queries, topic: str) -> None:
    """Three answered, audited and counted posts."""
    found = [post(str(number), author=author) for number, author in enumerate(AUTHORS)]
    store.save_page(topic, "file", page(*found), at=NOW)
    store.sync_targets(topic, TEXTS)
    store.save_predictions(topic, "v1", answers(pending(queries, topic)), asked=TEXTS)
    store.save_labels(topic, [label(str(number)) for number in range(3)], at=NOW)
    aggregate(store, queries, topic)


def aggregate(store: Store, queries: Queries, topic: str) -> None:
    watched = Topic(
        name=topic,
        title="Walkout",
        timezone=ZoneInfo("UTC"),
        start=DAY,
        end=SPAN[1],
        languages=("en",),
        targets=(Target("walkout", "the walkout"),),
        queries={"": Query(("walkout",), {})},
    )
    AggregateStep(store, queries, clock=lambda: LATER).aggregate(watched)


def stance(queries: Queries, topic: str) -> list[DailyAggregate]:
    return [one for one in queries.cells(topic, ["v1"], *SPAN) if one.head == "stance"]


def targets(engine: Engine, topic: str) -> dict[str, set[str]]:
    """By table, the targets of what is stored of stances."""
    predicted = select(PREDICTIONS.c.target).join(POSTS).where(POSTS.c.topic == topic)
    found = {"predictions": predicted.where(PREDICTIONS.c.head == "stance")}
    for table in (AGGREGATES, REMOVED_ANSWERS):
        row = table.c
        stances = select(row.target).where(row.topic == topic, row.head == "stance")
        found[table.name] = stances
    with reading(engine) as connection:
        return {name: set(connection.execute(each).scalars()) for name, each in found.items()}


def say(store: Store, queries: Queries, topic: str) -> None:
    """Lets the version answer the present text."""
    found = [
        Prediction(one.id, one.text_digest, *STANCE, "favor", (8000, 1000, 1000))
        for one in pending(queries, topic)
    ]
    store.save_predictions(topic, "v1", found, asked=REWORDED)


@pytest.mark.parametrize("meanwhile", ["nothing", "counted", "answered and counted"])
def test_a_text_that_comes_back_finds_its_answers_and_counts(
    store: Store, queries: Queries, topic: str, meanwhile: str
) -> None:
    before = stance(queries, topic), queries.audit_labels(topic, *STANCE, "v1")
    store.purge_texts(topic, LATER)
    store.sync_targets(topic, REWORDED)
    assert (stance(queries, topic), queries.audit_labels(topic, *STANCE, "v1")) == ([], [])
    if "answered" in meanwhile:
        store.save_page(topic, "file", page(post("9")), at=NOW)
        say(store, queries, topic)
    if "counted" in meanwhile:
        aggregate(store, queries, topic)
        assert len(stance(queries, topic)) == ("answered" in meanwhile)
    store.sync_targets(topic, TEXTS)
    aggregate(store, queries, topic)
    assert (stance(queries, topic), queries.audit_labels(topic, *STANCE, "v1")) == before
    assert before[0][0].units


def test_both_texts_keep_their_own_answers(store: Store, queries: Queries, topic: str) -> None:
    store.sync_targets(topic, REWORDED)
    say(store, queries, topic)
    digests = [post(str(number)).text_digest for number in range(3)]
    for _ in range(2):
        store.sync_targets(topic, TEXTS)
        assert pending(queries, topic) == []
        known = queries.known_predictions(topic, "v1", digests)
        assert {known[one, *STANCE][0] for one in digests} == {"none"}
        store.sync_targets(topic, REWORDED)
        assert pending(queries, topic) == []
        known = queries.known_predictions(topic, "v1", digests)
        assert {known[one, *STANCE][0] for one in digests} == {"favor"}


def test_what_is_put_aside_is_counted_nowhere(store: Store, queries: Queries, topic: str) -> None:
    stances = [one for one in answers(pending(queries, topic, "v2")) if one.head == "stance"]
    store.save_predictions(topic, "v2", stances)
    store.sync_targets(topic, REWORDED)
    aggregate(store, queries, topic)
    assert stance(queries, topic) == []
    told = queries.day_totals(topic, ["v1", "v2"], ["en"], *SPAN)
    assert {(one.head, one.target) for one in told} == {("volume", ""), ("sentiment", "")}
    known = queries.known_predictions(topic, "v1", [one.text_digest for one in stances])
    assert {(head, target) for _, head, target in known} == {("sentiment", "")}
    newest = queries.newest_answered(Answered(topic, "v1", ("en",)), limit=9)
    assert [set(one.scores) for one in newest] == [{("sentiment", "")}] * 3
    assert queries.newest_answered(Answered(topic, "v2", ("en",)), limit=9) == []
    assert not queries.is_behind(topic, "v3", QUESTIONS, languages=["en"], shown="v2")
    assert queries.pending_count(topic, "v1", QUESTIONS, languages=["en"]) == 3


REMOVALS: dict[str, Callable[[Store, str], object]] = {
    "deleted": lambda store, topic: store.remove(topic, deletion("0"), at=NOW),
    "edited": lambda store, topic: store.save_page(
        topic, "file", page(post("0", author="anna", text="another text", revision=1)), at=NOW
    ),
    "erased": lambda store, topic: store.remove(
        topic, KeptDeletion("x", None, "anna", "erased"), at=NOW
    ),
}


@pytest.mark.parametrize("how", REMOVALS)
def test_what_is_removed_meanwhile_does_not_come_back(
    store: Store, queries: Queries, topic: str, how: str
) -> None:
    """Its answers stay in the audit, without the post, as they would with an unchanged text."""
    audit = queries.audit_labels(topic, *STANCE, "v1")
    store.sync_targets(topic, REWORDED)
    REMOVALS[how](store, topic)
    aggregate(store, queries, topic)
    store.sync_targets(topic, TEXTS)
    aggregate(store, queries, topic)
    (left,) = stance(queries, topic)
    authors = AUTHORS[2:] if how == "erased" else AUTHORS[1:]
    assert (left.posts, left.authors) == (len(authors), len(set(authors)))
    assert queries.audit_labels(topic, *STANCE, "v1") == audit


def test_who_is_erased_goes_from_the_counts_of_purged_days_that_are_put_aside(
    store: Store, queries: Queries, topic: str
) -> None:
    store.purge_texts(topic, LATER)
    store.sync_targets(topic, REWORDED)
    store.remove(topic, KeptDeletion("x", None, "anna", "erased"), at=NOW)
    aggregate(store, queries, topic)
    store.sync_targets(topic, TEXTS)
    aggregate(store, queries, topic)
    (left,) = stance(queries, topic)
    assert (left.posts, left.authors_sketch) == (3, AuthorSketch.of(["ben"]))


def test_a_removed_version_takes_along_what_is_put_aside(
    engine: Engine, store: Store, topic: str
) -> None:
    store.remove(topic, deletion("0"), at=NOW)
    store.sync_targets(topic, REWORDED)
    assert list(targets(engine, topic).values()) == [{ASIDE}] * 3
    store.drop_versions(topic, ["v1"])
    assert not any(targets(engine, topic).values())


def test_a_removed_source_takes_along_what_is_put_aside(
    engine: Engine, store: Store, queries: Queries, topic: str
) -> None:
    store.sync_targets(topic, REWORDED)
    store.remove_source(topic, "file")
    aggregate(store, queries, topic)
    assert not any(targets(engine, topic).values())


def test_another_topics_answers_stay(store: Store, queries: Queries, topic: str) -> None:
    another = f"another-{topic}"
    store.save_page(another, "file", page(post("1")), at=NOW)
    store.sync_targets(another, TEXTS)
    store.save_predictions(another, "v1", answers(pending(queries, another)))
    store.sync_targets(topic, REWORDED)
    assert pending(queries, another) == []


def test_the_log_tells_of_a_target_with_another_text(
    store: Store, queries: Queries, topic: str
) -> None:
    for texts in (REWORDED, REWORDED, TEXTS):
        store.sync_targets(topic, texts)
    told = [one.details for one in queries.log_entries(99) if one.action == "target_reworded"]
    assert [one["text"] for one in told if one["topic"] == topic] == [
        "the walkout",
        "the employees' demands",
    ]
