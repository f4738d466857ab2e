"""One Mastodon server as Mastodon.py speaks to it, and its live streams."""

from __future__ import annotations

import io
import logging
import re
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from queue import Full, Queue
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from mastodon import Mastodon, StreamListener
from mastodon.errors import MastodonError
from requests.adapters import BaseAdapter

from collectors.errors import (
    AuthenticationError,
    CollectorError,
    MalformedAnswerError,
    NotFoundError,
    RefusedRequestError,
)
from collectors.source import Surroundings
from collectors.transport import Transport, collector_error, session

_LOG = logging.getLogger("collectors.mastodon")

_REFUSALS = frozenset({401, 403, 422})
"""422 is what Mastodon answers where a timeline needs somebody to be logged in."""

_FAILURES = (
    *(MastodonError, CollectorError, requests.RequestException),
    *(ValueError, TypeError, KeyError, AttributeError),  # What the library stumbles over.
)

_TICK = 0.5
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0


@dataclass(frozen=True, slots=True)
class Event:
    """What a stream told: a status as an object, or the server's own id of a deleted one."""

    server: str
    status: Mapping[str, Any] | None = None
    deleted: str = ""


class Server:
    """Asks one server.

    Args:
        address: A host, or a whole base URL; plain http is allowed.
        surroundings: Its `timeout` setting, clock, sleep, user agent and secrets.
        only: Whether it is the only server, so that a token without a host is its.
    """

    def __init__(self, address: str, surroundings: Surroundings, *, only: bool) -> None:
        whole = address if "://" in address else f"https://{address}"
        self.url = whole.rstrip("/")
        self.host = urlsplit(self.url).netloc.lower()
        self._secret = f"token_{re.sub('[^a-z0-9]', '_', self.host)}"
        token = surroundings.secret(self._secret)
        self._token = token or (surroundings.secret("token") if only else None)
        self._transport = Transport(surroundings, home=self.url)
        vendor_session = session(self._transport, surroundings.user_agent)
        vendor_session.mount(f"{self.url}/api/v2/instance", _NothingToSay())
        self._client = Mastodon(
            access_token=self._token,
            api_base_url=self.url,
            ratelimit_method="throw",
            request_timeout=surroundings.settings["timeout"],
            session=vendor_session,
            user_agent=surroundings.user_agent,
            version_check_mode="none",
        )
        self._may_tell = threading.Lock()  # Taken once, by the first that is refused.

    def newest(self, tag: str) -> list[Any]:
        """The newest status of a hashtag, as raw JSON in a list; empty if there is none."""
        return self._timeline(tag, limit=1)

    def newer(self, tag: str, than: str, limit: int) -> list[Any]:
        """The statuses of a hashtag that come next after an id, as raw JSON in any order."""
        return self._timeline(tag, min_id=than, limit=limit)

    def _timeline(self, tag: str, **options: Any) -> list[Any]:
        """Mastodon.py bends what it gets into objects of its own, so the JSON itself is taken."""
        self._transport.value = None
        try:
            self._client.timeline_hashtag(quote(tag, safe=""), **options)
        except _FAILURES as exc:
            raise self._ours(exc) from None  # The library's messages hold whole answers.
        value = self._transport.value
        if not isinstance(value, list):
            raise MalformedAnswerError(
                f"{self.host} answered with {type(value).__name__} in place of a list of statuses"
            )
        return value

    def follow(self, tag: str, events: Queue[Event], stop: threading.Event) -> None:
        """Puts a hashtag's events into the queue until told to stop; reconnects when cut off.

        Nothing is lost that a stream misses: the next pass asks for it. A server that refuses
        its streams is told of once. Told to stop, it ends at the server's next sign of life.
        """
        pause = _FIRST_PAUSE
        while not stop.is_set():
            listener = _Listener(self.host, events, stop)
            try:
                self._client.stream_hashtag(quote(tag, safe=""), listener, timeout=_LONGEST_PAUSE)
            except _StoppedStream:
                return
            except _FAILURES as exc:
                self._tell_refused(exc)
                pause = _FIRST_PAUSE if listener.heard else min(2 * pause, _LONGEST_PAUSE)
            stop.wait(pause)

    def _tell_refused(self, exc: Exception) -> None:
        error = collector_error(exc)
        if isinstance(error, AuthenticationError) and self._may_tell.acquire(blocking=False):
            hint = self._refused("set sources.mastodon.streaming = false")
            _LOG.warning("%s: posts come by the walks alone. %s", error, hint)

    def _ours(self, exc: Exception) -> CollectorError:
        if known := collector_error(exc):
            return known
        if not isinstance(exc, MastodonError):
            return MalformedAnswerError(f"{self.host}: {type(exc).__name__} at its answer")
        status = next((part for part in exc.args if isinstance(part, int)), 0)
        said = f"{self.host} answered {status}"
        if status in _REFUSALS:
            hint = self._refused(f"take {self.host} out of sources.mastodon.instances")
            return AuthenticationError(said, hint=hint)
        if status in (404, 410):
            return NotFoundError(said, hint="Is this a Mastodon server?")
        return RefusedRequestError(said, hint="Check the topic's hashtags.")

    def _refused(self, otherwise: str) -> str:
        variable = f"MONITOR_MASTODON_{self._secret.upper()}"
        if self._token:
            return f"Renew the token in {variable}: it needs the scope read:statuses."
        return f"Put a token into {variable}, or {otherwise}."


class _NothingToSay(BaseAdapter):
    """Answers Mastodon.py's question what a server offers, which it puts before every timeline.

    A server that fails at that question would otherwise be asked it again for each page.
    """

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response.request, response.url = 200, request, request.url or ""
        response.raw = io.BytesIO(b"{}")
        return response

    def close(self) -> None:
        """There is nothing to close."""


class _StoppedStream(Exception):  # noqa: N818
    """Ends Mastodon.py's reading of a stream, which nothing else does."""


class _Listener(StreamListener):
    """Hands a stream's events on."""

    def __init__(self, host: str, events: Queue[Event], stop: threading.Event) -> None:
        self._host, self._events, self._stop = host, events, stop
        self.heard = False

    def _put(self, event: Event) -> None:
        while not self._stop.is_set():
            with suppress(Full):
                self._events.put(event, timeout=_TICK)
                return
        raise _StoppedStream

    def on_update(self, status: Mapping[str, Any]) -> None:
        """A new status."""
        self._put(Event(self._host, status=status))

    def on_status_update(self, status: Mapping[str, Any]) -> None:
        """An edited one."""
        self._put(Event(self._host, status=status))

    def on_delete(self, status_id: Any) -> None:
        """A deleted one."""
        self._put(Event(self._host, deleted=str(status_id)))

    def on_any_event(self, *_: Any) -> None:
        """Comes before each of the above."""
        self.handle_heartbeat()

    def handle_heartbeat(self) -> None:
        """Any sign of life."""
        self.heard = True
        if self._stop.is_set():
            raise _StoppedStream
