"""Posts under hashtags from several Mastodon servers, each server's own rules honoured."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

from collectors.errors import CollectorError, NotFoundError, StoppedError
from collectors.formats import mastodon as status_format
from collectors.formats.fields import Record, mapping
from collectors.http import ANYTHING, HttpClient, Limits
from collectors.lines import Flaw
from collectors.mastodon_server import Event, Server
from collectors.policy import Policy
from collectors.post import Checkpoint, Deletion, Page, Post, Rejection, Window
from collectors.source import Option, Query, Secret, Source, Surroundings
from collectors.terms import matches
from collectors.walks import Walk, coverage, place_of, reason_of

NAME = "mastodon"

_LOWEST = "0"
_KNOWN_IDS = 20_000
_FUTURE = timedelta(days=1)
_SWEEP_EVERY = timedelta(days=1)
_SNOWFLAKE_TOLERANCE = timedelta(days=1)
_CHECK_PAGE = 20
_TICK = 0.5
_MARGIN = timedelta(minutes=1)
"""By how much a status's id may be off the time of its making."""
_UNWANTED = frozenset({"author_opted_out", "server_refuses"})


def snowflake(moment: datetime) -> str:
    """The lowest id that Mastodon gives to a status of this moment."""
    return str(max(0, int(moment.timestamp() * 1000)) << 16)


def snowflake_time(identifier: str) -> datetime | None:
    """When Mastodon gave out an id, None if no such server made it."""
    if not (identifier.isascii() and identifier.isdigit() and len(identifier) < 20):
        return None
    return datetime.fromtimestamp((int(identifier) >> 16) / 1000, UTC)


