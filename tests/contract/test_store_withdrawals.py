"""Edits that take a post out of the topic: the latest one counts, whoever tells of it first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, select
from store_values import NOW, deletion, page, post, repost

from monitor.kept import KeptDeletion, KeptPage, KeptPost, PageOutcome
from monitor.store.engine import reading
from monitor.store.rows import POSTS
from monitor.store.store import Store
from monitor.store.values import Errand

LIVE = Errand("mastodon", keep_unmet=timedelta(days=2))


def withdrawn(revision: int, native_id: str = "1") -> KeptDeletion:
    return KeptDeletion("x", native_id, None, "deleted", revision=revision)


def save(store: Store, topic: str, kept: KeptPage) -> PageOutcome:
    return store.save_page(topic, "mastodon", kept, at=NOW, errand=LIVE)


def revisions(engine: Engine, topic: str) -> dict[str, int]:
    statement = select(POSTS.c.native_id, POSTS.c.revision).where(POSTS.c.topic == topic)
    with reading(engine) as connection:
        return {row.native_id: row.revision for row in connection.execute(statement)}


Told = KeptPost | KeptDeletion

TOLD: list[Told] = [
    *(post("1", revision=revision, author="a") for revision in (0, 1, 2, 3, 12)),
    *(withdrawn(revision) for revision in (1, 2, 3, 11)),
]
REMOVALS: list[Told] = [deletion("1"), deletion(author="a")]


def expected(told: Sequence[Told]) -> dict[str, int]:
    """What the latest edit leaves; of one that both is and is not in the topic, nothing."""
    latest = max((one.revision for one in told if isinstance(one, KeptPost)), default=-1)
    edits = [one.revision or 0 for one in told if isinstance(one, KeptDeletion)]
    is_out = latest <= max(edits, default=-1) or any(one in REMOVALS for one in told)
    return {} if is_out else {"1": latest}


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    pages=st.lists(st.lists(st.sampled_from(TOLD), max_size=3), min_size=1, max_size=5),
    removal=st.none() | st.tuples(st.integers(0, 4), st.sampled_from(REMOVALS)),
)
def test_the_latest_edit_counts_in_every_order_and_a_removal_for_ever(
    store: Store, engine: Engine, pages: list[list[Told]], removal: tuple[int, Told] | None
) -> None:
    topic = f"topic-{uuid4().hex}"
    if removal is not None:
        number, demand = removal
        pages = [[*each, demand] if n == number else each for n, each in enumerate(pages)]
    for each in pages:
        posts = [one for one in each if isinstance(one, KeptPost)]
        demands = [one for one in each if isinstance(one, KeptDeletion)]
        save(store, topic, page(*posts, deletions=demands))

    assert revisions(engine, topic) == expected([one for each in pages for one in each])


def test_an_older_edit_takes_neither_post_nor_reposts(
    store: Store, engine: Engine, topic: str
) -> None:
    save(store, topic, page(post("1", revision=2), repost("2", of="1")))

    assert save(store, topic, page(deletions=[withdrawn(1)])).removed == 0

    assert revisions(engine, topic) == {"1": 2, "2": 0}


def test_an_edit_that_leaves_the_topic_takes_the_reposts_along(store: Store, topic: str) -> None:
    save(store, topic, page(post("1", revision=1), repost("2", of="1")))

    assert save(store, topic, page(deletions=[withdrawn(2)])).removed == 2

    assert save(store, topic, page(post("1", revision=1), repost("2", of="1"))).refused == 2


@pytest.mark.parametrize("pages", ["one by one", "on one page"])
def test_reposts_are_taken_again_with_a_later_edit(
    store: Store, engine: Engine, topic: str, pages: str
) -> None:
    save(store, topic, page(deletions=[withdrawn(1)]))

    if pages == "one by one":
        save(store, topic, page(post("1", revision=2)))
        save(store, topic, page(repost("2", of="1")))
    else:
        save(store, topic, page(repost("2", of="1"), post("1", revision=2)))

    assert revisions(engine, topic) == {"1": 2, "2": 0}


def test_an_edit_holds_for_its_post_platform_and_topic_only(
    store: Store, engine: Engine, topic: str
) -> None:
    save(store, f"{topic}-b", page(deletions=[withdrawn(3)]))
    save(store, topic, page(post("1", platform="y"), post("1"), post("2")))
    save(store, topic, page(post("1", platform="y", revision=4), deletions=[withdrawn(3)]))

    save(store, topic, page(post("1", platform="y", revision=5), post("2", revision=5)))

    assert save(store, topic, page(post("1", revision=2))).refused == 1
    assert revisions(engine, topic) == {"1": 5, "2": 5}


def test_what_a_closed_account_removed_no_later_edit_brings_back(store: Store, topic: str) -> None:
    closed = KeptDeletion("x", None, "a", "suspended", at=NOW)
    opened = KeptDeletion("x", None, "a", "active", at=NOW + timedelta(hours=1), is_revoked=True)
    theirs = post("1", revision=1, author="a")
    save(store, topic, page(theirs, deletions=[withdrawn(1), closed]))
    store.save_page(topic, "x", page(deletions=[opened]), at=NOW + timedelta(hours=2), errand=LIVE)

    assert save(store, topic, page(theirs._replace(revision=2), post("2", author="a"))).refused == 1


def test_an_edit_that_took_a_stored_post_is_not_forgotten(store: Store, topic: str) -> None:
    save(store, topic, page(post("1", revision=1)))
    save(store, topic, page(deletions=[withdrawn(2), withdrawn(2, "elsewhere")]))

    assert store.forget_unmet_demands(topic) == 1

    assert save(store, topic, page(post("1", revision=1))).refused == 1


@pytest.mark.parametrize("before", [[post("1", revision=1)], []], ids=["stored", "not stored"])
def test_an_interrupted_page_neither_withdraws_nor_brings_back(
    store: Store, engine: Engine, topic: str, before: list[KeptPost]
) -> None:
    def die(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if statement.startswith("INSERT INTO checkpoints"):
            raise KeyboardInterrupt

    save(store, topic, page(*before))
    told = [page(deletions=[withdrawn(2)]), page(post("1", revision=3))]
    for kept in told:
        event.listen(engine, "before_cursor_execute", die)
        try:
            with pytest.raises(KeyboardInterrupt):
                save(store, topic, kept)
        finally:
            event.remove(engine, "before_cursor_execute", die)
        assert len(revisions(engine, topic)) == (len(before) if kept is told[0] else 0)
        save(store, topic, kept)

    assert revisions(engine, topic) == {"1": 3}
