"""One HTTP client for the platforms that are read by plain requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from collectors.body import Bounds, read_body
from collectors.errors import (
    AuthenticationError,
    CollectorError,
    MalformedAnswerError,
    NotFoundError,
    RateLimitedError,
    RefusedRequestError,
    UnavailableError,
)
from collectors.guard import GuardedTransport, check_redirect
from collectors.pace import Pace, retry_after
from collectors.retry import LONGEST_WAIT, calling
from collectors.source import Surroundings

T = TypeVar("T")
Parameters = Mapping[str, str | int | float | bool | Sequence[str]]

JSON = ("application/json",)
ANYTHING = ("*/*",)
MEGABYTE = 1024 * 1024
_LATER = "It is asked less often next time."
_BODY_TIMEOUTS = 4
"""A whole body may take this many times as long as a single wait for some bytes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        status: 200 to 299, or 304.
        headers: By lower-case name.
        url: Where it came from in the end, after redirects.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What an HTTP client puts up with.

    Attributes:
        timeout: Seconds to wait for a connection, and for the next bytes.
        maximum_bytes: Of a body, unpacked.
        attempts: How often a request is tried at most.
        first_pause, longest_pause: Seconds between attempts, growing from one to the other.
        patience: Seconds that the server may ask us to wait within a run.
    """

    timeout: float = 30.0
    maximum_bytes: int = 20 * MEGABYTE
    maximum_redirects: int = 5
    attempts: int = 5
    first_pause: float = 1.0
    longest_pause: float = 300.0
    patience: float = LONGEST_WAIT


class HttpClient:
    """Asks one server, paced by its rate limits; failures that may pass are tried again.

    Use as a context manager: its connections stay open in between.

    Args:
        base_url: What paths are added to; plain http is allowed.
        surroundings: Clock, sleep and user agent.
        headers: Sent with every request, for example an authorization.
        limits: What to put up with.
        transport: What carries the requests, where it is not the usual (`collectors.guard`).
    """

    def __init__(
        self,
        base_url: str,
        surroundings: Surroundings,
        *,
        headers: Mapping[str, str] | None = None,
        limits: Limits = Limits(),
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._surroundings = surroundings
        self._limits = limits
        self._pace = Pace(surroundings.now)
        self._is_guarded = isinstance(transport, GuardedTransport)
        self._client = httpx.Client(
            headers={
                "User-Agent": surroundings.user_agent,
                "Accept-Encoding": "gzip",
                **(headers or {}),
            },
            timeout=limits.timeout,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def get(
        self,
        path_or_url: str,
        params: Parameters | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        accept: Sequence[str] = JSON,
    ) -> Answer:
        """Asks for something and returns the answer, a 304 too.

        Args:
            path_or_url: Added to the base URL, unless it is a whole URL.
            params: The query string.
            headers: For this request only.
            accept: Media types that make sense; another one in a 200 is an error. An answer
                that names none passes.

        Raises:
            AuthenticationError: 401, 403.
            NotFoundError: 404, 410.
            RefusedRequestError: Any other 4xx that trying again cannot help.
            RateLimitedError: Still 429 after all attempts.
            UnavailableError: Still no answer, or 5xx.
            MalformedAnswerError: Still no answer that makes sense.
            StoppedError: Asked to stop while waiting.
        """
        return self._ask(path_or_url, params, headers, accept, lambda answer: answer)

    def get_json(
        self,
        path_or_url: str,
        params: Parameters | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        accept: Sequence[str] = JSON,
    ) -> tuple[Any, Answer]:
        """As `get`, with the JSON value that came (None for a 304)."""
        return self._ask(path_or_url, params, headers, accept, _with_json)

    def _ask(
        self,
        path_or_url: str,
        params: Parameters | None,
        headers: Mapping[str, str] | None,
        accept: Sequence[str],
        read: Callable[[Answer], T],
    ) -> T:
        request = self._request(path_or_url, params, {"Accept": ", ".join(accept)}, headers)

        def call() -> T:
            self._wait(self._pace.pause(), _shown(request.url))
            return read(self._answer(request, accept))

        return calling(
            call,
            translate=lambda exc: _ours(exc, _shown(request.url)),
            sleep=self._surroundings.sleep,
            attempts=self._limits.attempts,
            first=self._limits.first_pause,
            most=self._limits.longest_pause,
            patience=self._limits.patience,
        )

    def _wait(self, seconds: float, where: str) -> None:
        if seconds > self._limits.patience:
            raise RateLimitedError(
                f"{where} asks to wait {seconds:.0f} s", retry_after=seconds, hint=_LATER
            )
        if seconds > 0:
            self._surroundings.sleep(seconds)

    def _request(
        self, path_or_url: str, params: Parameters | None, *headers: Mapping[str, str] | None
    ) -> httpx.Request:
        whole = "://" in path_or_url
        url = path_or_url if whole else f"{self._base_url}/{path_or_url.lstrip('/')}"
        merged = {name: value for one in headers for name, value in (one or {}).items()}
        try:
            return self._client.build_request("GET", url, params=params, headers=merged)
        except (httpx.InvalidURL, ValueError) as exc:
            raise RefusedRequestError(
                "an address to read is no URL", hint="Check the source's base_url and addresses."
            ) from exc

    def _answer(self, request: httpx.Request, accept: Sequence[str]) -> Answer:
        """Sends a request and follows redirects; their bodies are not even read."""
        for redirects in range(self._limits.maximum_redirects + 1):
            response = self._client.send(request, stream=True)
            try:
                self._pace.note(response.headers)
                if response.next_request is None:
                    self._check(response, accept, is_redirected=redirects > 0)
                    return self._read(response)
                request = self._next(response.next_request, response.url)
            finally:
                response.close()
        raise MalformedAnswerError(
            f"{_shown(request.url)} is more than {self._limits.maximum_redirects} redirects away"
        )

    def _next(self, request: httpx.Request, origin: httpx.URL) -> httpx.Request:
        if not self._is_guarded:
            check_redirect(str(origin), str(request.url))
        return request

    def _check(
        self, response: httpx.Response, accept: Sequence[str], *, is_redirected: bool
    ) -> None:
        where = _shown(response.url)
        if response.status_code == httpx.codes.NOT_MODIFIED:
            return
        if not response.is_success:
            wait = retry_after(response.headers, self._surroundings.now())
            raise _refusal(response.status_code, where, wait, is_redirected=is_redirected)
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind and "*/*" not in accept and kind not in accept:
            raise MalformedAnswerError(
                f"{where} answered with {kind[:80]!r} instead of {accept[0]}",
                hint="Is this address the platform's API?",
            )

    def _read(self, response: httpx.Response) -> Answer:
        limits = self._limits
        bounds = Bounds(limits.maximum_bytes, limits.timeout * _BODY_TIMEOUTS)
        content = read_body(
            response.iter_raw(), response.headers.get("content-encoding", ""), bounds
        )
        return Answer(response.status_code, dict(response.headers), content, str(response.url))


def _with_json(answer: Answer) -> tuple[Any, Answer]:
    if answer.status == httpx.codes.NOT_MODIFIED:
        return None, answer
    try:
        return json.loads(answer.content), answer
    except (ValueError, RecursionError) as exc:
        raise MalformedAnswerError(
            f"{_shown(httpx.URL(answer.url))} answered {len(answer.content)} bytes that are no JSON"
        ) from exc


def _refusal(status: int, where: str, wait: float, *, is_redirected: bool) -> CollectorError:
    said = f"{where} answered {status}"
    if status in (401, 403):
        return AuthenticationError(said, hint="Check the source's secrets and what they allow.")
    if status in (404, 410):
        return NotFoundError(
            said, hint="Check the address.", is_gone=status == 410, is_redirected=is_redirected
        )
    if status == 429:
        return RateLimitedError(said, retry_after=wait, hint=_LATER)
    if status in (408, 425) or status >= 500:
        return UnavailableError(said, retry_after=wait, hint="The next run tries again.")
    hint = "Check the source's settings and the topic's query."
    return RefusedRequestError(said, hint=hint, status=status)


def _ours(exc: Exception, where: str) -> CollectorError | None:
    hint = "The next run tries again."
    if isinstance(exc, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return MalformedAnswerError(f"{where} leads to an address that cannot be read")
    if isinstance(exc, httpx.TimeoutException):
        return UnavailableError(f"{where} did not answer in time", hint=hint)
    if isinstance(exc, httpx.TransportError):
        return UnavailableError(f"{where}: {type(exc).__name__}", hint=hint)
    return None


def _shown(url: httpx.URL) -> str:
    """An address without what may be secret in it: no user, no query."""
    return f"{url.scheme}://{url.netloc.decode('ascii', 'replace')}{url.path}"
