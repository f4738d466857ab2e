"""One connection to X's filtered stream: tweepy reads it in a thread, we take what it read."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests
import tweepy

from collectors.errors import CollectorError, MalformedAnswerError, UnavailableError
from collectors.source import Surroundings
from collectors.x_client import bearer_token
from collectors.x_transport import Transport, unreachable

_BUFFERED = 1000
_CLOSING_SECONDS = 2.0
_CHUNK = 64 * 1024
_LONGEST_LINE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Heard:
    """Something that came down the stream.

    Attributes:
        line: A line, empty for a keep-alive and for the word that the stream is open.
        at: When it came.
    """

    line: bytes
    at: datetime


class Connection(tweepy.StreamingClient):  # type: ignore[misc]  # tweepy has no types
    """Connects once; after whatever ends it, a new one is made.

    tweepy would reconnect by itself, with pauses that nobody can interrupt: every way in which
    a connection ends therefore stops it.

    Args:
        surroundings: Settings, secret, clock.
        fields: What to ask of each post.
    """

    def __init__(self, surroundings: Surroundings, fields: Mapping[str, str]) -> None:
        super().__init__(bearer_token(surroundings), daemon=True, max_retries=0)
        self._now = surroundings.now
        self._heard: queue.Queue[Heard] = queue.Queue(_BUFFERED)
        self._ended = threading.Event()
        self._failure: CollectorError | None = None
        self._response: requests.Response | None = None
        settings = surroundings.settings
        self.user_agent = surroundings.user_agent
        Transport(
            settings["base_url"], settings["stall_seconds"], surroundings.now, surroundings.sleep
        ).open(self.session)
        # Packed lines would wait for each other.
        self.session.headers["Accept-Encoding"] = "identity"
        self.session.params = dict(fields)
        self.session.hooks["response"].append(self._on_response)
        self.filter(threaded=True)

    def hear(self, seconds: float) -> Heard | None:
        """Returns what came next, None if nothing came in time.

        Raises:
            CollectorError: The stream has ended, and all that came was heard.
        """
        with suppress(queue.Empty):
            return self._heard.get(timeout=seconds)
        if self._ended.is_set() and self._heard.empty():
            raise self._failure or UnavailableError("X has closed the stream")
        return None

    def close(self) -> None:
        """Hangs up, whatever the thread waits for."""
        self.disconnect()
        raw = getattr(self._response, "raw", None)
        if raw is not None:
            with suppress(OSError, ValueError, RuntimeError, AttributeError):
                raw.shutdown()
        self.thread.join(_CLOSING_SECONDS)

    def on_connect(self) -> None:
        """Tells that the stream is open."""
        self._put(b"")

    def on_data(self, raw_data: bytes) -> None:
        """Takes a line."""
        self._put(raw_data)

    def on_keep_alive(self) -> None:
        """Takes a sign of life."""
        self._put(b"")

    def on_closed(self, response: requests.Response) -> None:  # noqa: ARG002 - tweepy's signature
        """The server has ended the stream."""
        self.running = False

    def on_connection_error(self) -> None:
        """The stream was cut, stood still for too long, or could not be opened."""
        self._failure = UnavailableError("X's stream was cut or stood still")
        self.running = False

    def on_request_error(self, status_code: int) -> None:
        """A status that is neither 200 nor an error, such as 204."""
        self._failure = UnavailableError(f"X answered {status_code} instead of a stream")
        self.running = False

    def on_exception(self, exception: Exception) -> None:
        """Keeps what went wrong for whoever hears next."""
        ours = exception if isinstance(exception, CollectorError) else unreachable(exception)
        self._failure = ours or UnavailableError(
            f"X's stream broke off ({type(exception).__name__})"
        )

    def on_disconnect(self) -> None:
        """Nothing more will come."""
        self._ended.set()

    def _on_response(self, response: requests.Response, **_: Any) -> None:
        self._response = response
        if response.status_code != requests.codes.ok:
            return
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        packed = response.headers.get("Content-Encoding", "identity").lower() != "identity"
        if kind not in ("", "application/json") or packed:
            raise MalformedAnswerError(
                "what X opened is no stream of JSON lines", hint="Is sources.x.base_url X's API?"
            )
        # The library's own way holds a line back until enough of the next ones has come, or
        # holds it in memory whatever its length.
        response.iter_lines = lambda **_: _lines(response.raw)  # type: ignore[assignment]

    def _put(self, line: bytes) -> None:
        heard = Heard(line, self._now())
        while self.running:
            with suppress(queue.Full):
                self._heard.put(heard, timeout=0.2)
                return


def _lines(raw: Any) -> Iterator[bytes]:
    """Yields lines as soon as they are there, without their ends.

    Raises:
        MalformedAnswerError: A line is too long.
    """
    rest = b""
    while part := raw.read1(_CHUNK):
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            yield line.rstrip(b"\r")
        if len(rest) > _LONGEST_LINE:
            raise MalformedAnswerError(f"a line of X's stream is over {_LONGEST_LINE} bytes")
    if rest.strip():
        yield rest.rstrip(b"\r")
