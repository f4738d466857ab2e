"""Erasure reaches everything that was made of a post or of an author, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from collectors.post import Checkpoint
from monitor.authors import AuthorSketch
from monitor.kept import EVERY_TOPIC, KeptDeletion, KeptPage, KeptPost
from monitor.releases import Atom, Chain, Vintage
from monitor.store.engine import reading
from monitor.store.queries import Queries
from monitor.store.releases import ReleaseKey, StoredChain, pack
from monitor.store.store import Store
from monitor.store.values import VOLUME, DailyAggregate, HumanLabel

DAY = date(2020, 6, 1)
AT = datetime(2020, 6, 2, tzinfo=UTC)
KEY = ReleaseKey(DAY, VOLUME, "", "")
CELL = ("x", "public", "en")
PEOPLE = ("anna", "ben", "carla")


def post(number: int, author: str | None, **changes: object) -> KeptPost:
    values: dict[str, object] = {
        "platform": "x",
        "native_id": str(number),
        "created_at": datetime(2020, 6, 1, 12, tzinfo=UTC),
        "day": DAY,
        "text": f"text {number}",
        "text_digest": f"{number:032x}",
        "language": "en",
        "cohort": "public",
        "kind": "original",
        "reference": None,
        "author": author,
        "revision": 0,
        "withheld_in": "",
    }
    return KeptPost(**(values | changes))  # type: ignore[arg-type]


def volume(topic: str, *people: str) -> DailyAggregate:
    sketch = AuthorSketch.of(people)
    return DailyAggregate(
        topic, DAY, *CELL, VOLUME, "", "", len(people), 0, len(people), sketch, {}, {}
    )


def fill(store: Store, topic: str) -> None:
    posts = tuple(post(n, name) for n, name in enumerate(PEOPLE))
    store.save_page(topic, "file", KeptPage(Checkpoint({}), posts), at=AT)
    (dirty,) = store.dirty_days(topic)
    store.replace_day(topic, dirty, [volume(topic, *PEOPLE)])
    base = {CELL: volume(topic, *PEOPLE)}
    atom = Atom(CELL, 0, None, AuthorSketch.hashes(AuthorSketch.of(PEOPLE)))
    chain = Chain((Vintage(AT, frozenset({("all", "all", "all")}), base),), (atom,))
    assert not store.keep_releases(topic, {KEY: StoredChain(chain, 1)})


def test_a_release_is_read_as_it_was_written(store: Store, topic: str) -> None:
    fill(store, topic)
    stored = store.release_chains(topic)[KEY]
    assert stored.revision == 1
    assert stored.chain.vintages[0].base == {CELL: volume(topic, *PEOPLE)}


def test_a_release_made_from_an_old_state_is_not_written(store: Store, topic: str) -> None:
    fill(store, topic)
    assert store.keep_releases(topic, {KEY: StoredChain(Chain(), 1)}) == {KEY}
    assert store.release_chains(topic)[KEY].chain != Chain()


def test_a_removed_author_s_hash_is_in_no_sketch_and_the_number_released_stays(
    store: Store, queries: Queries, topic: str
) -> None:
    fill(store, topic)
    demand = KeptDeletion("x", None, "anna", "forget", aliases=("anna-2",), mark="m")
    assert store.remove(topic, demand, at=AT) == 1
    gone = AuthorSketch.hashes(AuthorSketch.of(["anna"]))
    (cell,) = queries.cells(topic, [], DAY, DAY + timedelta(1))
    chain = store.release_chains(topic)[KEY].chain
    assert chain.vintages[0].base is not None
    released = chain.vintages[0].base[CELL].authors_sketch
    for sketch in (cell.authors_sketch, released):
        assert not AuthorSketch.hashes(sketch) & gone
    assert not chain.atoms[0].authors & gone
    assert len(chain.atoms[0].authors) == AuthorSketch.count(released) == 3
    assert cell.authors == 2


def test_the_number_released_stays_where_one_page_erases_several_authors(
    store: Store, topic: str
) -> None:
    fill(store, topic)
    closed = tuple(KeptDeletion("x", None, name, "deleted") for name in ("anna", "ben"))
    page = KeptPage(Checkpoint({}), (), deletions=closed)
    store.save_page(topic, "file", page, at=AT)
    chain = store.release_chains(topic)[KEY].chain
    assert chain.vintages[0].base is not None
    released = AuthorSketch.hashes(chain.vintages[0].base[CELL].authors_sketch)
    assert released == chain.atoms[0].authors
    assert len(released) == 3
    assert len(released & AuthorSketch.hashes(AuthorSketch.of(PEOPLE))) == 1


def test_a_removal_is_remembered_by_a_mark_and_by_every_pseudonym(
    store: Store, queries: Queries, topic: str
) -> None:
    fill(store, topic)
    store.remove(topic, KeptDeletion("x", None, "anna", "forget", ("ben",), "m"), at=AT)
    assert queries.buried_marks(topic, ["m", "n"]) == {"m": None}
    assert queries.totals(topic).posts == 1


def test_a_removal_from_every_topic_is_known_in_one_that_comes_later(
    store: Store, queries: Queries, topic: str
) -> None:
    mark = uuid4().hex
    everywhere = KeptDeletion("x", None, None, "forget", mark=mark)
    for _ in range(2):
        assert store.remove(EVERY_TOPIC, everywhere, at=AT) == 0
    assert queries.buried_marks(topic, [mark, "n"]) == {mark: None}
    store.forget_unmet_demands(topic)
    assert queries.buried_marks(f"{topic}-too", [mark]) == {mark: None}
    assert EVERY_TOPIC not in queries.topics()


def test_a_removal_from_one_topic_is_known_in_no_other(
    store: Store, queries: Queries, topic: str
) -> None:
    mark = uuid4().hex
    store.remove(topic, KeptDeletion("x", None, "anna", "forget", mark=mark), at=AT)
    assert queries.buried_marks(f"{topic}-too", [mark]) == {}


def test_a_reminder_refuses_posts_without_counting_as_a_deletion(
    store: Store, queries: Queries, topic: str
) -> None:
    page = KeptPage(
        Checkpoint({}),
        (post(1, "new-name"), post(2, "ben")),
        reminders=(KeptDeletion("x", None, "new-name", "forget"),),
    )
    outcome = store.save_page(topic, "file", page, at=AT)
    assert (outcome.stored, outcome.refused, outcome.deletions) == (1, 1, 0)
    assert queries.totals(topic).posts == 1


def test_versions_trained_on_removed_posts_are_named_with_their_number(
    store: Store, queries: Queries, topic: str
) -> None:
    fill(store, topic)
    store.record_training(topic, "v1", [("x", "0"), ("x", "1")])
    store.record_training(topic, "v1", [("x", "1")])
    store.record_training(topic, "v2", [("x", "2")])
    assert queries.models_on_removed(topic) == {}
    store.remove(topic, KeptDeletion("x", None, "anna", "deleted"), at=AT)
    store.remove(topic, KeptDeletion("x", "1", None, "deleted"), at=AT)
    assert queries.models_on_removed(topic) == {"v1": 2}


@pytest.mark.parametrize(("keep", "texts"), [(False, []), (True, ["text 1"])])
def test_labelled_posts_keep_their_text_only_where_that_is_configured(
    store: Store, queries: Queries, topic: str, keep: bool, texts: list[str]
) -> None:
    fill(store, topic)
    label = HumanLabel("1", "x", "sentiment", "", "neutral", "a", "random")
    store.save_labels(topic, [label], at=AT)
    assert store.purge_texts(topic, AT + timedelta(1), keep_labelled=keep) == 3
    assert [example.text for example in queries.examples(topic)] == texts
    assert queries.days_with_pseudonyms(topic) == []
    assert queries.label_count(topic, "sentiment", "") == 1


def test_platforms_are_asked_about_all_whose_text_is_still_here(
    store: Store, queries: Queries, topic: str
) -> None:
    fill(store, topic)
    repost = post(9, "dora", text="", kind="repost", reference="1")
    store.save_page(topic, "file", KeptPage(Checkpoint({}), (repost,)), at=AT + timedelta(2))
    label = HumanLabel("1", "x", "sentiment", "", "neutral", "a", "random")
    store.save_labels(topic, [label], at=AT)
    store.purge_texts(topic, AT + timedelta(1), keep_labelled=True)
    asked = queries.to_check(topic, "x", after=0, limit=9)
    assert [native_id for _, native_id in asked] == ["1", "9"]


def test_reclaiming_leaves_everything_that_is_there(
    store: Store, queries: Queries, topic: str
) -> None:
    fill(store, topic)
    store.reclaim()
    assert queries.totals(topic).posts == 3


def test_reclaiming_waits_for_nobody(store: Store, engine: Engine, topic: str) -> None:
    fill(store, topic)
    with reading(engine) as connection:
        connection.execute(text("SELECT count(*) FROM posts")).scalar_one()
        if engine.dialect.name == "postgresql":
            store.reclaim()
    assert pack(store.release_chains(topic)[KEY].chain)


def test_who_looked_is_counted_by_day(engine: Engine, queries: Queries, topic: str) -> None:
    store, today = Store(engine, clock=lambda: AT), AT.date()
    for _ in range(2):
        store.note_access("ann", "/topics/{name}", topic)
    store.note_access("somebody", "export aggregates", topic)
    looked = [one for one in queries.accesses(today) if one.topic == topic]
    assert [(one.actor, one.what, one.times) for one in looked] == [
        ("ann", "/topics/{name}", 2),
        ("somebody", "export aggregates", 1),
    ]
    store.prune_accesses(today + timedelta(1))
    assert queries.accesses(today) == []
