"""Carries tweepy's requests to any base URL, within bounds, and turns refusals into our errors.

tweepy has its hosts built in, sets no timeout, reads bodies of any size and parses error bodies
without care. All of that is settled here, below it: it only ever sees answers that are fit to read.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from collectors.body import Bounds, read_body
from collectors.errors import (
    AuthenticationError,
    BudgetExhaustedError,
    CollectorError,
    MalformedAnswerError,
    NotFoundError,
    RateLimitedError,
    RefusedRequestError,
    UnavailableError,
)
from collectors.formats.fields import mapping, sequence
from collectors.guard import check_redirect
from collectors.pace import Pace, retry_after

TWEEPY_HOSTS = frozenset({"api.twitter.com", "api.x.com"})
MAXIMUM_BYTES = 20 * 1024 * 1024
MAXIMUM_REDIRECTS = 5
ACCEPT_ENCODING = "gzip, deflate"

_NEXT_RUN = "The next run tries again."
_PARAMETER = re.compile(r"[a-z]+\.fields|expansions|[a-z]+_(?:id|token|time|results)|query")
_PLAIN_WORDS = re.compile(r"[A-Za-z][A-Za-z -]{0,60}")
_BODY_TIMEOUTS = 4


class RefusedParametersError(RefusedRequestError):
    """X calls parameters wrong (400).

    Attributes:
        parameters: Their names, as far as X tells them.
    """

    def __init__(self, message: str, parameters: frozenset[str]) -> None:
        super().__init__(message, hint="Check the topic's [queries.x] and [sources.x].")
        self.parameters = parameters


class Transport(HTTPAdapter):
    """Sends requests, paced by X's rate limits, each endpoint by its own.

    Args:
        base_url: Where requests to tweepy's hosts go instead.
        timeout: Seconds to wait for a connection and for the next bytes.
        now: Tells the time, aware UTC.
        sleep: As `Surroundings.sleep`.
    """

    def __init__(
        self,
        base_url: str,
        timeout: float,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        super().__init__()
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._now = now
        self._sleep = sleep
        self._paces: dict[str, Pace] = {}

    def open(self, session: requests.Session) -> requests.Session:
        """Makes a session send everything through here."""
        session.mount("https://", self)
        session.mount("http://", self)
        session.max_redirects = MAXIMUM_REDIRECTS
        session.headers["Accept-Encoding"] = ACCEPT_ENCODING
        return session

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,  # noqa: ARG002 - ours holds for all
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Sends a request; the answer's body is read already unless it is a stream's.

        Raises:
            CollectorError: The platform refuses, or its answer is not fit to read.
            requests.RequestException: There is no answer.
        """
        if self._readdress(request):
            proxies = requests.utils.get_environ_proxies(request.url or "")
        pace = self._paces.setdefault(_endpoint(request), Pace(self._now))
        if (pause := pace.pause()) > 0:
            self._sleep(pause)
        response = super().send(request, True, self._timeout, verify, cert, proxies)
        pace.note(response.headers)
        if response.is_redirect:
            check_redirect(response.url, urljoin(response.url, response.headers["location"]))
        if stream and response.status_code == requests.codes.ok:
            return response
        return self._checked(response)

    def _readdress(self, request: requests.PreparedRequest) -> bool:
        parts = urlsplit(request.url or "")
        if parts.hostname not in TWEEPY_HOSTS:
            return False
        query = f"?{parts.query}" if parts.query else ""
        request.url = f"{self._base_url}{parts.path}{query}"
        return True

    def _checked(self, response: requests.Response) -> requests.Response:
        """Gives a response its whole body, or raises what its status means."""
        body = self._body(response)
        response.raw = io.BytesIO(body)
        response.headers.pop("Content-Encoding", None)
        if response.status_code >= 400:
            wait = retry_after(response.headers, self._now())
            raise refusal(response.status_code, _problem(body), path_of(response.url), wait)
        return response

    def _body(self, response: requests.Response) -> bytes:
        raw = response.raw
        encoding = response.headers.get("Content-Encoding", "")
        bounds = Bounds(MAXIMUM_BYTES, self._timeout * _BODY_TIMEOUTS)
        try:
            return read_body(raw.stream(64 * 1024, decode_content=False), encoding, bounds)
        except (HTTPError, OSError) as exc:
            raise UnavailableError(
                f"{path_of(response.url)}: the answer broke off ({type(exc).__name__})",
                hint=_NEXT_RUN,
            ) from exc
        finally:
            raw.close()