def _order(identifier: str) -> tuple[int, str]:
    """Ids of one server in the order of their making: numbers, and fixed-length letters."""
    return len(identifier), identifier


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a pass is asked for.

    Attributes:
        end: The end of the window, or now if that is earlier.
    """

    window: Window
    end: datetime

    @property
    def last_id(self) -> str:
        return snowflake(self.window.end + _MARGIN)


@dataclass(slots=True)
class _Track:
    """How far one hashtag of one server has been read; this is what the checkpoint holds.

    Attributes:
        since: The highest id read.
        timed: Whether the server's ids tell the time, so that a walk can start at any moment.
        covered: Up to when everything came.
        reported: Up to when something that lacks has been reported.
        swept: When the last days were last read again.
    """

    since: str | None = None
    timed: bool = False
    covered: datetime | None = None
    reported: datetime | None = None
    swept: datetime | None = None

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> _Track:
        times = {name: _moment(state.get(name)) for name in ("covered", "reported", "swept")}
        return cls(since=state.get("since"), timed=bool(state.get("timed")), **times)

    def state(self) -> dict[str, Any]:
        times = {name: getattr(self, name) for name in ("covered", "reported", "swept")}
        told = {name: one.isoformat() for name, one in times.items() if one is not None}
        return {"since": self.since, "timed": self.timed, **told}

    def advance(self, identifier: str) -> None:
        if self.since is None or _order(identifier) > _order(self.since):
            self.since = identifier

    @property
    def read_to(self) -> datetime | None:
        """The time of the highest id read, None where ids do not tell it."""
        return snowflake_time(self.since) if self.timed and self.since is not None else None

    def ended(
        self,
        asked: _Asked,
        *,
        reason: str = "",
        error: CollectorError | None = None,
        high: datetime | None = None,
    ) -> Walk:
        """Notes the end of a walk, with everything up to `high` if it did not get further."""
        covered = min(max(self.covered or asked.window.start, asked.window.start), asked.end)
        if not reason and error is None:
            self.covered, self.reported = asked.end, None
            return Walk(covered, asked.end)
        start = min(self.reported or covered, asked.end)
        self.covered = min(max(covered, high or covered), asked.end)
        self.reported = asked.end
        word = reason_of(error) if error else reason
        return Walk(start, asked.end, ((self.covered, asked.end),), word, error)


def _moment(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None


@dataclass(slots=True)
class _Harvest:
    """What has come for the next page."""

    posts: list[Post] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    deletions: list[Deletion] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.posts) + len(self.rejections) + len(self.deletions)

    def add(self, other: _Harvest) -> None:
        self.posts += other.posts
        self.rejections += other.rejections
        self.deletions += other.deletions

    def page(self, checkpoint: Checkpoint) -> Page:
        return Page(checkpoint, tuple(self.posts), tuple(self.rejections), tuple(self.deletions))


class MastodonCollector:
    """Walks up each hashtag of each server by `min_id`, and follows their streams if told to.

    A walk starts a while before where the last one ended, because servers file a status that
    reaches them late under the time of its making; once a day it starts days before, for edits.

    Args:
        query: Its terms are hashtags (a sign is taken off, words are joined); the options
            `hashtags` (asked in place of the terms) and `words` (of which a post must match one)
            stand in the topic's `[queries.mastodon]`.
        surroundings: Settings as in `SOURCE`.
    """

    def __init__(self, query: Query, surroundings: Surroundings) -> None:
        self._settings = surroundings.settings
        self._surroundings = surroundings
        self._tags = hashtags(query)
        self._words = tuple(query.options.get("words", ()))
        self._refusing = frozenset(map(_host, self._settings["refusing_instances"]))
        self._servers = [self._server(address) for address in self._addresses()]
        self._uris: dict[tuple[str, str], str] = {}

    @property
    def source(self) -> str:
        """Name of this source in checkpoints and coverage."""
        return NAME

    def _addresses(self) -> list[str]:
        if base_url := self._settings["base_url"]:
            return [base_url]
        chosen = dict.fromkeys(self._settings["instances"])
        return [one for one in chosen if _host(one) not in self._refusing]

    def _server(self, address: str) -> Server:
        return Server(address, self._surroundings, only=len(self._addresses()) == 1)

    def fetch(self, since: Checkpoint | None, window: Window) -> Iterator[Page]:
        """Yields pages of posts, server by server; the one after the last walk has the coverage.

        A server that refuses or fails makes the coverage partial, and the others go on.

        Raises:
            CollectorError: No server could be read.
        """
        self._check_settings()
        end = min(self._surroundings.now(), window.end)
        if end <= window.start:
            return
        tracks = _tracks(since)
        walks: list[Walk] = []
        for server in self._servers:
            walks += yield from self._walk_server(server, tracks, _Asked(window, end))
        yield replace(_Harvest().page(_checkpoint(tracks)), coverage=coverage(walks))
        if errors := [walk.error for walk in walks if walk.error]:
            if len(errors) == len(walks):
                raise errors[0]
        if self._settings["streaming"] and end < window.end:
            yield from self._stream(_checkpoint(tracks), window)

    def check(self, ids: Sequence[str]) -> Iterator[Page]:
        """Asks for each post where it lives, and yields deletions of those that are gone.

        What cannot be told (a server that does not answer, or answers only its own) stays.

        Args:
            ids: Native ids: addresses.
        """
        clients: dict[str, HttpClient | None] = {}
        harvest = _Harvest()
        try:
            for uri in ids:
                if self._is_gone(uri, clients):
                    harvest.deletions.append(Deletion(NAME, native_id=uri))
                if harvest.size == _CHECK_PAGE:
                    yield harvest.page(Checkpoint({}))
                    harvest = _Harvest()
        finally:
            for client in filter(None, clients.values()):
                client.close()
        yield harvest.page(Checkpoint({}))

    def _is_gone(self, uri: str, clients: dict[str, HttpClient | None]) -> bool:
        """A post's id is the address where it can be seen; a server that fails is asked no more."""
        base = "{0.scheme}://{0.netloc}".format(urlsplit(uri))
        ours = base in {server.url for server in self._servers}
        if _host(uri) in self._refusing or not (ours or base.startswith("https://")):
            return False
        if base not in clients:
            limits = Limits(timeout=self._settings["timeout"], attempts=2, longest_pause=30)
            clients[base] = HttpClient(base, self._surroundings, limits=limits)
        if (client := clients[base]) is None:
            return False
        try:
            client.get(uri, accept=ANYTHING)
        except NotFoundError:
            return True
        except StoppedError:
            raise
        except CollectorError as exc:
            if exc.retryable:
                client.close()
                clients[base] = None
        return False

    def _check_settings(self) -> None:
        if not self._servers:
            raise CollectorError(
                "there is no Mastodon server to ask",
                hint='name some: sources.mastodon.instances = ["mastodon.social"]',
            )
        if not self._tags:
            raise CollectorError(
                "the topic names no hashtag for Mastodon",
                hint='name some in the topic: [queries.mastodon] hashtags = ["walkout"]',
            )

    def _walk_server(
        self, server: Server, tracks: dict[str, _Track], asked: _Asked
    ) -> Generator[Page, None, list[Walk]]:
        """Walks up every hashtag; after one has failed the server is left in peace."""
        walks: list[Walk] = []
        error: CollectorError | None = None
        for tag in self._tags:
            track = tracks.setdefault(f"{server.host} {tag}", _Track())
            if error is None:
                walk = yield from self._walk(server, tag, tracks, asked)
                error = walk.error
            else:
                walk = track.ended(asked, error=error)
            walks.append(walk)
        return walks

    def _walk(
        self, server: Server, tag: str, tracks: dict[str, _Track], asked: _Asked
    ) -> Generator[Page, None, Walk]:
        track = tracks[f"{server.host} {tag}"]
        before, sweeping = track.since, self._is_sweep_due(track)
        try:
            cursor = self._start(server, tag, track, asked)
            for _ in range(self._settings["maximum_pages"]):
                if cursor is None or (track.timed and _order(cursor) > _order(asked.last_id)):
                    break
                records = server.newer(tag, cursor, self._settings["page_posts"])
                if not records:
                    break
                top = max(map(_id, records), key=_order)
                if _order(top) <= _order(cursor):
                    track.since = before  # Wherever this server led us, the next walk starts anew.
                    return track.ended(asked, reason="repeated_page")
                cursor = top
                track.advance(min(top, asked.last_id, key=_order) if track.timed else top)
                yield self._harvest(server, records, asked.window).page(_checkpoint(tracks))
            else:
                return track.ended(asked, reason="maximum_pages", high=track.read_to)
        except StoppedError:
            raise
        except CollectorError as exc:
            return track.ended(asked, error=exc, high=track.read_to)
        if sweeping:
            track.swept = asked.end
        return track.ended(asked)

    def _is_sweep_due(self, track: _Track) -> bool:
        return track.swept is None or self._surroundings.now() - track.swept >= _SWEEP_EVERY

    def _start(self, server: Server, tag: str, track: _Track, asked: _Asked) -> str | None:
        """The id to walk up from, None where the hashtag has no status yet."""
        first_id = snowflake(asked.window.start - _MARGIN)
        if track.since is None:
            newest = server.newest(tag)
            track.timed = bool(newest) and _is_timed(newest[0])
            return (first_id if track.timed else _LOWEST) if newest else None
        read_to = track.read_to
        if read_to is None:
            return track.since
        back = timedelta(minutes=self._settings["overlap_minutes"])
        if self._is_sweep_due(track):
            back = max(back, timedelta(hours=self._settings["sweep_hours"]))
        return max(first_id, snowflake(read_to - back), key=_order)

    def _harvest(self, server: Server, records: Iterable[Any], window: Window) -> _Harvest:
        harvest = _Harvest()
        for record in records:
            status = mapping(record)
            outcome = next(status_format.read(status)) if status else Flaw("not_an_object")
            if not isinstance(outcome, Flaw):
                outcome = self._wanted(status, outcome)
            self._uris[server.host, _id(record)] = str(status.get("uri"))
            self._add(harvest, server, status, outcome, window)
        while len(self._uris) > _KNOWN_IDS:
            self._uris.pop(next(iter(self._uris)))
        return harvest

    def _add(
        self,
        harvest: _Harvest,
        server: Server,
        status: Record,
        outcome: Post | Deletion | Flaw,
        window: Window,
    ) -> None:
        if isinstance(outcome, Flaw):
            uri = status.get("uri")
            place = place_of(NAME, str(uri or f"{server.host} {_id(status) or status!r}"))
            harvest.rejections.append(Rejection(outcome.reason, place, outcome.detail))
            if outcome.reason in _UNWANTED and isinstance(uri, str):
                # Another server may have shown it before, without saying so.
                harvest.deletions.append(Deletion(NAME, native_id=uri, reason=outcome.reason))
        elif isinstance(outcome, Deletion):
            harvest.deletions.append(outcome)
        elif outcome.created_at in window and self._matches(outcome.text):
            harvest.posts.append(outcome)

    def _matches(self, text: str) -> bool:
        return not self._words or matches(text, self._words)

    def _wanted(self, status: Record, post: Post | Deletion) -> Post | Deletion | Flaw:
        """Puts back what parses and yet is not to be had."""
        account = mapping(status.get("account"))
        if _home(status) in self._refusing:
            return Flaw("server_refuses", "its server is in sources.mastodon.refusing_instances")
        if self._settings["skip_not_indexable"] and account.get("indexable") is False:
            return Flaw("author_opted_out", "not indexable")
        if isinstance(post, Post) and post.created_at > self._surroundings.now() + _FUTURE:
            return Flaw("bad_date", "the time is more than a day in the future")
        return post

    def _stream(self, checkpoint: Checkpoint, window: Window) -> Iterator[Page]:
        """Follows all streams for `linger` seconds; the checkpoint stays that of the walks."""
        events: SimpleQueue[Event] = SimpleQueue()
        stop = threading.Event()
        for server in self._servers:
            for tag in self._tags:
                follow = threading.Thread(
                    target=server.follow, args=(tag, events, stop), daemon=True
                )
                follow.start()
        try:
            end = time.monotonic() + self._settings["linger"]
            while time.monotonic() < end and not self._surroundings.should_stop():
                harvest = self._gather(events, end, window)
                if harvest.size:
                    yield harvest.page(checkpoint)
        finally:
            stop.set()

    def _gather(self, events: SimpleQueue[Event], end: float, window: Window) -> _Harvest:
        """Takes events for a page: as many as it holds, or what comes in its time."""
        servers = {server.host: server for server in self._servers}
        page_end = min(end, time.monotonic() + self._settings["page_seconds"])
        gathered = _Harvest()
        while gathered.size < self._settings["page_posts"] and time.monotonic() < page_end:
            if self._surroundings.should_stop():
                break
            try:
                event = events.get(timeout=min(_TICK, max(0.0, page_end - time.monotonic())))
            except Empty:
                continue
            gathered.add(self._told(servers[event.server], event, window))
        return gathered

    def _told(self, server: Server, event: Event, window: Window) -> _Harvest:
        if event.status is not None:
            return self._harvest(server, [event.status], window)
        uri = self._uris.get((server.host, event.deleted))
        # A deletion tells the server's own id, known if this run has seen the post: `check`
        # finds the others.
        return _Harvest(deletions=[Deletion(NAME, native_id=uri)] if uri else [])


