"""What is stored in bulk comes back as it was, under ids of its own."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.dialects import sqlite
from store_values import NOW, QUESTIONS, day_posts, deletion, page, pending, post

from monitor.errors import StoreError
from monitor.store import bulk
from monitor.store.bulk import insert_rows, new_post_ids
from monitor.store.engine import writing
from monitor.store.queries import Queries
from monitor.store.rows import LEASES, UtcDateTime
from monitor.store.store import Store


@pytest.mark.parametrize(
    "words",
    [
        "a\ttab",
        "two\nlines",
        "\\N",
        "\\.",
        "back\\slash",
        "a 'quote' and \"another\"",
        "🪧 é ı",
        "\r",
    ],
)
def test_a_text_comes_back_to_the_letter(
    store: Store, queries: Queries, topic: str, words: str
) -> None:
    store.save_page(topic, "file", page(post("1", text=words, reference=words)), at=NOW)
    assert [each.text for each in pending(queries, topic)] == [words]


def test_absent_values_stay_absent(store: Store, queries: Queries, topic: str) -> None:
    posts = [post("1", author=None), post("2", author="", language="")]
    store.save_page(topic, "file", page(*posts), at=NOW)
    assert [each.author for each in day_posts(queries, topic)] == [None, ""]


def test_ids_grow_and_none_comes_twice(engine: Engine, store: Store, topic: str) -> None:
    def ids() -> list[int]:
        return [each.id for each in day_posts(Queries(engine), topic)]

    store.save_page(topic, "file", page(post("1"), post("2")), at=NOW)
    first = ids()
    store.save_page(topic, "file", page(deletions=[deletion("1"), deletion("2")]), at=NOW)
    store.save_page(topic, "file", page(post("3"), post("4")), at=NOW)
    second = ids()
    assert first == sorted(set(first))
    assert second == sorted(set(second))
    assert second[0] > first[-1]
    with writing(engine) as connection:
        assert new_post_ids(connection, 2)[0] > second[-1]


def test_new_posts_are_queued_as_those_that_lack_answers_are(
    store: Store, queries: Queries, topic: str
) -> None:
    store.begin_scoring(topic, "v1", QUESTIONS, languages=["en"])
    posts = [
        post("1"),
        post("2", language="und"),
        post("3", language="fi"),
        post("4", text=""),
        post("5", kind="repost", reference="1"),
    ]
    store.save_page(topic, "file", page(*posts), at=NOW)
    queued = {each.text for each in pending(queries, topic)}
    assert queued == {each.text for each in pending(queries, topic, "v2")}
    assert len(queued) == 3


def test_rows_that_are_refused_are_told_as_an_error_of_the_store(
    engine: Engine, topic: str
) -> None:
    rows = [(topic, "one", NOW)] * 2
    with pytest.raises(StoreError, match="refused a statement"), writing(engine) as connection:
        insert_rows(connection, LEASES, ("name", "holder", "expires_at"), rows)


@given(st.datetimes(timezones=st.timezones()))
def test_times_are_written_as_those_of_single_rows_are(moment: datetime) -> None:
    usual = UtcDateTime().dialect_impl(sqlite.dialect()).bind_processor(sqlite.dialect())
    assert usual is not None
    try:
        expected = usual(moment)
    except OverflowError:
        return
    assert bulk._sqlite_time(moment) == expected
    assert bulk._sqlite_time(None) is None


def test_a_time_without_an_offset_is_not_written(store: Store, topic: str) -> None:
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(ValueError, match="without an offset"):
        store.save_page(topic, "file", page(post("1", created_at=naive)), at=NOW)
