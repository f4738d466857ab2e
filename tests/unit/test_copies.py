"""Which texts count as copies."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.copies import CopyFinder

TEXT = "we all walked out today because the post should have come down on friday already"


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        pytest.param(TEXT, True, id="identical"),
        pytest.param(TEXT.upper() + "!!", True, id="other case and signs"),
        pytest.param(TEXT + " now", True, id="a word more"),
        pytest.param("we should all have stayed in today and talked it over", False, id="another"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_a_copy_is_told_by_its_words(later, expected):
    finder = CopyFinder()
    assert not finder.is_copy(TEXT)
    assert finder.is_copy(later) is expected


def test_short_texts_are_copies_only_where_their_words_are_the_same():
    finder = CopyFinder()
    assert not finder.is_copy("i support this walkout")
    assert not finder.is_copy("i support this strike")
    assert finder.is_copy("I support this walkout!")


def test_texts_without_a_word_are_no_copies():
    finder = CopyFinder()
    assert not finder.is_copy("!!!")
    assert not finder.is_copy("!!!")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=12).map(" ".join), max_size=12))
def test_shown_twice_every_text_with_a_word_is_a_copy_the_second_time(texts):
    finder = CopyFinder()
    for text in texts:
        finder.is_copy(text)
    assert all(finder.is_copy(text) for text in texts if text)
