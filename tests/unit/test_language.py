"""A language is told where the text leaves no doubt, and left open elsewhere."""

from __future__ import annotations

import pytest

from monitor.language import language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        pytest.param("The whole office walks out today, and I am with them", "en", id="english"),
        pytest.param("Ich unterstütze den Streik der Angestellten im Büro", "de", id="german"),
        pytest.param("本社の社員がストライキを行っています", "ja", id="japanese"),
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
