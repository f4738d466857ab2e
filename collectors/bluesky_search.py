"""What is past the streams' reach: Bluesky's search, slice by slice from the oldest on.

Within a slice the search gives its hits newest first; only at a slice's end does the checkpoint
move. A slice with more hits than can be paged through is cut in halves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from atproto_client.client.raw import ClientRaw
from atproto_client.exceptions import (
    BadRequestError,
    InvokeTimeoutError,
    NetworkError,
    RateLimitExceededError,
    RequestErrorBase,
    UnauthorizedError,
)
from atproto_client.request import Request

from collectors.bluesky_harvest import selectable_text
from collectors.bluesky_view import is_for_members_only, read_view
from collectors.errors import (
    AuthenticationError,
    CollectorError,
    MalformedAnswerError,
    RateLimitedError,
    RefusedRequestError,
    UnavailableError,
)
from collectors.formats.fields import BadRecordError, Record, mapping, take_time
from collectors.formats.jetstream import PLATFORM
from collectors.http import HttpClient, Limits
from collectors.lines import Flaw
from collectors.pace import retry_after
from collectors.post import Checkpoint, Coverage, CoverageStatus, Page, Post, Rejection, Window
from collectors.retry import calling
from collectors.source import Surroundings
from collectors.terms import matches
from collectors.walks import place_of

PAGE_POSTS = 100
"""The most that a page of the search holds."""
MOST_HITS = 5000
"""More hits than this of one question are not paged through: the slice is cut instead."""

_SEARCH = "xrpc/app.bsky.feed.searchPosts"
_LONGEST = timedelta(days=1)
_SHORTEST = timedelta(minutes=1)
_FUTURE = timedelta(days=1)
_COUNTED_RIGHT = 0.9
"""The search's own count of hits is rounded, and includes posts that are gone by now."""


class _TooManyHitsError(Exception):
    """The slice must be cut."""


@dataclass(slots=True)
class _Asking:
    """How the paging through one term's hits in a slice went."""

    came: int = 0
    counted: int = 0
    cursors: set[str] = field(default_factory=set)
    is_broken: bool = False

    @property
    def is_whole(self) -> bool:
        return not self.is_broken and self.came >= self.counted * _COUNTED_RIGHT


