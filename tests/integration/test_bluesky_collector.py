"""Bluesky's collector against servers on loopback: hosts that fail, edits, removals, the past."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from live import START, Clock, Visit
from servers.faults import LocalServer, Reply, Request, json_reply
from servers.jetstream import POST, REPOST, Jetstream, iso

from collectors.bluesky import SOURCE
from collectors.errors import (
    AuthenticationError,
    CollectorError,
    RefusedRequestError,
    UnavailableError,
)
from collectors.post import Window

ANN, BOB = "did:plc:ann", "did:plc:bob"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def site(clock: Clock) -> Iterator[Jetstream]:
    site = Jetstream(clock)
    yield site
    site.close()


def visit(site: Jetstream, clock: Clock, **settings: Any) -> Visit:
    own = {"hosts": [site.url], "linger": 0.0, **settings}
    return Visit(SOURCE, clock, own)


def test_only_posts_that_match_are_kept(site: Jetstream, clock: Clock) -> None:
    site.post(ANN, "k1", "The Walkout starts", clock())
    site.post(ANN, "k2", "nothing to do with it", clock())
    site.post(ANN, "k3", "only the tag says it", clock(), tags=["walkout"])

    seen = visit(site, clock).run()

    assert seen.texts == ["The Walkout starts", "only the tag says it"]
    assert seen.rejected == []


def test_an_edit_replaces_the_text(site: Jetstream, clock: Clock) -> None:
    uri = site.post(ANN, "k1", "walkout, first words", clock())
    seen = visit(site, clock).run()
    clock.forward(minutes=1)
    record = {"text": "walkout, second words", "createdAt": iso(START)}
    site.commit("update", ANN, f"{POST}/k1", record)

    assert seen.run().posts[uri].text == "walkout, second words"


def test_an_edit_that_leaves_the_topic_removes_the_post(site: Jetstream, clock: Clock) -> None:
    site.post(ANN, "k1", "walkout", clock())
    seen = visit(site, clock).run()
    site.commit("update", ANN, f"{POST}/k1", {"text": "cats", "createdAt": iso(START)})

    assert seen.run().texts == []


def test_a_deleted_post_is_removed(site: Jetstream, clock: Clock) -> None:
    site.post(ANN, "k1", "walkout one", clock())
    site.post(BOB, "k1", "walkout two", clock())
    seen = visit(site, clock).run()
    site.commit("delete", ANN, f"{POST}/k1")

    assert seen.run().texts == ["walkout two"]


@pytest.mark.parametrize("status", ["deleted", "suspended", "takendown"])
def test_the_posts_of_an_account_that_is_gone_are_removed(
    site: Jetstream, clock: Clock, status: str
) -> None:
    site.post(ANN, "k1", "walkout one", clock())
    site.post(BOB, "k1", "walkout two", clock())
    seen = visit(site, clock).run()
    site.account(ANN, status)

    assert seen.run().texts == ["walkout two"]


def test_an_account_that_is_back_is_read_again(site: Jetstream, clock: Clock) -> None:
    site.post(ANN, "k1", "walkout one", clock())
    seen = visit(site, clock).run()
    site.account(ANN, "suspended")
    seen.run()
    site.account(ANN, "active")
    site.post(ANN, "k2", "walkout two", clock())

    assert seen.run().texts == ["walkout two"]


def test_a_repost_counts_if_its_original_matched_even_in_an_earlier_run(
    site: Jetstream, clock: Clock
) -> None:
    original = site.post(ANN, "k1", "walkout", clock())
    other = site.post(ANN, "k2", "cats", clock())
    seen = visit(site, clock).run()
    for number, uri in enumerate((original, other)):
        record = {"subject": {"uri": uri}, "createdAt": iso(clock())}
        site.commit("create", BOB, f"{REPOST}/r{number}", record)

    kinds = [(post.kind, post.reference) for post in seen.run().posts.values()]

    assert kinds == [("original", None), ("repost", original)]


def test_another_host_takes_over_and_nothing_comes_twice(site: Jetstream, clock: Clock) -> None:
    other = Jetstream(clock)
    for number in range(6):
        for host in (site, other):
            host.post(ANN, f"k{number}", f"walkout {number}", clock())
        clock.forward(seconds=1)
    seen = visit(site, clock, hosts=[site.url, other.url], page_records=2)
    site.fail_next("hang_up")
    site.fail_next("error_503", 50)

    seen.run()
    other.close()

    assert len(seen.texts) == 6
    assert seen.checkpoint is not None and seen.checkpoint.state["host"] == other.url
    assert len(site.requests) >= 1 <= len(other.requests)


def test_a_host_that_refuses_is_left_alone_and_the_next_one_asked(
    site: Jetstream, clock: Clock
) -> None:
    refusing = LocalServer(lambda _: json_reply({"error": "no"}, 403))
    site.post(ANN, "k1", "walkout", clock())
    hosts = [refusing.url, site.url]

    assert visit(site, clock, hosts=hosts).run().texts == ["walkout"]
    assert len(refusing.requests) == 1
    refusing.close()


def test_hosts_that_all_refuse_stop_the_source_and_say_what_to_change(clock: Clock) -> None:
    refusing = LocalServer(lambda _: json_reply({"error": "no"}, 403))
    with pytest.raises(AuthenticationError) as raised:
        Visit(SOURCE, clock, {"hosts": [refusing.url]}).run()
    refusing.close()

    assert "sources.bluesky.hosts" in raised.value.hint
    assert not raised.value.retryable


def test_a_host_that_is_down_is_given_up_after_some_attempts(clock: Clock) -> None:
    down = Jetstream(clock)
    down.close()
    with pytest.raises(UnavailableError):
        Visit(SOURCE, clock, {"hosts": [down.url]}).run()

    assert len(clock.slept) == 7
    assert clock.slept[0] < 1.01 < clock.slept[-1]


def test_a_server_that_repeats_itself_for_ever_is_left(site: Jetstream, clock: Clock) -> None:
    site.post(ANN, "k1", "walkout", clock())
    clock.forward(minutes=1)
    site.quirk = "repeat_page"
    seen = visit(site, clock, silence=0.2)
    with pytest.raises(UnavailableError, match="nothing new"):
        seen.run()
    site.quirk = None
    site.post(ANN, "k2", "walkout, later", clock())

    assert seen.run().texts == ["walkout", "walkout, later"]


def test_what_a_server_no_longer_has_is_a_gap(site: Jetstream, clock: Clock) -> None:
    site.post(ANN, "k1", "walkout one", clock())
    seen = visit(site, clock).run()
    stopped = clock()
    clock.forward(days=10)
    site.post(ANN, "k2", "walkout two", clock())
    clock.forward(days=1)
    begins = clock()
    site.oldest_us = int(begins.timestamp() * 1_000_000)
    site.post(ANN, "k3", "walkout three", clock())

    seen.run()

    assert seen.texts == ["walkout one", "walkout three"]
    (gap,) = (one for one in seen.covered("gap") if one.start >= stopped)
    assert (gap.start, gap.end, gap.reason) == (stopped, begins, "cursor_too_old")


def test_a_message_too_large_to_hold_is_passed_over_and_said(site: Jetstream, clock: Clock) -> None:
    site.post(ANN, "k1", "walkout one", clock())
    clock.forward(minutes=1)
    site.post(ANN, "k2", "walkout " + "x" * 20_000, clock())
    clock.forward(minutes=1)
    site.post(ANN, "k3", "walkout three", clock())
    clock.forward(minutes=1)

    seen = visit(site, clock, maximum_bytes=10_000).run()

    assert seen.texts == ["walkout one", "walkout three"]
    assert {one.reason for one in seen.covered("partial")} == {"message_too_large"}


def test_nonsense_among_the_messages_is_counted_once(site: Jetstream, clock: Clock) -> None:
    site.post(ANN, "k1", "walkout", clock())
    site.fail_next("malformed")

    seen = visit(site, clock).run()

    assert seen.texts == ["walkout"]
    assert seen.rejected == ["bad_json"]


def test_new_terms_begin_anew(site: Jetstream, clock: Clock) -> None:
    site.post(ANN, "k1", "walkout", clock())
    site.post(ANN, "k2", "strike", clock())
    seen = visit(site, clock).run()
    clock.forward(hours=1)
    seen.terms = ("walkout", "strike")

    assert seen.run().texts == ["strike", "walkout"]


def test_what_other_terms_covered_counts_no_more(site: Jetstream, clock: Clock) -> None:
    site.post(ANN, "k1", "walkout", clock())
    seen = visit(site, clock).run().run()
    assert {page.earlier for page in seen.pages} == {"complete"}
    old, seen.terms = len(seen.pages), ("walkout", "strike")
    clock.forward(hours=1)
    site.post(ANN, "k2", "walkout again", clock())
    seen.run()
    clock.forward(hours=1)
    site.post(ANN, "k3", "walkout once more", clock())
    seen.run()
    told = [page.earlier for page in seen.pages[old:]]
    assert told == ["gap"] + ["complete"] * (len(told) - 1)
    assert len(told) > 1


def test_other_terms_for_a_past_that_cannot_be_read_cover_nothing(
    site: Jetstream, clock: Clock
) -> None:
    site.post(ANN, "k1", "walkout", clock())
    day = Window(START, START + timedelta(days=1))
    seen = visit(site, clock).run(day)
    clock.forward(days=30)
    old, seen.terms = len(seen.pages), ("walkout", "strike")
    with pytest.raises(CollectorError):
        seen.run(day)
    assert [(page.earlier, page.coverage) for page in seen.pages[old:]] == [("gap", ())]


def test_the_past_needs_an_account(site: Jetstream, clock: Clock) -> None:
    clock.forward(days=30)
    with pytest.raises(CollectorError) as raised:
        visit(site, clock).run(Window(START, START + timedelta(days=1)))

    assert "sources.bluesky.account" in raised.value.hint
    assert "MONITOR_BLUESKY_APP_PASSWORD" in raised.value.hint


def view(number: int, created_at: datetime, text: str = "walkout", **author: Any) -> dict[str, Any]:
    record = {"$type": POST, "text": f"{text} {number}", "createdAt": iso(created_at)}
    uri = f"at://{ANN}/{POST}/k{number}"
    return {"uri": uri, "author": {"did": ANN, **author}, "record": record}


class Search:
    """Bluesky's login, search and question after posts.

    Attributes:
        refusal: What an old token is answered.
        lifetime: Searches that a token is good for.
        meanwhile: What happens while a search is answered.
    """

    def __init__(self, views: list[dict[str, Any]], page_posts: int = 3) -> None:
        self.views = views
        self.page_posts = page_posts
        self.refusal = json_reply({"error": "ExpiredToken"}, 400)
        self.lifetime = 1_000_000
        self.meanwhile: Callable[[], None] = lambda: None
        self.logins = self._searches = 0
        self.server = LocalServer(self._answer)

    def _answer(self, request: Request) -> Reply:
        name = request.path.rpartition(".")[2]
        if name == "createSession":
            if b"right" not in request.body:
                return json_reply({"error": "AuthenticationRequired", "message": "no"}, 401)
            self.logins, self._searches = self.logins + 1, 0
            token = f"t0ken{self.logins}"
            session = {"accessJwt": token, "refreshJwt": "r", "handle": "ann.test", "did": ANN}
            return json_reply(session)
        if name == "searchPosts":
            if request.headers.get("authorization") != f"Bearer t0ken{self.logins}":
                return json_reply({"error": "AuthMissing"}, 401)
            self._searches += 1
            self.meanwhile()
            if self._searches > self.lifetime:
                return self.refusal
            return json_reply(self._found(request))
        asked = {uri for _, uri in request.pairs}
        return json_reply({"posts": [one for one in self.views if one["uri"] in asked]})

    def _found(self, request: Request) -> dict[str, Any]:
        since, until = (datetime.fromisoformat(request.query[edge]) for edge in ("since", "until"))
        found = [
            one
            for one in self.views
            if since
            <= datetime.fromisoformat(one.get("sortAt", one["record"]["createdAt"]))
            < until
        ]
        at = int(request.query.get("cursor", 0))
        after = at + self.page_posts
        page = {"posts": found[::-1][at:after], "hitsTotal": len(found)}
        return {**page, "cursor": str(after)} if after < len(found) else page

    def visit(self, site: Jetstream, clock: Clock, password: str = "right") -> Visit:
        seen = visit(site, clock, account="ann.test", search_url=self.server.url)
        seen.secrets = {"app_password": password}
        return seen


def test_the_past_is_searched_and_the_present_streamed(site: Jetstream, clock: Clock) -> None:
    views = [view(number, START + timedelta(hours=5 * number)) for number in range(20)]
    views.append(view(99, START, text="only resembles it"))
    search = Search(views)
    clock.forward(days=9, hours=1)
    site.post(BOB, "k0", "cats", clock())
    clock.forward(hours=23)
    site.post(BOB, "k1", "walkout now", clock())

    seen = search.visit(site, clock).run()
    search.server.close()

    assert seen.texts == sorted([*(f"walkout {number}" for number in range(20)), "walkout now"])
    assert seen.covered("gap") == seen.covered("partial") == []
    moments = sorted((one.start, one.end) for one in seen.coverage)
    assert all(end == start for (_, end), (start, _) in itertools.pairwise(moments))


@pytest.mark.parametrize("indexed", [{"indexedAt": iso(START)}, {}], ids=["indexed", "untold"])
def test_the_search_takes_no_post_dated_after_it_appeared(
    site: Jetstream, clock: Clock, indexed: dict[str, str]
) -> None:
    ahead = START + timedelta(days=1, minutes=30)
    views = [view(1, ahead - timedelta(hours=1)), view(2, ahead + timedelta(days=40))]
    search = Search([one | {"sortAt": iso(START)} | indexed for one in views])
    clock.forward(days=10)
    seen = search.visit(site, clock).run()
    search.server.close()

    assert seen.texts == ["walkout 1"]


def test_a_search_that_was_interrupted_goes_on_at_its_slice(site: Jetstream, clock: Clock) -> None:
    search = Search([view(number, START + timedelta(hours=5 * number)) for number in range(20)])
    clock.forward(days=10)
    seen = search.visit(site, clock)
    search.server.fail_next("error_503", 0)
    for _ in range(3):
        try:
            seen.run()
        except UnavailableError:
            continue
        search.server.fail_next("error_503", 5)
    search.server.close()

    assert len(seen.posts) == 20


def test_a_search_that_is_stopped_before_its_first_page_leaves_its_past_to_the_next_run(
    site: Jetstream, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.bluesky_search.MOST_HITS", 5)
    views = [view(number, START - timedelta(days=7, minutes=-9 * number)) for number in range(40)]
    search = Search(views)
    clock.forward(days=10)
    site.post(BOB, "k1", "walkout now", clock())
    seen = search.visit(site, clock)

    def stop() -> None:
        seen.stopping = True

    search.meanwhile = stop
    seen.run()
    assert (seen.checkpoint, seen.coverage) == (None, [])
    search.meanwhile, seen.stopping = lambda: None, False
    seen.run()
    search.server.close()

    assert len(seen.posts) == 41


def test_a_search_of_many_hours_goes_on_to_where_the_stream_still_reaches(
    site: Jetstream, clock: Clock
) -> None:
    search = Search([view(1, START + timedelta(days=9, hours=2))])
    clock.forward(days=9)
    for number in range(48):
        site.post(BOB, f"k{number}", "cats", clock())
        clock.forward(minutes=30)

    def take_long() -> None:
        clock.forward(minutes=30)
        site.oldest_us = int((clock() - timedelta(days=1)).timestamp() * 1_000_000)

    search.meanwhile = take_long
    seen = search.visit(site, clock).run()
    search.server.close()

    assert seen.texts == ["walkout 1"]
    assert seen.covered("gap") == []


def test_a_wrong_password_names_what_to_check(site: Jetstream, clock: Clock) -> None:
    search = Search([])
    clock.forward(days=10)
    with pytest.raises(AuthenticationError) as raised:
        search.visit(site, clock, password="wrong").run()
    search.server.close()

    assert "MONITOR_BLUESKY_APP_PASSWORD" in raised.value.hint
    assert "wrong" not in str(raised.value) + raised.value.hint


@pytest.mark.parametrize(
    "refusal",
    [json_reply({"error": "ExpiredToken"}, 400), json_reply({"error": "InvalidToken"}, 401)],
    ids=["400", "401"],
)
def test_a_search_logs_in_again_when_its_token_is_too_old(
    site: Jetstream, clock: Clock, refusal: Reply
) -> None:
    search = Search([view(number, START + timedelta(hours=5 * number)) for number in range(20)])
    search.refusal, search.lifetime = refusal, 3
    clock.forward(days=10)
    seen = search.visit(site, clock).run()
    search.server.close()

    assert len(seen.posts) == 20
    assert search.logins > 2


def test_a_search_that_is_refused_with_a_new_token_too_ends(site: Jetstream, clock: Clock) -> None:
    search = Search([])
    search.lifetime = 0
    clock.forward(days=10)
    with pytest.raises(RefusedRequestError):
        search.visit(site, clock).run()
    search.server.close()

    assert search.logins == 2


def test_a_day_with_more_hits_than_can_be_paged_through_is_cut(
    site: Jetstream, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.bluesky_search.MOST_HITS", 5)
    search = Search([view(number, START + timedelta(minutes=9 * number)) for number in range(40)])
    clock.forward(days=10)

    seen = search.visit(site, clock).run()
    search.server.close()

    assert len(seen.posts) == 40
    assert seen.covered("partial") == []


def test_authors_who_want_no_strangers_are_left_out_of_the_search(
    site: Jetstream, clock: Clock
) -> None:
    search = Search([view(1, START, labels=[{"val": "!no-unauthenticated"}]), view(2, START)])
    clock.forward(days=10)

    seen = search.visit(site, clock).run()
    search.server.close()

    assert seen.texts == ["walkout 2"]
    assert seen.rejected == ["author_opted_out"]
