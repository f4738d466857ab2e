"""Accounts that a platform closes and opens again; what a person asked for stays closed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Engine, select
from store_values import NOW, page, post

from monitor.kept import EVERY_TOPIC, KeptDeletion, KeptPost, PageOutcome
from monitor.store.engine import reading
from monitor.store.queries import Queries
from monitor.store.rows import POSTS
from monitor.store.store import Store
from monitor.store.values import Errand

LIVE = Errand("bluesky", keep_unmet=timedelta(days=2))
HOURS = [NOW + timedelta(hours=hour) for hour in range(6)]


def closed(at: datetime, author: str = "a", *aliases: str) -> KeptDeletion:
    return KeptDeletion("x", None, author, "suspended", aliases, "m", at)


def opened(at: datetime, author: str = "a", *aliases: str) -> KeptDeletion:
    return KeptDeletion("x", None, author, "active", aliases, "m", at, is_revoked=True)


FORGOTTEN = KeptDeletion("x", None, "a", "forget", mark="m")


def save(
    store: Store,
    topic: str,
    *posts: KeptPost,
    deletions: Sequence[KeptDeletion] = (),
    reminders: Sequence[KeptDeletion] = (),
    at: datetime = HOURS[5],
) -> PageOutcome:
    kept = page(*posts, deletions=deletions, reminders=reminders)
    return store.save_page(topic, "bluesky", kept, at=at, errand=LIVE)


def takes(store: Store, topic: str, native_id: str = "new", author: str = "a") -> bool:
    return save(store, topic, post(native_id, author=author)).stored == 1


def ids(engine: Engine, topic: str) -> list[str]:
    statement = select(POSTS.c.native_id).where(POSTS.c.topic == topic)
    with reading(engine) as connection:
        return sorted(connection.execute(statement).scalars())


def test_an_account_that_is_back_is_taken_again_but_for_what_was_removed(
    store: Store, engine: Engine, topic: str
) -> None:
    save(store, topic, post("1", author="a"))
    assert save(store, topic, deletions=[closed(HOURS[1])]).removed == 1
    assert not takes(store, topic, "2")

    save(store, topic, deletions=[opened(HOURS[2])])

    assert takes(store, topic, "3")
    assert save(store, topic, post("1", author="a"), post("2", author="a")).refused == 2
    assert ids(engine, topic) == ["3"]


@pytest.mark.parametrize(
    ("told", "is_open"),
    [
        ([closed(HOURS[1])], False),
        ([closed(HOURS[1]), opened(HOURS[2])], True),
        ([opened(HOURS[2]), closed(HOURS[1])], False),
        ([closed(HOURS[1]), opened(HOURS[1])], False),
        ([closed(HOURS[2]), opened(HOURS[1])], False),
        ([closed(HOURS[1]), opened(HOURS[2]), closed(HOURS[3])], False),
        ([closed(HOURS[1]), closed(HOURS[3]), opened(HOURS[2])], False),
        ([closed(HOURS[3]), closed(HOURS[1]), opened(HOURS[2])], False),
        ([closed(HOURS[1]), opened(HOURS[2]), closed(HOURS[3]), opened(HOURS[4])], True),
        ([closed(HOURS[1]), opened(HOURS[2]), closed(HOURS[1])], True),
        ([closed(HOURS[1]), opened(HOURS[2]), closed(HOURS[3]), opened(HOURS[2])], False),
    ],
    ids=lambda told: (
        " ".join(("opened" if one.is_revoked else "closed") + f" at {one.at.hour}" for one in told)
        if isinstance(told, list)
        else None
    ),
)
@pytest.mark.parametrize("pages", ["one by one", "on one page"])
def test_the_later_word_about_an_account_counts(
    store: Store, topic: str, told: list[KeptDeletion], is_open: bool, pages: str
) -> None:
    if pages == "one by one":
        for one in told:
            save(store, topic, deletions=[one])
    elif told[0].is_revoked:
        pytest.skip("on one page the order of what is told makes no difference")
    else:
        save(store, topic, deletions=told)

    assert takes(store, topic) == is_open


def test_no_word_about_an_account_is_later_than_its_hearing(store: Store, topic: str) -> None:
    save(store, topic, deletions=[closed(HOURS[1])], at=HOURS[1])
    save(store, topic, deletions=[opened(HOURS[5])], at=HOURS[2])

    save(store, topic, deletions=[closed(HOURS[3])], at=HOURS[3])

    assert not takes(store, topic)


def test_a_closing_that_is_told_again_takes_nothing_that_came_since(
    store: Store, engine: Engine, topic: str
) -> None:
    for one in (closed(HOURS[1]), opened(HOURS[2])):
        save(store, topic, deletions=[one])
    assert takes(store, topic, "1", author="later")

    save(store, topic, deletions=[closed(HOURS[1], "a", "later")])

    assert takes(store, topic, "2", author="later")
    assert ids(engine, topic) == ["1", "2"]


@pytest.mark.parametrize(
    "told",
    [
        [FORGOTTEN, opened(HOURS[2])],
        [closed(HOURS[1]), FORGOTTEN, opened(HOURS[2])],
        [FORGOTTEN, closed(HOURS[1]), opened(HOURS[2])],
        [closed(HOURS[1]), opened(HOURS[2]), FORGOTTEN, opened(HOURS[3])],
    ],
    ids=["before", "after it was closed", "before it was closed", "after it was opened"],
)
def test_who_asked_to_be_forgotten_stays_so(
    store: Store, topic: str, told: list[KeptDeletion]
) -> None:
    for one in told:
        if one is FORGOTTEN:
            store.remove(topic, one, at=HOURS[5])
        else:
            save(store, topic, deletions=[one])

    assert not takes(store, topic)


def test_a_removal_that_an_earlier_program_noted_stays(store: Store, topic: str) -> None:
    earlier = KeptDeletion("x", None, "a", "suspended", mark="m")
    save(store, topic, deletions=[earlier])
    save(store, topic, deletions=[closed(HOURS[1])])

    save(store, topic, deletions=[opened(HOURS[2])])

    assert not takes(store, topic)


def test_an_account_is_opened_under_the_pseudonyms_it_was_reminded_of(
    store: Store, queries: Queries, topic: str
) -> None:
    save(store, topic, deletions=[closed(HOURS[1])])
    assert queries.buried_marks(topic, ["m", "n"]) == {"m": HOURS[1]}
    reminder = KeptDeletion("x", None, "later", "forget", mark="m", at=HOURS[1])
    assert save(store, topic, post("1", author="later"), reminders=[reminder]).refused == 1

    save(store, topic, deletions=[opened(HOURS[2], "a", "later")])

    assert queries.buried_marks(topic, ["m"]) == {}
    assert takes(store, topic, "2", author="later")


def test_who_was_forgotten_everywhere_is_taken_by_no_topic_that_opens_their_account(
    store: Store, queries: Queries, topic: str
) -> None:
    everywhere = uuid4().hex
    demand = KeptDeletion("x", None, None, "forget", mark=everywhere)
    store.remove(EVERY_TOPIC, demand, at=HOURS[0])
    save(store, topic, post("1", author="a"), deletions=[closed(HOURS[1])])
    reminder = KeptDeletion("x", None, "a", "forget", mark="m")
    assert save(store, topic, post("2", author="a"), reminders=[reminder]).refused == 1

    save(store, topic, deletions=[opened(HOURS[2])])

    assert queries.buried_marks(topic, [everywhere, "m"]) == {everywhere: None, "m": None}
    assert not takes(store, topic)


def test_that_an_account_was_opened_is_forgotten_when_no_stream_tells_of_the_closing(
    store: Store, topic: str
) -> None:
    save(store, topic, deletions=[closed(HOURS[1])])
    save(store, topic, deletions=[opened(HOURS[2])])
    save(store, topic, deletions=[opened(HOURS[2])])

    assert store.forget_unmet_demands(topic) == 2
    assert takes(store, topic)


@pytest.mark.parametrize("met", ["stored before", "on the same page", "reminded of later"])
@pytest.mark.parametrize("pseudonym", ["a", "of another period"])
def test_the_mark_of_an_author_whose_posts_were_here_is_kept(
    store: Store, queries: Queries, topic: str, met: str, pseudonym: str
) -> None:
    theirs, gone = post("1", author=pseudonym), closed(HOURS[1], "a", "of another period")
    if met == "stored before":
        save(store, topic, theirs)
    save(store, topic, *[theirs] * (met == "on the same page"), deletions=[gone])
    if met == "reminded of later":
        reminder = KeptDeletion("x", None, pseudonym, "forget", mark="m", at=HOURS[1])
        save(store, topic, theirs, reminders=[reminder])

    store.forget_unmet_demands(topic)

    assert queries.buried_marks(topic, ["m"]) == {"m": HOURS[1]}


def test_the_mark_of_an_author_who_was_never_here_is_forgotten(
    store: Store, queries: Queries, topic: str
) -> None:
    other = KeptDeletion("x", None, "b", "suspended", mark="n", at=HOURS[1])
    save(store, topic, post("1", author="b"), deletions=[closed(HOURS[1]), other])

    store.forget_unmet_demands(topic)

    assert queries.buried_marks(topic, ["m", "n"]) == {"n": HOURS[1]}
