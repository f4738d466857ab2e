"""A topic's terms become as few of X's queries as fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.errors import CollectorError
from collectors.x_query import CHARACTERS, key, queries

TERMS = st.lists(st.text("abc #", min_size=1, max_size=200).filter(str.strip), min_size=1)


def test_one_term_stands_alone() -> None:
    assert list(queries(["facebook walkout"]).values()) == ["facebook walkout"]


def test_terms_share_a_query() -> None:
    assert list(queries(["walk out", '"we quit"']).values()) == ['(walk out) OR ("we quit")']


def test_languages_hold_for_every_term() -> None:
    assert list(queries(["a", "b"], languages=["en", "de"]).values()) == [
        "((a) OR (b)) (lang:en OR lang:de)"
    ]
    assert list(queries(["a"], languages=["en"]).values()) == ["(a) lang:en"]


def test_terms_beyond_the_limit_get_a_query_of_their_own() -> None:
    terms = [f"{letter * 200}" for letter in "abcde"]
    found = list(queries(terms).values())
    assert len(found) == 3
    assert all(len(query) <= CHARACTERS for query in found)


@given(TERMS)
def test_every_term_is_asked_once_and_no_query_is_too_long(terms: list[str]) -> None:
    found = queries(terms).values()
    asked = [part for query in found for part in query.split(" OR ")]
    wanted = {" ".join(term.split()) for term in terms}
    assert {part.removeprefix("(").removesuffix(")") for part in asked} == wanted
    assert len(asked) == len(wanted)
    assert all(len(query) <= CHARACTERS for query in found)


def test_a_query_keeps_its_key() -> None:
    assert queries(["a", "b"]).keys() == queries(["a", "b", "a"]).keys()
    assert key("a") != key("b")


def test_a_term_that_is_too_long_says_what_to_change() -> None:
    with pytest.raises(CollectorError) as raised:
        queries(["x" * 513])
    assert "513 characters, X takes 512" in str(raised.value)
    assert "sources.x.query_characters" in raised.value.hint


def test_a_topic_without_terms_says_where_they_go() -> None:
    with pytest.raises(CollectorError) as raised:
        queries(["  "])
    assert "[queries.x]" in raised.value.hint
