"""Mastodon statuses in files."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from harvesting import harvest

from collectors.formats.mastodon import plain_text

Write = Callable[..., Path]


def status(
    number: int = 1, *, account: dict[str, Any] | None = None, **fields: Any
) -> dict[str, Any]:
    base = {
        "id": str(number),
        "uri": f"https://example.org/statuses/{number}",
        "created_at": "2020-06-01T12:00:00.000Z",
        "visibility": "public",
        "language": "en",
        "content": "<p>we walk</p>",
        "account": {
            "acct": "ann",
            "url": "https://example.org/@ann",
            "note": "<p>engineer &amp; reader</p>",
            "discoverable": None,
        }
        | (account or {}),
    }
    return base | fields


def test_a_status_becomes_a_post(write: Write) -> None:
    post = harvest(write(status())).post

    assert (post.platform, post.native_id) == ("mastodon", "https://example.org/statuses/1")
    assert (post.text, post.language, post.kind) == ("we walk", "en", "original")
    assert (post.author, post.self_description) == ("https://example.org/@ann", "engineer & reader")
    assert post.created_at == datetime(2020, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("indent", [None, 2], ids=["one line", "indented"])
def test_a_json_array_is_read_element_by_element(tmp_path: Path, indent: int | None) -> None:
    path = tmp_path / "statuses"
    path.write_text(json.dumps([status(number) for number in range(300)], indent=indent))

    assert len(harvest(path).posts) == 300


def test_a_boost_is_a_repost_with_the_originals_text(write: Write) -> None:
    original = status(1, account={"url": "https://example.org/@bob"}, language="de")

    post = harvest(write(status(2, content="", reblog=original, language=None))).post

    assert (post.kind, post.reference) == ("repost", "https://example.org/statuses/1")
    assert (post.text, post.language) == ("we walk", "de")
    assert post.author == "https://example.org/@ann"


@pytest.mark.parametrize(
    "quote",
    [
        {"quote": {"state": "accepted", "quoted_status": status(1)}},
        {"quote": status(1)},
        {"pleroma": {"quote": status(1)}},
        {"quote": None, "pleroma": {"quote": status(1)}},
    ],
    ids=["Mastodon", "Fedibird, Akkoma", "Pleroma", "Pleroma, with an empty quote"],
)
def test_a_quote_refers_to_the_quoted_status(write: Write, quote: dict[str, Any]) -> None:
    post = harvest(write(status(2, in_reply_to_id="7", **quote))).post

    assert (post.kind, post.reference) == ("quote", "https://example.org/statuses/1")


def test_a_quote_that_is_not_shown_has_no_reference(write: Write) -> None:
    post = harvest(write(status(quote={"state": "deleted", "quoted_status": None}))).post

    assert (post.kind, post.reference) == ("quote", None)


def test_a_reply_has_no_reference_because_its_parents_id_is_local(write: Write) -> None:
    post = harvest(write(status(in_reply_to_id="7"))).post

    assert (post.kind, post.reference) == ("reply", None)


def test_a_later_edit_is_a_higher_revision(write: Write) -> None:
    path = write(
        status(),
        status(edited_at="2020-06-01T12:00:05Z"),
        status(edited_at="2020-06-02T12:00:05Z"),
    )

    first, second, third = (post.revision for post in harvest(path).posts)

    assert 0 == first < second < third < 2**31


def test_a_content_warning_is_part_of_the_text(write: Write) -> None:
    assert harvest(write(status(spoiler_text="politics"))).post.text == "politics\nwe walk"


@pytest.mark.parametrize("account", [{"noindex": True}, {"discoverable": False}], ids=str)
def test_authors_who_opted_out_are_left_out_even_when_boosted(
    write: Write, account: dict[str, Any]
) -> None:
    hidden = status(1, account=account)

    result = harvest(write(hidden, status(2, reblog=hidden), status(3)))

    assert (len(result.posts), result.reasons) == (1, {"author_opted_out": 2})


def test_that_another_server_s_author_is_not_discoverable_may_only_mean_not_stated(
    write: Write,
) -> None:
    elsewhere = {"acct": "ann@other.example", "discoverable": False}

    assert harvest(write(status(account=elsewhere))).reasons == {}


@pytest.mark.parametrize("wish", [{"noindex": True}, {"note": "<p>#nobot</p>"}], ids=str)
def test_other_wishes_count_on_every_server(write: Write, wish: dict[str, Any]) -> None:
    elsewhere = {"acct": "ann@other.example", **wish}

    assert harvest(write(status(account=elsewhere))).reasons == {"author_opted_out": 1}


@pytest.mark.parametrize("visibility", ["private", "direct", "unheard-of"])
def test_what_is_not_public_is_left_out(write: Write, visibility: str) -> None:
    assert harvest(write(status(visibility=visibility))).reasons == {"not_public": 1}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("<p>one<br />two</p><p>three</p>", "one\ntwo\nthree"),
        ('<a href="x"><span class="invisible">https://</span>a.b</a>', "https://a.b"),
        ("2 &lt; 3 &amp;&amp; 3 &gt; 2", "2 < 3 && 3 > 2"),
        ('<p class="quote-inline">RE: <a href="u">u</a></p><p>mine</p>', "mine"),
        ('<p>mine<span class="quote-inline"><br>RE: <a href="u">u</a></span></p>', "mine"),
        ("<p>We ask:</p><ul><li>pay</li><li>talks</li></ul><p>Now</p>", "We ask:\npay\ntalks\nNow"),
        ('<blockquote class="q"><p>no</p></blockquote><pre><code>a b</code></pre>', "no\na b"),
        ("so<div>a</div><div>b</div><h2>c</h2>d", "so\na\nb\nc\nd"),
        ("a < b", "a < b"),
    ],
    ids=["breaks", "links", "entities", "quote", "quote in line", "list", "code", "div", "no tag"],
)
def test_html_becomes_what_a_reader_sees(content: str, text: str) -> None:
    assert plain_text(content) == text


def test_an_element_that_is_no_status_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "statuses"
    elements: list[Any] = [status(1), 5, status(2, content=None), status(3, content="a\0b")]
    path.write_text(json.dumps([*elements, status(4)]))

    result = harvest(path)

    assert len(result.posts) == 2
    assert result.reasons == {"not_an_object": 1, "missing_field": 1, "nul_byte": 1}
