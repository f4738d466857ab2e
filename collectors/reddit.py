"""Reddit: new submissions and comments of subreddits, and what its search finds."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import blake2b
from typing import Any

from collectors.errors import AuthenticationError, CollectorError, NotFoundError
from collectors.formats.fields import Record, mapping
from collectors.http import Limits
from collectors.listing import Batch, Listing, Reach, is_over, told, walk_down
from collectors.policy import Condition, Policy
from collectors.post import Checkpoint, Page, Post, Window
from collectors.reddit_checks import Harvest, RedditChecker, look_up
from collectors.reddit_client import INFO_AT_ONCE, RedditClient
from collectors.reddit_things import PLATFORM, SUBMISSION, comments_count, subject_of, time_of
from collectors.source import Option, Query, Secret, Source, Surroundings
from collectors.terms import matches
from collectors.walks import Walk, begun, coverage, raise_if_all_failed

LISTING_LIMIT = 1000
"""Reddit gives no more than about this of a listing, however far one pages."""
SEARCH_LIMIT = 250
"""And of a search about this."""


@dataclass(slots=True)
class _Track:
    """A listing that is walked; `listing` and `tried` are what the checkpoint holds.

    Attributes:
        path: As in `r/<subreddit>/new`.
        params: What it is asked with.
        limit: How many things Reddit gives of it.
        leads_on: Whether the comments on what it finds must be read one by one.
    """

    path: str
    params: Mapping[str, str]
    limit: int
    leads_on: bool = False
    tried: str = ""
    listing: Listing = field(default_factory=Listing)

    @property
    def key(self) -> str:
        return " ".join((self.path, *self.params.values()))

    def load(self, state: Mapping[str, Any], now: datetime) -> None:
        self.tried = state.get("tried", "")
        self.listing = Listing.of(state.get("listing", {}), now)

    def state(self) -> dict[str, Any]:
        return {"tried": self.tried, "listing": self.listing.state()}


@dataclass(slots=True)
class _Known:
    """A post that is asked after again.

    Attributes:
        at: When it was posted, seconds since 1970.
        comments: How many comments it had when they were read; None: they come by themselves.
    """

    at: int
    comments: int | None = None


@dataclass(slots=True)
class _Progress:
    """All that a run goes on with: the checkpoint."""

    asked: str
    tracks: dict[str, _Track]
    known: dict[str, _Known]

    def checkpoint(self) -> Checkpoint:
        tracks = {key: track.state() for key, track in self.tracks.items()}
        known = {name: [one.at, one.comments] for name, one in self.known.items()}
        return Checkpoint({"asked": self.asked, "tracks": tracks, "known": known})

    def keep_newest(self, posts: int) -> None:
        newest = sorted(self.known.items(), key=lambda item: -item[1].at)[:posts]
        self.known = dict(newest)


class RedditCollector:
    """Walks down each listing, then asks after the newest posts again.

    Args:
        query: Its terms; the options `subreddits` (their submissions and comments are read),
            `search_in` (subreddits to search, `all` for everywhere, which it is where neither is
            named) and `every_post` (whether posts of the subreddits need no term) stand in
            `[queries.reddit]`.
        surroundings: Clock, sleep, secrets, settings as in `SOURCE`.
    """

    def __init__(self, query: Query, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._settings = {**SOURCE.defaults(), **surroundings.settings}
        self._terms = query.terms
        self._every_post = bool(query.options.get("every_post", False))
        self._subreddits = tuple(query.options.get("subreddits", ()))
        self._search_in = tuple(query.options.get("search_in", () if self._subreddits else ["all"]))
        asked = "\0".join((*query.terms, str(self._every_post)))
        self._asked = blake2b(asked.encode(errors="replace"), digest_size=8).hexdigest()
        self._client: RedditClient | None = None

    @property
    def source(self) -> str:
        """Name of this source in checkpoints and coverage."""
        return PLATFORM

    def fetch(self, since: Checkpoint | None, window: Window) -> Iterator[Page]:
        """Yields a page for each of Reddit's, then the coverage, then what became of the newest.

        A listing that is refused or fails makes the coverage partial, and the others go on.

        Raises:
            CollectorError: No listing could be read, or Reddit could not be asked after posts.
        """
        asked = [track.key for track in self._tracks()]
        before = None if since is None else mapping(self._state(since).get("tracks"))
        yield from begun(self._fetched(since, window), asked, before)

    def _fetched(self, since: Checkpoint | None, window: Window) -> Iterator[Page]:
        now = self._surroundings.now()
        end = min(now, window.end)
        if end <= window.start:
            return
        client = self._connected()
        progress = self._progress(since, now)
        walks: list[Walk] = []
        for track in sorted(progress.tracks.values(), key=lambda one: one.tried):
            if self._surroundings.should_stop():
                return
            reach = self._reach(track, window, end)
            walks.append((yield from self._walk(client, track, progress, reach)))
        for track in progress.tracks.values():
            track.listing.tell()
        yield Page(progress.checkpoint(), coverage=coverage(walks))
        raise_if_all_failed(walks)
        yield from self._check_again(client, progress, window)

    def _connected(self) -> RedditClient:
        limits = Limits(timeout=float(self._settings["timeout"]))
        self._client = self._client or RedditClient(self._surroundings, limits)
        return self._client

    def _tracks(self) -> list[_Track]:
        tracks = []
        for name in map(_bare, self._subreddits):
            tracks.append(_Track(f"r/{name}/new", {}, LISTING_LIMIT))
            tracks.append(_Track(f"r/{name}/comments", {}, LISTING_LIMIT))
        read = {name.casefold() for name in map(_bare, self._subreddits)}
        for name in map(_bare, self._search_in):
            for term in self._terms:
                params = {"q": term, "sort": "new", "t": "all", "restrict_sr": "true"}
                leads_on = name.casefold() not in read
                tracks.append(_Track(f"r/{name}/search", params, SEARCH_LIMIT, leads_on))
        return tracks

    def _state(self, since: Checkpoint | None) -> Mapping[str, Any]:
        """What to go on with: the checkpoint's; nothing for other terms, which begin anew."""
        return since.state if since and since.state.get("asked") == self._asked else {}

    def _progress(self, since: Checkpoint | None, now: datetime) -> _Progress:
        state = self._state(since)
        stored = mapping(state.get("tracks"))
        tracks = {track.key: track for track in self._tracks()}
        for key, track in tracks.items():
            track.load(mapping(stored.get(key)), now)
        known = {name: _Known(*held) for name, held in mapping(state.get("known")).items()}
        return _Progress(self._asked, tracks, known)

    def _reach(self, track: _Track, window: Window, end: datetime) -> Reach:
        overlap = timedelta(seconds=float(self._settings["overlap"]))
        # Pages may come half empty, what was removed being left out.
        pages = 4 * track.limit // int(self._settings["page_posts"]) + 10
        return Reach(window, end, overlap, track.limit, pages)

    def _walk(
        self, client: RedditClient, track: _Track, progress: _Progress, reach: Reach
    ) -> Generator[Page, None, Walk]:
        now = self._surroundings.now()
        if is_over(track.listing, reach, now):
            return told(track.listing, reach)
        track.tried = now.isoformat()
        walk = walk_down(track.listing, lambda after: self._ask(client, track, after), reach)
        while True:
            try:
                batch = next(walk)
            except StopIteration as stop:
                ended: Walk = stop.value
                return ended
            harvest = self._harvest(batch, track, progress, reach.window)
            yield harvest.page(progress.checkpoint())

    def _ask(self, client: RedditClient, track: _Track, after: str | None) -> Batch:
        page = client.listing(track.path, after, int(self._settings["page_posts"]), **track.params)
        times = [time for thing in page.things if (time := time_of(thing)) is not None]
        return Batch(page.things, times[-1] if times else None, page.after)

    def _harvest(self, batch: Batch, track: _Track, progress: _Progress, window: Window) -> Harvest:
        harvest = Harvest()
        for thing in batch.records:
            post = harvest.add(thing)
            if post is None or post.created_at not in window:
                continue
            if self._is_wanted(post, subject_of(thing)):
                harvest.posts.append(post)
                read = 0 if track.leads_on and thing.get("kind") == SUBMISSION else None
                progress.known.setdefault(post.native_id, _Known(_seconds(post), read))
        for deletion in harvest.deletions:
            progress.known.pop(deletion.native_id or "", None)
        progress.keep_newest(int(self._settings["recheck_posts"]))
        return harvest

    def _is_wanted(self, post: Post, subject: str) -> bool:
        """A comment is about what it is on, too."""
        return self._every_post or matches(f"{subject}\n{post.text}", self._terms)

    def _check_again(
        self, client: RedditClient, progress: _Progress, window: Window
    ) -> Iterator[Page]:
        """Asks after the newest posts, and reads the comments that came to those from a search."""
        names = list(progress.known)
        threads = int(self._settings["maximum_threads"])
        for start in range(0, len(names), INFO_AT_ONCE):
            if self._surroundings.should_stop():
                return
            harvest = look_up(client, names[start : start + INFO_AT_ONCE])
            for deletion in harvest.deletions:
                progress.known.pop(deletion.native_id or "", None)
            yield harvest.page(progress.checkpoint())
            for name, thing in harvest.things.items():
                known, comments = progress.known.get(name), comments_count(thing)
                # A lower count may hide new ones behind deleted ones.
                if known is None or known.comments in (None, comments):
                    continue
                if threads > 0:
                    threads -= 1
                    try:
                        things = client.comments(name)
                    except (AuthenticationError, NotFoundError):
                        continue  # Not for everybody (quarantined), for now at least.
                    known.comments = comments
                    yield self._thread(things, progress, window)

    def _thread(self, things: Sequence[Record], progress: _Progress, window: Window) -> Page:
        harvest = Harvest()
        for thing in things:
            post = harvest.add(thing)
            if post is not None and post.created_at in window:
                harvest.posts.append(post)
                progress.known.setdefault(post.native_id, _Known(_seconds(post)))
        progress.keep_newest(int(self._settings["recheck_posts"]))
        return harvest.page(progress.checkpoint())


