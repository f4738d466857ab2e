"""X API v2 records as twarc writes them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from harvesting import harvest

from collectors.post import Deletion

Write = Callable[..., Path]

FIRST_ID = "1267430000000000000"
FIRST_TIME = datetime(2020, 6, 1, 12, 17, 14, tzinfo=UTC)


def tweet(identifier: str = "10", **fields: Any) -> dict[str, Any]:
    base = {
        "id": identifier,
        "text": "we walk",
        "created_at": "2020-06-01T12:00:00.000Z",
        "author_id": "5",
        "lang": "en",
    }
    return base | fields


def page(*tweets: Any, **more: Any) -> dict[str, Any]:
    return {"data": list(tweets), **more}


def test_a_page_gives_each_of_its_posts_with_its_authors_description(write: Write) -> None:
    users = [{"id": "5", "username": "u", "description": "engineer"}]

    first, second = harvest(write(page(tweet("1"), tweet("2"), includes={"users": users}))).posts

    assert (first.platform, first.native_id, first.author) == ("x", "1", "5")
    assert first.self_description == second.self_description == "engineer"


def test_a_streamed_object_is_a_page_of_one(write: Write) -> None:
    path = write({"data": tweet(), "includes": {}, "matching_rules": [{"id": 1}]})

    assert harvest(path).post.native_id == "10"


def test_a_flattened_post_carries_its_author(write: Write) -> None:
    author = {"id": "6", "description": "designer"}
    flat = tweet(author=author)
    del flat["author_id"]

    post = harvest(write(flat), format="x-v2").post

    assert (post.author, post.self_description) == ("6", "designer")


@pytest.mark.parametrize("generation", ["tweets", "posts"])
def test_a_repost_has_the_whole_text_of_its_original(write: Write, generation: str) -> None:
    repost = tweet(text="RT @u: cut of…", **{f"referenced_{generation}": [ref("retweeted", "9")]})
    original = tweet("9", text="the whole of it")

    post = harvest(write(page(repost, includes={generation: [original]}))).post

    assert (post.kind, post.reference, post.text) == ("repost", "9", "the whole of it")


def test_a_repost_of_an_unknown_original_keeps_what_it_has(write: Write) -> None:
    repost = tweet(text="RT @u: cut of…", referenced_tweets=[ref("retweeted", "9")])

    post = harvest(write(page(repost))).post

    assert (post.kind, post.reference, post.text) == ("repost", "9", "RT @u: cut of…")


def ref(kind: str, identifier: str) -> dict[str, str]:
    return {"type": kind, "id": identifier}


@pytest.mark.parametrize(
    ("references", "expected"),
    [
        ([], ("original", None)),
        ([ref("replied_to", "8")], ("reply", "8")),
        ([ref("quoted", "9")], ("quote", "9")),
        ([ref("replied_to", "8"), ref("quoted", "9")], ("quote", "9")),
        ([ref("unheard_of", "9")], ("original", None)),
    ],
    ids=["none", "reply", "quote", "reply that quotes", "unknown"],
)
def test_the_kind_follows_from_what_a_post_refers_to(
    write: Write, references: list[dict[str, str]], expected: tuple[str, str | None]
) -> None:
    post = harvest(write(page(tweet(referenced_tweets=references)))).post

    assert (post.kind, post.reference) == expected


@pytest.mark.parametrize("field", ["edit_history_tweet_ids", "edit_history_post_ids"])
def test_revisions_share_the_first_id_and_its_time(write: Write, field: str) -> None:
    later_id = str(int(FIRST_ID) + 10**12)
    first = tweet(FIRST_ID, created_at="2020-06-01T12:17:14.000Z", **{field: [FIRST_ID]})
    edited = tweet(later_id, created_at="2020-06-01T12:50:00.000Z", **{field: [FIRST_ID, later_id]})

    before, after = harvest(write(page(first), page(edited))).posts

    assert before.native_id == after.native_id == FIRST_ID
    assert before.created_at == after.created_at == FIRST_TIME
    assert (before.revision, after.revision) == (0, 1)


def test_a_reference_to_a_later_revision_is_mapped_where_the_page_tells(write: Write) -> None:
    quoted = tweet("12", edit_history_tweet_ids=["11", "12"])
    quote = tweet(referenced_tweets=[ref("quoted", "12")])

    assert harvest(write(page(quote, includes={"tweets": [quoted]}))).post.reference == "11"


def test_a_long_post_has_its_long_text(write: Write) -> None:
    path = write(
        page(tweet("1", note_tweet={"text": "long"}), tweet("2", note_post={"text": "so"}))
    )

    assert [post.text for post in harvest(path).posts] == ["long", "so"]


def test_a_text_is_as_it_was_written(write: Write) -> None:
    [post] = harvest(write(page(tweet(text="AT&amp;T: pay &lt;3 &amp;amp; &gt; talks")))).posts
    assert post.text == "AT&T: pay <3 &amp; > talks"


def test_countries_that_withhold_a_post_are_kept(write: Write) -> None:
    withheld = {"copyright": False, "country_codes": ["FR", "DE", "bad"]}

    assert harvest(write(page(tweet(withheld=withheld)))).post.withheld_in == ("DE", "FR")


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("und", None),
        ("qme", None),
        ("iw", "he"),
        ("nb-NO", "no"),
        ("fil", "tl"),
        ("zh-TW", "zh"),
        ("", None),
    ],
)
def test_languages_are_primary_subtags(write: Write, code: str, language: str | None) -> None:
    assert harvest(write(page(tweet(lang=code)))).post.language == language


def test_a_compliance_record_may_be_about_a_post_or_an_author(write: Write) -> None:
    path = write({"id": "9", "action": "delete", "created_at": "2019-01-01", "reason": "suspended"})

    assert harvest(path).deletions == [Deletion("x", "9", "9", "suspended")]


@pytest.mark.parametrize("action", ["undelete", "unprotect", "unsuspend"])
def test_a_compliance_record_that_removes_nothing_is_rejected(write: Write, action: str) -> None:
    result = harvest(write({"id": "9", "action": action}))

    assert (result.deletions, result.reasons) == ([], {"not_a_removal": 1})


def test_counts_lists_and_users_are_one_rejection_each(write: Write) -> None:
    count = {"start": "2020-06-01", "end": "2020-06-02", "tweet_count": 3}
    user = {"id": "1", "name": "n", "username": "u", "description": "d"}
    listing = {"id": "1", "name": "n", "member_count": 1}

    result = harvest(write(page(count, count), page(user), page(listing)))

    assert result.reasons == {"not_a_post": 4}
    assert [one.place.partition(":")[2] for one in result.rejections] == ["1.1", "1.2", "2", "3"]


def test_an_error_in_place_of_a_record_is_a_rejection(write: Write) -> None:
    missing = {"parameter": "ids", "title": "Not Found Error", "resource_type": "tweet"}
    about_context = {"parameter": "referenced_tweets.id", "title": "Not Found Error"}

    result = harvest(
        write(page(tweet(), errors=[missing, about_context]), {"errors": [{"title": "Disconnect"}]})
    )

    assert (len(result.posts), result.reasons) == (1, {"platform_error": 2})


def test_an_empty_page_holds_no_record(write: Write) -> None:
    assert harvest(write({"meta": {"result_count": 0}})).records == 0


@pytest.mark.parametrize(
    "nothing",
    [
        {"meta": {}},
        {"errors": []},
        {"errors": {"a": 1}},
        {"data": None},
        {"includes": {}},
        {"meta": {"source": "a"}},
    ],
    ids=str,
)
def test_what_is_neither_a_record_nor_an_empty_page_is_a_rejection(
    write: Write, nothing: dict[str, Any]
) -> None:
    result = harvest(write(page(tweet()), nothing))

    assert (len(result.posts), result.reasons) == (1, {"missing_field": 1})


@pytest.mark.parametrize("key", ["data", "includes", "errors", "meta"])
@pytest.mark.parametrize("value", [None, [], {"result_count": 1}], ids=str)
def test_a_record_of_its_own_is_no_page(write: Write, key: str, value: object) -> None:
    path = write(page(tweet("1")), tweet("2", **{key: value}), {"id": "3", key: value})

    result = harvest(path)

    assert [post.native_id for post in result.posts] == ["1", "2"]
    assert result.reasons == {"missing_field": 1}


def test_a_post_that_is_marked_as_deleted_is_never_stored(write: Write) -> None:
    result = harvest(write(tweet("1"), tweet("2", deleted=True)))

    assert (result.post.native_id, result.reasons) == ("1", {"bad_field": 1})


@pytest.mark.parametrize(
    "bad",
    [
        {"data": "text"},
        {"data": [1]},
        {"data": tweet(referenced_tweets=[{"type": "quoted"}])},
        {"data": tweet(text=None)},
        {"data": tweet(author_id=["5"])},
        {"data": tweet("12", edit_history_tweet_ids=["first", "12"])},
        {"data": tweet("12", edit_history_tweet_ids=[{}, "12"])},
        {"data": {"id": "1"}},
    ],
    ids=str,
)
def test_a_malformed_record_is_one_rejection(write: Write, bad: dict[str, Any]) -> None:
    result = harvest(write({"data": tweet("1")}, bad))

    assert (len(result.posts), len(result.rejections)) == (1, 1)


def test_malformed_context_does_no_harm(write: Write) -> None:
    includes = {"users": "nobody", "tweets": [1, {"id": 2}]}
    odd = tweet(referenced_tweets="none", edit_history_tweet_ids=3, withheld=[], author="me")

    assert harvest(write(page(odd, includes=includes, errors={}))).post.kind == "original"