def hashtags(query: Query) -> tuple[str, ...]:
    """The hashtags that a topic asks for, without the sign, in lower case."""
    asked = query.options.get("hashtags") or query.terms
    tags = ("".join(re.findall(r"\w+", term)).lower() for term in asked)
    return tuple(dict.fromkeys(tag for tag in tags if tag))


def _tracks(since: Checkpoint | None) -> dict[str, _Track]:
    state = mapping(since.state.get("tracks")) if since else {}
    return {name: _Track.of(one) for name, one in state.items()}


def _checkpoint(tracks: Mapping[str, _Track]) -> Checkpoint:
    return Checkpoint({"tracks": {name: track.state() for name, track in tracks.items()}})


def _id(record: Any) -> str:
    identifier = mapping(record).get("id")
    return str(identifier) if isinstance(identifier, str | int) else ""


def _is_timed(record: Any) -> bool:
    """Whether a server's ids tell the time: those of Mastodon itself do, of others few."""
    made = snowflake_time(_id(record))
    outcome = next(status_format.read(mapping(record)))
    if made is None or not isinstance(outcome, Post):
        return False
    return abs(made - outcome.created_at) < _SNOWFLAKE_TOLERANCE


def _host(address: str) -> str:
    return urlsplit(address if "://" in address else f"https://{address}").netloc.lower()


