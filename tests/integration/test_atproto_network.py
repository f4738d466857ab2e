"""Bluesky's collector on the AT Protocol's own servers, through the firehose of one of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from live import Clock, Visit, surroundings
from servers.atproto_network import IS_INSTALLED, POST, Account, Network
from servers.faults import LocalServer, json_reply

from collectors.bluesky import SOURCE
from collectors.bluesky_check import BlueskyChecker
from collectors.errors import UnavailableError
from collectors.post import Window
from tests.conftest import need

pytestmark = pytest.mark.timeout(240)


class RealClock(Clock):
    """The machine's own, in which sleeping takes time."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)

    def forward(self, **_: float) -> None:
        """It moves by itself."""

    def sleep(self, seconds: float) -> None:
        time.sleep(min(seconds, 3.0))


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    need(IS_INSTALLED, "@atproto/dev-env (tests/servers/atproto)")
    network = Network()
    yield network
    network.close()


@pytest.fixture(scope="module")
def ann(network: Network) -> Account:
    return network.join("ann")


def visit(network: Network, term: str) -> Visit:
    settings = {"stream": "firehose", "relay": network.url, "linger": 0.0, "page_records": 3}
    return Visit(SOURCE, RealClock(), settings, terms=(term,))


def window() -> Window:
    now = datetime.now(UTC)
    return Window(now - timedelta(days=1), now + timedelta(days=1))


def test_posts_of_all_kinds_arrive(network: Network, ann: Account) -> None:
    original = network.create(ann, POST, {"$type": POST, "text": "the arrival"})
    network.post(ann, "nothing to do with it")
    subject = {"uri": original["uri"], "cid": original["cid"]}
    reply = network.post(ann, "arrival, too", reply={"root": subject, "parent": subject})
    embed = {"$type": "app.bsky.embed.record", "record": subject}
    quote = network.post(ann, "quoting the arrival", embed=embed)
    repost = network.create(ann, "app.bsky.feed.repost", {"subject": subject})

    found = visit(network, "arrival").run(window()).posts.values()

    assert {post.native_id: (post.kind, post.reference) for post in found} == {
        original["uri"]: ("original", None),
        reply: ("reply", original["uri"]),
        quote: ("quote", original["uri"]),
        repost["uri"]: ("repost", original["uri"]),
    }
    assert {post.author for post in found} == {ann.did}


def test_edits_and_deletions_are_obeyed(network: Network, ann: Account) -> None:
    kept, edited, deleted, turned = (network.post(ann, f"change {n}") for n in range(4))
    seen = visit(network, "change").run(window())
    assert len(seen.posts) == 4
    network.edit(ann, edited, "change of words")
    network.delete(ann, deleted)
    network.edit(ann, turned, "something else")

    seen.run(window())

    texts = {name: post.text for name, post in seen.posts.items()}
    assert texts == {kept: "change 0", edited: "change of words"}


def test_the_posts_of_an_account_that_left_are_removed(network: Network, ann: Account) -> None:
    bob = network.join("bob")
    stays, goes = network.post(ann, "farewell"), network.post(bob, "farewell")
    seen = visit(network, "farewell").run(window())
    assert set(seen.posts) == {stays, goes}
    network.leave(bob)

    assert set(seen.run(window()).posts) == {stays}


def test_the_check_removes_only_what_its_own_server_has_no_more(
    network: Network, ann: Account
) -> None:
    carol = network.join("carol")
    stays, goes, closed = (network.post(who, "unseen") for who in (ann, ann, carol))
    network.delete(ann, goes)
    network.leave(carol)
    with closing(LocalServer(lambda _: json_reply({"posts": []}))) as behind:
        urls = {"check_url": behind.url, "directory_url": network.directory_url}
        checker = BlueskyChecker(surroundings(RealClock(), SOURCE.defaults() | urls))
        (page,) = checker.check([stays, goes, closed])

    assert [deletion.native_id for deletion in page.deletions] == [goes, closed]


def test_an_old_cursor_replays_what_came_since(network: Network, ann: Account) -> None:
    seen = visit(network, "replay").run(window())
    old = seen.checkpoint
    published = {network.post(ann, f"replay {number}") for number in range(7)}
    seen.run(window())
    pages = len(seen.pages)
    seen.checkpoint = old
    seen.posts.clear()

    seen.run(window())

    assert set(seen.posts) == published
    assert len(seen.pages) > pages


def test_a_server_that_is_killed_in_mid_stream_loses_nothing(
    network: Network, ann: Account
) -> None:
    published = {network.post(ann, f"blackout {number}") for number in range(5)}
    seen = visit(network, "blackout")
    follow = threading.Thread(target=_follow, args=(seen, 12.0))
    follow.start()
    while len(seen.posts) < 3 and follow.is_alive():
        time.sleep(0.05)
    assert seen.posts

    network.kill()
    network.start()
    published |= {network.post(ann, f"blackout {number}, later") for number in range(5)}
    follow.join()
    seen.run(window(), linger=0.0)

    assert set(seen.posts) == published


def _follow(seen: Visit, seconds: float) -> None:
    try:
        seen.run(window(), linger=seconds)
    except UnavailableError:
        """The server was away for longer than the run's patience."""
