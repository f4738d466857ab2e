"""The HTTP client, and the transport of vendors' libraries, against a server that fails."""

from __future__ import annotations

import gzip
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests
from servers.faults import LocalServer, Reply, Request, json_reply

from collectors.body import Bounds, read_body
from collectors.errors import (
    AuthenticationError,
    CollectorError,
    MalformedAnswerError,
    NotFoundError,
    RateLimitedError,
    RefusedRequestError,
    StoppedError,
    UnavailableError,
)
from collectors.http import HttpClient, Limits
from collectors.pace import Pace, retry_after
from collectors.source import Surroundings
from collectors.transport import Transport, collector_error, session

NOW = datetime(2020, 6, 1, 12, tzinfo=UTC)
LIMITS = Limits(timeout=0.5, maximum_bytes=100_000, attempts=3, first_pause=1, longest_pause=60)


@dataclass
class Times:
    """A clock that sleeping moves on."""

    now: datetime = NOW
    slept: list[float] = field(default_factory=list)
    stopping: bool = False

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        if self.stopping:
            raise StoppedError("asked to stop")
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


@dataclass
class Site:
    """A server whose answer can be chosen, and both kinds of client."""

    times: Times = field(default_factory=Times)
    reply: Callable[[Request], Reply] = lambda _: json_reply({"here": "you are"})

    def __post_init__(self) -> None:
        self.server = LocalServer(self._answer)
        here = self.times
        self.surroundings = Surroundings(
            {}, lambda _: None, here, here.sleep, lambda: here.stopping, lambda: 0, "me@example.org"
        )

    def _answer(self, request: Request) -> Reply:
        return self.reply(request)

    def ask(self, path: str = "/x") -> Any:
        with HttpClient(self.server.url, self.surroundings, limits=LIMITS) as client:
            return client.get_json(path)[0]

    def ask_as_library(self, path: str = "/x") -> Any:
        transport = Transport(self.surroundings, LIMITS)
        with session(transport, self.surroundings.user_agent) as asking:
            try:
                return asking.get(self.server.url + path, timeout=0.5).json()
            except Exception as exc:
                ours = collector_error(exc)
                if ours is None:
                    raise
                raise ours from exc


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.server.close()


@pytest.fixture(params=["ask", "ask_as_library"])
def ask(request: pytest.FixtureRequest, site: Site) -> Callable[..., Any]:
    """Our own client, and what a vendor's library asks with."""
    asking: Callable[..., Any] = getattr(site, request.param)
    return asking


def test_an_answer_comes_back_and_the_request_says_who_asks(
    ask: Callable[..., Any], site: Site
) -> None:
    assert ask() == {"here": "you are"}
    agent = site.server.requests[0].headers["user-agent"]
    assert agent.startswith("employee-sentiment-monitor/")
    assert "me@example.org" in agent


@pytest.mark.parametrize(
    "kind", ["error_500", "error_503", "rate_limited", "hang_up", "reset", "malformed"]
)
def test_what_passes_is_survived(ask: Callable[..., Any], site: Site, kind: str) -> None:
    site.server.fail_next(kind, times=2)
    assert ask() == {"here": "you are"}
    assert len(site.server.requests) == 3


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("error_500", UnavailableError),
        ("rate_limited", RateLimitedError),
        ("hang_up", CollectorError),
        ("reset", UnavailableError),
        ("malformed", MalformedAnswerError),
        ("gzip_bomb", MalformedAnswerError),
        ("redirect_loop", MalformedAnswerError),
    ],
)
def test_what_does_not_pass_is_given_up_loudly(
    ask: Callable[..., Any], site: Site, kind: str, error: type[CollectorError]
) -> None:
    site.server.fail_next(kind, times=9)
    with pytest.raises(error) as raised:
        ask()
    assert raised.value.retryable
    assert str(raised.value)


def test_html_in_place_of_json_is_told_from_an_answer(site: Site) -> None:
    site.server.fail_next("wrong_type", times=9)
    with pytest.raises(MalformedAnswerError, match="text/html"):
        site.ask()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, AuthenticationError),
        (403, AuthenticationError),
        (404, NotFoundError),
        (410, NotFoundError),
        (400, RefusedRequestError),
    ],
)
def test_a_refusal_is_not_asked_for_again_and_says_what_to_change(
    site: Site, status: int, error: type[CollectorError]
) -> None:
    site.reply = lambda _: Reply(b"{}", status)
    with pytest.raises(error) as raised:
        site.ask()
    assert not raised.value.retryable
    assert raised.value.hint
    assert len(site.server.requests) == 1