class Search:
    """Searches as an account.

    Args:
        terms: Each is a question of its own.
        settings: `[sources.bluesky]`.
        surroundings: Clock, sleep, secrets.
    """

    def __init__(
        self, terms: Sequence[str], settings: Mapping[str, Any], surroundings: Surroundings
    ) -> None:
        self._terms = terms
        self._account = str(settings["account"])
        self._base_url = str(settings["search_url"])
        self._timeout = float(settings["timeout"])
        self._surroundings = surroundings
        self._token = ""

    def pages(self, window: Window, checkpoint: Callable[[datetime], Checkpoint]) -> Iterator[Page]:
        """Yields pages, oldest slice first.

        Args:
            window: The time asked for.
            checkpoint: Makes the one that is true once all up to a moment is stored.

        Raises:
            CollectorError: As `HttpClient.get`; AuthenticationError where the login is refused.
        """
        at, length = window.start, _LONGEST
        self._token = self._log_in()
        limits = Limits(timeout=self._timeout)
        with HttpClient(self._base_url, self._surroundings, limits=limits) as client:
            while at < window.end and not self._surroundings.should_stop():
                stretch = Window(at, min(at + length, window.end))
                try:
                    yield from self._slice(client, stretch, checkpoint)
                except _TooManyHitsError:
                    length = max(_SHORTEST, (stretch.end - stretch.start) / 2)
                    continue
                at, length = stretch.end, min(_LONGEST, length * 2)

    def _log_in(self) -> str:
        """Returns an access token, from the SDK's login."""
        password = self._surroundings.secret("app_password")
        if not password:
            raise AuthenticationError(
                "there is no password for the account that searches Bluesky",
                hint="Put an app password into MONITOR_BLUESKY_APP_PASSWORD.",
            )
        request = Request(
            timeout=self._timeout, headers={"User-Agent": self._surroundings.user_agent}
        )
        client = ClientRaw(self._base_url, request)
        data = {"identifier": self._account, "password": password}
        try:
            session = calling(
                lambda: client.com.atproto.server.create_session(data),
                translate=self._ours,
                sleep=self._surroundings.sleep,
            )
        finally:
            request.close()
        return str(session.access_jwt)

    def _ours(self, exc: Exception) -> CollectorError | None:
        """The SDK's messages hold whole answers, so only their kinds are told."""
        said = f"Bluesky's login failed ({type(exc).__name__})"
        answer = exc.response if isinstance(exc, RequestErrorBase) else None
        wait = retry_after(answer.headers, self._surroundings.now()) if answer else 0.0
        if isinstance(exc, RateLimitExceededError):
            return RateLimitedError(said, retry_after=wait)
        if isinstance(exc, UnauthorizedError):
            return AuthenticationError(
                said, hint="Check sources.bluesky.account and MONITOR_BLUESKY_APP_PASSWORD."
            )
        if isinstance(exc, BadRequestError):
            return RefusedRequestError(said, hint="Check sources.bluesky.account and search_url.")
        if isinstance(exc, NetworkError | InvokeTimeoutError | RequestErrorBase):
            return UnavailableError(said, retry_after=wait, hint="The next run tries again.")
        if isinstance(exc, ValueError | TypeError):  # What answered is no such server.
            return MalformedAnswerError(said, hint="Check sources.bluesky.search_url.")
        return UnavailableError(said, hint="The next run tries again.")

    def _slice(
        self, client: HttpClient, stretch: Window, checkpoint: Callable[[datetime], Checkpoint]
    ) -> Iterator[Page]:
        """Yields the pages of a slice; the last one moves the checkpoint to its end."""
        whole = True
        for term in self._terms:
            asking = _Asking()
            for answer in self._answers(client, term, stretch, asking):
                yield self._page(answer, checkpoint(stretch.start))
            whole = whole and asking.is_whole
        status: CoverageStatus = "complete" if whole else "partial"
        covered = Coverage(stretch.start, stretch.end, status, "" if whole else "listing_limit")
        yield Page(checkpoint(stretch.end), coverage=(covered,))

    def _answers(
        self, client: HttpClient, term: str, stretch: Window, asking: _Asking
    ) -> Iterator[Sequence[Any]]:
        cursor = ""
        while True:
            answer = self._asked(client, term, stretch, cursor)
            posts = answer["posts"]
            asking.came += len(posts)
            asking.counted = max(asking.counted, _count(answer))
            is_long = stretch.end - stretch.start > _SHORTEST
            if asking.counted > MOST_HITS and is_long:
                raise _TooManyHitsError
            yield posts
            cursor = answer.get("cursor") or ""
            if not cursor or asking.came > 2 * MOST_HITS:
                return
            if cursor in asking.cursors:
                asking.is_broken = True
                return
            asking.cursors.add(cursor)

    def _asked(self, client: HttpClient, term: str, stretch: Window, cursor: str) -> Record:
        """Asks, and once more with a new token: they last two hours, and an old one is refused."""
        question = _question(term, stretch, cursor)
        try:
            return _answer(client, self._token, question)
        except (AuthenticationError, RefusedRequestError):
            self._token = self._log_in()
            return _answer(client, self._token, question)

    def _page(self, views: Sequence[Any], checkpoint: Checkpoint) -> Page:
        posts, rejections = [], []
        for view in map(mapping, views):
            outcome = self._outcome(view)
            if isinstance(outcome, Post):
                posts.append(outcome)
            elif outcome is not None:
                place = place_of(PLATFORM, str(view.get("uri") or repr(view)))
                rejections.append(Rejection(outcome.reason, place, outcome.detail))
        return Page(checkpoint, tuple(posts), tuple(rejections))

    def _outcome(self, view: Record) -> Post | Flaw | None:
        """Returns what becomes of a hit, None for one that only resembles what was asked."""
        text = selectable_text(mapping(view.get("record")))
        if text is not None and not matches(text, self._terms):
            return None
        if is_for_members_only(view):
            return Flaw("author_opted_out", "shown to logged-in people only")
        outcome = read_view(view)
        if isinstance(outcome, Post) and outcome.created_at > self._appeared(view) + _FUTURE:
            return Flaw("bad_date", "the time is more than a day in the future")
        return outcome

    def _appeared(self, view: Record) -> datetime:
        """When Bluesky first saw a post; the post's own time is what its author's program wrote."""
        try:
            return take_time(view, "indexedAt")
        except BadRecordError:
            return self._surroundings.now()


def _question(term: str, stretch: Window, cursor: str) -> dict[str, str | int]:
    since, until = (f"{edge:%Y-%m-%dT%H:%M:%S.%fZ}" for edge in (stretch.start, stretch.end))
    asked: dict[str, str | int] = {
        "q": term,
        "since": since,
        "until": until,
        "sort": "latest",
        "limit": PAGE_POSTS,
    }
    return asked | ({"cursor": cursor} if cursor else {})


def _answer(client: HttpClient, token: str, question: Mapping[str, str | int]) -> Record:
    headers = {"Authorization": f"Bearer {token}"}
    answer, _ = client.get_json(_SEARCH, question, headers=headers)
    found = mapping(answer)
    if not isinstance(found.get("posts"), list):
        raise MalformedAnswerError(
            "the search answered without posts", hint="Check sources.bluesky.search_url."
        )
    return found


def _count(answer: Record) -> int:
    hits = answer.get("hitsTotal")
    return hits if isinstance(hits, int) else 0
