"""X's searches: one query's posts since the last walk, all its pages, newest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from collectors.errors import MalformedAnswerError
from collectors.post import Window
from collectors.source import Surroundings
from collectors.x_budget import SMALLEST_PAGE, Budget
from collectors.x_client import ALL, RECENT, XClient
from collectors.x_records import Answered, read_answer
from collectors.x_track import REACH_MARGIN, Reading, Track

MOST_POSTS = {RECENT: 100, ALL: 500}
"""On a page."""

_MOST_EMPTY = 5
"""After so many empty pages, each with a next one, the cursor is not believed any more."""
_LAST_MARGIN = timedelta(minutes=20)
_ARCHIVE_PAUSE = timedelta(seconds=1)


@dataclass(slots=True)
class _Paging:
    """Where the pages of one walk lead, and whether they lead anywhere.

    A cursor that leads nowhere (the same page again, only empty ones) is left for the ids: what
    is older than the oldest post is asked for anew.
    """

    bounds: Mapping[str, str]
    cursor: str | None = None
    _seen: set[str] = field(default_factory=set)
    _empty: int = 0
    _anchored_at: int | None = None
    is_astray: bool = False

    def parameters(self) -> dict[str, str]:
        """What to ask for, but for the query."""
        return {**self.bounds, **({"next_token": self.cursor} if self.cursor else {})}

    def goes_on(self, page: Answered) -> bool:
        """Takes in a page; tells whether its cursor is to be followed.

        If not, either this was the last page (`cursor` is None), or the cursor leads nowhere.
        """
        is_repeated = page.reads > 0 and page.fingerprint in self._seen
        self._seen.add(page.fingerprint)
        self._empty = 0 if page.reads else self._empty + 1
        self.cursor = page.cursor
        self.is_astray = is_repeated or self._empty >= _MOST_EMPTY
        return page.cursor is not None and not self.is_astray

    def begin_anew(self, reading: Reading, bounds: Mapping[str, str]) -> bool:
        """Leaves the cursor for what is older than the oldest post; False if nothing can be.

        Raises:
            MalformedAnswerError: The same page comes again, however it is asked for.
        """
        low = reading.low.number if reading.low else None
        if low != self._anchored_at:
            self.bounds, self.cursor, self._empty, self._anchored_at = bounds, None, 0, low
            return True
        if self._empty:
            return False
        raise MalformedAnswerError(
            "X gives the same page again and again", hint="The next run tries again."
        )


class Search:
    """Walks through the posts of queries.

    Args:
        client: X's API.
        budget: What may be read.
        surroundings: Settings and clock.
        window: The time asked for.
    """

    def __init__(
        self, client: XClient, budget: Budget, surroundings: Surroundings, window: Window
    ) -> None:
        settings = surroundings.settings
        self._client = client
        self._budget = budget
        self._now = surroundings.now
        self._sleep: Callable[[float], None] = surroundings.sleep
        self._window = window
        self._overlap = timedelta(seconds=settings["overlap"])
        self._recent = timedelta(days=settings["recent_days"])
        self._has_archive = bool(settings["full_archive"])
        self._page_posts = int(settings["page_posts"])
        self._archive_asked: datetime | None = None

    def pages(self, query: str, track: Track) -> Iterator[Answered]:
        """Yields what the query has found since the track's last walk; the track moves on.

        A walk that was interrupted is finished first; what is new since then follows. A track
        that still has a reading afterwards was left because the reads are used up.

        Raises:
            CollectorError: X cannot be read (further).
        """
        is_unfinished = track.reading is not None
        if not is_unfinished and track.is_done(self._window, self._overlap):
            return
        yield from self._walk(query, track)
        if is_unfinished and track.reading is None:
            yield from self._walk(query, track)

    def _walk(self, query: str, track: Track) -> Iterator[Answered]:
        route, reading = self._routed(track)
        if reading.is_beyond_reach(self._window):
            track.finish()
            return
        paging = _Paging(reading.bounds(self._window, self._now()))
        while size := self._page_size(route):
            if route == RECENT and reading.floor < self._reach(margin=_LAST_MARGIN):
                reading = track.raise_floor(self._reach(), self._window) or reading
                paging = _Paging(reading.bounds(self._window, self._now()))
            page = self._page(route, {"query": query, "max_results": size, **paging.parameters()})
            track.reading = reading = reading.after(page)
            goes_on = paging.goes_on(page)
            if paging.is_astray and page.cursor is not None:
                bounds = reading.bounds(self._window, self._now())
                goes_on = paging.begin_anew(reading, bounds)
            if not goes_on:
                track.finish()
            yield page
            if not goes_on:
                return

    def _page(self, route: str, parameters: Mapping[str, str | int]) -> Answered:
        self._pause(route)
        page = read_answer(self._client.search(route, parameters))
        self._budget.spend(page.reads)
        return page

    def _page_size(self, route: str) -> int:
        return self._budget.page_size(max(SMALLEST_PAGE, min(self._page_posts, MOST_POSTS[route])))

    def _routed(self, track: Track) -> tuple[str, Reading]:
        """Begins a walk or goes on, in recent search as far as that reaches."""
        reading = track.reading or track.begin(self._window, self._now(), self._overlap)
        reach, complete = self._reach(), track.complete_to
        has_come = complete is not None and reach <= complete <= self._now()
        if reading.floor < reach and self._has_archive and not has_come:
            return ALL, reading
        return RECENT, track.raise_floor(reach, self._window) or reading

    def _reach(self, *, margin: timedelta = REACH_MARGIN) -> datetime:
        """How far back recent search goes; a server without a limit is set by 0 days."""
        if not self._recent:
            return self._window.start
        return self._now() - self._recent + margin

    def _pause(self, route: str) -> None:
        """The archive takes one request a second."""
        if route != ALL:
            return
        if self._archive_asked is not None:
            early = _ARCHIVE_PAUSE - (self._now() - self._archive_asked)
            if timedelta(0) < early <= _ARCHIVE_PAUSE:
                self._sleep(early.total_seconds())
        self._archive_asked = self._now()