def test_retry_after_is_kept(ask: Callable[..., Any], site: Site) -> None:
    site.server.retry_after = 40
    site.server.fail_next("rate_limited")
    ask()
    assert len(site.times.slept) == 1
    assert 40 <= site.times.slept[0] <= 42


def test_who_asks_us_to_wait_for_hours_is_left_alone(ask: Callable[..., Any], site: Site) -> None:
    site.server.retry_after = 7200
    site.server.fail_next("rate_limited", times=9)
    with pytest.raises(RateLimitedError) as raised:
        ask()
    assert raised.value.retry_after == 7200
    assert site.times.slept == []


def test_pauses_grow_and_are_not_all_alike(site: Site) -> None:
    site.server.fail_next("error_500", times=2)
    site.ask()
    first, second = site.times.slept
    assert 0.5 <= first <= 1
    assert 1 <= second <= 2


def test_a_stop_ends_the_waiting(ask: Callable[..., Any], site: Site) -> None:
    site.server.fail_next("error_503", times=9)
    site.times.stopping = True
    with pytest.raises(StoppedError):
        ask()


def test_requests_are_spread_before_a_window_is_used_up(site: Site) -> None:
    reset = str(int((NOW + timedelta(seconds=100)).timestamp()))
    site.reply = lambda _: json_reply(
        {}, x_rate_limit_limit="100", x_rate_limit_remaining="4", x_rate_limit_reset=reset
    )
    pace = Pace(site.times)
    pace.note(site.reply(Request("GET", "/", {}, {})).headers)
    assert pace.pause() == pytest.approx(20)
    site.times.sleep(20)
    assert pace.pause() == pytest.approx(20)
    site.times.now += timedelta(seconds=100)
    assert pace.pause() == 0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "30"}, 30),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=90), usegmt=True)}, 90),
        ({"retry-after": "soon"}, 0),
        ({"retry-after": "-5"}, 0),
        ({"x-ratelimit-reset": "2020-06-01T12:02:00Z"}, 120),
        ({"x-rate-limit-reset": str(int(NOW.timestamp()) + 60)}, 60),
        ({"ratelimit-reset": "15"}, 15),
        ({}, 0),
    ],
)
def test_how_long_to_wait_is_read_in_every_way_that_it_is_said(
    headers: dict[str, str], seconds: float
) -> None:
    assert retry_after(headers, NOW) == pytest.approx(seconds)


def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        times = Times()
        here = Surroundings({}, lambda _: None, times, times.sleep, lambda: False, lambda: 0)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            HttpClient(url, here, limits=Limits(timeout=0.1, attempts=2)) as client,
            pytest.raises(UnavailableError, match="in time"),
        ):
            client.get("/")
    assert len(times.slept) == 1


def test_a_half_closed_socket_is_survived() -> None:
    """The server closes its side at once and reads on."""
    times = Times()
    here = Surroundings({}, lambda _: None, times, times.sleep, lambda: False, lambda: 0)

    def serve(listening: socket.socket) -> None:
        for _ in range(2):
            connection, _address = listening.accept()
            connection.shutdown(socket.SHUT_WR)
            connection.recv(4096)
            connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with (
            HttpClient(url, here, limits=Limits(timeout=1, attempts=2)) as client,
            pytest.raises(UnavailableError),
        ):
            client.get("/")
        thread.join()


def test_secrets_in_an_address_are_in_no_message(site: Site) -> None:
    site.reply = lambda _: Reply(b"{}", 401)
    with pytest.raises(AuthenticationError) as raised:
        site.ask("/x?token=geheim")
    assert "geheim" not in str(raised.value)


BOUNDS = Bounds(1000, 5)


