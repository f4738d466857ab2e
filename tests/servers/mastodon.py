"""A Mastodon server on loopback: hashtag timelines by `min_id`, posts, and a stream."""

from __future__ import annotations

import json
import queue
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

from servers.faults import LocalServer, Reply, Request, json_reply

MOST = 40
_END = object()


def _shows(request: Request, token: str) -> bool:
    return request.headers.get("authorization") == f"Bearer {token}"


@dataclass
class Mastodon:
    """Statuses under hashtags, as one server knows them.

    Attributes:
        now: The time.
        quirk: One of the suite's `QUIRKS`.
        token: Without it (where it is not empty) timelines are refused with 422.
        stream_token: Without it (where it is not empty) the stream is refused with 401.
        streams: How many streams are open.
    """

    now: Callable[[], datetime]
    quirk: str | None = None
    token: str = ""
    stream_token: str = ""
    statuses: dict[str, dict[str, Any]] = field(default_factory=dict)
    _listening: list[queue.SimpleQueue[object]] = field(default_factory=list)
    _count: int = 0

    def __post_init__(self) -> None:
        self.server = LocalServer(self._answer)

    @property
    def streams(self) -> int:
        return len(self._listening)

    def add(self, text: str, author: str, created_at: datetime, **more: Any) -> str:
        """Adds a status of this server's own; returns its address."""
        self._count += 1
        uri = f"{self.server.url}/users/{author}/statuses/{self._count}"
        profile = f"{self.server.url}/@{author}"
        account = {"acct": author, "url": profile, "note": "", "discoverable": True}
        status = {
            "uri": uri,
            "created_at": f"{created_at:%Y-%m-%dT%H:%M:%S.%f}Z",
            "content": f"<p>{text}</p>",
            "visibility": "public",
            "language": "en",
            "edited_at": None,
            "spoiler_text": "",
            "in_reply_to_id": None,
            "reblog": None,
            **more,
            "account": {**account, **more.get("account", {})},
        }
        self.learn(status)
        return uri

    def learn(self, status: dict[str, Any]) -> None:
        """Takes in a status, perhaps of another server, under an id of this server's own."""
        made = datetime.fromisoformat(status["created_at"])
        self._count += 1
        identifier = str((int(made.timestamp() * 1000) << 16) + self._count % 65_536)
        self.statuses[status["uri"]] = {**status, "id": identifier}
        self._tell("update", json.dumps(self.statuses[status["uri"]]))

    def edit(self, uri: str, text: str, edited_at: datetime) -> None:
        """Changes a status."""
        edited = f"{edited_at:%Y-%m-%dT%H:%M:%S}.000Z"
        self.statuses[uri] |= {"content": f"<p>{text}</p>", "edited_at": edited}
        self._tell("status.update", json.dumps(self.statuses[uri]))

    def delete(self, uri: str) -> None:
        """Deletes a status."""
        self._tell("delete", str(self.statuses.pop(uri)["id"]))

    def hang_up_streams(self) -> None:
        """Ends all streams."""
        for listening in list(self._listening):
            listening.put(_END)

    def close(self) -> None:
        """Stops."""
        self.hang_up_streams()
        self.server.close()

    def _tell(self, event: str, data: str) -> None:
        for listening in list(self._listening):
            listening.put(f"event: {event}\ndata: {data}\n\n".encode())

    def _answer(self, request: Request) -> Reply:
        if tag := re.fullmatch(r"/api/v1/timelines/tag/([^/]+)", request.path):
            if self.token and not _shows(request, self.token):
                return json_reply({"error": "This method requires an authenticated user"}, 422)
            return json_reply(self._timeline(unquote(tag[1]), request))
        if request.path == "/api/v1/streaming/hashtag":
            if self.stream_token and not _shows(request, self.stream_token):
                return json_reply({"error": "Missing access token"}, 401)
            return Reply(type="text/event-stream", chunks=self._stream())
        uri = f"{self.server.url}{request.path}"
        if uri in self.statuses:
            return Reply(b'{"type": "Note"}', type="application/activity+json; charset=utf-8")
        return json_reply({"error": "Not Found"}, 404)

    def _timeline(self, tag: str, request: Request) -> list[dict[str, Any]]:
        """The statuses that come next after `min_id`, or the newest; newest first."""
        latest = self.now() + timedelta(seconds=1)
        found = sorted(
            (
                status
                for status in self.statuses.values()
                if tag.lower() in status["content"].lower()
                and datetime.fromisoformat(status["created_at"]) < latest
            ),
            key=lambda status: int(status["id"]),
        )
        size = min(int(request.query.get("limit", 20)), MOST)
        least = int(request.query.get("min_id", -1))
        newer = [status for status in found if int(status["id"]) > least]
        if self.quirk == "repeat_page" or (self.quirk == "cursor_back" and newer[size:]):
            newer = found
        page = newer[:size] if "min_id" in request.query else newer[-size:]
        if self.quirk == "shrunk_page":
            page = page[: max(1, len(page) // 2)]
        if self.quirk == "repeated_records":
            page = [status for status in page for _ in range(2)]
        return page[::-1]

    def _stream(self) -> Iterator[bytes]:
        """Tells what happens from now on, with a sign of life now and then."""
        listening: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._listening.append(listening)
        try:
            yield b":)\n"
            while True:
                try:
                    event = listening.get(timeout=0.1)
                except queue.Empty:
                    yield b":thump\n"
                    continue
                if event is _END:
                    return
                assert isinstance(event, bytes)
                yield event
        finally:
            self._listening.remove(listening)
