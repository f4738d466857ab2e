"""Reddit's real exchanges, as PRAW's tests recorded them, served again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from contract.world import WorldClock, surroundings
from servers.faults import LocalServer, Reply, Request, json_reply

from collectors.http import Limits
from collectors.lines import Flaw
from collectors.post import Deletion, Post
from collectors.reddit import SOURCE
from collectors.reddit_client import RedditClient
from collectors.reddit_things import read_thing


@pytest.fixture
def recordings(shared_data: Path) -> Path:
    return shared_data / "recordings" / "reddit_praw"


@pytest.fixture
def replayed() -> Iterator[Replay]:
    replay = Replay()
    yield replay
    replay.server.close()


class Replay:
    """Answers with what was recorded for a path and a cursor."""

    def __init__(self) -> None:
        self.server = LocalServer(self._answer)
        self._bodies: dict[tuple[str, str], Reply] = {}

    def client(self, recording: Path) -> RedditClient:
        for exchange in json.loads(recording.read_text())["interactions"]:
            parts = urlsplit(exchange["request"]["uri"])
            cursor = dict(parse_qsl(parts.query)).get("after", "")
            response = exchange["response"]
            self._bodies[parts.path.strip("/"), cursor] = Reply(
                response["body"]["string"].encode(),
                response["status"]["code"],
                response["headers"]["Content-Type"][0],
                {
                    name: values[0]
                    for name, values in response["headers"].items()
                    if name.lower().startswith("x-ratelimit")
                },
            )
        url = self.server.url
        own = {**SOURCE.defaults(), "base_url": url, "login_url": url}
        secrets = {"client_id": "invented", "client_secret": "invented"}
        return RedditClient(surroundings(WorldClock(), own, secrets=secrets), Limits())

    def _answer(self, request: Request) -> Reply:
        key = (request.path.strip("/"), request.query.get("after", ""))
        if key not in self._bodies:
            return json_reply({"message": "not recorded", "error": 404}, 404)
        return self._bodies[key]


def kinds(things: Any) -> Counter[str]:
    """How many things are what; nothing may be a flaw, which is named by its reason."""
    counted: Counter[str] = Counter()
    for thing in things:
        outcome = read_thing(thing)
        if isinstance(outcome, Post):
            counted[outcome.kind] += 1
        elif isinstance(outcome, Deletion):
            counted[outcome.reason] += 1
        elif isinstance(outcome, Flaw):
            counted[f"flaw: {outcome.reason}"] += 1
    return counted


@pytest.mark.parametrize(
    ("name", "path", "expected"),
    [
        ("TestSubredditListings.test_new", "r/askreddit/new", {"original": 100}),
        ("TestSubredditListings.test_comments", "r/askreddit/comments", {"reply": 100}),
        ("TestSubreddit.test_search", "r/all/search", {"original": 6}),
    ],
    ids=["new", "comments", "search"],
)
def test_a_recorded_page_is_read_whole(
    recordings: Path, replayed: Replay, name: str, path: str, expected: dict[str, int]
) -> None:
    client = replayed.client(recordings / f"{name}.json")
    assert kinds(client.listing(path, None, 100).things) == expected


def test_a_recorded_thread_is_read_with_its_replies(recordings: Path, replayed: Replay) -> None:
    client = replayed.client(recordings / "TestSubmission.test_comments.json")
    assert kinds(client.comments("t3_2gmzqe")) == {"reply": 2}


def test_a_recorded_listing_is_read_to_its_end(recordings: Path, replayed: Replay) -> None:
    """Eleven pages; Reddit gives no more than about a thousand things of a listing."""
    client = replayed.client(recordings / "TestListingGenerator.test_exhaust_items.json")
    things, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        page = client.listing("user/spez", cursor, 100)
        things += page.things
        cursor, pages = page.after, pages + 1
    assert pages == 11
    assert kinds(things) == {"original": 11, "reply": 990}
