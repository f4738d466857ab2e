"""Posts under hashtags from several Mastodon servers, each server's own rules honoured."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from collectors.errors import CollectorError, StoppedError
from collectors.formats import mastodon as status_format
from collectors.formats.fields import BadRecordError, mapping, take_time
from collectors.hashtags import hashtag
from collectors.mastodon_check import MastodonChecker
from collectors.mastodon_harvest import Harvest, Sieve, host_of, status_id
from collectors.mastodon_live import Live
from collectors.mastodon_server import Event, Server
from collectors.mastodon_track import (
    Asked,
    Track,
    checkpoint_of,
    order,
    snowflake,
    snowflake_time,
    tracks_of,
)
from collectors.policy import Condition, Policy
from collectors.post import Checkpoint, Page, Window
from collectors.source import Option, Query, Secret, Source, Surroundings
from collectors.walks import Walk, begun, coverage, raise_if_all_failed

NAME = status_format.PLATFORM

_LOWEST = "0"
_SWEEP_EVERY = timedelta(days=1)
_SNOWFLAKE_TOLERANCE = timedelta(days=1)


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
        refusing = frozenset(map(host_of, self._settings["refusing_instances"]))
        self._sieve = Sieve(
            tuple(query.options.get("words", ())),
            refusing,
            skip_not_indexable=self._settings["skip_not_indexable"],
        )
        addresses = self._addresses(refusing)
        self._servers = [
            Server(address, surroundings, only=len(addresses) == 1) for address in addresses
        ]

    @property
    def source(self) -> str:
        """Name of this source in checkpoints and coverage."""
        return NAME

    def _addresses(self, refusing: frozenset[str]) -> list[str]:
        if base_url := self._settings["base_url"]:
            return [base_url]
        chosen = dict.fromkeys(self._settings["instances"])
        return [one for one in chosen if host_of(one) not in refusing]

    def fetch(self, since: Checkpoint | None, window: Window) -> Iterator[Page]:
        """Yields pages of posts, server by server; the one after the last walk has the coverage.

        A server that refuses or fails makes the coverage partial, and the others go on.

        Raises:
            CollectorError: No server could be read.
        """
        asked = [f"{server.host} {tag}" for server in self._servers for tag in self._tags]
        before = None if since is None else tracks_of(since)
        yield from begun(self._fetched(since, window), asked, before)

    def _fetched(self, since: Checkpoint | None, window: Window) -> Iterator[Page]:
        self._check_settings()
        end = min(self._surroundings.now(), window.end)
        if end <= window.start:
            return
        tracks = tracks_of(since)
        walks: list[Walk] = []
        for server in self._servers:
            walks += yield from self._walk_server(server, tracks, Asked(window, end))
        yield replace(Harvest().page(checkpoint_of(tracks)), coverage=coverage(walks))
        raise_if_all_failed(walks)
        if self._settings["streaming"] and end < window.end:
            yield from self._follow(checkpoint_of(tracks), window)

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
        self, server: Server, tracks: dict[str, Track], asked: Asked
    ) -> Generator[Page, None, list[Walk]]:
        """Walks up every hashtag; after one has failed the server is left in peace."""
        walks: list[Walk] = []
        error: CollectorError | None = None
        for tag in self._tags:
            track = tracks.setdefault(f"{server.host} {tag}", Track())
            if error is None:
                walk = yield from self._walk(server, tag, tracks, asked)
                error = walk.error
            else:
                walk = track.broken_off(asked, error=error)
            walks.append(walk)
        return walks

    def _walk(
        self, server: Server, tag: str, tracks: dict[str, Track], asked: Asked
    ) -> Generator[Page, None, Walk]:
        track = tracks[f"{server.host} {tag}"]
        before, sweeping = track.since, self._is_sweep_due(track)
        try:
            cursor = self._start(server, tag, track, asked)
            for _ in range(self._settings["maximum_pages"]):
                if cursor is None or (track.timed and order(cursor) > order(asked.last_id)):
                    break
                records = server.newer(tag, cursor, self._settings["page_posts"])
                if not records:
                    break
                top = max(map(status_id, records), key=order)
                if order(top) <= order(cursor):
                    # Wherever this server led us, the next walk starts anew.
                    track.since, track.at = before, None
                    return track.broken_off(asked, reason="repeated_page")
                cursor = top
                track.pass_by(top, asked)
                yield self._harvest(server.host, records, asked.window).page(checkpoint_of(tracks))
            else:
                return track.broken_off(asked, reason="maximum_pages", high=track.read_to)
        except StoppedError:
            raise
        except CollectorError as exc:
            return track.broken_off(asked, error=exc, high=track.read_to)
        if sweeping:
            track.swept = asked.end
        return track.ended(asked)

    def _is_sweep_due(self, track: Track) -> bool:
        return track.swept is None or abs(self._surroundings.now() - track.swept) >= _SWEEP_EVERY

    def _start(self, server: Server, tag: str, track: Track, asked: Asked) -> str | None:
        """The id to walk up from, None where the hashtag has no status yet."""
        if track.since is None or (not track.timed and self._is_sweep_due(track)):
            newest = server.newest(tag)
            track.timed = bool(newest) and _is_timed(newest[0])
            if not newest:
                return track.at or track.since
        if track.at is not None:
            return max(asked.first_id, track.at, key=order) if track.timed else track.at
        if track.since is None:
            return asked.first_id if track.timed else _LOWEST
        read_to = track.read_to
        if read_to is None:
            return track.since
        back = timedelta(minutes=self._settings["overlap_minutes"])
        if self._is_sweep_due(track):
            back = max(back, timedelta(hours=self._settings["sweep_hours"]))
        return max(asked.first_id, snowflake(read_to - back), key=order)

    def _harvest(self, host: str, records: Sequence[Any], window: Window) -> Harvest:
        return self._sieve.harvest(host, records, window, self._surroundings.now())

    def _follow(self, checkpoint: Checkpoint, window: Window) -> Iterator[Page]:
        """Follows all streams; the checkpoint stays that of the walks."""
        live = Live(
            self._servers,
            self._tags,
            linger=self._settings["linger"],
            page_seconds=self._settings["page_seconds"],
            page_records=self._settings["page_posts"],
            should_stop=self._surroundings.should_stop,
        )

        def read(event: Event) -> Harvest:
            if event.status is None:
                # Those of posts that this run has not seen are left to the checker.
                return self._sieve.deleted(event.server, event.deleted)
            return self._harvest(event.server, [event.status], window)

        for harvest in live.harvests(read):
            yield harvest.page(checkpoint)


def hashtags(query: Query) -> tuple[str, ...]:
    """The hashtags that a topic asks for, without the sign, in lower case."""
    asked = query.options.get("hashtags") or query.terms
    return tuple(dict.fromkeys(filter(None, map(hashtag, asked))))


def _is_timed(record: Any) -> bool:
    """Whether a server's ids tell the time: those of Mastodon itself do, of others few."""
    made = snowflake_time(status_id(record))
    try:
        created_at = take_time(mapping(record), "created_at")
    except BadRecordError:
        return False
    return made is not None and abs(made - created_at) < _SNOWFLAKE_TOLERANCE


