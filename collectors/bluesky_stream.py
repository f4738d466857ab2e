"""One of Bluesky's streams, kept up over many connections: other hosts, growing pauses."""

from __future__ import annotations

import hashlib
import logging
import random
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime

from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, WebSocketException
from websockets.sync.client import ClientConnection, connect

from collectors.bluesky_feed import SECOND, Feed, ForgottenCursorError, Message, Position
from collectors.errors import (
    AuthenticationError,
    CollectorError,
    MalformedAnswerError,
    RateLimitedError,
    RefusedRequestError,
    UnavailableError,
)
from collectors.pace import retry_after
from collectors.retry import LONGEST_WAIT

ATTEMPTS = 8
"""Connections in a row that bring nothing new before the run gives up."""

_TICK = 0.2
_LONGEST_PAUSE = 60.0
_HINT = "Another host is tried, and the next run goes on from the last stored page."
_OPEN_SECONDS = 20.0
_CLOSE_SECONDS = 1.0
_QUEUE = 256
_TOO_BIG = 1009
# The event at the position is missing if a server of times begins later than clocks differ.
_CLOCKS_DIFFER = 10 * SECOND
# At level DEBUG the library logs what it receives: post texts.
_SILENT = logging.getLogger("collectors.bluesky.connection")
_SILENT.disabled = True


class _SilentError(Exception):
    """A connection is up and says nothing: no failure where nothing happens, but a bad sign."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message, and what its position says.

    Attributes:
        position: True once the message is stored.
        missing: Microseconds [from, to) that the server no longer had.
        reason: Why it is missing.
        digest: Of the raw message, where a record of it could not be read.
    """

    message: Message
    position: Position
    missing: tuple[int, int] | None = None
    reason: str = ""
    digest: str = ""