def _home(status: Record) -> str:
    """The server where a status was written."""
    account = mapping(status.get("account"))
    return _host(str(account.get("url") or status.get("uri")))


SOURCE = Source(
    name=NAME,
    title="Mastodon",
    options=(
        Option(
            "instances",
            [],
            "hosts or base URLs",
            "The servers to ask, once their rules have been read.",
        ),
        Option("base_url", "", "URL", "One server to ask in place of all instances, for tests."),
        Option(
            "refusing_instances",
            [],
            "hosts",
            "Servers whose rules refuse research use: never asked, posts from there never kept.",
        ),
        Option(
            "skip_not_indexable",
            False,
            "true or false",
            "Whether to leave out authors who have not agreed to be found by search.",
        ),
        Option(
            "overlap_minutes",
            60,
            "minutes",
            "How far before the last post each run starts again, for posts that arrive late.",
        ),
        Option(
            "sweep_hours",
            48,
            "hours",
            "How far back a run a day starts, for edits and for posts that arrive very late.",
        ),
        Option("page_posts", 40, "posts", "Posts on a page; servers give 40 at most."),
        Option("maximum_pages", 500, "pages", "The most pages of a hashtag that one run asks for."),
        Option("timeout", 30.0, "seconds", "How long to wait for a server's answer."),
        Option(
            "streaming", False, "true or false", "Whether to follow the servers' streams as well."
        ),
        Option("linger", 240.0, "seconds", "How long a run follows the streams."),
        Option("page_seconds", 10.0, "seconds", "After how long a stream's posts are stored."),
    ),
    secrets=(
        Secret(
            "token",
            required=False,
            explanation="An access token with the scope read:statuses, where one server is asked; "
            "with several, MONITOR_MASTODON_TOKEN_<HOST> (each other sign than a letter or digit "
            "as _) is that of one.",
        ),
    ),
    policy=Policy(
        read_on=date(2026, 11, 25),
        url="https://docs.joinmastodon.org/api/guidelines/",
        conditions=(),
        deletion_hours=48,
        retention_days=None,
        may_store="Public and unlisted posts of authors who have not opted out.",
        notes="Each server has rules of its own, at https://<server>/about: read them before you "
        "name it, and put it into refusing_instances where they forbid research or bots.",
    ),
    make=MastodonCollector,
    cannot=(
        "See posts without one of the hashtags: search needs an account on most servers, and "
        "finds only authors who agreed to it.",
        "See what a server does not know: each holds what its own people follow or post.",
        "Tell that a post was deleted before the daily check, unless a stream says so while a "
        "run follows it that has seen the post.",
        "See edits of posts older than sweep_hours, or on servers whose ids do not tell the time "
        "(GoToSocial, Pleroma), unless a stream tells of them.",
        "See replies' parents and boosts: a reply names its parent by an id of the server, and "
        "boosts are not on hashtag timelines.",
    ),
)
