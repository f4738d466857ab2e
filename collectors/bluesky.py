"""Bluesky: its stream of everything for what happens now, its search for what is long past.

The stream is read on from the last stored event; terms are looked for on our side, and every
deletion is handed over, because it may be about a post that is stored. What lies further back
than the streams reach is searched for, if there is an account.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from datetime import date, datetime, timedelta
from typing import Any

from collectors.bluesky_check import BlueskyChecker
from collectors.bluesky_feed import Feed, Position
from collectors.bluesky_harvest import Harvest, microseconds, moment
from collectors.bluesky_jetstream import Jetstream
from collectors.bluesky_stream import Stream
from collectors.errors import CollectorError, PastError
from collectors.formats.jetstream import PLATFORM
from collectors.policy import Policy
from collectors.post import Checkpoint, Page, Window
from collectors.source import Option, Query, Secret, Source, Surroundings
from collectors.walks import begun

STREAMS = ("jetstream", "firehose")

_QUIET = 2.0
"""Seconds without a message after which a stream that tells no time has told all it has."""
_CLOCKS_DIFFER = timedelta(minutes=1)
_SPARE = 24
"""This part of the streams' reach is searched too: it moves on while the search is under way."""


class BlueskyCollector:
    """Follows the stream from the checkpoint on, up to now and `linger` seconds longer.

    Args:
        query: The topic's; its terms are looked for in texts and tags.
        surroundings: Clock, sleep, settings as in `SOURCE`, secrets.
    """

    def __init__(self, query: Query, surroundings: Surroundings) -> None:
        self._terms = query.terms
        self._asked = hashlib.blake2b(json.dumps(query.terms).encode(), digest_size=8).hexdigest()
        self._surroundings = surroundings
        self._settings = {**SOURCE.defaults(), **surroundings.settings}
        self._replay = timedelta(hours=self._settings["replay_hours"])

    @property
    def source(self) -> str:
        """Name of this source in checkpoints and coverage."""
        return PLATFORM

    def fetch(self, since: Checkpoint | None, window: Window) -> Iterator[Page]:
        """Yields pages of the search, where it is needed, then of the stream.

        Raises:
            CollectorError: The settings make no sense, a window of the past is asked for without
                an account, every host refuses, or none gave anything new.
        """
        before = None if since is None else [str(since.state.get("asked"))]
        yield from begun(self._fetched(since, window), [self._asked], before)

    def _fetched(self, since: Checkpoint | None, window: Window) -> Iterator[Page]:
        self._check_settings()
        now = self._surroundings.now()
        state = self._resumable(since, now)
        horizon = now - self._replay
        covered = moment(state["covered_us"]) if state else window.start
        if covered >= window.end or now <= window.start:
            return
        if self._settings["account"] and covered < horizon:
            covered = yield from self._searched(max(covered, window.start), window)
            if covered >= window.end or self._surroundings.should_stop():
                return  # What a search that was stopped has not come to is the next run's.
            state = self._searched_state(covered)
        elif state is None and window.end <= horizon:
            if since is not None:
                yield Page(since)  # Nothing comes, and what came for other terms is not it.
            raise PastError(
                f"Bluesky's stream no longer has anything from before {horizon:%Y-%m-%d}",
                hint="Searching the past needs an account: set sources.bluesky.account and "
                f"{_PASSWORD.variable(PLATFORM)}.",
            )
        yield from self._streamed(state, window)

    def _check_settings(self) -> None:
        if not self._terms:
            raise CollectorError(
                "the topic names no term for Bluesky",
                hint='name some in the topic: [queries] terms = ["..."]',
            )
        if self._settings["stream"] not in STREAMS:
            raise CollectorError(
                f"there is no stream {self._settings['stream']!r:.40}",
                hint=f"sources.bluesky.stream is one of {', '.join(STREAMS)}.",
            )
        if self._settings["stream"] == "jetstream" and not self._settings["hosts"]:
            raise CollectorError(
                "there is no Jetstream host to ask", hint="name some: sources.bluesky.hosts"
            )

    def _resumable(self, since: Checkpoint | None, now: datetime) -> Mapping[str, Any] | None:
        """The state to go on from; None where other terms are asked for now."""
        state = dict(since.state) if since else {}
        if state.get("asked") != self._asked:
            return None
        if moment(state["time_us"]) > now + _CLOCKS_DIFFER:
            # The clock has jumped: how far we really are is unknown.
            begin = microseconds(now - self._replay)
            state |= {"host": "", "cursor": None, "time_us": begin, "covered_us": begin}
        if state["stream"] != self._settings["stream"]:
            state |= {"host": "", "cursor": None}
        return state

    def _searched(self, at: datetime, window: Window) -> Generator[Page, None, datetime]:
        """Searches from a moment on; returns up to when, which the stream still reaches.

        A search may take hours: what the stream has lost meanwhile is searched for as well.
        """
        search = importlib.import_module("collectors.bluesky_search").Search(
            self._terms, self._settings, self._surroundings
        )
        while at < min(window.end, (now := self._surroundings.now()) - self._replay):
            until = min(window.end, now - self._replay + self._replay / _SPARE)
            stretch = Window(at, until)
            yield from search.pages(stretch, lambda end: Checkpoint(self._searched_state(end)))
            if self._surroundings.should_stop():
                break
            at = until
        return at

    def _searched_state(self, covered: datetime) -> dict[str, Any]:
        """What the checkpoint holds when the stream is to be read from a moment on."""
        at = microseconds(covered)
        own = {"asked": self._asked, "stream": self._settings["stream"]}
        return {**own, **Position("", None, at).state(), "covered_us": at}

    def _streamed(self, state: Mapping[str, Any] | None, window: Window) -> Iterator[Page]:
        state = state or self._searched_state(window.start)
        harvest = Harvest(
            self._terms,
            window,
            stream={"asked": self._asked, "stream": self._settings["stream"]},
            covered_us=state["covered_us"],
            known=state.get("known", ()) if self._settings["reposts"] else None,
        )
        try:
            yield from self._pages(harvest, self._stream(Position.of(state)))
        except CollectorError:
            if harvest.has_news:
                yield harvest.page()
            raise
        if harvest.has_news:
            yield harvest.page()

    def _pages(self, harvest: Harvest, stream: Stream) -> Iterator[Page]:
        """Yields full pages until the stream is caught up with and `linger` is over."""
        now_us = microseconds(self._surroundings.now())
        begun = heard = time.monotonic()
        with closing(stream.arrivals()) as arrivals:
            for arrival in arrivals:
                at = time.monotonic()
                if arrival is not None:
                    heard = at
                    harvest.add(arrival)
                if harvest.size >= self._settings["page_records"] or (
                    harvest.has_news and harvest.seconds >= self._settings["page_seconds"]
                ):
                    yield harvest.page()
                if harvest.is_past_window or self._surroundings.should_stop():
                    return
                is_caught_up = harvest.reached_us >= now_us or at - heard >= _QUIET
                if is_caught_up and at - begun >= self._settings["linger"]:
                    return

    def _stream(self, position: Position) -> Stream:
        return Stream(
            self._feed(),
            position,
            maximum_bytes=self._settings["maximum_bytes"],
            silence=self._settings["silence"],
            user_agent=self._surroundings.user_agent,
            now=self._surroundings.now,
            sleep=self._surroundings.sleep,
        )

    def _feed(self) -> Feed:
        reposts = self._settings["reposts"]
        if self._settings["stream"] == "firehose":
            firehose = importlib.import_module("collectors.bluesky_firehose")
            feed: Feed = firehose.Firehose(self._settings["relay"], reposts=reposts)
            return feed
        return Jetstream(
            self._settings["hosts"],
            overlap=self._settings["overlap"],
            maximum_bytes=self._settings["maximum_bytes"],
            reposts=reposts,
        )


