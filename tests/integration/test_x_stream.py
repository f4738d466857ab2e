"""X's filtered stream through tweepy, against the local server: no hole between connections."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from servers.x import X
from x_visitor import QUERY, START, WINDOW, Clock, Visitor

from collectors.errors import AuthenticationError, CollectorError, RefusedRequestError
from collectors.post import Window
from collectors.x_query import key

STREAM, RULES, RECENT = "/2/tweets/search/stream", "/2/tweets/search/stream/rules", "/recent"


@pytest.fixture
def site() -> Iterator[X]:
    site = X(Clock(), keep_alive=0.05)
    yield site
    site.close()


@pytest.fixture
def visitor(site: X) -> Visitor:
    clock = site.now
    assert isinstance(clock, Clock)
    return Visitor(site, clock, {"stream": True, "linger": 20, "stall_seconds": 1})


class Listening:
    """A run in a thread, stopped when the block ends."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._thread = threading.Thread(target=self._run)
        self.error: CollectorError | None = None

    def _run(self) -> None:
        try:
            self._visitor.collect()
        except CollectorError as exc:
            self.error = exc

    def __enter__(self) -> Listening:
        self._thread.start()
        until(lambda: len(self._visitor.site.asked("/2/tweets/search/recent")) > 0)
        return self

    def __exit__(self, *_: object) -> None:
        self._visitor.stop = True
        self._thread.join(10)
        assert not self._thread.is_alive()

    def end(self) -> CollectorError | None:
        """Waits until the run ends by itself."""
        self._thread.join(10)
        assert not self._thread.is_alive()
        return self.error


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def test_what_is_published_while_listening_comes_by_the_stream(visitor: Visitor) -> None:
    before = visitor.publish(2)
    with Listening(visitor):
        until(lambda: len(visitor.posts) == 2)
        searches = len(visitor.site.asked("/2/tweets/search/recent"))
        after = visitor.publish(3)
        until(lambda: len(visitor.posts) == 5)
        assert len(visitor.site.asked("/2/tweets/search/recent")) == searches
    assert set(visitor.posts) == {*before, *after}
    assert visitor.reads == visitor.site.reads


def test_the_next_run_searches_from_the_last_post_of_the_stream(visitor: Visitor) -> None:
    with Listening(visitor):
        visitor.publish(3)
        until(lambda: len(visitor.posts) == 3)
    between = visitor.publish(2)
    visitor.stop = False
    with Listening(visitor):
        until(lambda: len(visitor.posts) == 5)
    assert set(between) <= set(visitor.posts)
    assert "since_id" in visitor.site.asked("/2/tweets/search/recent")[-1].query


@pytest.mark.parametrize("how", ["closed", "restarted"])
def test_a_hole_in_the_stream_is_closed_by_search(visitor: Visitor, how: str) -> None:
    cut = {"closed": visitor.site.drop_streams, "restarted": visitor.site.restart}[how]
    with Listening(visitor):
        published = visitor.publish(2)
        until(lambda: len(visitor.posts) == 2)
        opened = len(visitor.site.asked(STREAM))
        visitor.site.posts.heard_by.clear()  # Nothing more comes down the stream …
        published += visitor.publish(3)
        cut()
        until(lambda: len(visitor.site.asked(STREAM)) > opened)
        until(lambda: len(visitor.posts) == 5)  # … and yet it is all there.
    assert set(visitor.posts) == set(published)


def test_a_silent_stream_is_opened_again(visitor: Visitor) -> None:
    visitor.site.keep_alive = 60
    visitor.settings["stall_seconds"] = 0.2
    with Listening(visitor):
        until(lambda: len(visitor.site.asked(STREAM)) >= 2)


def test_a_run_ends_when_its_time_is_over(visitor: Visitor) -> None:
    visitor.settings["linger"] = 0.3
    visitor.publish(2)
    began = time.monotonic()
    visitor.collect()
    assert 0.3 <= time.monotonic() - began < 5
    assert visitor.coverage[-1].end >= START
    until(lambda: visitor.site.open_streams == 0)


def test_coverage_goes_as_far_as_the_stream_was_heard(visitor: Visitor) -> None:
    visitor.settings["linger"] = 0.5
    with Listening(visitor) as run:
        until(lambda: visitor.site.open_streams == 1)
        visitor.clock.forward(minutes=3)
        heard = visitor.clock()
        assert run.end() is None
    complete = [one for one in visitor.coverage if one.status == "complete"]
    assert max(one.end for one in complete) >= heard


@pytest.mark.parametrize("ignores", [False, True], ids=["refused", "ignored"])
def test_the_stream_finds_out_the_names_of_fields(visitor: Visitor, *, ignores: bool) -> None:
    visitor.site.generation, visitor.site.ignores_unknown = "post", ignores
    before = visitor.publish(1)
    with Listening(visitor) as run:
        until(lambda: len(visitor.site.asked(STREAM)) == 2 and visitor.site.open_streams == 1)
        until(lambda: len(visitor.coverage) > 0)
        heard = visitor.publish(1)
        until(lambda: len(visitor.posts) == 2)
    assert (run.error, visitor.rejections) == (None, [])
    assert set(visitor.posts) == {*before, *heard}
    assert "post.fields" in visitor.site.asked(STREAM)[-1].query


# Rules


