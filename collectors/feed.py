"""RSS and Atom feeds, and the comments feeds that they lead to."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import blake2b
from typing import Any
from urllib.parse import urlsplit

from collectors.errors import CollectorError
from collectors.feed_items import (
    PLATFORM,
    Document,
    Seen,
    Setting,
    comments_of,
    name_of,
    read_entry,
    seen_of,
    time_of,
)
from collectors.feed_names import Names, site
from collectors.feed_reader import FeedReader, check_address
from collectors.formats.fields import BadRecordError, Record, attempt, mapping
from collectors.http import MEGABYTE, Answer, Limits
from collectors.lines import Flaw
from collectors.listing import Batch, Listing, Reach, is_over, told, walk_down
from collectors.policy import Policy
from collectors.post import Checkpoint, Deletion, Page, Post, Rejection, Window
from collectors.source import Option, Query, Source, Surroundings
from collectors.terms import matches
from collectors.walks import Walk, begun, coverage, place_of, raise_if_all_failed

_REMEMBERED = 1000
_WHOLE_AFTER = timedelta(days=1)
"""However often a server says that nothing changed, once a day it must show the feed."""
_OUT_OF_PLACE = 0.1
"""Up to this part of a feed's entries may be pinned on top, or found again by chance."""


@dataclass(slots=True)
class _Feed:
    """A feed and how far it has been read; this is what the checkpoint holds.

    Attributes:
        comments: Whether it is one of comments.
        parent: Native id of the entry that its comments are on.
        until: When it is dropped, where an entry led to it.
        conditions: Headers that ask for what is new since the last whole walk.
        pending: The same, once the walk that is under way is at its end.
        whole: When it was last asked for without them.
        seen: What is remembered of its entries, by the start of their native ids.
    """

    url: str
    comments: bool = False
    parent: str | None = None
    until: datetime | None = None
    tried: str = ""
    listing: Listing = field(default_factory=Listing)
    conditions: dict[str, str] = field(default_factory=dict)
    pending: dict[str, str] = field(default_factory=dict)
    whole: datetime | None = None
    seen: dict[str, Seen] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc.lower()

    def load(self, state: Mapping[str, Any], now: datetime) -> None:
        self.tried = state.get("tried", "")
        self.listing = Listing.of(state.get("listing", {}), now)
        self.conditions, self.pending = state.get("conditions", {}), state.get("pending", {})
        self.whole = datetime.fromisoformat(state["whole"]) if state.get("whole") else None
        self.seen = seen_of(state.get("seen", {}))

    def state(self) -> dict[str, Any]:
        seen = {name: one.state() for name, one in list(self.seen.items())[-_REMEMBERED:]}
        led = {}
        if self.until is not None:
            led = {"url": self.url, "parent": self.parent, "until": self.until.isoformat()}
        return {
            "tried": self.tried,
            "listing": self.listing.state(),
            "conditions": self.conditions,
            "pending": self.pending,
            "whole": self.whole.isoformat() if self.whole else None,
            "seen": seen,
            **led,
        }

    def asked_with(self, now: datetime) -> dict[str, str]:
        if self.whole is None or not timedelta(0) <= now - self.whole < _WHOLE_AFTER:
            return {}
        return self.conditions if self.listing.covered and not self.listing.anew else {}


@dataclass(slots=True)
class _Harvest:
    """What one document came to, and the names that it goes by."""

    names: Names
    posts: list[Post] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    deletions: list[Deletion] = field(default_factory=list)