def _bare(subreddit: str) -> str:
    """A subreddit's name as people write it, without `/r/`.

    Raises:
        CollectorError: It is none.
    """
    name = subreddit.strip().removeprefix("/").removeprefix("r/").rstrip("/")
    if not name.replace("_", "").replace("+", "").isalnum():
        raise CollectorError(
            f"{subreddit[:60]!r} is no subreddit",
            hint='Name them so: [queries.reddit] subreddits = ["technology"]',
        )
    return name


def _seconds(post: Post) -> int:
    return int(post.created_at.timestamp())


SOURCE: Source = Source(
    name=PLATFORM,
    title="Reddit",
    options=(
        Option(
            "approval_reference",
            "",
            "text",
            "Reddit's approval of this use: a ticket's number or a contract's name.",
        ),
        Option("base_url", "https://oauth.reddit.com", "URL", "Where the API is."),
        Option("login_url", "https://www.reddit.com", "URL", "Where access tokens are given."),
        Option("page_posts", 100, "posts", "Posts asked for at once, 100 at most."),
        Option(
            "overlap",
            3600.0,
            "seconds",
            "Each run reads on until this long before the last one, for posts that appear late.",
        ),
        Option(
            "recheck_posts",
            500,
            "posts",
            "The newest posts that every run asks after again, for edits and removals.",
        ),
        Option(
            "maximum_threads",
            20,
            "submissions",
            "Submissions from a search whose new comments one run reads at most.",
        ),
        Option("timeout", 30.0, "seconds", "How long to wait for Reddit's answer."),
    ),
    secrets=(
        Secret("client_id", required=True, explanation="The application's id."),
        Secret("client_secret", required=True, explanation="The application's secret."),
    ),
    policy=Policy(
        read_on=date(2026, 11, 25),
        url="https://support.reddithelp.com/hc/en-us/articles/42728983564564",
        conditions=(
            Condition(
                "sources.reddit.approval_reference",
                "access needs Reddit's explicit approval (Responsible Builder Policy)",
                lambda settings: bool(str(settings.get("approval_reference", "")).strip()),
            ),
        ),
        deletion_hours=48,
        retention_days=None,
        may_store="What was approved; content that its author or a moderator removed must go.",
        notes="Not for commercial use without a contract, not for training models without the "
        "authors' permission, not for inferring sensitive traits of a person. 100 requests a "
        "minute and application are free of charge.",
    ),
    make=RedditCollector,
    checker=RedditChecker,
    cannot=(
        "It does not see further back than about 1000 submissions and 1000 comments of a "
        "subreddit, or about 250 results of a search: Reddit ends its listings there. What fell "
        "out between two runs, or lies before the first, is in the coverage (listing_limit).",
        "Its search finds submissions, not comments; of a submission that was found it reads the "
        "newest 500 comments at a time, and only once their number has changed.",
        "It cannot backfill a chosen time: Reddit's search has no times any more.",
        "It learns of an edit or a removal when it asks again: at every run for the newest "
        "recheck_posts posts, for all others when stored posts are checked.",
        "It does not see private or quarantined subreddits: it has no person's account.",
    ),
    query_options=(
        Option("subreddits", [], "names", "Subreddits whose submissions and comments are read."),
        Option("search_in", [], "names", "Subreddits to search; `all` for all of Reddit."),
        Option("every_post", False, "true or false", "Whether posts of these need no term."),
    ),
)
