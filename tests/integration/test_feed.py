"""Feeds as sites really serve them: conditional, forbidden, broken, undated, in private."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from contract.world import START, WorldClock, query, surroundings
from servers.faults import LocalServer, Reply, Request
from servers.feeds import Site

from collectors.errors import CollectorError, RefusedRequestError, UnavailableError
from collectors.feed import FeedCollector
from collectors.feed_items import native_id
from collectors.markup import plain_text
from collectors.post import Checkpoint, Coverage, Page, Post, Window

WINDOW = Window(START - timedelta(days=30), START + timedelta(days=60))
RSS = "application/rss+xml"


class Visitor:
    """Reads feeds run after run, each from the checkpoint of the last."""

    def __init__(self, *feeds: str, **options: Any) -> None:
        self.clock = WorldClock()
        self.query = query(feeds=list(feeds), **options)
        self.checkpoint: Checkpoint | None = None

    def visit(self, **settings: Any) -> list[Page]:
        outside = surroundings(self.clock, {"allow_private": ["127.0.0.1"], **settings})
        collector = FeedCollector(self.query, outside)
        pages = []
        for page in collector.fetch(self.checkpoint, WINDOW):
            self.checkpoint = page.checkpoint
            pages.append(page)
        return pages


def posts(pages: list[Page]) -> list[Post]:
    return [post for page in pages for post in page.posts]


def coverage(pages: list[Page]) -> list[Coverage]:
    return [span for page in pages for span in page.coverage]


def rss(*items: str, head: str = "") -> Reply:
    namespaces = (
        'xmlns:wfw="http://wellformedweb.org/CommentAPI/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    )
    body = f'<rss version="2.0" {namespaces}><channel>{head}{"".join(items)}</channel></rss>'
    return Reply(body.encode(), 200, RSS)


def item(text: str, *more: str, guid: str = "", at: str = "") -> str:
    parts = [f"<title>{text}</title>", *more]
    if guid:
        parts.append(f'<guid isPermaLink="false">{guid}</guid>')
    if at:
        parts.append(f"<pubDate>{at}</pubDate>")
    return f"<item>{''.join(parts)}</item>"


JUNE_1 = "Mon, 01 Jun 2020 11:00:00 GMT"
MAY_31 = "Sun, 31 May 2020 11:00:00 GMT"


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site(lambda: START + timedelta(days=60), page_posts=10)
    yield site
    site.server.close()


@pytest.fixture
def visitor(site: Site) -> Visitor:
    return Visitor(site.url)


def serve(site: Site, *items: str, path: str = "/rss", head: str = "") -> str:
    site.pages[path] = rss(*items, head=head)
    return f"{site.server.url}{path}"


def test_a_feed_that_did_not_change_is_not_sent_again(site: Site, visitor: Visitor) -> None:
    site.add("a walkout", "ann", START)
    assert len(posts(visitor.visit())) == 1
    visitor.clock.forward(minutes=5)
    pages = visitor.visit()
    assert posts(pages) == []
    assert site.server.requests[-1].headers["if-none-match"]
    assert [span.status for span in coverage(pages)] == ["complete"]


def test_a_server_must_show_its_feed_once_a_day_whatever_it_says(
    site: Site, visitor: Visitor
) -> None:
    visitor.visit()
    visitor.clock.forward(hours=25)
    visitor.visit()
    assert "if-none-match" not in site.server.requests[-1].headers


def test_what_is_new_behind_a_304_of_yesterday_comes_today(site: Site, visitor: Visitor) -> None:
    visitor.visit()
    site.add("a walkout", "ann", START)
    visitor.clock.forward(minutes=5)
    assert len(posts(visitor.visit())) == 1


def test_a_304_that_nobody_asked_for_covers_nothing(site: Site) -> None:
    site.pages["/rss"] = Reply(b"", 304, RSS)
    good = serve(site, item("walkout", guid="1", at=JUNE_1), path="/good")
    pages = Visitor(f"{site.server.url}/rss", good).visit()
    assert len(posts(pages)) == 1
    assert coverage(pages)[-1].status == "partial"


def test_robots_txt_is_obeyed(site: Site, visitor: Visitor) -> None:
    site.robots = "User-agent: *\nDisallow: /feed\n"
    with pytest.raises(RefusedRequestError, match=r"robots\.txt"):
        visitor.visit()
    assert [request.path for request in site.server.requests] == ["/robots.txt"]


@pytest.mark.parametrize("robots", ["User-agent: *\nDisallow: /", None])
def test_a_password_in_an_address_is_in_no_message(site: Site, robots: str | None) -> None:
    site.robots = robots
    site.pages["/rss"] = Reply(b"<p>no feed</p>", 200, "text/html")
    with pytest.raises(CollectorError) as raised:
        Visitor(f"{site.server.url}/rss".replace("//", "//ann:s3cret@")).visit()
    assert "s3cret" not in f"{raised.value} {raised.value.hint}"
    assert "127.0.0.1" in str(raised.value)


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        ("\ufeffUser-agent: *\nDisallow: /feed\n", False),
        ("User-agent: employee-sentiment-monitor\nDisallow: /feed\n", False),
        ("User-agent: research\nDisallow: /feed\n", True),
    ],
    ids=["behind a byte order mark", "for us", "for another"],
)
def test_robots_txt_is_read_as_it_was_meant(
    site: Site, visitor: Visitor, rules: str, *, allowed: bool
) -> None:
    site.robots = rules
    with nullcontext() if allowed else pytest.raises(RefusedRequestError):
        visitor.visit()


def test_robots_txt_that_cannot_be_had_for_now_forbids_for_now(
    site: Site, visitor: Visitor
) -> None:
    site.server.fail_next("error_503", times=5)
    with pytest.raises(UnavailableError):
        visitor.visit()
    assert {request.path for request in site.server.requests} == {"/robots.txt"}


def test_the_pause_that_robots_txt_asks_for_is_made(site: Site, visitor: Visitor) -> None:
    site.robots = "User-agent: *\nCrawl-delay: 3\n"
    site.page_posts = 1
    for hours in range(2):
        site.add("a walkout", "ann", START - timedelta(hours=hours))
    visitor.visit()
    assert visitor.clock.slept == [3.0]


def test_a_private_address_is_refused(site: Site, visitor: Visitor) -> None:
    with pytest.raises(RefusedRequestError, match="private address"):
        visitor.visit(allow_private=[])
    assert site.server.requests == []


def test_a_name_that_means_a_private_address_is_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        inside = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7", port))
        outside = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", port))
        return [outside, inside]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(RefusedRequestError, match=r"feed\.example is at a private address"):
        Visitor("http://feed.example/rss").visit()


def test_a_redirect_into_a_private_network_is_refused(site: Site, visitor: Visitor) -> None:
    port = site.server.url.rpartition(":")[2]
    there = f"http://localhost:{port}/feed"
    site.pages["/feed"] = Reply(b"", 302, headers={"Location": there})
    with pytest.raises(RefusedRequestError, match="localhost is at a private address"):
        visitor.visit()


def test_a_redirect_to_the_same_site_is_followed(site: Site) -> None:
    site.pages["/old"] = Reply(b"", 301, headers={"Location": "/feed"})
    site.add("a walkout", "ann", START)
    assert len(posts(Visitor(f"{site.server.url}/old").visit())) == 1


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "blog.example/feed", "http://", "feed:x"]
)
def test_what_is_no_web_address_is_refused(address: str) -> None:
    with pytest.raises(CollectorError, match="no address of a feed"):
        Visitor(address).visit()


def test_an_item_without_a_date_counts_for_when_it_was_first_seen(site: Site) -> None:
    visitor = Visitor(serve(site, item("a walkout", guid="1")))
    first = posts(visitor.visit())[0]
    visitor.clock.forward(hours=5)
    again = posts(visitor.visit())[0]
    assert again.created_at == first.created_at == START


def serve_updated(site: Site, text: str, updated: str) -> str:
    """An Atom feed of one entry that tells only when it was last changed."""
    entry = f"<entry><id>tag:x,1</id><title>{text}</title><updated>{updated}</updated></entry>"
    body = f'<feed xmlns="http://www.w3.org/2005/Atom"><id>tag:x,0</id>{entry}</feed>'
    site.pages["/atom"] = Reply(body.encode(), 200, "application/atom+xml")
    return f"{site.server.url}/atom"


def test_an_entry_that_tells_only_its_last_change_keeps_the_first_time_that_it_told(
    site: Site,
) -> None:
    visitor = Visitor(serve_updated(site, "a walkout", "2020-06-01T11:00:00Z"))
    before = posts(visitor.visit())[0]
    visitor.clock.forward(days=8)
    serve_updated(site, "a walkout", "2020-06-09T11:00:00Z")
    touched = posts(visitor.visit())[0]
    serve_updated(site, "a walkout, corrected", "2020-06-09T11:30:00Z")
    edited, again = posts(visitor.visit())[0], posts(visitor.visit())[0]
    times = {post.created_at for post in (before, touched, edited, again)}
    assert times == {START - timedelta(hours=1)}
    assert 0 == before.revision < touched.revision < edited.revision == again.revision


def test_entries_without_a_time_of_posting_keep_theirs_when_the_terms_change(site: Site) -> None:
    undated = serve(site, item("another walkout", guid="1"))
    visitor = Visitor(undated, serve_updated(site, "a walkout", "2020-06-01T11:00:00Z"))
    before = posts(visitor.visit())
    visitor.clock.forward(days=9)
    serve_updated(site, "a walkout", "2020-06-10T11:00:00Z")
    visitor.query = replace(visitor.query, terms=(*visitor.query.terms, "strike"))
    pages = visitor.visit()
    assert sorted(post.created_at for post in posts(pages)) == sorted(
        post.created_at for post in before
    )
    assert pages[0].earlier == "gap"
    anew = Visitor(*visitor.query.options["feeds"])
    anew.clock = visitor.clock
    assert coverage(pages) == coverage(anew.visit())


def test_an_entry_that_an_earlier_program_read_keeps_the_time_that_it_tells_now(
    site: Site,
) -> None:
    visitor = Visitor(serve_updated(site, "a walkout", "2020-06-01T11:00:00Z"))
    visitor.visit()
    assert visitor.checkpoint is not None
    (feed,) = visitor.checkpoint.state["feeds"].values()
    for seen in feed["seen"].values():
        seen[1] = 0
    visitor.visit()
    visitor.clock.forward(days=8)
    serve_updated(site, "a walkout", "2020-06-09T11:00:00Z")
    assert posts(visitor.visit())[0].created_at == START - timedelta(hours=1)


def test_a_last_change_far_in_the_future_is_not_kept(site: Site) -> None:
    visitor = Visitor(serve_updated(site, "a walkout", "2030-06-01T11:00:00Z"))
    assert posts(visitor.visit()) == []
    serve_updated(site, "a walkout", "2020-06-01T11:00:00Z")
    assert posts(visitor.visit())[0].created_at == START - timedelta(hours=1)


@pytest.mark.parametrize(
    ("written", "hour"),
    [
        ("Mon, 01 Jun 2020 11:00:00", 11),
        ("Mon, 01 Jun 2020 11:00", 11),
        ("2020-06-01T11:00:00", 11),
        ("2020-6-1 11:00 UTC", 11),
        ("Mon, 01 Jun 2020 11:00:00 +0200", 9),
        ("Mon Jun 01 2020 11:00:00 GMT+0200 (CEST)", 9),
        ("Mon Jun  1 11:00:00 EDT 2020", 15),
        ("2020-06-01T16:30:00.25+0530", 11),
        ("2020-06-01 11:00:00-07", 18),
        ("2020-06-01T11:00:00-07:00", 18),
        ("Mon, 01 Jun. 2020 11:00:00 +0200", 9),
        ("Jun 1, 2020 11:00", 11),
        ("Mon, 01 Jun 2020 25:00:00 CEST", None),
        ("soon CEST", None),
        ("Mon, 01 Jun 2020 11:00:00 GMT+2", None),
        ("June 1, 2020", None),
        ("01.06.2020 11:00", None),
        ("2020/06/01 11:00:00", None),
        ("2020.06.01 11:00:00", None),
        ("2020년 06월 01일 11:00", None),
        ("2020 Jun 01 11:00", None),
        ("2020_06_01", None),
        ("2020 06 01 11:00", None),
        ("20200601110000", None),
        ("2020-06-01, 11:00", None),
        ("2020-06-01 11:00:00 PDT", None),
        ("2020-06-01T11:00:00-7:00", None),
        ("Mon, 01 Jun 2020 11:00:00 UTC+2", None),
        ("Mon, 01 Jun 2020 11:30:00 PM GMT", None),
        ("Mon, 01 Jun 2020 11:30 PM", None),
        ("2020-06-01 11:30 PM", None),
        ("2020-06", None),
        ("2020", None),
        ("2020-05-32T11:00:00Z", None),
        ("2020-04-31T11:00:00Z", None),
        ("0001-01-01T00:00:00+10:00", None),
        ("Mon, 01 Jun 2020 25:00:00", None),
        ("soon", None),
    ],
)
def test_a_date_that_cannot_be_read_is_not_taken_for_today(
    site: Site, written: str, hour: int | None
) -> None:
    visitor = Visitor(serve(site, item("a walkout", guid="1", at=written)))
    visitor.clock.forward(days=2)
    pages = visitor.visit()
    assert [post.created_at.hour for post in posts(pages)] == ([] if hour is None else [hour])
    reasons = [rejection.reason for page in pages for rejection in page.rejections]
    assert reasons == (["bad_date"] if hour is None else [])


@pytest.mark.parametrize("written", ["2020-06-01", "20200601", "Mon, 01 Jun 2020", "1 Jun 2020"])
def test_a_day_alone_counts_for_its_noon_the_same_day_nearly_everywhere(
    site: Site, written: str
) -> None:
    visitor = Visitor(serve(site, item("a walkout", guid="1", at=written)))
    assert [post.created_at for post in posts(visitor.visit())] == [START]


@pytest.mark.parametrize(("zone", "hour"), [("CEST", 9), ("cet", 10), ("JST", 2), ("EDT", 15)])
def test_a_zone_is_read_by_its_name(site: Site, zone: str, hour: int) -> None:
    visitor = Visitor(
        serve(site, item("a walkout", guid="1", at=f"Mon, 01 Jun 2020 11:00:00 {zone}"))
    )
    visitor.clock.forward(days=2)
    assert [post.created_at.hour for post in posts(visitor.visit())] == [hour]


def test_items_without_ids_are_told_apart_by_what_they_say(site: Site) -> None:
    items = (item("a walkout", at=JUNE_1), item("a walkout, too", at=JUNE_1))
    visitor = Visitor(serve(site, *items))
    first, again = posts(visitor.visit()), posts(visitor.visit())
    assert len({post.native_id for post in first}) == 2
    assert [post.native_id for post in again] == [post.native_id for post in first]


def test_ids_that_are_numbers_mean_something_on_their_own_site_alone() -> None:
    assert native_id("17", "a.example") != native_id("17", "b.example")
    assert native_id("tag:x,1", "a.example") == native_id("tag:x,1", "b.example")


def serve_atom(site: Site, *entries: tuple[str, str], gone: str = "", updated: str = "") -> str:
    """An Atom feed of entries with these ids and texts, all of the same time."""
    told = f"<published>2020-06-01T11:00:00Z</published><updated>{updated}</updated>"
    parts = [f"<entry><id>{one}</id><title>{text}</title>{told}</entry>" for one, text in entries]
    if gone:
        parts.append(f'<at:deleted-entry ref="{gone}" when="2020-06-01T00:00:00Z"/>')
    spaces = 'xmlns="http://www.w3.org/2005/Atom" xmlns:at="http://purl.org/atompub/tombstones/1.0"'
    body = f"<feed {spaces}><id>tag:x,0</id><title>x</title>{''.join(parts)}</feed>"
    site.pages["/atom"] = Reply(body.encode(), 200, "application/atom+xml")
    return f"{site.server.url}/atom"


@pytest.fixture
def other() -> Iterator[Site]:
    other = Site(lambda: START + timedelta(days=60))
    yield other
    other.server.close()


def last_texts(pages: list[Page]) -> dict[str, str]:
    """What is left of posts in the end, by id."""
    gone = {one.native_id for page in pages for one in page.deletions}
    return {post.native_id: post.text for post in posts(pages) if post.native_id not in gone}


@pytest.mark.parametrize("identifier", ["tag:x,1", "{site}/1"], ids=["anybody's", "its own"])
@pytest.mark.parametrize("is_first", [False, True])
def test_a_feed_does_not_rewrite_another_s_entries(
    site: Site, other: Site, identifier: str, is_first: bool
) -> None:
    identifier = identifier.format(site=site.server.url)
    feeds = [
        serve_atom(site, (identifier, "a walkout")),
        serve_atom(other, (identifier, "no walkout"), updated="2020-06-01T11:30:00Z"),
    ]
    visitor = Visitor(*(reversed(feeds) if is_first else feeds))
    pages = [*visitor.visit(), *visitor.visit()]
    assert sorted(last_texts(pages).values()) == ["a walkout", "no walkout"]


@pytest.mark.parametrize("identifier", ["tag:x,1", "{site}/1"], ids=["anybody's", "its own"])
@pytest.mark.parametrize("is_first", [False, True])
def test_a_feed_does_not_delete_another_s_entries(
    site: Site, other: Site, identifier: str, is_first: bool
) -> None:
    identifier = identifier.format(site=site.server.url)
    feeds = [
        serve_atom(site, (identifier, "a walkout")),
        serve_atom(other, ("tag:y,1", "no walkout"), gone=identifier),
    ]
    visitor = Visitor(*(reversed(feeds) if is_first else feeds))
    pages = [*visitor.visit(), *visitor.visit()]
    assert sorted(last_texts(pages).values()) == ["a walkout", "no walkout"]


@pytest.mark.parametrize("identifier", ["tag:x,1", "tag:{host},2020:1"], ids=["told", "its own"])
def test_a_feed_deletes_its_own_entries_beside_others(
    site: Site, other: Site, identifier: str
) -> None:
    identifier = identifier.format(host=site.server.url.partition("://")[2])
    theirs = serve_atom(other, ("tag:y,1", "no walkout"))
    visitor = Visitor(serve_atom(site, (identifier, "a walkout")), theirs)
    pages = visitor.visit()
    serve_atom(site, gone=identifier)
    pages += visitor.visit()
    assert list(last_texts(pages).values()) == ["no walkout"]


def test_two_feeds_of_a_site_share_their_entries(site: Site, other: Site) -> None:
    first = serve_atom(site, ("tag:x,1", "a walkout"))
    site.pages["/again"] = site.pages["/atom"]
    visitor = Visitor(first, f"{site.server.url}/again", serve_atom(other))
    assert len(last_texts(visitor.visit())) == 1


def test_an_entry_keeps_its_id_when_the_feed_that_told_it_first_is_gone(
    site: Site, other: Site
) -> None:
    feeds = [serve_atom(one, ("tag:x,1", "a walkout")) for one in (site, other)]
    visitor = Visitor(*feeds)
    before = posts(visitor.visit())[1]
    visitor.query = query(feeds=feeds[:1])  # They are read from the last one on.
    assert [post.native_id for post in posts(visitor.visit())] == [before.native_id]


def test_a_change_far_in_the_future_counts_as_not_told(site: Site) -> None:
    visitor = Visitor(serve_atom(site, ("tag:x,1", "a walkout"), updated="2099-01-01T00:00:00Z"))
    assert [post.revision for post in posts(visitor.visit())] == [0]


def test_a_text_that_changed_without_a_word_is_an_edit(site: Site) -> None:
    visitor = Visitor(serve(site, item("a walkout", guid="1", at=JUNE_1)))
    before = posts(visitor.visit())[0]
    serve(site, item("a walkout, corrected", guid="1", at=JUNE_1))
    visitor.clock.forward(minutes=5)
    after, same = posts(visitor.visit())[0], posts(visitor.visit())[0]
    assert after.native_id == before.native_id
    assert after.revision > before.revision
    assert same.revision == after.revision


def test_broken_xml_is_read_as_far_as_it_can_be_and_counted_once(site: Site) -> None:
    whole = rss(item("a walkout & more", guid="1", at=JUNE_1), item("walkout 2", guid="2"))
    site.pages["/rss"] = Reply(whole.body[:-40], 200, RSS)
    pages = Visitor(f"{site.server.url}/rss").visit()
    assert len(posts(pages)) == 2
    assert [one.reason for page in pages for one in page.rejections] == ["bad_xml"]


def test_entities_that_unfold_without_end_are_no_feed(site: Site) -> None:
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 20}">' for n in range(1, 9))
    bomb = f'<!DOCTYPE x [<!ENTITY a0 "bomb">{entities}]><rss version="2.0"><channel>&a8;'
    site.pages["/rss"] = Reply(bomb.encode(), 200, RSS)
    pages = Visitor(f"{site.server.url}/rss").visit()
    assert posts(pages) == []


@pytest.mark.parametrize(
    "body",
    [b"", b'<?xml version="1.0" encoding="u\xff"?><rss/>'],
    ids=["empty", "encoding"],
)
def test_a_document_that_the_parser_stumbles_over_does_not_stop_the_others(
    site: Site, body: bytes
) -> None:
    site.pages["/broken"] = Reply(body, 200, RSS)
    good = serve(site, item("walkout", guid="1", at=JUNE_1))
    pages = Visitor(f"{site.server.url}/broken", good).visit()
    assert [post.text for post in posts(pages)] == ["walkout"]
    assert coverage(pages)[-1].status == "partial"


def test_a_character_that_is_written_as_two_halves_is_one(site: Site) -> None:
    face = item("walkout &#55357;&#56832;", "<description>&#xD83D;&#xDE00; &#55357;</description>")
    (post,) = posts(Visitor(serve(site, face)).visit())
    assert post.text == "walkout \U0001f600\n\U0001f600 \ufffd"


def test_an_item_without_an_id_may_be_too_long(site: Site) -> None:
    long = item("walkout", f"<description>{'walkout ' * 20_000}</description>", at=JUNE_1)
    pages = Visitor(serve(site, long, item("walkout", guid="2", at=JUNE_1))).visit()
    assert len(posts(pages)) == 1
    assert [one.reason for page in pages for one in page.rejections] == ["text_too_long"]


def test_a_tag_that_no_header_can_hold_is_not_sent_back(site: Site) -> None:
    url = serve(site, item("walkout", guid="1", at=JUNE_1))
    site.pages["/rss"] = replace(site.pages["/rss"], headers={"ETag": '"\xfc"'})
    visitor = Visitor(url)
    visitor.visit()
    assert len(posts(visitor.visit())) == 1


def test_comments_come_as_replies_without_the_title_that_names_their_author(site: Site) -> None:
    comment = item("By: Carla", "<description>I do not agree</description>", guid="c1", at=JUNE_1)
    serve(site, comment, path="/1/comments")
    led = "<wfw:commentRss>/1/comments</wfw:commentRss><dc:creator>Ann</dc:creator>"
    visitor = Visitor(serve(site, item("a walkout", led, guid="1", at=JUNE_1)))
    article, reply = posts(visitor.visit())
    assert (reply.kind, reply.reference) == ("reply", article.native_id)
    assert reply.text == "I do not agree"
    assert article.author == "127.0.0.1:" + site.server.url.rpartition(":")[2] + " Ann"


def test_a_comments_feed_is_read_on_when_its_article_has_left_the_feed(site: Site) -> None:
    serve(site, path="/1/comments")
    led = "<wfw:commentRss>/1/comments</wfw:commentRss>"
    visitor = Visitor(serve(site, item("a walkout", led, guid="1", at=JUNE_1)))
    visitor.visit()
    serve(site)
    serve(site, item("x", "<description>late</description>", guid="c"), path="/1/comments")
    visitor.clock.forward(days=2)
    assert [post.text for post in posts(visitor.visit())] == ["late"]
    visitor.clock.forward(days=6)
    before = len(site.server.requests)
    visitor.visit()
    assert "/1/comments" not in [one.path for one in site.server.requests[before:]]


def test_an_error_names_the_topic_s_feed_and_no_comments_feed(site: Site) -> None:
    serve(site, path="/by-ann/comments")
    led = "<wfw:commentRss>/by-ann/comments</wfw:commentRss>"
    visitor = Visitor(serve(site, item("a walkout", led, guid="1", at=JUNE_1)))
    visitor.visit()
    del site.pages["/rss"], site.pages["/by-ann/comments"]
    visitor.clock.forward(days=1)
    with pytest.raises(CollectorError) as raised:
        visitor.visit()
    assert "by-ann" not in f"{raised.value} {raised.value.hint}"


def test_a_comments_feed_on_another_host_is_not_followed(site: Site) -> None:
    led = "<wfw:commentRss>http://localhost:1/comments</wfw:commentRss>"
    visitor = Visitor(serve(site, item("a walkout", led, guid="1", at=JUNE_1)))
    pages = visitor.visit()
    assert [span.status for span in coverage(pages)][-1] == "complete"


def test_items_about_something_else_are_left_alone(site: Site) -> None:
    url = serve(site, item("a walkout", guid="1", at=JUNE_1), item("lunch", guid="2", at=JUNE_1))
    assert len(posts(Visitor(url).visit())) == 1
    assert len(posts(Visitor(url, every_entry=True).visit())) == 2


def test_a_feed_that_fails_does_not_stop_the_others(site: Site) -> None:
    good = serve(site, item("a walkout", guid="1", at=MAY_31))
    visitor = Visitor(f"{site.server.url}/gone", good)
    pages = visitor.visit()
    assert len(posts(pages)) == 1
    assert coverage(pages)[-1].status == "partial"
    assert "not_found" in coverage(pages)[-1].reason


def test_feeds_that_come_back_close_the_gap(site: Site) -> None:
    site.add("a walkout", "ann", START - timedelta(days=1))
    visitor = Visitor(site.url, f"{site.server.url}/rss")
    visitor.visit()
    serve(site, item("a walkout", guid="1", at=MAY_31))
    visitor.clock.forward(minutes=5)
    last = coverage(visitor.visit())[-1]
    assert (last.status, last.end) == ("complete", visitor.clock.now)


def test_what_fell_out_of_a_feed_between_two_runs_is_a_hole_that_is_told(site: Site) -> None:
    visitor = Visitor(serve(site, item("a walkout", guid="1", at=MAY_31)))
    visitor.visit()
    visitor.clock.forward(days=1)
    serve(site, item("walkout", guid="9", at="Tue, 02 Jun 2020 11:00:00 GMT"))
    gap, rest = coverage(visitor.visit())
    assert (gap.start, gap.status, gap.reason) == (START, "gap", "feed_window")
    assert (rest.start, rest.status) == (START + timedelta(hours=23, seconds=1), "complete")


@pytest.mark.parametrize("forbidden", [False, True], ids=["not found", "forbidden"])
def test_a_feed_whose_next_document_cannot_be_had_is_read_on(site: Site, forbidden: bool) -> None:
    site.robots = "User-agent: *\nDisallow: /older" if forbidden else None
    more = '<a:link xmlns:a="http://www.w3.org/2005/Atom" rel="next" href="/older"/>'
    old = [item("a walkout", guid=guid, at=MAY_31) for guid in "12"]
    visitor = Visitor(serve(site, *old, head=more))
    gap, rest = coverage(visitor.visit())
    assert (gap.status, gap.reason, rest.status) == ("gap", "feed_window", "complete")
    visitor.clock.forward(days=1)
    serve(site, item("the walkout", guid="3", at=JUNE_1), *old, head=more)
    pages = visitor.visit()
    assert posts(pages)[0].text == "the walkout"
    assert [span.status for span in coverage(pages)] == ["complete"]


def test_a_text_in_markup_is_read_as_a_reader_sees_it(site: Site) -> None:
    body = (
        "<content:encoded><![CDATA[<p>So it&#8217;s on</p><script>x()</script>]]></content:encoded>"
    )
    (post,) = posts(Visitor(serve(site, item("AT&amp;T walkout", body, at=JUNE_1))).visit())
    assert post.text == "AT&T walkout\nSo it’s on"


def test_markup_that_no_reader_knows_is_passed_over(site: Site) -> None:
    odd = item("walkout", "<description>&lt;![ x]&gt;all &lt;![y[z]]&gt; out</description>")
    (post,) = posts(Visitor(serve(site, odd)).visit())
    assert post.text == "walkout\nall out"


@pytest.mark.parametrize("begun", ["<a b=", "<a b='", "<a b", '<a b="x" '])
def test_tags_that_never_end_are_looked_at_once(
    monkeypatch: pytest.MonkeyPatch, begun: str
) -> None:
    looked = []
    look = HTMLParser.parse_starttag
    monkeypatch.setattr(
        HTMLParser, "parse_starttag", lambda own, at: looked.append(at) or look(own, at)
    )
    assert plain_text(f"<p>all &amp; {begun * 2000}") == f"all & {begun * 2000}".strip()
    assert looked == [0]  # Not one for each: each looks to the end.


def test_what_stands_behind_the_last_tag_is_read_like_the_rest() -> None:
    assert plain_text("1 &lt; 2") == "1 < 2"
    assert plain_text("<p>one</p> two &amp; <b") == "one\ntwo & <b"
    assert plain_text("seen<script>a > b") == "seen"


def test_the_feed_s_language_is_that_of_its_items(site: Site) -> None:
    head = "<language>de-AT</language>"
    (post,) = posts(Visitor(serve(site, item("walkout", at=JUNE_1), head=head)).visit())
    assert post.language == "de"


def test_an_entry_may_be_in_another_language_than_its_feed(site: Site) -> None:
    entry = (
        '<entry xml:lang="fr"><id>urn:x:1</id><title>a walkout</title>'
        "<updated>2020-06-01T11:00:00Z</updated></entry>"
    )
    atom = f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">{entry}</feed>'
    site.pages["/atom"] = Reply(atom.encode(), 200, RSS)
    [post] = posts(Visitor(f"{site.server.url}/atom").visit())
    assert post.language == "fr"


def test_a_time_far_in_the_future_is_rejected(site: Site) -> None:
    url = serve(site, item("walkout", guid="1", at="Wed, 01 Jul 2020 11:00:00 GMT"))
    pages = Visitor(url).visit()
    assert posts(pages) == []
    assert [one.reason for page in pages for one in page.rejections] == ["bad_date"]


def test_it_says_who_it_is(site: Site, visitor: Visitor) -> None:
    visitor.visit()
    agents = {request.headers["user-agent"] for request in site.server.requests}
    assert all(agent.startswith("employee-sentiment-monitor/") for agent in agents)


def test_a_feed_larger_than_it_may_be_is_refused() -> None:
    def answer(request: Request) -> Reply:
        if request.path == "/robots.txt":
            return Reply(b"", 404)
        return Reply(b"<rss>" + b"x" * 2**21, 200, RSS)

    server = LocalServer(answer)
    with pytest.raises(CollectorError, match="over 1048576 bytes"):
        Visitor(f"{server.url}/rss").visit(maximum_megabytes=1)
    server.close()


def test_what_was_covered_counts_for_no_more_than_what_is_asked_now(
    site: Site, visitor: Visitor
) -> None:
    site.add("a walkout", "ann", START)
    other = serve(site, item("a strike", guid="1", at=MAY_31), path="/other")

    def told(*feeds: str, **options: Any) -> list[str]:
        visitor.query = query(feeds=list(feeds), **options)
        return [page.earlier for page in visitor.visit()]

    assert set(told(site.url)) == {"complete"}
    assert told(site.url, other)[0] == "partial"
    assert set(told(site.url, other)) == set(told(site.url)) == {"complete"}
    first, *rest = told(site.url, every_entry=True)
    assert first == "gap"
    assert set(rest) <= {"complete"}
