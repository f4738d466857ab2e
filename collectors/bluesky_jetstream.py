"""Jetstream: Bluesky's events as JSON, with times for cursors; no account needed."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from collectors.bluesky_feed import SECOND, Message, Position, websocket_url
from collectors.formats.fields import Record
from collectors.formats.jetstream import POST, REPOST
from collectors.json_text import parse_object
from collectors.lines import Flaw

PATH = "/subscribe"
HOST_OVERLAP = 60
"""Seconds to go back when another host takes over: it may have seen the same events earlier."""


class Jetstream:
    """Reads Jetstream's messages (https://github.com/bluesky-social/jetstream).

    Args:
        hosts: Servers; any of them gives the same events at nearly the same times.
        overlap: Seconds to go back whenever a connection is made anew.
        maximum_bytes: The server leaves larger messages out.
        reposts: Asks for reposts too.
    """

    name = "jetstream"
    counts_in_time = True

    def __init__(
        self, hosts: Sequence[str], *, overlap: float, maximum_bytes: int, reposts: bool
    ) -> None:
        self.hosts = tuple(hosts)
        self._overlap = overlap
        self._maximum_bytes = maximum_bytes
        self._collections = (POST, REPOST) if reposts else (POST,)

    def url(self, host: str, position: Position) -> str:
        """The address to go on at, a little before a position."""
        query = [("wantedCollections", collection) for collection in self._collections]
        query.append(("maxMessageSizeBytes", str(self._maximum_bytes)))
        query.append(("cursor", str(self._cursor(host, position))))
        return f"{websocket_url(host, PATH)}?{urlencode(query)}"

    def _cursor(self, host: str, position: Position) -> int:
        is_other = position.host not in ("", host)
        if position.rereading is not None and not is_other:
            return position.rereading
        overlap = max(self._overlap, HOST_OVERLAP) if is_other else self._overlap
        return max(0, position.time_us - int(overlap * SECOND))

    def beyond(self, position: Position, step: float) -> Position:
        """A position some seconds later than the event at a position."""
        later = position.time_us + int((self._overlap + step) * SECOND)
        return Position(position.host, None, later)

    def read(self, raw: bytes) -> Message:
        """Reads a message; what is no event is a flaw."""
        event = parse_object(raw)
        if isinstance(event, Flaw):
            return Message((event,))
        time_us = _time_us(event)
        if time_us is None:
            return Message((Flaw("bad_field", "an event without a time"),))
        return Message((event,), time_us, time_us)


def _time_us(event: Record) -> int | None:
    value = event.get("time_us")
    return value if isinstance(value, int) and 0 < value < 2**53 else None
