"""A stream hands its events on: none is lost, few wait, no stumble of the library ends it."""

from __future__ import annotations

import threading
import time
from queue import Queue
from types import SimpleNamespace
from typing import Any

import pytest
from live import Clock, surroundings

import collectors.mastodon_server
from collectors.mastodon import SOURCE
from collectors.mastodon_server import Event, Server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server whose stream is what a test makes of it, tried again at once."""
    monkeypatch.setattr(collectors.mastodon_server, "_FIRST_PAUSE", 0.0)
    monkeypatch.setattr(collectors.mastodon_server, "_TICK", 0.05)
    settings = {**SOURCE.defaults(), "instances": ["mastodon.example"]}
    return Server("mastodon.example", surroundings(Clock(), settings), only=True)


def follow(server: Server, events: Queue[Event], stop: threading.Event) -> threading.Thread:
    thread = threading.Thread(target=server.follow, args=("walkout", events, stop), daemon=True)
    thread.start()
    return thread


def fills(events: Queue[Event]) -> bool:
    """Whether the queue is full within five seconds."""
    deadline = time.monotonic() + 5
    while not events.full() and time.monotonic() < deadline:
        time.sleep(0.01)
    return events.full()


def test_events_wait_for_room_and_all_arrive(server: Server) -> None:
    events, stop = Queue[Event](2), threading.Event()

    def stream(_tag: str, listener: Any, **_: Any) -> None:
        for number in range(10):
            listener.on_delete(number)
        stop.set()

    server._client = SimpleNamespace(stream_hashtag=stream)  # type: ignore[assignment]
    thread = follow(server, events, stop)
    assert fills(events)
    time.sleep(0.1)
    assert events.qsize() == 2
    found = [events.get(timeout=5).deleted for _ in range(10)]
    thread.join(5)
    assert found == [str(number) for number in range(10)]
    assert not thread.is_alive()


def test_a_stream_that_is_told_to_stop_does_not_wait_for_room(server: Server) -> None:
    events, stop = Queue[Event](1), threading.Event()

    def stream(_tag: str, listener: Any, **_: Any) -> None:
        for number in range(10):
            listener.on_delete(number)

    server._client = SimpleNamespace(stream_hashtag=stream)  # type: ignore[assignment]
    thread = follow(server, events, stop)
    assert fills(events)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


@pytest.mark.parametrize("stumble", [TypeError, KeyError, AttributeError, ValueError])
def test_what_the_library_stumbles_over_does_not_end_the_stream(
    server: Server, stumble: type[Exception]
) -> None:
    events, stop = Queue[Event](9), threading.Event()
    tries: list[int] = []

    def stream(_tag: str, listener: Any, **_: Any) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise stumble("of the library")
        listener.on_delete(7)
        stop.set()

    server._client = SimpleNamespace(stream_hashtag=stream)  # type: ignore[assignment]
    thread = follow(server, events, stop)
    assert events.get(timeout=5).deleted == "7"
    thread.join(5)
    assert not thread.is_alive()
