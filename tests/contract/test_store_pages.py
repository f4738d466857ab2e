"""A page is stored whole, once, and the same whatever came before it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, select
from store_values import (
    NOW,
    answers,
    day_posts,
    deletion,
    label,
    page,
    pending,
    post,
    repost,
)

from collectors.post import Checkpoint, Coverage, CoverageStatus, Rejection, Window
from monitor.errors import StoreError
from monitor.kept import KeptPage, KeptPost, PageOutcome
from monitor.store.engine import reading
from monitor.store.queries import Queries
from monitor.store.rows import POSTS, TOMBSTONES
from monitor.store.store import Store
from monitor.store.values import CoverageSpan, Errand


def stored(engine: Engine, topic: str) -> list[dict[str, Any]]:
    """The stored posts but for what the hour of their arrival decides."""
    with reading(engine) as connection:
        rows = connection.execute(select(POSTS).where(POSTS.c.topic == topic)).mappings().all()
    found = [{k: v for k, v in row.items() if k not in ("id", "topic")} for row in rows]
    return sorted(found, key=lambda row: (row["platform"], row["native_id"]))


def ids(engine: Engine, topic: str) -> list[str]:
    return [row["native_id"] for row in stored(engine, topic)]


def save(store: Store, topic: str, what: KeptPage, source: str = "file") -> PageOutcome:
    return store.save_page(topic, source, what, at=NOW)


def test_a_new_post_is_stored_with_every_field(store: Store, engine: Engine, topic: str) -> None:
    kept = post(
        "7", kind="quote", reference="3", withheld_in="DE,TR", text="ein Text – 🪧", revision=2**40
    )
    outcome = save(store, topic, page(kept))
    (row,) = stored(engine, topic)
    assert outcome == PageOutcome(stored=1)
    assert KeptPost(**{name: row[name] for name in KeptPost._fields}) == kept
    assert (row["source"], row["stored_at"], row["purged_at"]) == ("file", NOW, None)


def test_times_come_back_as_aware_utc(store: Store, engine: Engine, topic: str) -> None:
    local = datetime.fromisoformat("2020-06-01T23:30:00.123456-07:00")
    save(store, topic, page(post(created_at=local)))
    (row,) = stored(engine, topic)
    assert row["created_at"] == local
    assert row["created_at"].utcoffset() == timedelta(0)


def test_a_repeated_page_changes_nothing(
    store: Store, queries: Queries, engine: Engine, topic: str
) -> None:
    kept = page(post("1"), post("2"), rejections=[Rejection("bad_json", "f:3")])
    save(store, topic, kept)
    before, dirty = stored(engine, topic), store.dirty_days(topic)
    outcome = save(store, topic, kept)
    assert outcome == PageOutcome(repeated=2, rejected=1, rejected_before=1)
    assert (stored(engine, topic), store.dirty_days(topic)) == (before, dirty)


def test_a_higher_revision_replaces_and_drops_what_was_answered(
    store: Store, queries: Queries, engine: Engine, topic: str
) -> None:
    save(store, topic, page(post("1")))
    store.save_predictions(topic, "v1", answers(pending(queries, topic)))
    store.save_labels(topic, [label("1")], at=NOW)
    outcome = save(store, topic, page(post("1", revision=1, text="edited", language="de")))
    (row,) = stored(engine, topic)
    assert outcome == PageOutcome(edited=1)
    assert (row["text"], row["language"]) == ("edited", "de")
    assert queries.examples(topic) == []
    assert [p.predictions for p in day_posts(queries, topic)] == [()]


def test_a_revision_with_the_same_text_keeps_its_answers(
    store: Store, queries: Queries, topic: str
) -> None:
    save(store, topic, page(post("1")))
    store.save_predictions(topic, "v1", answers(pending(queries, topic)))
    save(store, topic, page(post("1", revision=1, withheld_in="DE")))
    assert pending(queries, topic) == []


def test_a_lower_revision_is_a_repetition(store: Store, engine: Engine, topic: str) -> None:
    save(store, topic, page(post("1", revision=2, text="new")))
    outcome = save(store, topic, page(post("1", revision=1, text="old")))
    assert outcome == PageOutcome(repeated=1)
    assert stored(engine, topic)[0]["text"] == "new"


DUTCH = "Ik vind dat zij groot gelijk hebben met deze staking"
TOLD = {
    "an author": ({"author": "0f", "cohort": "employees"}, {"author": None}),
    "an author, assumed or not": ({"author": "0f"}, {"author": "-9f"}),
    "an assumed author": ({"author": "-0f"}, {"author": None, "created_at": NOW.replace(hour=11)}),
    "a cohort": ({"cohort": "employees"}, {"withheld_in": "DE"}),
    "a language": ({"language": "en"}, {"language": "und", "withheld_in": "DE"}),
    "a language told, not guessed": (
        {"text": DUTCH, "language": "fy"},
        {"text": DUTCH, "language": "nl", "withheld_in": "DE"},
    ),
    "a reference": ({"reference": "7"}, {"kind": "reply"}),
    "an earlier time": ({}, {"created_at": NOW + timedelta(days=9)}),
    "a text": ({"text": "so they say"}, {"text": "", "created_at": NOW.replace(hour=11)}),
}


@pytest.mark.parametrize("order", [1, -1], ids=["richer first", "poorer first"])
@pytest.mark.parametrize(("richer", "poorer"), TOLD.values(), ids=TOLD)
def test_of_equal_revisions_the_one_that_tells_more_stays(
    store: Store,
    engine: Engine,
    topic: str,
    richer: dict[str, Any],
    poorer: dict[str, Any],
    order: int,
) -> None:
    best, other = post("1", **richer), post("1", **poorer)
    for each in (best, other, best)[::order]:
        save(store, topic, page(each))
    (row,) = stored(engine, topic)
    assert KeptPost(**{name: row[name] for name in KeptPost._fields}) == best


def test_an_edit_that_moves_the_day_marks_both_days(
    store: Store, queries: Queries, topic: str
) -> None:
    later = NOW + timedelta(days=2)
    save(store, topic, page(post("1")))
    (seen,) = store.dirty_days(topic)
    store.replace_day(topic, seen, [])
    save(store, topic, page(post("1", revision=1, created_at=later)))
    assert [d.day for d in store.dirty_days(topic)] == [NOW.date(), later.date()]


def test_a_deletion_removes_post_reposts_and_answers(
    store: Store, queries: Queries, engine: Engine, topic: str
) -> None:
    save(store, topic, page(post("1"), repost("2", of="1"), post("3", kind="quote", reference="1")))
    store.save_predictions(topic, "v1", answers(pending(queries, topic)))
    store.save_labels(topic, [label("1")], at=NOW)
    outcome = save(store, topic, page(deletions=[deletion("1")]))
    assert outcome == PageOutcome(deletions=1, removed=2)
    assert ids(engine, topic) == ["3"]
    assert queries.totals(topic).predictions == 2
    assert queries.totals(topic).labels == 0


def test_a_removed_post_is_refused_ever_after(store: Store, engine: Engine, topic: str) -> None:
    save(store, topic, page(deletions=[deletion("1")]))
    outcome = save(store, topic, page(post("1", revision=9), repost("2", of="1"), post("3")))
    assert outcome == PageOutcome(stored=1, refused=2)
    assert ids(engine, topic) == ["3"]


def test_a_removed_author_takes_posts_and_their_reposts_along(
    store: Store, engine: Engine, topic: str
) -> None:
    save(store, topic, page(post("1", author="a"), post("2"), repost("3", of="1")))
    outcome = save(store, topic, page(deletions=[deletion(author="a")]))
    later = save(store, topic, page(post("4", author="a"), repost("5", of="4")))
    assert (outcome.removed, later.refused) == (2, 2)
    assert ids(engine, topic) == ["2"]


def test_a_removal_asked_for_holds_like_a_delivered_one(
    store: Store, engine: Engine, topic: str
) -> None:
    save(store, topic, page(post("1", author="a"), post("2"), repost("3", of="1")))
    assert store.remove(topic, deletion(author="a"), at=NOW) == 2
    assert save(store, topic, page(post("1", author="a"))).refused == 1
    assert ids(engine, topic) == ["2"]


def test_a_deletion_holds_for_its_platform_and_topic_only(
    store: Store, engine: Engine, topic: str
) -> None:
    save(store, topic, page(post("1"), deletions=[deletion("1", platform="mastodon")]))
    save(store, f"{topic}-b", page(deletions=[deletion("1")]))
    assert ids(engine, topic) == ["1"]


def test_a_tombstone_does_not_hold_the_id(store: Store, engine: Engine, topic: str) -> None:
    save(store, topic, page(deletions=[deletion("1234567890", author="pseudonym")]))
    with reading(engine) as connection:
        rows = connection.execute(select(TOMBSTONES).where(TOMBSTONES.c.topic == topic)).all()
    assert len(rows) == 2
    assert not any(secret in str(rows) for secret in ("1234567890", "pseudonym"))


AUTHORS = ["a", "b", None]
NATIVE_IDS = ["0", "1", "2", "3", "4"]


@st.composite
def deliveries(draw: st.DrawFn, *, edited: bool = True) -> KeptPage:
    """A page about few posts, so that everything happens to each.

    Where nothing is edited, some deliveries do not tell the author, or assume one.
    """
    posts = []
    for native_id in draw(st.lists(st.sampled_from(NATIVE_IDS), max_size=4)):
        number = int(native_id)
        kept = post(
            native_id,
            author=AUTHORS[number % 3]
            if edited
            else draw(st.sampled_from([AUTHORS[number % 3], None, f"-{native_id}"])),
            revision=draw(st.integers(0, 2)) if edited else 0,
            cohort=draw(st.sampled_from(["employees", "public"])),
            text=draw(st.sampled_from(["one", "two", "three"])),
            language=draw(st.sampled_from(["en", "und"])),
            created_at=NOW + timedelta(days=draw(st.integers(0, 1))),
        )
        if number >= 3:
            kept = kept._replace(kind="repost", reference=NATIVE_IDS[number - 3])
        posts.append(kept)
    removed = draw(
        st.lists(
            st.sampled_from(
                [deletion("0"), deletion("4"), deletion(author="a"), deletion("1", "b")]
            ),
            max_size=1,
        )
    )
    return page(*posts, deletions=removed)


def store_all(store: Store, engine: Engine, pages: Sequence[KeptPage]) -> list[dict[str, Any]]:
    topic = f"topic-{uuid4().hex}"
    for each in pages:
        save(store, topic, each)
    return stored(engine, topic)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.parametrize("edited", [True, False], ids=["edited", "told in part"])
@given(data=st.data())
def test_order_and_repetition_of_pages_make_no_difference(
    store: Store, engine: Engine, data: st.DataObject, edited: bool
) -> None:
    pages = data.draw(st.lists(deliveries(edited=edited), min_size=1, max_size=5))
    shuffled = data.draw(st.permutations(pages + pages[: data.draw(st.integers(0, len(pages)))]))
    assert store_all(store, engine, shuffled) == store_all(store, engine, pages)


def test_an_interrupted_page_leaves_nothing_behind(
    store: Store, queries: Queries, engine: Engine, topic: str
) -> None:
    def die(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if statement.startswith("INSERT INTO checkpoints"):
            raise KeyboardInterrupt

    kept = page(post("1"), rejections=[Rejection("bad_json", "f:1")], deletions=[deletion("9")])
    event.listen(engine, "before_cursor_execute", die)
    try:
        with pytest.raises(KeyboardInterrupt):
            save(store, topic, kept)
    finally:
        event.remove(engine, "before_cursor_execute", die)
    assert stored(engine, topic) == []
    assert (queries.sources(topic), store.dirty_days(topic)) == ([], [])
    assert save(store, topic, page(post("9"))).stored == 1


def test_two_writers_at_once_lose_nothing(store: Store, engine: Engine, topic: str) -> None:
    shared = [page(*(post(f"{p}-{i}") for i in range(20))) for p in range(10)]
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda each: save(store, topic, each), shared * 2))
    assert len(ids(engine, topic)) == 200
    assert sum(outcome.stored for outcome in outcomes) == 200
    assert sum(outcome.repeated for outcome in outcomes) == 200


def test_a_rejection_is_counted_once_per_place(store: Store, queries: Queries, topic: str) -> None:
    first = [Rejection("bad_json", "f:1"), Rejection("missing_field", "f:2", "id")]
    again = [Rejection("bad_json", "f:1"), Rejection("bad_json", "f:3"), Rejection("x", "f:3")]
    save(store, topic, page(rejections=first))
    outcome = save(store, topic, page(rejections=again))
    assert (outcome.rejected, outcome.rejected_before) == (3, 2)
    assert queries.sources(topic)[0].rejections == {"bad_json": 2, "missing_field": 1}


@pytest.mark.parametrize("order", [1, -1], ids=["worse first", "better first"])
def test_a_span_asked_again_keeps_its_better_answer(
    store: Store, queries: Queries, topic: str, order: int
) -> None:
    end = NOW + timedelta(hours=1)
    spans = [Coverage(NOW, end, "gap", "HTTP 503"), Coverage(NOW, end, "complete")][::order]
    for span in spans:
        save(store, topic, page(coverage=[span]))
    assert queries.coverage(topic, NOW, end) == [CoverageSpan("file", NOW, end, "complete", "")]


def test_coverage_gives_the_spans_that_overlap(store: Store, queries: Queries, topic: str) -> None:
    hours = [NOW + timedelta(hours=h) for h in range(4)]
    spans = [Coverage(a, b, "complete") for a, b in pairwise(hours)]
    save(store, topic, page(coverage=spans))
    (span,) = queries.coverage(topic, hours[1], hours[2])
    assert (span.start, span.end) == (hours[0], hours[-1])


HOURS = [NOW + timedelta(hours=hour) for hour in range(5)]
ASKED_BEFORE = [
    Coverage(HOURS[0], HOURS[1], "gap", "refused"),
    Coverage(HOURS[1], HOURS[2], "partial", "refused"),
    Coverage(HOURS[2], HOURS[4], "complete"),
]


def told(queries: Queries, topic: str, source: str = "x") -> list[tuple[int, int, str, str]]:
    spans = queries.coverage(topic, HOURS[0], HOURS[-1])
    return [
        (HOURS.index(one.start), HOURS.index(one.end), one.status, one.reason)
        for one in spans
        if one.source == source
    ]


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        (
            "complete",
            [(0, 1, "gap", "refused"), (1, 2, "partial", "refused"), (2, 4, "complete", "")],
        ),
        (
            "partial",
            [
                (0, 1, "gap", "refused"),
                (1, 2, "partial", "refused"),
                (2, 4, "partial", "other_terms"),
            ],
        ),
        ("gap", [(0, 1, "gap", "refused"), (1, 4, "gap", "other_terms")]),
    ],
)
def test_what_was_covered_counts_for_no_more_than_what_is_asked_now(
    store: Store, queries: Queries, topic: str, earlier: CoverageStatus, expected: list[object]
) -> None:
    save(store, topic, page(coverage=ASKED_BEFORE), "x")
    save(store, topic, page(coverage=[Coverage(HOURS[2], HOURS[4], "complete")]), "reddit")
    save(store, topic, page(earlier=earlier), "x")
    assert told(queries, topic) == expected
    assert told(queries, topic, "reddit") == [(2, 4, "complete", "")]


def test_what_other_terms_have_covered_is_complete_once_it_is_asked_for_again(
    store: Store, queries: Queries, topic: str
) -> None:
    save(store, topic, page(coverage=ASKED_BEFORE), "x")
    again = [Coverage(HOURS[0], HOURS[3], "gap", "cursor_too_old")]
    again += [Coverage(HOURS[3], HOURS[4], "complete")]
    save(store, topic, page(coverage=again, earlier="gap"), "x")
    assert {(status, end) for _, end, status, _ in told(queries, topic)[-2:]} == {
        ("gap", 3),
        ("complete", 4),
    }
    save(store, topic, page(coverage=[Coverage(HOURS[0], HOURS[3], "complete")]), "x")
    assert told(queries, topic) == [(0, 4, "complete", "")]


def test_a_backfill_says_nothing_of_what_live_collection_has_covered(
    store: Store, queries: Queries, topic: str
) -> None:
    save(store, topic, page(coverage=ASKED_BEFORE), "x")
    errand = Errand("backfill:x", backfill=True)
    store.save_page(topic, "x", page(earlier="gap"), at=NOW, errand=errand)
    assert (2, 4, "complete", "") in told(queries, topic)


def test_what_a_clock_that_was_ahead_covered_is_taken_back(
    store: Store, queries: Queries, topic: str
) -> None:
    live = Errand("x", is_live=True)
    ahead = [Coverage(HOURS[0], HOURS[2], "partial"), Coverage(HOURS[2], HOURS[4], "complete")]
    for source in ("x", "reddit"):
        store.save_page(topic, source, page(coverage=ahead), at=HOURS[4], errand=live)
    again = page(coverage=[Coverage(HOURS[0], HOURS[1], "complete")])
    store.save_page(topic, "x", again, at=HOURS[1], errand=live)
    assert told(queries, topic) == [(0, 1, "complete", "")]
    assert told(queries, topic, "reddit") == [(0, 2, "partial", ""), (2, 4, "complete", "")]


def test_clocks_that_differ_a_little_take_nothing_back(
    store: Store, queries: Queries, topic: str
) -> None:
    live = Errand("x", is_live=True)
    covered = page(coverage=[Coverage(HOURS[0], HOURS[1], "complete")])
    store.save_page(topic, "x", covered, at=HOURS[1], errand=live)
    store.save_page(topic, "x", page(), at=HOURS[1] - timedelta(seconds=30), errand=live)
    assert told(queries, topic) == [(0, 1, "complete", "")]


def test_the_last_checkpoint_stays(store: Store, topic: str) -> None:
    assert store.checkpoint(topic, "file") is None
    save(store, topic, page(state=1))
    save(store, topic, page(state={"deep": [2]}))
    save(store, topic, page(state=3), source="x")
    assert store.checkpoint(topic, "file") == Checkpoint({"at": {"deep": [2]}})


@pytest.mark.parametrize(
    "broken",
    [
        page(post(text="secret\x00text")),
        page(post(text="secret\ud83dtext")),
        page(post(author="secret\x00")),
        page(rejections=[Rejection("bad_json", "secret\x00")]),
        page(deletions=[deletion("secret\ud800")]),
        page(coverage=[Coverage(NOW, NOW, "gap", "secret\x00")]),
    ],
    ids=["NUL", "surrogate", "author", "rejection", "deletion", "coverage"],
)
def test_characters_that_cannot_be_stored_are_refused_without_showing_them(
    store: Store, engine: Engine, topic: str, broken: KeptPage
) -> None:
    with pytest.raises(StoreError, match="cannot be stored") as caught:
        save(store, topic, broken)
    assert "secret" not in str(caught.value)
    assert caught.value.hint
    assert stored(engine, topic) == []


def test_a_surrogate_anywhere_else_is_a_store_error_too(store: Store, topic: str) -> None:
    with pytest.raises(StoreError, match="cannot be stored"):
        store.show_version(topic, "v\ud800")


def test_purging_empties_text_and_author_and_keeps_the_answers(
    store: Store, queries: Queries, engine: Engine, topic: str
) -> None:
    save(store, topic, page(post("1"), post("2")))
    store.save_predictions(topic, "v1", answers(pending(queries, topic)))
    store.save_page(topic, "file", page(post("3")), at=NOW + timedelta(days=1))
    dirty = store.dirty_days(topic)
    assert store.purge_texts(topic, NOW + timedelta(hours=1)) == 2
    rows = stored(engine, topic)
    assert [(row["text"], row["author"]) for row in rows[:2]] == [("", None)] * 2
    assert rows[2]["text"] != ""
    found = day_posts(queries, topic)
    assert [(len(p.predictions), p.is_purged) for p in found] == [(2, True), (2, True), (0, False)]
    assert store.dirty_days(topic) == dirty
    assert store.purge_texts(topic, NOW + timedelta(hours=1)) == 0


def test_a_purged_post_does_not_come_back(store: Store, engine: Engine, topic: str) -> None:
    save(store, topic, page(post("1")))
    store.purge_texts(topic, NOW + timedelta(hours=1))
    outcome = save(store, topic, page(post("1", revision=5)))
    assert outcome == PageOutcome(repeated=1)
    assert stored(engine, topic)[0]["text"] == ""


def test_removing_a_source_leaves_the_others(
    store: Store, queries: Queries, engine: Engine, topic: str
) -> None:
    sample = page(
        post("1"),
        post("2"),
        rejections=[Rejection("bad_json", "f:1")],
        coverage=[Coverage(NOW, NOW + timedelta(hours=1), "complete")],
    )
    save(store, topic, sample, source="sample")
    assert queries.sample_only(topic)
    assert store.remove_source(topic, "sample") == 2
    assert not queries.sample_only(topic)
    save(store, topic, page(post("3")))
    assert ids(engine, topic) == ["3"]
    assert store.checkpoint(topic, "sample") is None
    assert [s.source for s in queries.sources(topic)] == ["file"]
    assert queries.coverage(topic, NOW, NOW + timedelta(days=1)) == []


def test_sample_and_real_posts_are_never_mixed_whoever_comes_between(
    store: Store, queries: Queries, engine: Engine, topic: str
) -> None:
    save(store, topic, page(post("1"), post("2")), source="sample")
    assert save(store, topic, page(post("3"))) == PageOutcome(stored=1, sample_removed=2)
    # Another process is still at the sample, of which it has begun to store pages before.
    assert save(store, topic, page(post("4")), source="sample") == PageOutcome(refused=1)
    assert ids(engine, topic) == ["3"]
    assert [state.source for state in queries.sources(topic)] == ["file"]
    assert save(store, topic, page(post("5"))) == PageOutcome(stored=1)


def test_a_removed_source_can_come_again(store: Store, topic: str) -> None:
    save(store, topic, page(post("1")), source="sample")
    store.remove_source(topic, "sample")
    assert save(store, topic, page(post("1")), source="sample") == PageOutcome(stored=1)


def test_sources_tell_how_far_they_have_come(store: Store, queries: Queries, topic: str) -> None:
    save(store, topic, page(post("1"), post("2", created_at=NOW - timedelta(days=3))))
    (state,) = queries.sources(topic)
    assert (state.source, state.posts) == ("file", 2)
    assert (state.last_post_at, state.checkpoint_at) == (NOW, NOW)


def test_posts_dated_later_do_not_tell_when_a_source_spoke_last(
    store: Store, queries: Queries, topic: str
) -> None:
    save(store, topic, page(post("1"), post("2", created_at=NOW + timedelta(days=90))))
    (state,) = queries.sources(topic, until=NOW)
    window = Window(NOW - timedelta(days=14), NOW + timedelta(hours=1))
    assert state.last_post_at == NOW
    assert queries.arrivals(topic, "file", window, limit=10) == [NOW]


def test_has_posts_asks_for_one_source_or_all_but_one(
    store: Store, queries: Queries, topic: str
) -> None:
    assert not queries.has_posts(topic)
    save(store, topic, page(post("1")))
    assert queries.has_posts(topic)
    assert queries.has_posts(topic, source="file")
    assert not queries.has_posts(topic, besides="file")


def test_has_posts_asks_for_one_platform(store: Store, queries: Queries, topic: str) -> None:
    save(store, topic, page(post("1")))
    assert queries.has_posts(topic, platform=post("1").platform)
    assert not queries.has_posts(topic, platform="another")