def refusal(  # noqa: PLR0911 - a table in all but form
    status: int, problem: Mapping[str, Any], where: str, wait: float = 0.0
) -> CollectorError:
    """What a status of 400 or more means.

    Args:
        status: 400 or more.
        problem: The answer's JSON; nothing of it but X's own fixed words is passed on.
        where: The path that was asked.
        wait: Seconds that X asks to wait.
    """
    said = f"X answered {status}{_title(problem)} to {where}"
    if status == 402 or is_capped(problem):
        return BudgetExhaustedError(
            f"{said}: no reads are left there",
            hint="Buy credits in X's developer console, or wait for the next billing period.",
        )
    if status == 400:
        return _refused_parameters(said, problem)
    if status in (401, 403):
        return AuthenticationError(said, hint=_AUTHENTICATION_HINTS[status])
    if status in (404, 410):
        return NotFoundError(said, hint="Check sources.x.base_url.")
    if status == 429:
        return RateLimitedError(said, retry_after=wait, hint="It is asked less often next time.")
    if status in (408, 425) or status >= 500:
        return UnavailableError(said, retry_after=wait, hint=_NEXT_RUN)
    return RefusedRequestError(said, hint="Check [sources.x] and the topic's [queries.x].")


_AUTHENTICATION_HINTS = {
    401: "MONITOR_X_BEARER_TOKEN is not a token that X knows: make a new one in its developer "
    "console.",
    403: "The token's app may not do this: check its access level in X's developer console, or "
    "switch sources.x.full_archive and sources.x.stream off.",
}


def unreachable(exc: Exception) -> CollectorError | None:
    """What a request without an answer means, None for what is not the platform's doing."""
    if isinstance(exc, requests.TooManyRedirects):
        return MalformedAnswerError(f"X redirects more than {MAXIMUM_REDIRECTS} times")
    if isinstance(exc, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return RefusedRequestError(
            "X's address is no URL", hint="Check sources.x.base_url.", retryable=False
        )
    if isinstance(exc, requests.RequestException):
        return UnavailableError(f"X does not answer ({type(exc).__name__})", hint=_NEXT_RUN)
    return None


def is_capped(problem: Mapping[str, Any]) -> bool:
    """Whether a problem of X's says that the plan's reads are used up."""
    named = f"{problem.get('title')} {problem.get('type')}"
    return "UsageCapExceeded" in named or "usage-capped" in named


def path_of(url: str | None) -> str:
    """An address without what may be secret or somebody's in it: its path, ids left out."""
    return re.sub(r"/\d{5,}(?=/|$)", "/<id>", urlsplit(url or "").path) or "/"


def _endpoint(request: requests.PreparedRequest) -> str:
    return f"{request.method} {urlsplit(request.url or '').netloc} {path_of(request.url)}"


def _problem(body: bytes) -> Mapping[str, Any]:
    try:
        return mapping(json.loads(body))
    except (ValueError, RecursionError):
        return {}


def _title(problem: Mapping[str, Any]) -> str:
    title = problem.get("title")
    return f" ({title})" if isinstance(title, str) and _PLAIN_WORDS.fullmatch(title) else ""


def _refused_parameters(said: str, problem: Mapping[str, Any]) -> RefusedParametersError:
    names: set[str] = set()
    for error in map(mapping, sequence(problem.get("errors"))):
        keys = [*mapping(error.get("parameters")), error.get("parameter")]
        message = str(error.get("message", "")).partition(" is not one of ")[0]
        known = [name for name in map(str, keys) if _PARAMETER.fullmatch(name)]
        names.update(known or _PARAMETER.findall(message))
    about = f": {', '.join(sorted(names))}" if names else ""
    return RefusedParametersError(f"{said}{about}", frozenset(names))