class Stream:
    """Gives a feed's messages from a position on, in whatever connections it takes.

    Args:
        feed: Which of the two streams.
        position: The last event that was seen.
        maximum_bytes: No larger message is held in memory.
        silence: Seconds without any message after which another connection is made.
        user_agent: Who asks.
        now: The time, aware UTC.
        sleep: As `Surroundings.sleep`.
    """

    def __init__(
        self,
        feed: Feed,
        position: Position,
        *,
        maximum_bytes: int,
        silence: float,
        user_agent: str,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        self._feed = feed
        self._position = position
        self._maximum_bytes = maximum_bytes
        self._silence = silence
        self._user_agent = user_agent
        self._now = now
        self._sleep = sleep
        self._newest = position.time_us
        self._failures = 0
        self._host = self._first_host()
        self._refused: dict[str, CollectorError] = {}
        self._forgotten = position.cursor is None and not feed.counts_in_time
        self._skipping = 0.0

    def _first_host(self) -> int:
        hosts = self._feed.hosts
        return hosts.index(self._position.host) if self._position.host in hosts else 0

    def arrivals(self) -> Generator[Arrival | None, None, None]:
        """Yields messages for ever; None now and then while there are none.

        Raises:
            AuthenticationError: Every host refuses.
            CollectorError: Nothing new came of `ATTEMPTS` connections in a row.
            StoppedError: Asked to stop while waiting.
        """
        while True:
            host = self._feed.hosts[self._host]
            try:
                with self._connect(host) as connection:
                    yield from self._listen(connection, host)
            except _SilentError:
                self._host = self._next_host()
            except ForgottenCursorError:
                self._forget()
                self._recover(UnavailableError(f"{_shown(host)} does not know the cursor"))
            except CollectorError as exc:
                self._recover(exc)
            except (OSError, WebSocketException, EOFError) as exc:
                self._recover(self._translated(exc, host))

    def _connect(self, host: str) -> AbstractContextManager[ClientConnection]:
        return connect(
            self._feed.url(host, self._start()),
            compression=None,
            max_size=self._maximum_bytes,
            max_queue=_QUEUE,
            open_timeout=_OPEN_SECONDS,
            close_timeout=_CLOSE_SECONDS,
            # While a page is stored answers to pings wait behind messages; silence tells as much.
            ping_interval=None,
            user_agent_header=self._user_agent,
            logger=_SILENT,
        )

    def _start(self) -> Position:
        """Where to begin: the position, or past a message that is too large to hold."""
        if not self._skipping:
            return self._position
        return self._feed.beyond(self._position, self._skipping)

    def _listen(self, connection: ClientConnection, host: str) -> Iterator[Arrival | None]:
        """Yields what a connection brings, until it ends by an exception."""
        has_missed = self._forgotten
        is_first = True
        heard = advanced = time.monotonic()
        newest = self._newest
        while True:
            try:
                raw = connection.recv(timeout=_TICK, decode=False)
            except TimeoutError:
                if time.monotonic() - heard > self._silence:
                    raise _SilentError from None
                yield None
                continue
            heard = time.monotonic()
            if self._newest > newest:
                newest, advanced = self._newest, heard
            if heard - advanced > self._silence:
                raise UnavailableError(f"{_shown(host)} tells nothing new", hint=_HINT)
            message = self._feed.read(raw)
            has_missed |= message.has_missed
            if message.time_us is None:
                yield Arrival(message, self._position, digest=_digest(message, raw))
                continue
            arrival = self._arrived(message, host, may_miss=is_first, has_missed=has_missed)
            yield replace(arrival, digest=_digest(message, raw)) if message.is_flawed else arrival
            is_first = has_missed = self._forgotten = False

    def _arrived(self, message: Message, host: str, *, may_miss: bool, has_missed: bool) -> Arrival:
        """Moves the position on to a message.

        Never beyond our own clock: after a time of the far future the server would give nothing.
        """
        before = self._newest
        told = message.time_us or 0
        reached = min(told, int(self._now().timestamp() * SECOND))
        self._position = self._moved(host, message.cursor, reached)
        is_late = may_miss and self._is_late(reached, has_missed=has_missed)
        missing = (before, reached) if is_late else None
        reason = "message_too_large" if self._skipping else "cursor_too_old"
        if reached > self._newest:
            self._newest, self._failures, self._skipping = reached, 0, 0.0
        return Arrival(message, self._position, missing, reason)

    def _moved(self, host: str, cursor: int | None, reached: int) -> Position:
        before = self._position
        if self._feed.counts_in_time:
            is_new, reread = reached > before.time_us, reached
        else:
            is_new = before.host != host or before.cursor is None or (cursor or 0) > before.cursor
            reread = cursor or 0
        if is_new:
            return Position(host, cursor, reached)
        return replace(before, host=host, rereading=reread)

    def _is_late(self, reached: int, *, has_missed: bool) -> bool:
        """Tells whether the first event is one that came after those we have not seen.

        The position is the time of an event. A server of times that still has it begins with it
        or before it; one that is later only by the clocks' difference is no proof.
        """
        late = reached - self._newest
        if has_missed or self._skipping:
            return late > 0
        return self._feed.counts_in_time and late > _CLOCKS_DIFFER

    def _forget(self) -> None:
        self._position = Position("", None, self._position.time_us)
        self._forgotten = True

    def _recover(self, exc: CollectorError) -> None:
        """Waits and turns to the next host, or gives up."""
        hosts = self._feed.hosts
        if not exc.retryable:
            self._refused[hosts[self._host]] = exc
        self._failures += 1
        if self._failures >= ATTEMPTS or len(self._refused) == len(set(hosts)):
            raise exc
        self._host = self._next_host()
        self._sleep(self._pause(exc))

    def _pause(self, exc: CollectorError) -> float:
        """Seconds to wait; what one host asks for does not hold for another."""
        longest = min(_LONGEST_PAUSE, 2.0 ** (self._failures - 1))
        pause = longest * random.uniform(0.5, 1)  # noqa: S311
        asked = float(getattr(exc, "retry_after", 0.0))
        if len(self._feed.hosts) > 1:
            return pause
        if asked > LONGEST_WAIT:
            raise exc
        return max(asked, pause)

    def _next_host(self) -> int:
        hosts = self._feed.hosts
        following = [(self._host + step) % len(hosts) for step in range(1, len(hosts) + 1)]
        return next(index for index in following if hosts[index] not in self._refused)

    def _translated(self, exc: Exception, host: str) -> CollectorError:
        where = _shown(host)
        if isinstance(exc, InvalidStatus):
            return self._refusal(exc, where)
        if isinstance(exc, InvalidURI):
            return RefusedRequestError(f"{where} is no address", hint="Mend sources.bluesky.hosts.")
        if isinstance(exc, ConnectionClosed):
            if exc.sent is not None and exc.sent.code == _TOO_BIG:
                self._skip()
            return UnavailableError(f"{where} closed the stream", hint=_HINT)
        return UnavailableError(f"{where}: {type(exc).__name__}", hint=_HINT)

    def _skip(self) -> None:
        """Goes past a message that is too large to hold, in growing steps."""
        self._skipping = max(1.0, self._skipping * 2)

    def _refusal(self, exc: InvalidStatus, where: str) -> CollectorError:
        status = exc.response.status_code
        said = f"{where} answered {status}"
        headers = {name.lower(): value for name, value in exc.response.headers.raw_items()}
        wait = retry_after(headers, self._now())
        if status in (401, 403):
            return AuthenticationError(said, hint="Take the host out of sources.bluesky.hosts.")
        if status == 429:
            return RateLimitedError(said, retry_after=wait)
        if status >= 500 or status in (408, 425):
            return UnavailableError(said, retry_after=wait)
        if status < 400:
            return MalformedAnswerError(f"{said} instead of a stream")
        return RefusedRequestError(said, hint="Is this the address of such a stream?")


def _digest(message: Message, raw: bytes) -> str:
    return hashlib.blake2b(raw, digest_size=16).hexdigest() if message.is_flawed else ""


def _shown(host: str) -> str:
    """An address without what may be secret in it."""
    return host.partition("?")[0].rpartition("@")[2]
