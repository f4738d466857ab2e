"""What Bluesky's two streams have in common: events in order, and a position to go on from.

Each connection begins a little before the position. What comes until the position is reached
again is being reread: how far that has come is remembered too, so that a run that is cut short
in the middle of it does not begin it anew for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from collectors.formats.fields import Record
from collectors.lines import Flaw

SECOND = 1_000_000
"""Microseconds."""


@dataclass(frozen=True, slots=True)
class Position:
    """The last event that was seen, and who told it.

    Attributes:
        host: The address of the server, empty before the first.
        cursor: The server's own number of the event; None where only the time is known.
        time_us: When the server saw the event, in microseconds since 1970.
        rereading: The server's number of the event that was reread last, None where none is.
    """

    host: str
    cursor: int | None
    time_us: int
    rereading: int | None = None

    def state(self) -> dict[str, Any]:
        """Gives it as it stands in a checkpoint."""
        known = {"host": self.host, "cursor": self.cursor, "time_us": self.time_us}
        return known if self.rereading is None else {**known, "rereading": self.rereading}

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Position:
        """Reads what `state` gave."""
        return cls(state["host"], state["cursor"], state["time_us"], state.get("rereading"))


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a stream.

    Attributes:
        records: The events in it, each in the shape that Jetstream gives to events.
        time_us: When the server saw them; None for a message that holds none.
        cursor: The server's number of the last one.
        has_missed: The server says that it no longer has all that it was asked for.
    """

    records: tuple[Record | Flaw, ...]
    time_us: int | None = None
    cursor: int | None = None
    has_missed: bool = False

    @property
    def is_flawed(self) -> bool:
        """Whether a record of it cannot be read."""
        return any(isinstance(record, Flaw) for record in self.records)


class ForgottenCursorError(Exception):
    """The server does not know the cursor, for example because it was set up anew."""


class Feed(Protocol):
    """One of the two streams.

    Attributes:
        name: In settings and checkpoints.
        hosts: Addresses of servers that all give the same.
        counts_in_time: Its cursors are times, so that they hold on every host; a server begins
            at the cursor if it can, and silently later if not.
    """

    name: str
    hosts: tuple[str, ...]
    counts_in_time: bool

    def url(self, host: str, position: Position) -> str:
        """The address to go on at, a little before a position."""
        ...

    def beyond(self, position: Position, step: float) -> Position:
        """A position for which `url` begins after that one, by a step of its own measure."""
        ...

    def read(self, raw: bytes) -> Message:
        """Reads a message.

        Raises:
            ForgottenCursorError: It says that the cursor is unknown.
            CollectorError: It says that the server ends the stream.
        """
        ...


def websocket_url(host: str, path: str) -> str:
    """Completes an operator's short form: `example.org` is `wss://example.org<path>`."""
    address = host.strip().rstrip("/")
    scheme, separator, rest = address.partition("://")
    if not separator:
        scheme, rest = "wss", address
    scheme = {"http": "ws", "https": "wss"}.get(scheme, scheme)
    return f"{scheme}://{rest}" if "/" in rest else f"{scheme}://{rest}{path}"
