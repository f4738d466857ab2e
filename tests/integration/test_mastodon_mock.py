"""Mastodon's collector on a server that others wrote: mastodon_mock, with its own client."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from live import Clock, Visit

from collectors.mastodon import SOURCE
from collectors.post import Window
from tests.conftest import need

IS_INSTALLED = importlib.util.find_spec("mastodon_mock") is not None
# What that server and its client do is theirs.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    need(IS_INSTALLED, "mastodon_mock")
    from mastodon_mock.testing.server import MockServer

    with MockServer(startup_timeout=120) as server:
        yield server


@pytest.fixture
def seen(server: Any) -> Visit:
    clock = Clock(datetime.now(UTC) + timedelta(minutes=1))
    return Visit(SOURCE, clock, {"base_url": server.base_url, "page_posts": 3})


def window() -> Window:
    now = datetime.now(UTC)
    return Window(now - timedelta(days=1), now + timedelta(days=1))


def test_a_hashtag_is_read_page_by_page_and_then_on(server: Any, seen: Visit) -> None:
    seen.terms = ("paging",)
    alice = server.client("alice")
    uris = {alice.status_post(f"post {number} #paging")["uri"] for number in range(8)}
    alice.status_post("nothing to do with it")
    alice.status_post("not for all #paging", visibility="private")

    assert set(seen.run(window()).posts) == uris

    uris.add(server.client("bob").status_post("one more #paging")["uri"])

    assert set(seen.run(window()).posts) == uris
    assert sum(len(page.posts) for page in seen.pages) == len(uris)


def test_a_stream_tells_of_posts_and_deletions(server: Any, seen: Visit) -> None:
    seen.terms = ("streaming",)
    alice = server.client("alice")
    kept = alice.status_post("before #streaming")["uri"]
    told: dict[str, str] = {}

    def act() -> None:
        end = time.monotonic() + 60
        while len(seen.posts) < 2 and time.monotonic() < end:
            # Until the stream is open nobody hears of it: so more than once.
            status = alice.status_post("while it listens #streaming")
            told[status["uri"]] = status["id"]
            time.sleep(0.3)
        for identifier in told.values():
            alice.status_delete(identifier)
        while told.keys() & seen.posts.keys() and time.monotonic() < end:
            time.sleep(0.05)
        seen.stopping = True

    actor = threading.Thread(target=act)
    actor.start()
    seen.run(window(), streaming=True, linger=60.0, page_seconds=0.1)
    actor.join()

    heard = {post.native_id for page in seen.pages for post in page.posts}
    assert kept in heard
    assert heard & told.keys()
    assert not heard & told.keys() & seen.posts.keys()
