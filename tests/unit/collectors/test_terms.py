"""A text is about a term where people would say that the term stands in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.terms import matches

WORDS = st.text(st.characters(categories=["Lu", "Ll", "Lo"]), min_size=1)
LATIN = st.text("abcdefg", min_size=1)


@pytest.mark.parametrize(
    ("text", "term"),
    [
        pytest.param("The WALKOUT begins", "walkout", id="case"),
        pytest.param("ＷＡＬＫＯＵＴ now", "walkout", id="width"),
        pytest.param("a walkout at Facebook", "facebook walkout", id="words in any order"),
        pytest.param("a virtual, walkout", '"virtual walkout"', id="phrase"),
        pytest.param("join the #walkout", "#walkout", id="hashtag"),
        pytest.param("今日ストライキが始まる", "ストライキ", id="no spaces"),
        pytest.param("港の人々がスト", "人々", id="repeated character"),
        pytest.param("昨日のWalkoutで", "walkout", id="latin among characters"),
        pytest.param("오늘 파업이 시작됐다", "파업", id="particle"),
        pytest.param("Facebook에서", "facebook", id="particle after latin"),
        pytest.param("بدأ الإضراب اليوم", "إضراب", id="article"),
        pytest.param("وبالإضراب", "إضراب", id="and, by, article"),
        pytest.param("للإضراب", "إضراب", id="for the"),
        pytest.param("السوري والفلسطيني", "فلسطيني", id="and, article"),
        pytest.param("השביתה בנמל", "שביתה", id="hebrew article"),
        pytest.param("השביתה בנמל", "שביתה נמל", id="hebrew words"),
        pytest.param("וכשהשביתה", "שביתה", id="and, when, article"),
        pytest.param("ומהנמל", "נמל", id="and, from, article"),
        pytest.param("İŞÇİ GREVİ", "işçi grevi", id="turkish capitals"),
        pytest.param("İstanbul limanı", "istanbul", id="dotted capital"),
        pytest.param("LİMAN KAPISI", "liman kapısı", id="dotless"),
        pytest.param("join us ✊ today", "✊", id="emoji"),
        pytest.param("join us✊🏽", "✊", id="emoji beside a word, other skin"),
        pytest.param("I ❤ it", "❤\ufe0f", id="emoji in another presentation"),
        pytest.param("join us: strike", "strike - us", id="a sign between words says nothing"),
    ],
)
def test_a_term_is_found(text: str, term: str) -> None:
    assert matches(text, [term])


@pytest.mark.parametrize(
    ("text", "term"),
    [
        pytest.param("walkouts", "walkout", id="longer word"),
        pytest.param("a walkout elsewhere", "facebook walkout", id="a word is missing"),
        pytest.param("walkout, virtual", '"virtual walkout"', id="phrase out of order"),
        pytest.param("a walkout", "#walkout", id="no hashtag"),
        pytest.param("총파업이 시작됐다", "파업", id="within a korean word"),
        pytest.param("الشعب", "عب", id="within an arabic word"),
        pytest.param("הדגל", "גל", id="within a hebrew word"),
        pytest.param("إضرابات", "إضراب", id="longer arabic word"),
        pytest.param("we go on strike", "✊", id="no emoji"),
        pytest.param("anything", '""', id="empty phrase"),
        pytest.param("anything", "\ufe0f", id="nothing to see"),
    ],
)
def test_a_term_is_not_found(text: str, term: str) -> None:
    assert not matches(text, [term])


@given(WORDS, st.text(" .,!✊"), st.text(" .,!✊"))
def test_a_word_is_found_whatever_stands_around_it(word: str, before: str, after: str) -> None:
    assert matches(f"{before}{word}{after}", [word])


@given(WORDS)
def test_a_word_is_found_in_capitals(word: str) -> None:
    assert matches(word.upper(), [word])


@given(LATIN, LATIN)
def test_a_word_with_letters_around_it_is_another(word: str, more: str) -> None:
    assert not matches(f"{word}{more}", [word])
    assert not matches(f"{more}{word}", [word])


@given(st.text("✊🚢☎→", min_size=1), st.text())
def test_a_term_without_a_word_is_found_as_it_stands(term: str, text: str) -> None:
    assert matches(f"{text}{term}{text}", [term])


@given(st.text(), st.text())
def test_no_term_makes_the_look_fail(text: str, term: str) -> None:
    assert matches(text, [term]) in (True, False)
