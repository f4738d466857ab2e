"""Reddit's ways: listings that end, removals, threads, refusals and rate limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from contract.world import START, WorldClock, query, surroundings
from servers.faults import Reply, Request, json_reply
from servers.reddit import Reddit

from collectors.errors import AuthenticationError, CollectorError, NotFoundError, RateLimitedError
from collectors.policy import unmet
from collectors.post import Checkpoint, Coverage, Deletion, Page, Post, Window
from collectors.reddit import SOURCE
from collectors.source import Surroundings

WINDOW = Window(START - timedelta(days=30), START + timedelta(days=60))
SECRETS = {"client_id": "invented", "client_secret": "invented"}


class Visitor:
    """Reads Reddit run after run, each from the checkpoint of the last."""

    def __init__(self, site: Reddit, clock: WorldClock) -> None:
        self.site, self.clock = site, clock
        self.options: dict[str, Any] = {"subreddits": ["walkout"]}
        self.checkpoint: Checkpoint | None = None
        self.secrets = SECRETS

    def surroundings(self, **settings: Any) -> Surroundings:
        url = self.site.server.url
        own = {**SOURCE.defaults(), "base_url": url, "login_url": url, **settings}
        return surroundings(self.clock, own, secrets=self.secrets)

    def visit(self, window: Window = WINDOW, **settings: Any) -> list[Page]:
        self.clock.forward(minutes=5)
        collector = SOURCE.make(query(**self.options), self.surroundings(**settings))
        pages = []
        for page in collector.fetch(self.checkpoint, window):
            self.checkpoint = page.checkpoint
            pages.append(page)
        return pages


@pytest.fixture
def clock() -> WorldClock:
    return WorldClock()


@pytest.fixture
def site(clock: WorldClock) -> Iterator[Reddit]:
    site = Reddit(clock)
    yield site
    site.server.close()


@pytest.fixture
def visitor(site: Reddit, clock: WorldClock) -> Visitor:
    return Visitor(site, clock)


def posts(pages: list[Page]) -> list[Post]:
    return [post for page in pages for post in page.posts]


def deletions(pages: list[Page]) -> list[Deletion]:
    return [one for page in pages for one in page.deletions]


def coverage(pages: list[Page]) -> list[Coverage]:
    return [span for page in pages for span in page.coverage]


def asked(site: Reddit, path: str) -> list[Request]:
    return [request for request in site.server.requests if request.path == path]


def test_submissions_and_comments_become_posts(site: Reddit, visitor: Visitor) -> None:
    submission = site.submit("A walkout", "ann", START, selftext="tomorrow")
    comment = site.comment("not me", "bob", START, link_title="A walkout", parent_id=submission)
    first, second = posts(visitor.visit())
    assert (first.native_id, first.text, first.kind) == (
        submission,
        "A walkout\ntomorrow",
        "original",
    )
    assert (second.native_id, second.kind, second.reference) == (comment, "reply", submission)
    assert first.author == "t2_ann"


def test_a_listing_that_ends_above_what_is_known_leaves_a_gap_that_is_told(
    site: Reddit, visitor: Visitor
) -> None:
    for minutes in range(8):
        site.submit("a walkout", "ann", START - timedelta(minutes=minutes))
    visitor.visit()
    visitor.clock.forward(days=1)
    site.limit = 1000
    for minutes in range(600):
        site.submit("a walkout", "ann", visitor.clock() - timedelta(minutes=minutes))
    site.limit = 500
    (gap, *_) = (span for span in coverage(visitor.visit()) if span.status != "complete")
    assert (gap.status, gap.reason) == ("partial", "listing_limit")
    assert gap.start == START + timedelta(minutes=5)
    assert visitor.clock() - gap.end < timedelta(minutes=510)


def test_what_is_below_a_post_that_was_removed_between_two_pages_is_read(
    site: Reddit, visitor: Visitor
) -> None:
    names = [site.submit("a walkout", "ann", START - timedelta(minutes=n)) for n in range(6)]
    answer = site.server._answer

    def remove_the_cursor(request: Request) -> Reply:
        if request.query.get("after", "").startswith(names[1]):
            site.remove(names[1], "moderator")
        return answer(request)

    site.server._answer = remove_the_cursor
    pages = visitor.visit(page_posts=2)
    assert {post.native_id for post in posts(pages)} == set(names)
    assert [span.status for span in coverage(pages)] == ["complete"]


def test_a_listing_of_few_posts_is_whole(site: Reddit, visitor: Visitor) -> None:
    site.submit("a walkout", "ann", START)
    assert [span.status for span in coverage(visitor.visit())] == ["complete"]


@pytest.mark.parametrize("by", ["author", "moderator"])
def test_a_removed_post_is_deleted_at_the_next_run(site: Reddit, visitor: Visitor, by: str) -> None:
    name = site.comment("a walkout", "ann", START)
    visitor.visit()
    site.remove(name, by)
    assert [one.native_id for one in deletions(visitor.visit())] == [name]
    assert deletions(visitor.visit()) == []


@pytest.mark.parametrize(
    ("marks", "reason"),
    [
        ({"selftext": "[removed]"}, "removed"),
        ({"selftext": "[deleted]", "author": "[deleted]"}, "deleted"),
        ({"selftext": "[ Removed by Reddit ]"}, "removed"),
        ({"removed_by_category": "moderator"}, "removed"),
        ({"removed_by_category": "deleted"}, "deleted"),
        ({"author": None}, "deleted"),
        ({"author": "[deleted]"}, "deleted"),
    ],
)
def test_every_mark_of_a_removal_is_read(
    site: Reddit, visitor: Visitor, marks: dict[str, Any], reason: str
) -> None:
    site.things[site.submit("a walkout", "ann", START)]["data"] |= marks
    pages = visitor.visit()
    assert posts(pages) == []
    assert [one.reason for one in deletions(pages)] == [reason]


def test_a_post_that_reddit_no_longer_knows_is_deleted(site: Reddit, visitor: Visitor) -> None:
    gone, there = (site.comment("a walkout", "ann", START) for _ in range(2))
    visitor.visit()
    del site.things[gone]
    assert [(one.native_id, one.reason) for one in deletions(visitor.visit())] == [(gone, "gone")]
    assert there in site.things


def test_an_answer_that_knows_nothing_at_all_is_not_believed(
    site: Reddit, visitor: Visitor
) -> None:
    site.comment("a walkout", "ann", START)
    visitor.visit()
    site.things.clear()
    assert deletions(visitor.visit()) == []


def test_an_edit_comes_with_a_higher_revision(site: Reddit, visitor: Visitor) -> None:
    name = site.submit("a walkout", "ann", START)
    visitor.visit()
    visitor.clock.forward(days=1)
    edited_at = visitor.clock().timestamp()
    site.things[name]["data"] |= {"title": "a walkout, edited", "edited": edited_at}
    (edited,) = {post for post in posts(visitor.visit()) if post.native_id == name}
    assert edited.text == "a walkout, edited"
    assert edited.revision > 0


def test_stored_posts_are_checked_a_hundred_at_a_time(site: Reddit, visitor: Visitor) -> None:
    names = [site.comment("a walkout", "ann", START) for _ in range(150)]
    site.remove(names[7])
    site.things[names[9]]["data"]["edited"] = START.timestamp() + 60
    assert SOURCE.checker is not None
    checker = SOURCE.checker(visitor.surroundings())
    pages = list(checker.check(names))
    assert [one.native_id for one in deletions(pages)] == [names[7]]
    assert [post.native_id for post in posts(pages)] == [names[9]]
    assert len(asked(site, "/api/info")) == 2


@pytest.mark.parametrize("other", ["hjk2l", "t5_2qh16", "t3_a,t1_b", "T3_A", ""])
def test_the_check_leaves_imported_posts_whose_ids_are_no_full_names(
    site: Reddit, visitor: Visitor, other: str
) -> None:
    there, gone = site.comment("a walkout", "ann", START), "t1_gone"
    assert SOURCE.checker is not None
    checker = SOURCE.checker(visitor.surroundings())
    assert [one.native_id for one in deletions(checker.check([there, other, gone]))] == [gone]
    assert list(checker.check([other])) == []
    assert {one.query["id"] for one in asked(site, "/api/info")} == {f"{there},{gone}", gone}


def test_a_search_leads_to_the_comments_on_what_it_finds(site: Reddit, visitor: Visitor) -> None:
    visitor.options = {"search_in": ["all"]}
    found = site.submit("a walkout", "ann", START, subreddit="elsewhere")
    other = site.submit("lunch", "ann", START, subreddit="elsewhere")
    site.comment("I was there", "bob", START, link_id=found, parent_id=found)
    site.comment("soup", "bob", START, link_id=other, parent_id=other)
    assert {post.text for post in posts(visitor.visit())} == {"a walkout", "I was there"}
    before = len(site.server.requests)
    visitor.visit()
    assert not [one for one in site.server.requests[before:] if "/comments/" in one.path]


@pytest.mark.parametrize("visits_between", [0, 1])
def test_comments_that_come_after_others_were_deleted_are_read(
    site: Reddit, visitor: Visitor, visits_between: int
) -> None:
    visitor.options = {"search_in": ["all"]}
    found = site.submit("a walkout", "ann", START, subreddit="elsewhere")
    early = [site.comment("early", "bob", START, link_id=found) for _ in range(3)]
    visitor.visit()
    for name in early:
        site.remove(name)
    for _ in range(visits_between):
        visitor.visit()
    site.comment("late", "eve", visitor.clock(), link_id=found)
    assert [post.text for post in posts(visitor.visit())] == ["a walkout", "late"]


def test_comments_that_are_not_shown_do_not_stop_the_others(site: Reddit, visitor: Visitor) -> None:
    visitor.options = {"search_in": ["all"]}
    closed, found = (site.submit("a walkout", "ann", START, subreddit="far") for _ in range(2))
    for on in (closed, found):
        site.comment(f"on {on}", "bob", START, link_id=on, parent_id=on)
    site.closed = {closed, found}
    visitor.visit()
    site.closed = {closed}
    assert [post.text for post in posts(visitor.visit())][-1] == f"on {found}"
    site.closed = set()
    assert [post.text for post in posts(visitor.visit())][-1] == f"on {closed}"


def test_a_private_subreddit_does_not_stop_the_others(site: Reddit, visitor: Visitor) -> None:
    visitor.options = {"subreddits": ["walkout", "closed"]}
    site.forbidden.add("closed")
    site.submit("a walkout", "ann", START)
    pages = visitor.visit()
    assert len(posts(pages)) == 1
    assert [(span.status, span.reason) for span in coverage(pages)] == [("partial", "refused")]


def test_a_source_of_private_subreddits_stops_and_says_why(site: Reddit, visitor: Visitor) -> None:
    site.forbidden.add("walkout")
    with pytest.raises(AuthenticationError) as raised:
        visitor.visit()
    assert "private" in raised.value.hint
    assert not raised.value.retryable


def test_a_missing_secret_is_named(visitor: Visitor) -> None:
    visitor.secrets = {"client_id": "invented"}
    with pytest.raises(AuthenticationError, match="MONITOR_REDDIT_CLIENT_SECRET"):
        visitor.visit()


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_login_names_the_secrets(
    site: Reddit, visitor: Visitor, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr("prawcore.sessions.time.sleep", lambda _: None)
    answer = site.server._answer

    def refuse(request: Request) -> Reply:
        if request.path == "/api/v1/access_token":
            return json_reply({"message": "no", "error": status}, status)
        return answer(request)

    site.server._answer = refuse
    with pytest.raises(AuthenticationError) as raised:
        visitor.visit()
    assert "MONITOR_REDDIT_CLIENT_ID" in raised.value.hint


def test_a_subreddit_that_is_not_there_is_told(site: Reddit, visitor: Visitor) -> None:
    answer = site.server._answer

    def redirect(request: Request) -> Reply:
        if request.path.startswith("/r/"):
            return Reply(b"", 302, headers={"Location": "/subreddits/search?q=walkout"})
        return answer(request)

    site.server._answer = redirect
    with pytest.raises(NotFoundError):
        visitor.visit()


def test_requests_are_spread_over_what_is_left_of_a_rate_limit(
    site: Reddit, visitor: Visitor
) -> None:
    site.submit("a walkout", "ann", START)
    site.headers = {
        "x-ratelimit-remaining": "2.0",
        "x-ratelimit-used": "98",
        "x-ratelimit-reset": "30",
    }
    visitor.visit()
    assert visitor.clock.slept
    assert max(visitor.clock.slept) < 30


def test_too_many_requests_are_given_up_loudly(site: Reddit, visitor: Visitor) -> None:
    site.server.fail_next("rate_limited", times=50)
    with pytest.raises(RateLimitedError):
        visitor.visit()
    assert all(7 <= pause < 8 for pause in visitor.clock.slept)


def test_without_reddit_s_approval_it_does_not_start() -> None:
    assert unmet(SOURCE.policy, SOURCE.defaults())
    assert not unmet(SOURCE.policy, {"approval_reference": "ticket 1"})


def test_a_topic_that_is_over_is_not_asked_for_again(site: Reddit, visitor: Visitor) -> None:
    window = replace(WINDOW, end=START + timedelta(hours=1))
    visitor.clock.forward(days=1)
    visitor.visit(window)
    visitor.visit(window)
    before = len(site.server.requests)
    visitor.visit(window)
    assert {one.path for one in site.server.requests[before:]} <= {"/api/v1/access_token"}


@pytest.mark.parametrize("name", ["r/", "walk out", "../admin", ""])
def test_what_is_no_subreddit_is_refused(site: Reddit, visitor: Visitor, name: str) -> None:
    visitor.options = {"subreddits": [name]}
    with pytest.raises(CollectorError, match="no subreddit"):
        visitor.visit()


@pytest.mark.parametrize(
    ("options", "earlier"),
    [
        ({"subreddits": ["walkout"]}, "complete"),
        ({"subreddits": ["walkout", "strike"]}, "partial"),
        ({"subreddits": ["strike"]}, "gap"),
        ({"subreddits": ["walkout"], "every_post": True}, "gap"),
    ],
    ids=["the same", "one more", "another", "every post"],
)
def test_what_was_covered_counts_for_no_more_than_what_is_asked_now(
    site: Reddit, visitor: Visitor, options: dict[str, Any], earlier: str
) -> None:
    site.submit("A walkout", "ann", START)
    assert {page.earlier for page in visitor.visit()} == {"complete"}
    visitor.options = options
    told = [page.earlier for page in visitor.visit()]
    assert told == [earlier, *["complete"] * (len(told) - 1)]
    assert {page.earlier for page in visitor.visit()} == {"complete"}