def test_the_rules_follow_the_topic_and_leave_those_of_others_alone(visitor: Visitor) -> None:
    visitor.settings["linger"] = 0.1
    foreign = {"id": "7", "value": "cats", "tag": "somebody else's"}
    old = {"id": "8", "value": "old term", "tag": "monitor:harbour:0"}
    twin = {"id": "9", "value": "old term", "tag": "monitor:harbour-two:0"}
    visitor.site.rules = {rule["id"]: rule for rule in (foreign, old, twin)}
    visitor.collect()
    values = sorted((rule["value"], rule["tag"]) for rule in visitor.site.rules.values())
    assert values == [
        ("cats", "somebody else's"),
        ("old term", "monitor:harbour-two:0"),
        ("walkout", f"monitor:harbour:{key('walkout')}"),
    ]
    changes = [one for one in visitor.site.asked(RULES) if one.method == "POST"]
    visitor.collect()
    assert [one for one in visitor.site.asked(RULES) if one.method == "POST"] == changes


def test_the_rules_of_a_topic_that_has_ended_are_removed_once(visitor: Visitor) -> None:
    visitor.settings["linger"] = 0.1
    foreign = {"id": "7", "value": "cats", "tag": "monitor:cats:0"}
    visitor.site.rules = {"7": foreign}
    visitor.query = replace(QUERY, end=WINDOW.end)
    visitor.collect()
    assert len(visitor.site.rules) == 2
    visitor.clock.forward(days=41)
    visitor.collect()
    assert list(visitor.site.rules.values()) == [foreign]
    asked = len(visitor.site.asked(RULES))
    visitor.collect()
    assert len(visitor.site.asked(RULES)) == asked


def test_a_backfill_leaves_the_rules_of_a_topic_that_goes_on(visitor: Visitor) -> None:
    visitor.settings["linger"] = 0.1
    visitor.query = replace(QUERY, end=WINDOW.end)
    visitor.collect()
    visitor.collect(window=Window(START - timedelta(days=1), START))
    assert len(visitor.site.rules) == 1


def test_rules_that_cannot_be_removed_are_said_after_searching(visitor: Visitor) -> None:
    visitor.query = replace(QUERY, end=WINDOW.end)
    visitor.clock.forward(days=39)
    published = visitor.publish(2)
    visitor.clock.forward(days=2)
    visitor.site.forbidden = {"rules"}
    with pytest.raises(AuthenticationError):
        visitor.collect()
    assert set(visitor.posts) == set(published)


def test_posts_that_only_anothers_rule_asked_for_are_billed_and_left(visitor: Visitor) -> None:
    visitor.site.rules = {"7": {"id": "7", "value": "cats", "tag": "somebody else's"}}
    with Listening(visitor):
        until(lambda: visitor.site.open_streams == 1)
        visitor.publish(1, text="cats")
        (ours,) = visitor.publish(1)
        until(lambda: len(visitor.posts) == 1)
        until(lambda: visitor.reads == visitor.site.reads >= 2)
    assert set(visitor.posts) == {ours}


def test_a_rule_that_is_refused_names_the_setting(visitor: Visitor) -> None:
    visitor.settings |= {"query_characters": 600, "linger": 0.1}
    visitor.query = replace(QUERY, terms=("walkout" + "a" * 520,))
    with pytest.raises(RefusedRequestError) as raised:
        visitor.collect()
    assert raised.value.hint


# What goes wrong


def test_without_a_free_connection_search_does_the_work(visitor: Visitor) -> None:
    visitor.site.connections = 0
    published = visitor.publish(2)
    visitor.collect()
    assert set(visitor.posts) == set(published)


def test_a_stream_that_is_forbidden_is_said_after_searching(visitor: Visitor) -> None:
    visitor.site.forbidden = {"rules", "stream"}
    published = visitor.publish(2)
    with pytest.raises(AuthenticationError) as raised:
        visitor.collect()
    assert "sources.x.stream" in raised.value.hint
    assert set(visitor.posts) == set(published)


@pytest.mark.parametrize(
    "line",
    [b'{"data": {"id": "1"\r\n', b"\xff\xfe\r\n", b"[]\r\n", b'{"data": {"id": "5"}}\r\n'],
    ids=["cut", "no text", "no object", "no post"],
)
def test_a_broken_line_is_counted_and_survived(visitor: Visitor, line: bytes) -> None:
    with Listening(visitor):
        until(lambda: visitor.site.open_streams == 1)
        visitor.site.send_line(line)
        visitor.publish(1)
        until(lambda: len(visitor.posts) == 1 and len(visitor.rejections) == 1)


def test_a_line_without_end_is_no_memory(visitor: Visitor) -> None:
    with Listening(visitor):
        until(lambda: visitor.site.open_streams == 1)
        for _ in range(20):
            visitor.site.send_line(b"x" * 100_000)
        until(lambda: len(visitor.site.asked(STREAM)) >= 2)


def test_an_error_in_the_stream_opens_it_again(visitor: Visitor) -> None:
    with Listening(visitor):
        until(lambda: visitor.site.open_streams == 1)
        visitor.site.send_line(b'{"errors": [{"title": "operational-disconnect"}]}\r\n')
        until(lambda: len(visitor.site.asked(STREAM)) >= 2)


def test_a_stream_that_never_holds_is_given_up_loudly(visitor: Visitor) -> None:
    visitor.site.connections = 100
    published = visitor.publish(2)
    visitor.site._lines = lambda *_: iter(())  # type: ignore[assignment,method-assign]
    with Listening(visitor) as run:
        error = run.end()
    assert error is not None
    assert error.retryable
    assert set(visitor.posts) == set(published)


def test_the_budget_ends_the_stream_before_the_cap(visitor: Visitor) -> None:
    visitor.settings["monthly_reads"] = 40
    with Listening(visitor) as run:
        until(lambda: visitor.site.open_streams == 1)
        for _ in range(4):
            visitor.publish(8)
            time.sleep(0.1)
        assert run.end() is None
    assert visitor.reads <= 40