SOURCE: Source = Source(
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
        conditions=(
            Condition(
                "sources.mastodon.instances",
                "each server has rules of its own: read them before you name it",
                lambda settings: bool(settings.get("instances") or settings.get("base_url")),
                '["mastodon.example"]',
            ),
        ),
        deletion_hours=48,
        retention_days=None,
        may_store="Public and unlisted posts of authors who have not opted out.",
        notes="Each server has rules of its own, at https://<server>/about: read them before you "
        "name it, and put it into refusing_instances where they forbid research or bots.",
    ),
    make=MastodonCollector,
    checker=MastodonChecker,
    cannot=(
        "See posts without one of the hashtags: search needs an account on most servers, and "
        "finds only authors who agreed to it.",
        "See what a server does not know: each holds what its own people follow or post.",
        "Tell that a post was deleted before the daily check, unless a stream says so while a "
        "run follows it that has seen the post.",
        "Tell that a post was deleted on a server that shows posts to known servers only, or that "
        "calls a post missing (404) and has no other stored post to show.",
        "See edits of posts older than sweep_hours, or on servers whose ids do not tell the time "
        "(GoToSocial, Pleroma), unless a stream tells of them.",
        "See replies' parents and boosts: a reply names its parent by an id of the server, and "
        "boosts are not on hashtag timelines.",
    ),
    query_options=(
        Option("hashtags", [], "hashtags", "Hashtags to ask for in place of the terms."),
        Option("words", [], "terms", "Terms of which a post must match one."),
    ),
)
