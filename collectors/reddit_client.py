"""Reddit's API through PRAW: its login and addresses; pacing, retries and bounds are ours."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import praw
import prawcore

from collectors.errors import (
    AuthenticationError,
    CollectorError,
    MalformedAnswerError,
    NotFoundError,
    RefusedRequestError,
    UnavailableError,
)
from collectors.http import Limits
from collectors.reddit_things import Page, read_listing, read_thread
from collectors.source import Surroundings
from collectors.transport import Transport, collector_error, session

INFO_AT_ONCE = 100
"""So many things Reddit looks up in one request."""

_TOKEN_FIELDS = (("access_token",), ("expires_in",), ("scope",))
_LOGIN_HINT = "Check MONITOR_REDDIT_CLIENT_ID and MONITOR_REDDIT_CLIENT_SECRET."
_VENDOR = prawcore.exceptions
_MEANINGS: tuple[tuple[tuple[type[Exception], ...], type[CollectorError], str], ...] = (
    (
        (_VENDOR.Redirect, _VENDOR.NotFound),
        NotFoundError,
        "Is the subreddit's name right? Private and banned ones are not there.",
    ),
    (
        (_VENDOR.Forbidden, _VENDOR.InsufficientScope, _VENDOR.UnavailableForLegalReasons),
        AuthenticationError,
        "The subreddit is private, or the access was not approved for it.",
    ),
    ((_VENDOR.ServerError,), UnavailableError, "The next run tries again."),
    ((_VENDOR.BadJSON,), MalformedAnswerError, "Is sources.reddit.base_url that of its API?"),
)


class RedditClient:
    """Asks Reddit as an application (no person's account).

    Args:
        surroundings: Secrets, clock, sleep and user agent; settings as in `SOURCE`.
        limits: What to put up with.

    Raises:
        AuthenticationError: A secret is missing.
    """

    def __init__(self, surroundings: Surroundings, limits: Limits) -> None:
        settings = surroundings.settings
        names = ("client_id", "client_secret")
        secrets = {name: surroundings.secret(name) or "" for name in names}
        if missing := [
            f"MONITOR_REDDIT_{name.upper()}" for name, one in secrets.items() if not one
        ]:
            raise AuthenticationError(
                f"Reddit needs {' and '.join(missing)}",
                hint="Both stand at reddit.com/prefs/apps, once access is approved.",
            )
        transport = Transport(surroundings, limits)
        self._reddit = praw.Reddit(
            client_id=secrets["client_id"],
            client_secret=secrets["client_secret"],
            user_agent=surroundings.user_agent,
            oauth_url=settings["base_url"].rstrip("/"),
            reddit_url=settings["login_url"].rstrip("/"),
            timeout=math.ceil(limits.timeout),
            check_for_updates=False,
            requestor_kwargs={"session": session(transport, surroundings.user_agent)},
        )
        self._reddit.read_only = True

    def listing(self, path: str, after: str | None, posts: int, **params: str) -> Page:
        """A page of a listing.

        Args:
            path: `r/<subreddit>/new`, …
            after: The cursor.
            posts: How many things to ask for, 100 at most.
            params: What else to ask with.

        Raises:
            CollectorError: No listing came.
        """
        cursor = {"after": after} if after else {}
        return read_listing(self._get(path, {"limit": posts, **cursor, **params}))

    def things(self, names: Sequence[str]) -> Page:
        """What is known of up to `INFO_AT_ONCE` things, by their full names.

        Raises:
            CollectorError: No listing came.
        """
        asked = {"id": ",".join(names), "limit": INFO_AT_ONCE}
        return read_listing(self._get("api/info", asked))

    def comments(self, name: str) -> tuple[dict[str, Any], ...]:
        """The newest comments on a submission, as many as Reddit gives at once.

        Raises:
            CollectorError: No comments came.
        """
        path = f"comments/{name.removeprefix('t3_')}"
        found = read_thread(self._get(path, {"sort": "new", "limit": 500}))
        return tuple(dict(thing) for thing in found)

    def _get(self, path: str, params: dict[str, Any]) -> Any:
        with _ours(path):
            return self._reddit.request(method="GET", path=path, params=params)


@contextmanager
def _ours(path: str) -> Iterator[None]:
    """Turns what PRAW raises into our errors."""
    try:
        yield
    except CollectorError:
        raise
    except (_VENDOR.PrawcoreException, praw.exceptions.PRAWException) as exc:
        raise _translated(exc, path) from exc
    except KeyError as exc:
        raise _misunderstood(exc, path) from exc


def _misunderstood(exc: KeyError, path: str) -> CollectorError:
    """Prawcore stumbles over a token without all its fields, and over refusals it does not know."""
    if exc.args[:1] in _TOKEN_FIELDS:
        return MalformedAnswerError(
            "Reddit answered without an access token",
            hint="Is sources.reddit.login_url that of Reddit?",
        )
    return AuthenticationError(f"Reddit refused {path}", hint=_LOGIN_HINT)


def _translated(exc: Exception, path: str) -> CollectorError:
    if (ours := collector_error(exc)) is not None:
        return ours
    said = f"Reddit refused {path} ({type(exc).__name__})"
    if isinstance(exc, _VENDOR.Redirect) and "search" not in exc.path:
        return MalformedAnswerError(f"{path} leads elsewhere", hint="Check its base_url.")
    if _is_login(exc):
        return AuthenticationError(said, hint=_LOGIN_HINT)
    for kinds, error, hint in _MEANINGS:
        if isinstance(exc, kinds):
            return error(said, hint=hint)
    return RefusedRequestError(said, hint="Check the topic's [queries.reddit].")


def _is_login(exc: Exception) -> bool:
    if isinstance(exc, _VENDOR.InvalidToken | _VENDOR.OAuthException):
        return True
    status = getattr(getattr(exc, "response", None), "status_code", 0)
    return status == 401 or (status == 403 and not isinstance(exc, _VENDOR.Forbidden))
