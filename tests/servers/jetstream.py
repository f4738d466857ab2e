"""Jetstream on loopback: events with times, replayed from a cursor, over a real websocket."""

from __future__ import annotations

import json
import logging
import math
import socket
import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.sync.server import Server, ServerConnection, serve

POST = "app.bsky.feed.post"
REPOST = "app.bsky.feed.repost"

_SILENT = logging.getLogger("servers.jetstream.connection")
_SILENT.disabled = True
_LOOP = "/around-and-around"
_TICK = 0.05
_HANDSHAKE_FAILURES = {
    "error_500": (500, "application/json", b'{"error": "broken"}'),
    "error_503": (503, "text/html", b"<html>busy</html>"),
    "rate_limited": (429, "application/json", b"{}"),
    "wrong_type": (200, "text/html", b"<html>maintenance</html>"),
    "redirect_loop": (302, "text/plain", b""),
}
_NONSENSE = {
    "malformed": '{"did": "did:plc:x", "time_us": ',
    "error_under_200": '{"error": "over capacity"}',
}
FAILURES = frozenset({*_HANDSHAKE_FAILURES, *_NONSENSE, "hang_up", "reset"})
"""What `fail_next` knows."""


class Jetstream:
    """A server that keeps all events, and gives them from the cursor on that it is asked for.

    Args:
        now: The server's clock. After a replay it says what time it is, by an event about nobody.
        times: When the events happened that are there from the start, for a long script.
        events: These events, each with its collection.

    Attributes:
        quirk: `repeated_records`, `cursor_back` or `repeat_page` (the first events for ever).
        messages_until_cut: Tells for each connection after how many messages it is cut.
        requests: The paths that were asked for, in order.
        oldest_us: Older events are no longer there.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        times: Sequence[int] | None = None,
        events: Sequence[tuple[str, str]] | None = None,
    ) -> None:
        self._now = now
        self._times: Sequence[int] = [] if times is None else times
        self._events: Sequence[tuple[str, str]] = [] if events is None else events
        self._changed = threading.Condition()
        self._failures: deque[str] = deque()
        self._open: set[ServerConnection] = set()
        self.quirk: str | None = None
        self.messages_until_cut: Callable[[], float] = lambda: math.inf
        self.requests: list[str] = []
        self.oldest_us = 0
        self._port = 0
        self._server = self._start()

    @property
    def url(self) -> str:
        """The base URL."""
        return f"ws://127.0.0.1:{self._port}"

    def post(self, did: str, rkey: str, text: str, created_at: datetime, **more: Any) -> str:
        """Adds the event of a new post; returns the post's address."""
        record = {"$type": POST, "text": text, "createdAt": iso(created_at), "langs": ["en"]}
        return self.commit("create", did, f"{POST}/{rkey}", {**record, **more})

    def commit(self, operation: str, did: str, path: str, record: Any = None) -> str:
        """Adds the event of a change to a record; returns the record's address."""
        collection, _, rkey = path.partition("/")
        commit = {"operation": operation, "collection": collection, "rkey": rkey}
        if record is not None:
            commit |= {"record": record, "cid": "bafyreib2rxk3rybk"}
        self.add(did, "commit", collection, commit=commit)
        return f"at://{did}/{path}"

    def account(self, did: str, status: str) -> None:
        """Adds the event of an account that is no longer active, or is so again."""
        state = {"active": True} if status == "active" else {"active": False, "status": status}
        self.add(did, "account", "", account={"did": did, **state})

    def add(self, did: str, kind: str, collection: str, **more: Any) -> None:
        """Adds an event, at the server's time but after the one before."""
        assert isinstance(self._times, list)
        assert isinstance(self._events, list)
        with self._changed:
            last = self._times[-1] if self._times else 0
            at = max(last + 1, microseconds(self._now()))
            if "commit" in more:
                more["commit"]["rev"] = tid(at)
            self._times.append(at)
            self._events.append((collection, event(did, at, kind, **more)))
            self._changed.notify_all()

    def fail_next(self, kind: str, times: int = 1) -> None:
        """Makes the next connections fail."""
        self._failures.extend([kind] * times)

    def restart(self) -> None:
        """Cuts all connections, and starts again on the same port."""
        self.close()
        self._server = self._start()

    def close(self) -> None:
        """Stops, and cuts the connections that are open."""
        self._server.shutdown()
        for connection in list(self._open):
            cut(connection)

    def _start(self) -> Server:
        listening = socket.create_server(("127.0.0.1", self._port), reuse_port=False)
        self._port = listening.getsockname()[1]
        server = serve(
            self._serve,
            sock=listening,
            process_request=self._refuse,
            compression=None,
            ping_interval=None,
            logger=_SILENT,
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def _refuse(self, _: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request.path)
        if request.path.startswith(_LOOP):
            return _answer("redirect_loop")
        if self._failures and self._failures[0] in _HANDSHAKE_FAILURES:
            return _answer(self._failures.popleft())
        return None

    def _serve(self, connection: ServerConnection) -> None:
        kind = self._failures.popleft() if self._failures else None
        self._open.add(connection)
        try:
            with suppress(ConnectionClosed):
                self._play(connection, kind)
        finally:
            self._open.discard(connection)

    def _play(self, connection: ServerConnection, kind: str | None) -> None:
        if kind == "reset":
            cut(connection)
            return
        if kind is not None and kind in _NONSENSE:
            connection.send(_NONSENSE[kind])
        assert connection.request is not None
        query = parse_qs(urlsplit(connection.request.path).query)
        wanted = {"", *query.get("wantedCollections", ())}
        at = 0 if self.quirk == "cursor_back" else self._index(int(query["cursor"][0]))
        half = (at + len(self._events)) // 2
        left = self.messages_until_cut()
        for collection, text in self._from(connection, at):
            if collection not in wanted:
                continue
            if left <= 0 or (kind == "hang_up" and at >= half):
                cut(connection)
                return
            left -= 1
            for _ in range(2 if self.quirk == "repeated_records" else 1):
                connection.send(text)
            at += 1

    def _index(self, cursor: int) -> int:
        return bisect_left(self._times, max(cursor, self.oldest_us))

    def _from(self, connection: ServerConnection, at: int) -> Iterator[tuple[str, str]]:
        """Yields what is there, then what time it is, then what comes."""
        while self.quirk == "repeat_page" and self._events:
            yield from self._events[:3]
        while at < len(self._events):
            yield self._events[at]
            at += 1
        yield "", event("did:plc:nobody", microseconds(self._now()), "identity", identity={})
        while connection.protocol.state is State.OPEN:
            while at < len(self._events):
                yield self._events[at]
                at += 1
            with self._changed:
                self._changed.wait(_TICK)


def event(did: str, time_us: int, kind: str, **more: Any) -> str:
    """An event as Jetstream writes it."""
    return json.dumps({"did": did, "time_us": time_us, "kind": kind, **more})


def iso(moment: datetime) -> str:
    """A time as Bluesky's records hold it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def microseconds(moment: datetime) -> int:
    """A time in microseconds since 1970."""
    return (moment - datetime(1970, 1, 1, tzinfo=moment.tzinfo)) // timedelta(microseconds=1)


def tid(time_us: int) -> str:
    """The timestamp identifier of a time, as a repo's revision is one."""
    digits, number = "", time_us << 10
    for _ in range(13):
        digits = "234567abcdefghijklmnopqrstuvwxyz"[number % 32] + digits
        number //= 32
    return digits


def cut(connection: ServerConnection) -> None:
    """Ends a connection as a cable does."""
    with suppress(OSError):
        connection.socket.shutdown(socket.SHUT_RDWR)


def _answer(kind: str) -> Response:
    status, media_type, body = _HANDSHAKE_FAILURES[kind]
    headers = Headers({"Content-Type": media_type, "Content-Length": str(len(body))})
    if kind == "rate_limited":
        headers["Retry-After"] = "7"
    if kind == "redirect_loop":
        headers["Location"] = _LOOP
    return Response(status, HTTPStatus(status).phrase, headers, body)
