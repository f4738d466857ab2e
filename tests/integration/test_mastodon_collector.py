"""Mastodon's collector against servers on loopback: several at once, edits, removals, streams."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from live import Clock, Visit, surroundings
from servers.faults import LocalServer, Reply, Request, json_reply
from servers.mastodon import Mastodon

from collectors.errors import AuthenticationError, CollectorError
from collectors.mastodon import SOURCE
from collectors.mastodon_check import MastodonChecker
from collectors.policy import unmet
from collectors.post import Checkpoint


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def site(clock: Clock) -> Iterator[Mastodon]:
    site = Mastodon(clock)
    yield site
    site.close()


@pytest.fixture
def other(clock: Clock) -> Iterator[Mastodon]:
    other = Mastodon(clock)
    yield other
    other.close()


def visit(clock: Clock, *sites: Mastodon | LocalServer, **settings: Any) -> Visit:
    servers = [site.server if isinstance(site, Mastodon) else site for site in sites]
    return Visit(SOURCE, clock, {"instances": [server.url for server in servers], **settings})


def host(site: Mastodon) -> str:
    return site.server.url.removeprefix("http://")


def test_a_post_that_two_servers_show_is_one_post(
    site: Mastodon, other: Mastodon, clock: Clock
) -> None:
    shared = site.add("#walkout seen twice", "ann", clock())
    other.learn(site.statuses[shared])
    alone = other.add("#walkout seen once", "bob", clock())

    seen = visit(clock, site, other).run()

    assert set(seen.posts) == {shared, alone}
    assert sum(len(page.posts) for page in seen.pages) == 3


def test_an_edit_is_seen_by_the_next_run(site: Mastodon, clock: Clock) -> None:
    uri = site.add("#walkout first words", "ann", clock())
    seen = visit(clock, site).run()
    clock.forward(minutes=10)
    site.edit(uri, "#walkout second words", clock())

    assert seen.run().posts[uri].text == "#walkout second words"


def test_an_older_copy_on_another_server_does_not_undo_an_edit(
    site: Mastodon, other: Mastodon, clock: Clock
) -> None:
    uri = site.add("#walkout first words", "ann", clock())
    other.learn(site.statuses[uri])
    site.edit(uri, "#walkout second words", clock())

    assert visit(clock, site, other).run().posts[uri].text == "#walkout second words"


def test_an_edit_of_the_far_future_is_not_above_all_to_come(site: Mastodon, clock: Clock) -> None:
    uri = site.add("#walkout first words", "ann", clock())
    site.edit(uri, "#walkout second words", clock() + timedelta(days=9999))
    seen = visit(clock, site).run()
    assert seen.posts[uri].text == "#walkout second words"
    clock.forward(minutes=10)
    site.edit(uri, "#walkout third words", clock())

    assert seen.run().posts[uri].text == "#walkout third words"


def test_an_old_edit_is_found_by_the_daily_sweep(site: Mastodon, clock: Clock) -> None:
    uri = site.add("#walkout first words", "ann", clock())
    seen = visit(clock, site).run()
    clock.forward(hours=5)
    site.add("#walkout in between", "ann", clock())
    seen.run()
    site.edit(uri, "#walkout second words", clock())
    clock.forward(hours=5)
    assert seen.run().posts[uri].text == "#walkout first words"

    clock.forward(hours=20)

    assert seen.run().posts[uri].text == "#walkout second words"


def test_a_server_that_refuses_research_is_neither_asked_nor_kept(
    site: Mastodon, other: Mastodon, clock: Clock
) -> None:
    other.add("#walkout on the refusing server", "bob", clock())
    for status in other.statuses.values():
        site.learn(status)
    kept = site.add("#walkout", "ann", clock())

    seen = visit(clock, site, other, refusing_instances=[host(other)]).run()

    assert set(seen.posts) == {kept}
    assert seen.rejected == ["server_refuses"]
    assert other.server.requests == []


@pytest.mark.parametrize(
    "wish", [{"noindex": True}, {"discoverable": False}, {"note": "<p>#noresearch please</p>"}]
)
def test_an_author_who_opted_out_is_left_out(
    site: Mastodon, clock: Clock, wish: dict[str, Any]
) -> None:
    site.add("#walkout", "ann", clock(), account=wish)

    seen = visit(clock, site).run()

    assert seen.posts == {}
    assert seen.rejected == ["author_opted_out"]


def away(site: Mastodon, uri: str, **account: Any) -> dict[str, Any]:
    """A status as another server shows it."""
    status = site.statuses[uri]
    acct = f"{status['account']['acct']}@{host(site)}"
    return {**status, "account": {**status["account"], "acct": acct, **account}}


def test_an_author_who_opted_out_is_removed_where_another_server_did_not_say_so(
    site: Mastodon, other: Mastodon, clock: Clock
) -> None:
    uri = site.add("#walkout", "ann", clock(), account={"discoverable": False})
    other.learn(away(site, uri, discoverable=None))

    assert visit(clock, other, site).run().posts == {}


def test_what_only_another_server_calls_not_discoverable_is_kept(
    site: Mastodon, other: Mastodon, clock: Clock
) -> None:
    uri = site.add("#walkout", "ann", clock(), account={"discoverable": None})
    other.learn(away(site, uri, discoverable=False))

    seen = visit(clock, site, other).run()

    assert (set(seen.posts), seen.removed) == ({uri}, set())


def test_authors_must_agree_to_be_found_where_the_operator_wants_that(
    site: Mastodon, clock: Clock
) -> None:
    site.add("#walkout", "ann", clock(), account={"indexable": False})
    kept = site.add("#walkout", "bob", clock(), account={"indexable": True})

    assert set(visit(clock, site, skip_not_indexable=True).run().posts) == {kept}


def test_posts_not_meant_for_all_are_not_kept(site: Mastodon, clock: Clock) -> None:
    site.add("#walkout", "ann", clock(), visibility="private")
    kept = site.add("#walkout", "ann", clock(), visibility="unlisted")

    assert set(visit(clock, site).run().posts) == {kept}


def test_words_choose_among_the_posts_of_a_hashtag(site: Mastodon, clock: Clock) -> None:
    kept = site.add("#walkout at the company", "ann", clock())
    site.add("#walkout of the choir", "ann", clock())
    seen = visit(clock, site)
    seen.options = {"words": ("company",)}

    assert set(seen.run().posts) == {kept}


def test_an_edit_that_leaves_the_words_removes_the_post(site: Mastodon, clock: Clock) -> None:
    uri = site.add("#facebook on the walkout", "ann", clock())
    seen = visit(clock, site)
    seen.options = {"hashtags": ["facebook"], "words": ["walkout"]}
    assert set(seen.run().posts) == {uri}
    clock.forward(minutes=10)
    site.edit(uri, "#facebook, and nothing more", clock())

    assert seen.run().posts == {}


@pytest.mark.parametrize("is_stale_first", [True, False])
def test_an_older_copy_without_the_words_does_not_undo_an_edit(
    site: Mastodon, other: Mastodon, clock: Clock, is_stale_first: bool
) -> None:
    uri = site.add("#facebook on the strike", "ann", clock())
    site.edit(uri, "#facebook", clock())
    other.learn(site.statuses[uri])
    clock.forward(minutes=1)
    site.edit(uri, "#facebook on the walkout", clock())
    seen = visit(clock, *((other, site) if is_stale_first else (site, other)))
    seen.options = {"hashtags": ["facebook"], "words": ["walkout"]}

    assert seen.run().texts == ["#facebook on the walkout"]
    assert seen.run().texts == ["#facebook on the walkout"]


def test_an_edit_that_brings_the_words_back_brings_the_post_back(
    site: Mastodon, clock: Clock
) -> None:
    uri = site.add("#facebook on the walkout", "ann", clock())
    seen = visit(clock, site)
    seen.options = {"hashtags": ["facebook"], "words": ["walkout"]}
    for text in ("#facebook", "#facebook on the walkout again"):
        seen.run()
        clock.forward(minutes=10)
        site.edit(uri, text, clock())

    assert seen.run().texts == ["#facebook on the walkout again"]


def test_a_server_that_wants_a_token_says_where_it_goes(site: Mastodon, clock: Clock) -> None:
    site.token = "s3cret"
    site.add("#walkout", "ann", clock())
    seen = visit(clock, site)
    with pytest.raises(AuthenticationError) as raised:
        seen.run()
    assert "MONITOR_MASTODON_TOKEN" in raised.value.hint
    assert not raised.value.retryable

    seen.secrets = {"token": "s3cret"}

    assert len(seen.run().posts) == 1


def test_each_of_several_servers_has_a_token_of_its_own(
    site: Mastodon, other: Mastodon, clock: Clock
) -> None:
    other.token = "s3cret"
    other.add("#walkout", "ann", clock())
    seen = visit(clock, site, other)
    seen.secrets = {f"token_{host(other).replace('.', '_').replace(':', '_')}": "s3cret"}

    assert len(seen.run().posts) == 1
    assert all("authorization" not in one.headers for one in site.server.requests)


def test_a_server_that_fails_makes_the_time_partial_and_the_others_go_on(
    site: Mastodon, clock: Clock
) -> None:
    broken = LocalServer(lambda _: json_reply({"error": "no"}, 500))
    kept = site.add("#walkout", "ann", clock())

    seen = visit(clock, broken, site).run()
    broken.close()

    assert set(seen.posts) == {kept}
    (covered,) = seen.coverage
    assert (covered.status, covered.reason) == ("partial", "unavailable")


def test_servers_whose_ids_tell_no_time_are_read_from_the_last_id(
    site: Mastodon, clock: Clock
) -> None:
    uris = [site.add("#walkout", "ann", clock()) for _ in range(5)]
    for number, uri in enumerate(uris):
        site.statuses[uri]["id"] = str(1000 + number)

    seen = visit(clock, site, page_posts=2).run()
    asked = len(site.server.requests)
    late = site.add("#walkout", "ann", clock())
    site.statuses[late]["id"] = "2000"

    assert set(seen.run().posts) == {*uris, late}
    assert len(site.server.requests) - asked == 2


UNKEPT = [
    {"account": {"discoverable": False}},
    {"account": {"note": "<p>#nobot</p>"}},
    {"visibility": "private"},
]


@pytest.mark.parametrize("unkept", UNKEPT, ids=["undiscoverable", "nobot", "not public"])
def test_ids_tell_the_time_also_where_the_newest_post_may_not_be_kept(
    site: Mastodon, clock: Clock, unkept: dict[str, Any]
) -> None:
    for _ in range(5):
        site.add("#walkout long ago", "ann", clock() - timedelta(days=400))
    kept = site.add("#walkout", "ann", clock())
    clock.forward(minutes=1)
    site.add("#walkout", "bob", clock(), **unkept)

    seen = visit(clock, site, page_posts=2).run()
    assert len(site.server.requests) == 3, "the newest, one page and an empty one"
    site.edit(kept, "#walkout edited", clock())

    assert seen.run().texts == ["#walkout edited"]


def test_a_hashtag_once_taken_for_one_without_times_is_tested_again(
    site: Mastodon, clock: Clock
) -> None:
    uri = site.add("#walkout", "ann", clock())
    seen = visit(clock, site).run()
    assert seen.checkpoint is not None
    (track,) = seen.checkpoint.state["tracks"].values()
    track["timed"] = False
    site.edit(uri, "#walkout edited", clock())

    clock.forward(days=1)

    assert seen.run().texts == ["#walkout edited"]


def test_a_walk_from_the_lowest_id_leaps_to_the_window_once_ids_tell_the_time(
    site: Mastodon, clock: Clock
) -> None:
    first, *_ = (site.add("#walkout", "ann", clock() - timedelta(days=400)) for _ in range(9))
    kept = site.add("#walkout", "ann", clock())
    at = site.statuses[first]["id"]
    track = {"since": at, "at": at, "timed": False}
    seen = visit(clock, site, page_posts=2)
    seen.checkpoint = Checkpoint({"tracks": {f"{host(site)} walkout": track}})

    assert set(seen.run().posts) == {kept}
    assert len(site.server.requests) == 3, "the newest, one page and an empty one"


def test_an_author_without_a_proper_address_stops_nobody(site: Mastodon, clock: Clock) -> None:
    odd = site.add("#walkout", "ann", clock(), account={"url": "https://[odd/@ann"})
    kept = site.add("#walkout", "bob", clock())
    assert set(visit(clock, site, refusing_instances=["other.example"]).run().posts) == {odd, kept}


def test_no_hashtag_and_no_server_are_said(clock: Clock, site: Mastodon) -> None:
    seen = visit(clock, site)
    seen.terms = ()
    with pytest.raises(CollectorError, match="hashtag"):
        seen.run()
    with pytest.raises(CollectorError, match="no Mastodon server"):
        visit(clock).run()


def test_the_policy_asks_for_servers_whose_rules_were_read() -> None:
    (line,) = unmet(SOURCE.policy, SOURCE.defaults())
    assert line.startswith("sources.mastodon.instances = ")
    assert unmet(SOURCE.policy, {"instances": ["mastodon.example"]}) == []


def test_the_check_removes_what_its_own_server_calls_gone(
    site: Mastodon, other: Mastodon, clock: Clock
) -> None:
    kept, gone = (site.add("#walkout", "ann", clock()) for _ in range(2))
    elsewhere = other.add("#walkout", "bob", clock())
    seen = visit(clock, site, other).run()
    site.delete(gone)
    other.server.fail_next("error_503", 9)

    seen.check()

    assert set(seen.posts) == {kept, elsewhere}


NOTE = Reply(b'{"type": "Note"}', type="application/activity+json; charset=utf-8")
MISSING = json_reply({"success": False, "error": "Not found"}, 404)
GONE = json_reply({"error": "Gone"}, 410)
ELSEWHERE = Reply(b"", 302, headers={"Location": "/@ann/missing"})


def checked(clock: Clock, answers: dict[str, list[Reply]], *batches: list[str]) -> list[str]:
    """What a checker removes, asked in batches of paths.

    A path's answers come one after the other, the last one again and again; others are missing.
    """

    def answer(asked: Request) -> Reply:
        turns = answers.get(asked.path, [MISSING])
        return turns.pop(0) if len(turns) > 1 else turns[0]

    with closing(LocalServer(answer)) as server:
        settings = SOURCE.defaults() | {"instances": [server.url]}
        checker = MastodonChecker(surroundings(clock, settings))
        pages = [p for batch in batches for p in checker.check([server.url + b for b in batch])]
        assert all("application/activity+json" in one.headers["accept"] for one in server.requests)
    ids = [deletion.native_id or "" for page in pages for deletion in page.deletions]
    return [one.removeprefix(server.url) for one in ids]


def test_the_check_believes_a_server_that_says_gone(clock: Clock) -> None:
    assert checked(clock, {"/1": [GONE]}, ["/1", "/2"]) == ["/1"]


def test_the_check_passes_over_what_is_no_address(clock: Clock) -> None:
    checker = MastodonChecker(surroundings(clock, SOURCE.defaults()))
    (page,) = checker.check(["https://[odd/1", "17", ""])
    assert page.deletions == ()


def test_the_check_leaves_what_is_missing_on_a_server_that_shows_no_post(clock: Clock) -> None:
    assert checked(clock, {}, ["/1", "/2"]) == []


def test_the_check_leaves_what_is_missing_after_a_redirect(clock: Clock) -> None:
    assert checked(clock, {"/1": [NOTE], "/2": [ELSEWHERE]}, ["/1", "/2"]) == []


def test_the_check_takes_no_web_page_for_a_post(clock: Clock) -> None:
    page = Reply(b"<html></html>", type="text/html")

    assert checked(clock, {"/1": [page]}, ["/1", "/2"]) == []


def test_the_check_leaves_posts_of_a_server_that_answers_only_its_own(clock: Clock) -> None:
    refusal = json_reply({"error": "Request not signed"}, 401)

    assert checked(clock, {"/1": [refusal]}, ["/1", "/2"]) == []


def test_the_check_comes_back_to_what_was_missing_before_its_server_showed_a_post(
    clock: Clock,
) -> None:
    assert checked(clock, {"/2": [NOTE]}, ["/1"], ["/2"], ["/3"]) == ["/1", "/3"]


def test_the_check_asks_twice_before_it_takes_a_post_for_gone(clock: Clock) -> None:
    assert checked(clock, {"/1": [NOTE], "/2": [MISSING, NOTE]}, ["/1", "/2"]) == []


@pytest.mark.parametrize("how", ["named by a post", "named by a redirect"])
def test_the_check_does_not_ask_servers_in_a_private_network(
    site: Mastodon, clock: Clock, how: str
) -> None:
    with closing(LocalServer(lambda _: Reply(b"", 404))) as inner:
        target = inner.url.replace("127.0.0.1", "localhost")
        uri = f"{target}/admin" if how == "named by a post" else f"{site.server.url}/users/a/1"
        site.server._answer = lambda _: Reply(b"", 302, headers={"Location": f"{target}/admin"})
        checker = MastodonChecker(
            surroundings(clock, SOURCE.defaults() | {"instances": [site.server.url]})
        )
        checker._plain.add(target)  # As if it spoke TLS.

        found = [deletion for page in checker.check([uri]) for deletion in page.deletions]

        assert found == []
        assert inner.requests == []


def test_streams_tell_of_posts_edits_and_deletions(site: Mastodon, clock: Clock) -> None:
    first = site.add("#walkout first", "ann", clock())
    seen = visit(clock, site, streaming=True, linger=60.0, page_seconds=0.1)
    told: dict[str, str] = {}

    def act() -> None:
        _wait_for(lambda: site.streams > 0)
        told["new"] = site.add("#walkout while it listens", "bob", clock())
        site.edit(first, "#walkout edited", clock() + timedelta(minutes=1))
        _wait_for(lambda: told["new"] in seen.posts)
        site.hang_up_streams()
        _wait_for(lambda: site.streams == 0)
        _wait_for(lambda: site.streams > 0)
        site.delete(told["new"])
        _wait_for(lambda: told["new"] in seen.removed)
        seen.stopping = True

    actor = threading.Thread(target=act)
    actor.start()
    seen.run()
    actor.join()

    assert {uri: post.text for uri, post in seen.posts.items()} == {first: "#walkout edited"}
    assert told["new"] in seen.removed


def test_a_stream_that_is_refused_is_told_once(
    site: Mastodon, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    site.stream_token = "the right one"
    first = site.add("#walkout first", "ann", clock())
    seen = visit(clock, site, streaming=True, linger=2.5).run()  # It is tried again meanwhile.
    tries = [one for one in site.server.requests if "streaming" in one.path]
    (told,) = caplog.records
    variable = f"MONITOR_MASTODON_TOKEN_{re.sub('[^A-Z0-9]', '_', host(site))}"
    assert len(tries) > 1
    assert "answered 401" in told.getMessage()
    assert variable in told.getMessage()
    assert set(seen.posts) == {first}


def test_a_server_may_not_lead_its_stream_into_a_private_network(clock: Clock) -> None:
    def answer(asked: Request) -> Reply:
        told = {"urls": {"streaming_api": inner.url.replace("http", "ws")}}
        return json_reply(told if asked.path.startswith("/api/v1/instance") else [])

    with closing(LocalServer(lambda _: Reply())) as inner, closing(LocalServer(answer)) as site:
        visit(clock, site, streaming=True, linger=1.0).run()
        assert any(one.path.startswith("/api/v1/instance") for one in site.requests)
        assert inner.requests == []


def _wait_for(is_so: Any, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not is_so() and time.monotonic() < end:
        time.sleep(0.02)


def test_what_was_covered_counts_for_no_more_than_what_is_asked_now(
    site: Mastodon, clock: Clock
) -> None:
    site.add("#walkout", "ann", clock())
    seen = visit(clock, site)

    def told(*terms: str) -> list[str]:
        old, seen.terms = len(seen.pages), terms
        return [page.earlier for page in seen.run().pages[old:]]

    assert set(told("walkout")) == {"complete"}
    assert told("walkout", "strike")[0] == "partial"
    assert set(told("walkout", "strike")) == {"complete"}
    assert told("lockout")[0] == "gap"
