"""Jetstream events in files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from harvesting import harvest

from collectors.post import Deletion

Write = Callable[..., Path]

DID = "did:plc:ann"
POST_URI = f"at://{DID}/app.bsky.feed.post/k1"
AT = datetime(2020, 6, 1, 12, tzinfo=UTC)
OTHER_URI = "at://did:plc:bob/app.bsky.feed.post/k9"


def event(**fields: Any) -> dict[str, Any]:
    return {"did": DID, "time_us": 1_591_012_800_000_000, "kind": "commit"} | fields


def commit(
    record: dict[str, Any] | None = None,
    *,
    operation: str = "create",
    collection: str = "app.bsky.feed.post",
    **fields: Any,
) -> dict[str, Any]:
    body: dict[str, Any] = {"operation": operation, "collection": collection, "rkey": "k1"}
    if record is not None:
        body["record"] = {"text": "we walk", "createdAt": "2020-06-01T12:00:00Z"} | record
    return event(commit=body, **fields)


def test_a_created_post_becomes_a_post(write: Write) -> None:
    post = harvest(write(commit({"langs": ["en-GB", "de"]}))).post

    assert (post.platform, post.native_id, post.author) == ("bluesky", POST_URI, DID)
    assert (post.text, post.language, post.kind) == ("we walk", "en", "original")


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ({"reply": {"parent": {"uri": OTHER_URI}}}, "reply"),
        ({"embed": {"record": {"uri": OTHER_URI}}}, "quote"),
        ({"embed": {"record": {"record": {"uri": OTHER_URI}}}}, "quote"),
        (
            {"embed": {"record": {"uri": OTHER_URI}}, "reply": {"parent": {"uri": POST_URI}}},
            "quote",
        ),
    ],
    ids=["reply", "quote", "quote beside a picture", "reply that quotes"],
)
def test_replies_and_quotes_refer_to_the_other_post(
    write: Write, record: dict[str, Any], kind: str
) -> None:
    post = harvest(write(commit(record))).post

    assert (post.kind, post.reference) == (kind, OTHER_URI)


def test_an_embedded_list_is_no_quote(write: Write) -> None:
    embed = {"record": {"uri": "at://did:plc:bob/app.bsky.graph.list/l1"}}

    assert harvest(write(commit({"embed": embed}))).post.kind == "original"


def test_a_repost_refers_to_its_original_and_has_no_text(write: Write) -> None:
    post = harvest(
        write(commit({"subject": {"uri": OTHER_URI}}, collection="app.bsky.feed.repost"))
    ).post

    assert (post.kind, post.reference, post.text) == ("repost", OTHER_URI, "")


def test_an_update_is_a_higher_revision(write: Write) -> None:
    created, updated = harvest(write(commit({}), commit({}, operation="update"))).posts

    assert created.native_id == updated.native_id
    assert created.revision == 0 < updated.revision < 2**31


@pytest.mark.parametrize("collection", ["app.bsky.feed.post", "app.bsky.feed.repost"])
def test_a_deletion_is_obeyed(write: Write, collection: str) -> None:
    path = write(commit(operation="delete", collection=collection))

    assert harvest(path).deletions == [Deletion("bluesky", f"at://{DID}/{collection}/k1")]


@pytest.mark.parametrize("status", ["deleted", "suspended", "takendown"])
def test_an_account_that_is_gone_takes_its_posts_with_it(write: Write, status: str) -> None:
    path = write(event(kind="account", account={"active": False, "status": status}))

    assert harvest(path).deletions == [Deletion("bluesky", author=DID, reason=status, at=AT)]


def test_an_account_that_is_active_again_says_so(write: Write) -> None:
    path = write(event(kind="account", account={"active": True}))

    assert harvest(path).deletions == [
        Deletion("bluesky", author=DID, reason="active", at=AT, is_revoked=True)
    ]


@pytest.mark.parametrize(
    ("told", "at"),
    [
        ("2020-06-01T11:59:58.250Z", AT - timedelta(seconds=1.75)),
        ("2020-06-01T12:00:09Z", AT),
        ("yesterday", AT),
    ],
)
def test_an_account_s_own_time_counts_unless_it_is_in_the_future(
    write: Write, told: str, at: datetime
) -> None:
    path = write(event(kind="account", account={"active": True, "time": told}))

    assert [one.at for one in harvest(path).deletions] == [at]


@pytest.mark.parametrize("account", [{"active": False, "status": "deactivated"}, None], ids=str)
def test_an_account_that_may_return_keeps_its_posts(write: Write, account: object) -> None:
    assert harvest(write(event(kind="account", account=account))).reasons == {"not_a_removal": 1}


def test_other_events_are_one_rejection_each(write: Write) -> None:
    path = write(event(kind="identity"), commit({}, collection="app.bsky.feed.like"))

    assert harvest(path).reasons == {"not_a_post": 2}


@pytest.mark.parametrize(
    "bad",
    [
        commit(),
        commit({"text": 1}),
        commit({"createdAt": "1970-01-01T00:00:00Z"}),
        commit({"langs": [1]}),
        commit({}, operation="paint"),
        commit({}, operation="update", time_us=2**60),
        commit({"subject": {}}, collection="app.bsky.feed.repost"),
        event(commit=None),
        event(did=""),
    ],
    ids=str,
)
def test_a_malformed_event_is_one_rejection(write: Write, bad: dict[str, Any]) -> None:
    result = harvest(write(commit({}), bad))

    assert (len(result.posts), len(result.rejections)) == (1, 1)
