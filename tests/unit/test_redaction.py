from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.redaction import redact, text_digest


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param("thanks @ann_b, well said", "thanks @user, well said", id="handle"),
        pytest.param("@a @b", "@user @user", id="two handles"),
        pytest.param(".@ann!", ".@user!", id="punctuation stays"),
        pytest.param("@ann@example.social agrees", "@user agrees", id="mastodon"),
        pytest.param("by @ann.bsky.social.", "by @user.", id="bluesky"),
        pytest.param("＠ann", "@user", id="full-width sign"),
        pytest.param("ask u/ann_b or /u/bob-c", "ask u/user or u/user", id="reddit"),
        pytest.param("mail ann.b+x@example.org now", "mail [email] now", id="mail"),
        pytest.param("see https://x.com/ann/status/1?s=2 now", "see https://x.com now", id="link"),
        pytest.param("http://ann:pw@example.org/a", "http://example.org", id="link with a login"),
        pytest.param("5 @ 3 dollars", "5 @ 3 dollars", id="a lone sign"),
        pytest.param("#walkout and/or u/", "#walkout and/or u/", id="nothing to take out"),
    ],
)
def test_people_are_taken_out_of_a_text(text: str, kept: str) -> None:
    assert redact(text) == kept


@given(st.text())
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@given(st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{5,14}", fullmatch=True).filter(lambda h: h != "user"))
def test_no_mentioned_handle_survives(handle: str) -> None:
    assert handle not in redact(f"well @{handle} said, (@{handle}) and @{handle}!").replace(
        "@user", ""
    )


def test_equal_texts_have_equal_digests_and_others_do_not() -> None:
    assert text_digest("a") == text_digest("a")
    assert text_digest("a") != text_digest("b")
