"""What is taken out of Mastodon servers' statuses, and what of them must not be had."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from collectors.formats import mastodon as status_format
from collectors.formats.fields import Record, edit_revision, mapping
from collectors.lines import Flaw
from collectors.post import Checkpoint, Deletion, Page, Post, Rejection, Window
from collectors.terms import matches
from collectors.walks import place_of

_PLATFORM = status_format.PLATFORM
_KNOWN_IDS = 20_000
_FUTURE = timedelta(days=1)
_UNWANTED = frozenset({"author_opted_out", "server_refuses"})


@dataclass(slots=True)
class Harvest:
    """What has come for the next page."""

    posts: list[Post] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    deletions: list[Deletion] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many records are on the page so far."""
        return len(self.posts) + len(self.rejections) + len(self.deletions)

    def add(self, other: Harvest) -> None:
        """Takes in what another one holds."""
        self.posts += other.posts
        self.rejections += other.rejections
        self.deletions += other.deletions

    def page(self, checkpoint: Checkpoint) -> Page:
        """Gives all of it as a page."""
        return Page(checkpoint, tuple(self.posts), tuple(self.rejections), tuple(self.deletions))


class Sieve:
    """Keeps what a topic asks for and its author and server allow.

    Args:
        words: A post must match one of them, if there are any.
        refusing: Hosts whose posts are not to be had.
        skip_not_indexable: Whether authors must have agreed to be found by search.
    """

    def __init__(
        self, words: Sequence[str], refusing: frozenset[str], *, skip_not_indexable: bool
    ) -> None:
        self._words = words
        self._refusing = refusing
        self._skip_not_indexable = skip_not_indexable
        self._uris: dict[tuple[str, str], str] = {}

    def harvest(self, host: str, records: Iterable[Any], window: Window, now: datetime) -> Harvest:
        """Sorts statuses as a server gave them."""
        harvest = Harvest()
        for record in records:
            status = mapping(record)
            self._uris[host, status_id(record)] = str(status.get("uri"))
            outcome = status_format.read(status) if status else Flaw("not_an_object")
            if isinstance(outcome, Post):
                outcome = self._allowed(status, outcome, now)
            if isinstance(outcome, Flaw):
                _put_back(harvest, host, status, outcome)
            elif isinstance(outcome, Post) and not self._matches(outcome):
                harvest.deletions += _withdrawn(outcome)
            elif isinstance(outcome, Post) and outcome.created_at in window:
                harvest.posts.append(outcome)
        while len(self._uris) > _KNOWN_IDS:
            self._uris.pop(next(iter(self._uris)))
        return harvest

    def deleted(self, host: str, identifier: str) -> Harvest:
        """A deletion tells the server's own id, known if this run has seen the status."""
        uri = self._uris.get((host, identifier))
        return Harvest(deletions=[Deletion(_PLATFORM, native_id=uri)] if uri else [])

    def _matches(self, post: Post) -> bool:
        return not self._words or matches(post.text, self._words)

    def _allowed(self, status: Record, post: Post, now: datetime) -> Post | Flaw:
        """Puts back what parses and yet is not to be had."""
        account = mapping(status.get("account"))
        if _home(status) in self._refusing:
            return Flaw("server_refuses", "its server is in sources.mastodon.refusing_instances")
        if self._skip_not_indexable and account.get("indexable") is False:
            return Flaw("author_opted_out", "not indexable")
        if post.created_at > now + _FUTURE:
            return Flaw("bad_date", "the time is more than a day in the future")
        # An edit of the far future would be above all to come: it counts for when it is read.
        late = post.revision > edit_revision(now + _FUTURE)
        return replace(post, revision=edit_revision(now)) if late else post


def _withdrawn(post: Post) -> list[Deletion]:
    """An edit may have taken a post out of the topic, if no later one brought it back."""
    if not post.revision:
        return []
    return [Deletion(_PLATFORM, native_id=post.native_id, revision=post.revision)]


def _put_back(harvest: Harvest, host: str, status: Record, flaw: Flaw) -> None:
    uri = status.get("uri")
    place = place_of(_PLATFORM, str(uri or f"{host} {status_id(status) or status!r}"))
    harvest.rejections.append(Rejection(flaw.reason, place, flaw.detail))
    if flaw.reason in _UNWANTED and isinstance(uri, str):
        # Another server may have shown it before, without saying so.
        harvest.deletions.append(Deletion(_PLATFORM, native_id=uri, reason=flaw.reason))


def status_id(record: Any) -> str:
    """A server's own id of a status, empty where it has none."""
    identifier = mapping(record).get("id")
    return str(identifier) if isinstance(identifier, str | int) else ""


def host_of(address: str) -> str:
    """The host in an address, or that is one; empty where it is none (posts hold any text)."""
    try:
        return urlsplit(address if "://" in address else f"https://{address}").netloc.lower()
    except ValueError:
        return ""


def _home(status: Record) -> str:
    """The server where a status was written."""
    account = mapping(status.get("account"))
    return host_of(str(account.get("url") or status.get("uri")))
