"""Everything that figures are made of moves the stamp."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine
from store_values import NOW, answers, cell, deletion, label, page, pending, post

from collectors.post import Coverage
from monitor.releases import Chain
from monitor.store.queries import Queries
from monitor.store.releases import ReleaseKey, StoredChain
from monitor.store.stamp import Stamps
from monitor.store.store import Store


def test_every_change_moves_the_stamp_and_reading_does_not(
    engine: Engine, store: Store, queries: Queries, topic: str
) -> None:
    stamps = Stamps(engine)
    seen = [stamps.of(topic)]

    def moved() -> bool:
        seen.append(stamps.of(topic))
        return seen[-1] not in seen[:-1]

    assert stamps.of(topic) == seen[0]
    store.save_page(topic, "file", page(post("1"), post("2")), at=NOW)
    assert moved()
    store.save_predictions(topic, "v1", answers(pending(queries, topic)))
    assert moved()
    (day,) = store.dirty_days(topic)
    store.replace_day(topic, day, [cell(topic)])
    assert moved()
    store.show_version(topic, "v1")
    assert moved()
    store.save_labels(topic, [label("1")], at=NOW)
    assert moved()
    store.save_labels(topic, [label("1", "against")], at=NOW + timedelta(seconds=1))
    assert moved()
    span = Coverage(NOW, NOW + timedelta(hours=1), "complete", "")
    store.save_page(topic, "file", page(coverage=[span], state=2), at=NOW + timedelta(hours=1))
    assert moved()
    store.remove(topic, deletion("1"), at=NOW)
    assert moved()
    assert store.let_go_removed_answers(topic, 1) > 0
    assert moved()
    store.remove_source(topic, "file")
    assert moved()
    still = stamps.of(topic)
    queries.examples(topic)
    assert stamps.of(topic) == still


def test_labels_that_are_corrected_or_exchanged_move_the_stamp_though_they_keep_their_moment(
    engine: Engine, store: Store, topic: str
) -> None:
    stamps = Stamps(engine)
    store.save_page(topic, "file", page(post("1"), post("2")), at=NOW)
    seen = []
    for said in (("favor", "against"), ("against", "against"), ("against", "favor")):
        given = [label(str(n), answer) for n, answer in enumerate(said, start=1)]
        store.save_labels(topic, given, at=NOW)
        seen.append(stamps.of(topic))
    store.save_labels(topic, [label("1", "favor"), label("2", "against")], at=NOW)
    assert seen[0] == stamps.of(topic)
    assert len(set(seen)) == 3


def test_a_closed_gap_moves_the_stamp_though_nothing_else_happened(
    engine: Engine, store: Store, topic: str
) -> None:
    stamps = Stamps(engine)
    hours = [NOW + timedelta(hours=n) for n in range(4)]
    found = [
        Coverage(hours[0], hours[2], "gap", "down"),
        Coverage(hours[2], hours[3], "complete", ""),
    ]
    store.save_page(topic, "file", page(coverage=found), at=NOW)
    before = stamps.of(topic)
    part = Coverage(hours[1], hours[2], "complete", "")
    store.save_page(topic, "file", page(coverage=[part], state=2), at=NOW)
    assert stamps.of(topic) != before


def test_a_release_moves_the_stamp(engine: Engine, store: Store, topic: str) -> None:
    stamps = Stamps(engine)
    key = ReleaseKey(NOW.date(), "volume", "", "")
    seen = [stamps.of(topic)]
    for revision in range(2):
        assert not store.keep_releases(topic, {key: StoredChain(Chain(), revision + 1)})
        seen.append(stamps.of(topic))
    assert len(set(seen)) == 3


def test_another_topic_moves_nothing(engine: Engine, store: Store, topic: str) -> None:
    before = Stamps(engine).of(topic)
    store.save_page(f"{topic}-b", "file", page(post("1")), at=NOW)
    assert Stamps(engine).of(topic) == before
