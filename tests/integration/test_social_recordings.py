"""Bluesky's and Mastodon's recorded exchanges, read by the live collectors.

The expected numbers come from plain counts over the raw recordings.
"""

from __future__ import annotations

import json
import os
import re
import struct
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import zstandard
from live import Clock, surroundings
from servers.faults import LocalServer, Reply, Request, json_reply

from collectors.bluesky_firehose import Firehose
from collectors.bluesky_jetstream import Jetstream
from collectors.formats.jetstream import read as read_event
from collectors.lines import Flaw
from collectors.mastodon import SOURCE
from collectors.post import Deletion, Page, Post, Window
from collectors.source import Query

ROOT = Path(__file__).resolve().parents[2]
RECORDINGS = Path(os.environ.get("MONITOR_SHARED_DATA", ROOT.parent / "shared/data")) / "recordings"
BLUESKY = RECORDINGS / "bluesky_jetstream/corpus/testdata"
WINDOW = Window(datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))

pytestmark = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="the recordings of ../shared/data are not here"
)


def frames() -> Iterator[bytes]:
    """Yields the relay's recorded frames."""
    with (BLUESKY / "frames.bin.zst").open("rb") as file:
        data = zstandard.ZstdDecompressor().stream_reader(file).read()
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        yield data[at + 4 : at + 4 + length]
        at += 4 + length


def jetstream_lines() -> list[bytes]:
    return (BLUESKY / "expected_v1.jsonl").read_bytes().splitlines()


def outcomes(messages: Iterator[Any]) -> list[Post | Deletion]:
    """Posts and deletions; a record that cannot be read fails the test."""
    found: list[Post | Deletion] = []
    for message in messages:
        for record in message.records:
            assert not isinstance(record, Flaw), record.reason
            outcome = read_event(record)
            if isinstance(outcome, Flaw):
                assert outcome.reason in ("not_a_post", "not_a_removal")
            else:
                found.append(outcome)
    return found


def order(outcome: Post | Deletion) -> str:
    return f"{outcome.native_id} {outcome.author}"


def test_the_relays_frames_and_jetstreams_lines_yield_the_same_posts() -> None:
    firehose = Firehose("relay", reposts=True)
    jetstream = Jetstream(["host"], overlap=0, maximum_bytes=0, reposts=True)

    from_relay = outcomes(firehose.read(frame) for frame in frames())
    from_jetstream = outcomes(jetstream.read(line) for line in jetstream_lines())

    assert len(list(frames())) == 150
    # Not `==` on the whole: a failure would print texts.
    same = sorted(from_relay, key=order) == sorted(from_jetstream, key=order)
    assert same, Counter(map(order, from_relay)) - Counter(map(order, from_jetstream))


def test_the_relays_frames_hold_the_posts_that_a_plain_count_finds() -> None:
    expected: Counter[str] = Counter()
    for line in jetstream_lines():
        commit = json.loads(line).get("commit", {})
        kind = commit.get("collection", "").removeprefix("app.bsky.feed.")
        if kind in ("post", "repost"):
            expected["deletion" if commit["operation"] == "delete" else kind] += 1

    read = outcomes(Firehose("relay", reposts=True).read(frame) for frame in frames())
    found = Counter(
        "deletion" if isinstance(one, Deletion) else "repost" if one.kind == "repost" else "post"
        for one in read
        if not (isinstance(one, Deletion) and one.is_revoked)
    )

    assert found == expected == Counter(post=17, repost=15, deletion=1)


def exchanges(name: str = "*") -> Iterator[tuple[dict[str, Any], str]]:
    """Yields requests and the bodies of their answers out of Mastodon's cassettes."""
    yaml = pytest.importorskip("yaml")
    for cassette in sorted(RECORDINGS.glob(f"mastodon_py_cassettes/*/{name}.yaml")):
        # The redaction of secrets left bare words where the format wants list items.
        text = re.sub(r"(?m)^( +)REDACTED.*$", r"\1- REDACTED", cassette.read_text("utf-8"))
        for one in yaml.load(text, Loader=yaml.CSafeLoader)["interactions"]:
            body = one["response"]["body"]["string"]
            yield one["request"], body if isinstance(body, str) else body.decode()


