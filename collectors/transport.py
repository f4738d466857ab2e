"""The rules of our HTTP client for vendor libraries that bring `requests`.

Mounted on their session it paces their requests, tries again what may pass, and bounds what is
read, so that a library's own pauses, retries and rate-limit arithmetic never come into play.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from collectors.body import Bounds, read_body
from collectors.errors import (
    AuthenticationError,
    CollectorError,
    MalformedAnswerError,
    RateLimitedError,
    UnavailableError,
)
from collectors.guard import check_redirect
from collectors.http import Limits
from collectors.pace import FAMILIES, Pace, retry_after
from collectors.retry import calling
from collectors.source import Surroundings

_JSON = "application/json"
_BODY_TIMEOUTS = 4
_HINT = "The next run tries again."


class Transport(HTTPAdapter):
    """Sends a library's requests, and hands it only answers that make sense.

    These are JSON, redirects and refusals (4xx other than 429). Everything else is tried again
    and then raised as ours; what the library makes of that, `collector_error` undoes. Event
    streams (`stream=True`) pass as they are, unless they are refused (401, 403) or an event is
    longer than an answer may be.

    Args:
        surroundings: Clock and sleep.
        limits: What to put up with.
        home: The server that is asked; a stream elsewhere counts as a redirect from there.

    Attributes:
        value: The last answer's JSON as it came, before the library reads anything into it.
    """

    def __init__(
        self, surroundings: Surroundings, limits: Limits | None = None, *, home: str = ""
    ) -> None:
        super().__init__()
        self._surroundings = surroundings
        self._limits = limits or Limits()
        self._home = home
        self._pace = Pace(surroundings.now)
        self.value: Any = None

    def send(
        self, request: requests.PreparedRequest, stream: bool = False, *rest: Any, **options: Any
    ) -> requests.Response:
        """Sends a request; `rest` and `options` are those of `HTTPAdapter.send`.

        Raises:
            AuthenticationError: A stream was refused.
            CollectorError: No answer came that makes sense, however often it was asked for.
        """
        if stream:
            if self._home:
                check_redirect(self._home, request.url or "")
            response = super().send(request, True, *rest, **options)
            _check_redirect(response)
            if response.status_code in (401, 403):
                response.close()
                where = _shown(request.url)
                raise AuthenticationError(f"{where} answered {response.status_code}")
            response.raw = _BoundedEvents(response.raw, self._limits.maximum_bytes)
            return response
        request.headers["Accept-Encoding"] = "gzip, deflate"

        def call() -> requests.Response:
            if pause := self._pace.pause():
                self._surroundings.sleep(pause)
            return self._checked(super(Transport, self).send(request, True, *rest, **options))

        return calling(
            call,
            translate=lambda exc: _transport_error(exc, _shown(request.url)),
            sleep=self._surroundings.sleep,
            attempts=self._limits.attempts,
            first=self._limits.first_pause,
            most=self._limits.longest_pause,
        )

    def _checked(self, response: requests.Response) -> requests.Response:
        where, status = _shown(response.url), response.status_code
        headers = {name.lower(): value for name, value in response.headers.items()}
        self._pace.note(headers)
        _hide_limits(response)
        try:
            _check_redirect(response)
            if status == 429 or status in (408, 425) or status >= 500:
                raise _not_now(status, where, retry_after(headers, self._surroundings.now()))
            body = b"" if response.is_redirect else self._body(response)
        finally:
            response.close()
        if response.ok and not response.is_redirect:
            self.value = _json(body, headers.get("content-type", ""), where)
        response.raw = io.BytesIO(body)
        response.headers.pop("Content-Encoding", None)
        return response

    def _body(self, response: requests.Response) -> bytes:
        bounds = Bounds(self._limits.maximum_bytes, self._limits.timeout * _BODY_TIMEOUTS)
        raw = response.raw.stream(64 * 1024, decode_content=False)
        return read_body(raw, response.headers.get("Content-Encoding", ""), bounds)


class _BoundedEvents:
    """A stream's raw answer: libraries hold an event in memory until the empty line after it."""

    def __init__(self, raw: Any, maximum_bytes: int) -> None:
        self._raw = raw
        self._maximum_bytes = maximum_bytes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def stream(self, size: int, decode_content: bool | None = None) -> Iterator[bytes]:
        """As urllib3's, until an event is too long.

        Raises:
            MalformedAnswerError: It is.
        """
        length, end = 0, b""
        for part in self._raw.stream(size, decode_content=decode_content):
            event_end = (end + part).rfind(b"\n\n")
            length = length + len(part) if event_end < 0 else len(end + part) - event_end - 2
            if length > self._maximum_bytes:
                raise MalformedAnswerError(
                    f"an event of the stream is over {self._maximum_bytes} bytes"
                )
            end = part[-1:]
            yield part