class FeedCollector:
    """Reads every feed of the topic, and the comments feeds of the entries that match.

    Args:
        query: Its terms; the options `feeds` (addresses), `comments` (addresses of comments
            feeds) and `every_entry` (whether entries need no term) stand in `[queries.feed]`.
        surroundings: Clock, sleep, settings.
    """

    def __init__(self, query: Query, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._settings = {**SOURCE.defaults(), **surroundings.settings}
        self._terms = query.terms
        self._every_entry = bool(query.options.get("every_entry", False))
        self._addresses = tuple(dict.fromkeys(query.options.get("feeds", ())))
        self._comments = tuple(dict.fromkeys(query.options.get("comments", ())))
        self._asked = _digest("\n".join((*query.terms, str(self._every_entry))))
        self._overlap = timedelta(seconds=float(self._settings["overlap"]))
        self._comments_for = timedelta(days=float(self._settings["comments_days"]))

    @property
    def source(self) -> str:
        """Name of this source in checkpoints and coverage."""
        return PLATFORM

    def fetch(self, since: Checkpoint | None, window: Window) -> Iterator[Page]:
        """Yields a page for each document, feed by feed; the last one has the coverage.

        A feed that refuses or fails makes the coverage partial, and the others go on.

        Raises:
            CollectorError: No feed could be read.
        """
        asked = [_digest(url) for url in (*self._addresses, *self._comments)]
        before = None if since is None else self._stored(since) if self._goes_on(since) else ()
        yield from begun(self._fetched(since, window), asked, before)

    def _fetched(self, since: Checkpoint | None, window: Window) -> Iterator[Page]:
        self._check_settings()
        now = self._surroundings.now()
        end = min(now, window.end)
        if end <= window.start:
            return
        reach = Reach(
            window, end, self._overlap, 0, int(self._settings["maximum_pages"]), "feed_window"
        )
        feeds = self._feeds(since, now)
        limits = Limits(
            timeout=self._settings["timeout"],
            maximum_bytes=self._settings["maximum_megabytes"] * MEGABYTE,
            attempts=3,
            longest_pause=60.0,
            patience=60.0,  # The other feeds are waiting.
        )
        walks: list[Walk] = []
        with FeedReader(self._surroundings, limits, self._settings["allow_private"]) as reader:
            # Comments feeds that the walks lead to come after the feeds that lead there.
            done: set[str] = set()
            while waiting := [feed for key, feed in feeds.items() if key not in done]:
                feed = min(waiting, key=lambda one: one.tried)
                done.add(_digest(feed.url))
                if self._surroundings.should_stop():
                    return
                walk = yield from self._walk(reader, feed, feeds, reach)
                # Where all fail, the error is about a feed that the topic names.
                walks.insert(0 if feed.until is None else len(walks), walk)
        for feed in feeds.values():
            feed.listing.tell()
        yield Page(self._checkpoint(feeds), coverage=coverage(walks))
        raise_if_all_failed(walks)

    def _check_settings(self) -> None:
        if not self._addresses and not self._comments:
            raise CollectorError(
                "the topic names no feed",
                hint='Name some in the topic: [queries.feed] feeds = ["https://example.org/feed"]',
            )
        for url in (*self._addresses, *self._comments):
            check_address(url)

    def _feeds(self, since: Checkpoint | None, now: datetime) -> dict[str, _Feed]:
        """The feeds asked for, and those of comments whose time is not over."""
        feeds = [_Feed(url) for url in self._addresses]
        feeds += [_Feed(url, comments=True) for url in self._comments]
        stored = self._stored(since)
        for held in stored.values():
            if "until" in held and (until := datetime.fromisoformat(held["until"])) > now:
                feeds.append(_Feed(held["url"], True, held["parent"], until))
        named = {_digest(feed.url): feed for feed in reversed(feeds)}
        for key, feed in named.items():
            feed.load(stored.get(key, {}), now)
        return named

    def _goes_on(self, since: Checkpoint) -> bool:
        return bool(since.state.get("asked") == self._asked)

    def _stored(self, since: Checkpoint | None) -> dict[str, Record]:
        """What the checkpoint holds of each feed; of other terms, when its entries were seen."""
        feeds = mapping(since.state.get("feeds")) if since else {}
        if since is None or self._goes_on(since):
            return {key: mapping(one) for key, one in feeds.items()}
        return {key: {"seen": mapping(mapping(one).get("seen"))} for key, one in feeds.items()}

    def _checkpoint(self, feeds: Mapping[str, _Feed]) -> Checkpoint:
        states = {key: feed.state() for key, feed in feeds.items()}
        return Checkpoint({"asked": self._asked, "feeds": states})

    def _walk(
        self, reader: FeedReader, feed: _Feed, feeds: dict[str, _Feed], reach: Reach
    ) -> Generator[Page, None, Walk]:
        now = self._surroundings.now()
        if is_over(feed.listing, reach, now):
            return told(feed.listing, reach)
        feed.tried = now.isoformat()
        names = _names(feed, feeds)
        walk = walk_down(feed.listing, lambda after: self._ask(reader, feed, names, after), reach)
        while True:
            try:
                batch = next(walk)
            except StopIteration as stop:
                if feed.listing.covered == reach.end:
                    feed.conditions = feed.pending
                ended: Walk = stop.value
                return ended
            for document in batch.records:
                harvest = self._harvest(feed, names, document, reach.window)
                self._lead_on(document, harvest, feed, feeds)
                yield Page(
                    self._checkpoint(feeds),
                    tuple(harvest.posts),
                    tuple(harvest.rejections),
                    tuple(harvest.deletions),
                )

    def _ask(self, reader: FeedReader, feed: _Feed, names: Names, after: str | None) -> Batch:
        now = self._surroundings.now()
        conditions = {} if after else feed.asked_with(now)
        document, answer = reader.read(after or feed.url, conditions)
        if document is None:
            return Batch((), None, None)
        if after is None:
            feed.pending = {} if document.broken else _conditions(answer)
            feed.whole = now
        entries = document.entries
        known = 0
        if feed.listing.covered:  # What only other terms have walked past is not known to these.
            known = sum(name_of(one, names.name)[:16] in feed.seen for one in entries)
        return Batch(
            records=(document,) if entries or document.deleted else (),
            oldest=_oldest(entries),
            after=document.following,
            known=0 if known <= len(entries) * _OUT_OF_PLACE else known,
        )

    def _harvest(self, feed: _Feed, names: Names, document: Document, window: Window) -> _Harvest:
        now = self._surroundings.now()
        setting = Setting(feed.host, names.name, document.language, feed.comments, feed.parent, now)
        harvest = _Harvest(names)
        if document.broken:
            place = place_of(PLATFORM, feed.url)
            harvest.rejections.append(Rejection("bad_xml", place, "read as far as it can be"))
        for entry in document.entries:
            name = name_of(entry, names.name)
            seen = feed.seen.pop(name[:16], Seen())
            feed.seen[name[:16]] = seen  # Before it is read: it is this feed's from now on.
            outcome = attempt(read_entry, entry, setting, seen)
            if isinstance(outcome, Flaw):
                place = place_of(PLATFORM, f"{feed.url}\0{name}")
                harvest.rejections.append(Rejection(outcome.reason, place, outcome.detail))
            elif isinstance(outcome, Post) and self._is_wanted(outcome, feed, window):
                harvest.posts.append(outcome)
        gone = (names.name(one) for one in document.deleted if names.may_delete(one))
        harvest.deletions += [Deletion(PLATFORM, native_id=one) for one in gone]
        return harvest

    def _is_wanted(self, post: Post, feed: _Feed, window: Window) -> bool:
        """Comments on an entry that matches are wanted whatever they say."""
        fits = bool(feed.parent) or self._every_entry or matches(post.text, self._terms)
        return fits and post.created_at in window

    def _lead_on(
        self, document: Document, harvest: _Harvest, feed: _Feed, feeds: dict[str, _Feed]
    ) -> None:
        """Notes the comments feeds of the entries that match, the newest ones first."""
        wanted = {post.native_id: post for post in harvest.posts}
        if not self._settings["comments"] or feed.comments:
            return
        for entry in document.entries:
            post = wanted.get(name_of(entry, harvest.names.name))
            url = comments_of(entry, document.url) if post else None
            room = sum(one.until is not None for one in feeds.values())
            if post is None or url is None or room >= self._settings["maximum_comments_feeds"]:
                continue
            until = post.created_at + self._comments_for
            if until > self._surroundings.now():
                feeds.setdefault(_digest(url), _Feed(url, True, post.native_id, until))


def _names(feed: _Feed, feeds: Mapping[str, _Feed]) -> Names:
    others = (one for one in feeds.values() if site(one.host) != site(feed.host))
    return Names(feed.host, feed.seen, tuple((one.host, one.seen) for one in others))


def _oldest(entries: Sequence[Record]) -> datetime | None:
    """The time that the entries reach back to, whatever is pinned on top of them."""
    times = []
    for entry in entries:
        try:
            times.append(time_of(entry))
        except BadRecordError:
            continue
    dated = sorted((one for one in times if one is not None), reverse=True)
    return dated[int((1 - _OUT_OF_PLACE) * (len(dated) - 1))] if dated else None


def _conditions(answer: Answer) -> dict[str, str]:
    headers = (("etag", "If-None-Match"), ("last-modified", "If-Modified-Since"))
    told = ((asked, answer.headers.get(name, "")) for name, asked in headers)
    return {asked: value for asked, value in told if value and value.isascii()}


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


SOURCE: Source = Source(
    name=PLATFORM,
    title="RSS and Atom feeds",
    options=(
        Option(
            "allow_private",
            [],
            "hosts",
            "Hosts that may be read although they are at private addresses; others never are.",
        ),
        Option(
            "comments",
            True,
            "true or false",
            "Whether to read the comments feeds of entries that match, on the same host.",
        ),
        Option("comments_days", 7.0, "days", "For how long after an entry its comments are read."),
        Option(
            "maximum_comments_feeds", 50, "feeds", "The most comments feeds that are read in a run."
        ),
        Option(
            "overlap",
            3600.0,
            "seconds",
            "In a feed of several documents each run reads on until this long before the last one.",
        ),
        Option("maximum_pages", 50, "documents", "The most documents of a feed that a run reads."),
        Option("maximum_megabytes", 10, "megabytes", "The largest document, unpacked."),
        Option("timeout", 30.0, "seconds", "How long to wait for a server's answer."),
    ),
    secrets=(),
    policy=Policy(
        read_on=date(2026, 11, 25),
        url="https://www.rfc-editor.org/rfc/rfc9309",
        conditions=(),
        deletion_hours=None,
        retention_days=None,
        may_store="What the site's terms allow: read them before you name its feed.",
        notes="robots.txt is obeyed, with its Crawl-delay. Whoever publishes a feed wants it read "
        "by feed readers; many sites' terms forbid more than that, or commercial use.",
    ),
    make=FeedCollector,
    cannot=(
        "It does not see what fell out of a feed between two runs: most feeds hold their last ten "
        "or so entries; such a hole is in the coverage (feed_window).",
        "It does not see deletions, unless the feed tells of them (RFC 6721), which few do: an "
        "entry that is missing may only have become old.",
        "It cannot tell when an entry without a date was written: it counts for when it was seen.",
        "It does not go through a proxy, which could reach private networks on its behalf.",
    ),
    query_options=(
        Option("feeds", [], "addresses", "The feeds to read."),
        Option("comments", [], "addresses", "Feeds that hold nothing but comments."),
        Option("every_entry", False, "true or false", "Whether an entry needs no term."),
    ),
)