def recorded_statuses() -> dict[str, dict[str, Any]]:
    """Every status that a recorded answer gives, by its id, as it was given last."""
    found = {}
    for _, body in exchanges():
        try:
            answer = json.loads(body)
        except ValueError:
            continue
        for one in answer if isinstance(answer, list) else [answer]:
            if isinstance(one, dict) and {"uri", "content", "account"} <= one.keys():
                found[one["id"]] = one
    return found


def collected(server: LocalServer, tag: str, **settings: Any) -> list[Page]:
    clock = Clock(datetime(2030, 1, 1, tzinfo=UTC))
    own = {**SOURCE.defaults(), "base_url": server.url, **settings}
    query = Query("topic", "A topic", (tag,), {}, ("en",))
    try:
        return list(SOURCE.make(query, surroundings(clock, own)).fetch(None, WINDOW))
    finally:
        server.close()


def may_be_had(status: dict[str, Any]) -> bool:
    account = status["account"]
    is_hidden = account.get("discoverable") is False and "@" not in account["acct"]
    is_open = account.get("noindex") is not True and not is_hidden
    return status["visibility"] in ("public", "unlisted") and is_open


def test_every_recorded_status_comes_out_of_a_timeline_read_page_by_page() -> None:
    statuses = recorded_statuses()

    def timeline(request: Request) -> Reply:
        assert request.path == "/api/v1/timelines/tag/hoot"
        least = int(request.query.get("min_id", -1))
        newer = sorted((one for one in statuses if int(one) > least), key=int)
        size = int(request.query["limit"])
        page = newer[:size] if least >= 0 else newer[-size:]
        return json_reply([statuses[one] for one in reversed(page)])

    pages = collected(LocalServer(timeline), "#hoot", page_posts=7)

    posts = Counter(post.native_id for page in pages for post in page.posts)
    assert posts == Counter(one["uri"] for one in statuses.values() if may_be_had(one))
    put_back = sum(len(page.rejections) for page in pages)
    assert put_back == sum(not may_be_had(one) for one in statuses.values()) > 0
    assert len(posts) > 50


def test_the_recorded_hashtag_timeline_is_replayed() -> None:
    bodies = [body for asked, body in exchanges("test_hashtag_tl") if "/tag/hoot" in asked["uri"]]
    (statuses,) = map(json.loads, bodies)

    def replay(request: Request) -> Reply:
        newest = max(int(one["id"]) for one in statuses)
        is_read = int(request.query.get("min_id", -1)) >= newest
        return Reply(b"[]" if is_read else bodies[0].encode())

    pages = collected(LocalServer(replay), "hoot")

    posts = [post for page in pages for post in page.posts]
    assert [post.native_id for post in posts] == [one["uri"] for one in statuses]


@pytest.mark.parametrize("name", ["test_stream_user_local", "test_stream_user_direct"])
def test_the_statuses_of_a_recorded_stream_are_replayed(name: str) -> None:
    *_, stream = [body for asked, body in exchanges(name) if "/streaming/" in asked["uri"]]
    events = re.findall(r"(?m)^event: (?:status\.)?update\ndata: (.*)$", stream)
    told = [json.loads(data) for data in events]

    def replay(request: Request) -> Reply:
        if request.path == "/api/v1/streaming/hashtag":
            return Reply(type="text/event-stream", chunks=iter([stream.encode()]))
        if request.path.startswith("/api/v1/timelines/"):
            return json_reply([])
        return json_reply({"error": "Record not found"}, 404)

    settings = {"streaming": True, "linger": 0.5, "page_seconds": 0.2}
    pages = collected(LocalServer(replay), "hoot", **settings)

    posts = {post.native_id for page in pages for post in page.posts}
    assert told
    assert posts == {one["uri"] for one in told if may_be_had(one)}
