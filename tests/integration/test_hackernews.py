"""Hacker News: a whole answer of its search, field by field, and what it cannot give at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from contract.world import START, WorldClock, query, surroundings
from servers.faults import LocalServer, Reply, Request
from servers.hackernews import HackerNews

from collectors.errors import MalformedAnswerError
from collectors.hackernews import SOURCE
from collectors.post import Checkpoint, Page, Post, Window

RECORDING = Path(__file__).parent.parent / "recordings" / "hackernews" / "search_by_date.json"
WINDOW = Window(datetime(2020, 6, 1, tzinfo=UTC), datetime(2020, 6, 3, tzinfo=UTC))


def visit(
    url: str, since: Checkpoint | None = None, terms: tuple[str, ...] = (), **settings: int
) -> list[Page]:
    clock = WorldClock()
    clock.forward(days=30)
    outside = surroundings(clock, {**SOURCE.defaults(), "base_url": url, **settings})
    asked = replace(query(), terms=terms or query().terms)
    return list(SOURCE.make(asked, outside).fetch(since, WINDOW))


@pytest.fixture
def pages() -> Iterator[list[Page]]:
    def answer(_: Request) -> Reply:
        return Reply(RECORDING.read_bytes())

    server = LocalServer(answer)
    yield visit(server.url)
    server.close()


@pytest.fixture
def posts(pages: list[Page]) -> dict[str, Post]:
    return {post.native_id: post for page in pages for post in page.posts}


def test_every_hit_of_a_recorded_answer_is_what_it_is(
    pages: list[Page], posts: dict[str, Post]
) -> None:
    assert {identifier: post.kind for identifier, post in posts.items()} == {
        "23390004": "reply",
        "23390003": "reply",
        "23390001": "original",
        "23390002": "original",
        "23390000": "original",
    }
    rejections = [(one.reason, one.detail) for page in pages for one in page.rejections]
    assert rejections == [("missing_field", "created_at_i")]


def test_a_comment_is_read_without_its_markup(posts: dict[str, Post]) -> None:
    lines = posts["23390004"].text.splitlines()
    assert lines[:2] == ["The walkout isn't the point.", "> nobody left"]
    assert posts["23390004"].reference == "23390003"
    assert posts["23390004"].author == "inventor"


def test_a_story_is_its_title_and_its_text(posts: dict[str, Post]) -> None:
    asked = "Ask HN: Did your team join the walkout?\nOurs did, <half> of it.\nWhat about yours?"
    assert posts["23390002"].text == asked
    assert posts["23390001"].created_at == datetime(2020, 6, 1, 18, tzinfo=UTC)


def test_a_name_that_holds_the_term_makes_no_post(posts: dict[str, Post]) -> None:
    assert "23389990" not in posts


def test_more_hits_in_a_second_than_the_search_gives_are_a_partial_second() -> None:
    site = HackerNews(lambda: START + timedelta(days=30))
    for _ in range(1010):
        site.add("a walkout", "ann", START)
    pages = visit(site.server.url, page_posts=500)
    site.server.close()
    assert sum(len(page.posts) for page in pages) == 1000
    partial = [span for page in pages for span in page.coverage if span.status == "partial"]
    assert [(span.start, span.end, span.reason) for span in partial] == [
        (START, START + timedelta(seconds=1), "listing_limit")
    ]


def test_a_number_of_hits_that_is_a_guess_is_not_believed() -> None:
    site = HackerNews(lambda: START + timedelta(days=30), underestimated=9)
    published = {site.add("a walkout", "ann", START + timedelta(hours=n)) for n in range(10)}
    pages = visit(site.server.url, page_posts=3)
    site.server.close()
    assert {post.native_id for page in pages for post in page.posts} == published


def test_posts_that_crowd_together_cost_no_more_than_their_pages() -> None:
    site = HackerNews(lambda: START + timedelta(days=30))
    for number in range(25):
        site.add("the walkout", "ann", START + timedelta(seconds=number))
    visit(site.server.url, page_posts=5)
    asked = len(site.server.requests)
    site.server.close()
    assert asked <= 7


def test_pages_that_change_while_they_are_turned_are_asked_for_anew() -> None:
    site = HackerNews(lambda: START + timedelta(days=30))
    numbers = [site.add("the walkout", "ann", START - timedelta(hours=n)) for n in range(9)]
    answer = site.server._answer

    def delete_while_turning(request: Request) -> Reply:
        if len(site.server.requests) == 2:
            del site.items[numbers[0]]
        return answer(request)

    site.server._answer = delete_while_turning
    pages = visit(site.server.url, page_posts=5)
    site.server.close()
    assert {post.native_id for page in pages for post in page.posts} >= set(numbers[1:])


def test_what_is_no_search_is_told() -> None:
    server = LocalServer(lambda _: Reply(b'{"data": []}'))
    with pytest.raises(MalformedAnswerError, match="without hits"):
        visit(server.url)
    server.close()


def test_what_other_terms_covered_counts_no_more() -> None:
    site = HackerNews(lambda: WINDOW.end)
    first = visit(site.server.url)
    again = visit(site.server.url, first[0].checkpoint)
    others = visit(site.server.url, first[0].checkpoint, terms=("strike",))
    site.server.close()
    assert {page.earlier for page in (*first, *again)} == {"complete"}
    assert [page.earlier for page in others] == ["gap", *["complete"] * (len(others) - 1)]
    assert (others[0].coverage[0].start, others[-1].coverage[-1].end) == (WINDOW.start, WINDOW.end)
