"""A term becomes the hashtag that people write, whatever its script."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.hashtags import hashtag


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        pytest.param("#Facebook walk-out", "facebookwalkout", id="sign, space and hyphen"),
        pytest.param("harbour_strike", "harbour_strike", id="underscore"),
        pytest.param("हड़ताल", "हड़ताल", id="hindi"),
        pytest.param("கொள்கை", "கொள்கை", id="tamil"),
        pytest.param("การนัดหยุดงาน", "การนัดหยุดงาน", id="thai"),
        pytest.param("شِرْكَة", "شِرْكَة", id="vowelled arabic"),
        pytest.param("gre\u0300ve", "gr\u00e8ve", id="decomposed"),
        pytest.param("ह\u095cताल", "ह\u0921\u093cताल", id="never composed"),
        pytest.param("col·lectiu", "col·lectiu", id="middle dot"),
        pytest.param("ケンタ・ハシモト", "ケンタ・ハシモト", id="katakana dot"),
        pytest.param("نیمه\u200cوقت", "نیمه\u200cوقت", id="persian"),
        pytest.param("walkout ✊\ufe0f", "walkout", id="an emoji besides"),
        pytest.param("✊\ufe0f", "", id="an emoji alone"),
        pytest.param("#_·", "", id="no letter"),
    ],
)
def test_a_term_becomes_a_hashtag(term: str, expected: str) -> None:
    assert hashtag(term) == unicodedata.normalize("NFC", expected)


@given(st.text())
def test_a_hashtag_has_a_letter_or_digit_and_no_space_or_sign(term: str) -> None:
    tag = hashtag(term)

    assert not tag or any(map(str.isalnum, tag))
    assert not set(tag) & set(" #-✊\t\n")


@given(st.text())
def test_a_hashtag_is_the_same_however_a_term_is_composed(term: str) -> None:
    assert hashtag(unicodedata.normalize("NFD", term)) == hashtag(term)