_PASSWORD = Secret(
    "app_password",
    required=False,
    explanation="An app password of the account that searches for what is past the streams' reach.",
)

SOURCE: Source = Source(
    name=PLATFORM,
    title="Bluesky",
    options=(
        Option(
            "stream",
            "jetstream",
            "jetstream or firehose",
            "Which stream to read; the firehose costs about ten times the traffic.",
        ),
        Option(
            "hosts",
            [
                "jetstream1.us-east.bsky.network",
                "jetstream2.us-east.bsky.network",
                "jetstream1.us-west.bsky.network",
                "jetstream2.us-west.bsky.network",
            ],
            "hosts or ws(s) URLs",
            "Jetstream servers; another one takes over where one fails.",
        ),
        Option(
            "relay", "bsky.network", "host or ws(s) URL", "The firehose's relay, or a single PDS."
        ),
        Option("reposts", True, "true or false", "Whether to count reposts of posts that matched."),
        Option(
            "overlap",
            5.0,
            "seconds",
            "How far before the last event each connection begins; another host: 60 at least.",
        ),
        Option("linger", 240.0, "seconds", "How long a run lasts, if it has caught up by then."),
        Option(
            "silence", 30.0, "seconds", "After so long without a message another host is asked."
        ),
        Option("page_records", 500, "records", "Posts and deletions stored in one step, at most."),
        Option("page_seconds", 10.0, "seconds", "What has come is stored after this long."),
        Option("maximum_bytes", 5_000_000, "bytes", "Larger messages are passed over."),
        Option(
            "replay_hours",
            24.0,
            "hours",
            "How far back the streams surely reach; what is older is searched for.",
        ),
        Option("account", "", "handle", "Who searches the past (empty: nobody does)."),
        Option("search_url", "https://bsky.social", "URL", "Where that account logs in."),
        Option(
            "check_url",
            "https://public.api.bsky.app",
            "URL",
            "Where to ask, without an account, which stored posts are still shown.",
        ),
        Option(
            "directory_url",
            "https://plc.directory",
            "URL",
            "Which directory knows the servers of accounts whose posts are not shown.",
        ),
        Option("timeout", 30.0, "seconds", "How long to wait for an answer to a search or check."),
    ),
    secrets=(_PASSWORD,),
    policy=Policy(
        read_on=date(2026, 11, 25),
        url="https://docs.bsky.app/docs/support/developer-guidelines",
        conditions=(),
        deletion_hours=24,
        retention_days=None,
        may_store="Public posts, as long as their authors leave them there.",
        notes="No account is needed for the streams. Deletions and closed accounts must be obeyed: "
        "they come in the same stream, and a daily check finds those of times nobody listened.",
    ),
    make=BlueskyCollector,
    checker=BlueskyChecker,
    cannot=(
        "Reach back further than a server keeps its events (a day or a few) without an account.",
        "Tell in the stream whether an author asks to be shown to logged-in people only: the "
        "search and the daily check see that and drop the post.",
        "See reposts of posts from before it listened, or of others than the last 2,000 that "
        "matched.",
        "See words in pictures, videos and quoted posts: terms are looked for in texts and tags.",
        "Prove that a server left nothing out within the time it gives.",
        "Tell by the daily check that a post is gone whose author's server does not answer, or "
        "was taken down by Bluesky alone and still stands on its author's server.",
    ),
)