@pytest.mark.parametrize(
    ("raw", "encoding", "problem"),
    [
        pytest.param([b"x" * 600, b"x" * 600], "", "over 1000 bytes", id="too large"),
        pytest.param([gzip.compress(bytes(10**6))], "gzip", "over 1000 bytes", id="gzip bomb"),
        pytest.param([gzip.compress(b"x" * 500)[:-9]], "gzip", "end early", id="cut off"),
        pytest.param([b"no gzip"], "gzip", "damaged", id="not packed"),
        pytest.param([gzip.compress(b"x"), b"no gzip"], "gzip", "damaged", id="more behind"),
        pytest.param([gzip.compress(b"x") * 2 + b"\x1f"], "gzip", "end early", id="third cut off"),
        pytest.param([gzip.compress(b"x" * 400) * 3], "gzip", "over 1000 bytes", id="members"),
        pytest.param([b"x"], "br", "not asked for", id="another packing"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    raw: list[bytes], encoding: str, problem: str
) -> None:
    with pytest.raises(MalformedAnswerError, match=problem):
        read_body(raw, encoding, BOUNDS)


def test_a_body_is_unpacked() -> None:
    assert read_body([gzip.compress(b"x" * 900)], "gzip", BOUNDS) == b"x" * 900
    assert read_body([zlib.compress(b"x" * 900)], "deflate", BOUNDS) == b"x" * 900
    assert read_body([b"a", b"", b"b"], "identity", BOUNDS) == b"ab"


@pytest.mark.parametrize("size", [1, 7, 1000], ids=lambda size: f"{size} at a time")
def test_all_members_of_a_packed_body_are_read(size: int) -> None:
    packed = gzip.compress(b"one ") + gzip.compress(b"") + gzip.compress(b"two") + bytes(20)
    parts = [packed[start : start + size] for start in range(0, len(packed), size)]

    assert read_body(parts, "gzip", BOUNDS) == b"one two"


def test_a_body_that_trickles_is_given_up() -> None:
    def trickle() -> Iterator[bytes]:
        while True:
            threading.Event().wait(0.02)
            yield b"x"

    with pytest.raises(UnavailableError, match="not complete"):
        read_body(trickle(), "", Bounds(1000, 0.1))


def test_a_foreign_exception_of_a_library_is_not_taken_for_the_platform_s() -> None:
    assert collector_error(KeyError("bug")) is None
    assert isinstance(collector_error(requests.ConnectionError()), UnavailableError)


@pytest.mark.parametrize("where", ["another port", "another name"])
def test_a_redirect_to_another_server_in_a_private_network_is_refused(
    ask: Callable[..., Any], site: Site, where: str
) -> None:
    with closing(LocalServer(lambda _: json_reply({"secret": "metadata"}))) as inner:
        port = inner.url.rpartition(":")[2]
        host = "127.0.0.1" if where == "another port" else "localhost"
        target = f"http://{host}:{port}/latest/meta-data"
        site.reply = lambda _: Reply(b"", 302, headers={"Location": target})

        with pytest.raises(RefusedRequestError, match="private address"):
            ask()

        assert inner.requests == []
        assert len(site.server.requests) == 1


def test_a_redirect_on_the_same_server_is_followed(ask: Callable[..., Any], site: Site) -> None:
    there = Reply(b"", 302, headers={"Location": "/there"})
    site.reply = lambda request: there if request.path == "/x" else json_reply({"here": "it is"})
    assert ask() == {"here": "it is"}


def test_an_event_that_does_not_end_is_not_held_in_memory(site: Site) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield b"event: update\ndata: 1\n\n"
        while sent < 100:
            sent += 1
            yield b"data: " + b"x" * 10_000 + b"\n"

    site.reply = lambda _: Reply(type="text/event-stream", chunks=endless())
    with session(Transport(site.surroundings, LIMITS), "me") as asking:
        stream = asking.get(site.server.url + "/x", stream=True, timeout=5)
        with pytest.raises(MalformedAnswerError, match="over 100000 bytes"), closing(stream):
            for _ in stream.iter_content(chunk_size=1000):
                pass


@pytest.mark.parametrize(
    "headers",
    [{"Retry-After": "900"}, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "900"}],
    ids=["retry after", "rate limit"],
)
def test_a_server_that_others_wait_for_may_not_ask_for_long(
    site: Site, headers: dict[str, str]
) -> None:
    status = 429 if "Retry-After" in headers else 200
    site.reply = lambda _: Reply(b"{}", status, headers=headers)
    limits = replace(LIMITS, patience=60)
    with (
        HttpClient(site.server.url, site.surroundings, limits=limits) as client,
        pytest.raises(RateLimitedError),
    ):
        list(map(client.get, ["/x", "/x"]))
    assert site.times.slept == []
