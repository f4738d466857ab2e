"""Feeds over HTTP: robots.txt obeyed, asked for only what is new, never on a private network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from protego import Protego

from collectors.errors import (
    AuthenticationError,
    CollectorError,
    MalformedAnswerError,
    NotFoundError,
    RefusedRequestError,
)
from collectors.feed_items import Document, read_document, site_of
from collectors.guard import GuardedTransport
from collectors.http import ANYTHING, Answer, HttpClient, Limits
from collectors.source import PRODUCT, Surroundings

_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, */*;q=0.1"
)
_NO_RULES = (NotFoundError, AuthenticationError, RefusedRequestError, MalformedAnswerError)
_LONGEST_DELAY = 60.0


class FeedReader:
    """Reads feeds of many hosts; use as a context manager.

    Args:
        surroundings: Clock, sleep, user agent.
        limits: What to put up with.
        allow_private: Hosts that may be at private addresses.
    """

    def __init__(
        self, surroundings: Surroundings, limits: Limits, allow_private: Sequence[str]
    ) -> None:
        self._surroundings = surroundings
        self._limits = limits
        self._allow_private = [host.lower() for host in allow_private]
        self._clients: dict[str, HttpClient] = {}
        self._rules: dict[str, Protego | None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for client in self._clients.values():
            client.close()

    def read(self, url: str, conditions: Mapping[str, str]) -> tuple[Document | None, Answer]:
        """Reads a feed's document, None where it is still as the conditions say.

        Args:
            url: Its address.
            conditions: `If-None-Match`, `If-Modified-Since`.

        Raises:
            RefusedRequestError: robots.txt forbids it, or it is at a private address.
            CollectorError: As `HttpClient.get`.
        """
        self._obey_rules(url)
        client = self._client(url)
        answer = client.get(url, headers={"Accept": _ACCEPT, **conditions}, accept=ANYTHING)
        if answer.status == HTTPStatus.NOT_MODIFIED:
            if not conditions:
                raise MalformedAnswerError(f"{site_of(url)} answers 304 without having to")
            return None, answer
        return read_document(answer), answer

    def _obey_rules(self, url: str) -> None:
        """Asks for robots.txt once a run (RFC 9309): none of it allows all, silence nothing."""
        origin = _origin(url)
        known = origin in self._rules
        if not known:
            self._rules[origin] = self._ask_rules(origin)
        rules = self._rules[origin]
        if rules is None:
            return
        # The product's name alone: rules for others' names must not be found in the rest.
        if not rules.can_fetch(url, PRODUCT):
            raise RefusedRequestError(
                f"robots.txt of {site_of(url)} forbids this address",
                hint="Take it out of the topic's [queries.feed], or ask the site to allow "
                f"{PRODUCT}.",
            )
        delay = rules.crawl_delay(PRODUCT)
        if known and delay:
            self._surroundings.sleep(min(float(delay), _LONGEST_DELAY))

    def _ask_rules(self, origin: str) -> Protego | None:
        try:
            answer = self._client(origin).get(f"{origin}/robots.txt", accept=ANYTHING)
        except _NO_RULES:
            return None
        return Protego.parse(answer.content.decode("utf-8-sig", "replace"))

    def _client(self, url: str) -> HttpClient:
        origin = _origin(url)
        if origin not in self._clients:
            self._clients[origin] = HttpClient(
                origin,
                self._surroundings,
                limits=self._limits,
                transport=GuardedTransport(self._allow_private),
            )
        return self._clients[origin]


def check_address(url: str) -> None:
    """Refuses what is no address of a feed.

    Raises:
        CollectorError: It is not http or https, or names no host.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise CollectorError(
            f"{url[:200]!r} is no address of a feed",
            hint='It must be a whole one: [queries.feed] feeds = ["https://example.org/feed"]',
        )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