def session(transport: Transport, user_agent: str) -> requests.Session:
    """A session for a vendor's library that reaches the network by the transport alone."""
    made = requests.Session()
    made.headers["User-Agent"] = user_agent
    made.max_redirects = Limits().maximum_redirects
    made.mount("https://", transport)
    made.mount("http://", transport)
    return made


def collector_error(exc: BaseException) -> CollectorError | None:
    """Finds our error under what a library wrapped it in, None where there is none."""
    for one in _chain(exc):
        if isinstance(one, CollectorError):
            return one
        if isinstance(one, requests.TooManyRedirects):
            return MalformedAnswerError("the address leads in circles", hint="Check base_url.")
        if isinstance(one, requests.RequestException | urllib3.exceptions.HTTPError):
            return UnavailableError(f"no answer ({type(one).__name__})", hint=_HINT)
    return None


def _chain(exc: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while exc is not None and id(exc) not in seen:
        seen.add(id(exc))
        yield exc
        exc = getattr(exc, "original_exception", None) or exc.__cause__ or exc.__context__


def _check_redirect(response: requests.Response) -> None:
    if response.is_redirect:
        target = urljoin(response.url, response.headers["location"])
        check_redirect(response.url, target)


def _hide_limits(response: requests.Response) -> None:
    """Keeps rate limits from libraries that would sleep or stumble over them: we pace."""
    for family in FAMILIES:
        for part in ("limit", "remaining", "reset", "used"):
            response.headers.pop(f"{family}-{part}", None)


def _not_now(status: int, where: str, wait: float) -> CollectorError:
    said = f"{where} answered {status}"
    if status == 429:
        return RateLimitedError(said, retry_after=wait, hint="It is asked less often next time.")
    return UnavailableError(said, retry_after=wait, hint=_HINT)


def _json(body: bytes, content_type: str, where: str) -> Any:
    kind = content_type.partition(";")[0].strip().lower()
    if kind and kind != _JSON:
        raise MalformedAnswerError(f"{where} answered with {kind[:80]!r} instead of JSON")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise MalformedAnswerError(f"{where} answered {len(body)} bytes that are no JSON") from exc
    if isinstance(value, dict) and "error" in value:
        raise MalformedAnswerError(f"{where} answered 200 with an error in place of the data")
    return value


def _transport_error(exc: Exception, where: str) -> CollectorError | None:
    """The exceptions' own texts hold whole URLs, so only their kinds are named."""
    if isinstance(exc, requests.Timeout | urllib3.exceptions.TimeoutError):
        return UnavailableError(f"{where} did not answer in time", hint=_HINT)
    if isinstance(exc, requests.RequestException | urllib3.exceptions.HTTPError):
        return UnavailableError(f"{where}: {type(exc).__name__}", hint=_HINT)
    return None


def _shown(url: str | None) -> str:
    """An address without user and query."""
    parts = urllib3.util.parse_url(url or "")
    return f"{parts.scheme}://{parts.netloc}{parts.path or ''}"
