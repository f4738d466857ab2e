"""A timeline that is given newest first, page after page, and read down to what is known.

A walk starts at the top and ends a while below where the last one started, because records turn
up late. Until it is at its end nothing counts as read: a walk that was interrupted goes on where
it was, and a second one then reads what has come meanwhile. One whose cursor leads nowhere, or to
what cannot be had, begins at the top once more; below a second such cursor all counts as lacking.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from collectors.errors import CollectorError, StoppedError
from collectors.post import Window
from collectors.walks import Span, Walk, reason_of

_SECOND = timedelta(seconds=1)
_EMPTY_PAGES = 3
"""So many pages without a record, one after the other, are the end, whatever cursor they give."""
_PATIENCE = timedelta(hours=6)
"""For so long after a walk began its cursor is kept where what fails may go well later."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One page as the platform gave it.

    Attributes:
        records: What is on it; only the caller reads them.
        oldest: When the oldest of them was posted, None where they do not tell.
        known: How many of them an earlier walk has seen.
        after: Cursor of the next page, None on the last one.
    """

    records: tuple[Any, ...]
    oldest: datetime | None
    after: str | None
    known: int = 0


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a walk goes.

    Attributes:
        window: The time asked for.
        end: Its end, or now if that is earlier.
        overlap: How far below the last walk's start it ends.
        limit: How many records the platform gives of a listing; a listing that ends with fewer
            than half of that is whole. 0: one that ends may always have had more before.
        pages: The most pages of one walk.
        reason: The fixed word for what a listing no longer gives.
    """

    window: Window
    end: datetime
    overlap: timedelta
    limit: int
    pages: int
    reason: str = "listing_limit"


@dataclass(slots=True)
class Listing:
    """How far one timeline has been read; this is what the checkpoint holds.

    Attributes:
        covered: Everything before was read.
        began: When a walk began that is not at its end yet.
        after: The cursor that it goes on at.
        low: The oldest that it has seen.
        seen: How many records it has seen.
        anew: Whether it was begun once more because its cursor led nowhere.
        lacking: Times from which not everything came, until the coverage was told.
        told: Up to when the coverage was told.
    """

    covered: datetime | None = None
    began: datetime | None = None
    after: str | None = None
    low: datetime | None = None
    seen: int = 0
    anew: bool = False
    lacking: list[Span] = field(default_factory=list)
    told: datetime | None = None

    @classmethod
    def of(cls, state: Mapping[str, Any], now: datetime) -> Listing:
        """Reads it from a checkpoint. One that lies in the future (the clock jumped) is void."""
        listing = cls(
            covered=_moment(state.get("covered")),
            began=_moment(state.get("began")),
            after=state.get("after"),
            low=_moment(state.get("low")),
            told=_moment(state.get("told")),
            seen=state.get("seen", 0),
            anew=state.get("anew", False),
            lacking=[
                (datetime.fromisoformat(start), datetime.fromisoformat(end))
                for start, end in state.get("lacking", ())
            ],
        )
        moments = (moment for moment in (listing.covered, listing.began) if moment is not None)
        return cls() if any(moment > now for moment in moments) else listing

    def state(self) -> dict[str, Any]:
        """What the checkpoint holds of it."""
        moments = {name: getattr(self, name) for name in ("covered", "began", "low", "told")}
        held: dict[str, Any] = {k: v.isoformat() for k, v in moments.items() if v is not None}
        if self.after is not None:
            held |= {"after": self.after, "seen": self.seen}
        if self.anew:
            held["anew"] = True
        if self.lacking:
            held["lacking"] = [[start.isoformat(), end.isoformat()] for start, end in self.lacking]
        return held

    def begin(self, end: datetime) -> None:
        """Starts at the top."""
        self.began, self.after, self.low, self.seen = end, None, None, 0

    def begin_anew(self, end: datetime) -> None:
        """Starts at the top once more."""
        self.begin(end)
        self.anew = True

    def take(self, batch: Batch) -> None:
        """Notes a page that was read."""
        self.after = batch.after
        self.seen += len(batch.records)
        if batch.oldest is not None:
            self.low = min(batch.oldest, self.low or batch.oldest)

    def finish(self) -> None:
        """Ends the walk at its bottom."""
        self.covered, self.began = self.began, None
        self.after, self.low, self.seen, self.anew = None, None, 0, False

    def abandon(self) -> None:
        """Ends the walk without having read anything for good: the next one starts at the top."""
        self.began, self.after, self.low, self.seen, self.anew = None, None, None, 0, False

    def tell(self) -> None:
        """Notes that the coverage of all that was read has been told."""
        self.told, self.lacking = self.covered, []


Ask = Callable[[str | None], Batch]


def is_over(listing: Listing, reach: Reach, now: datetime) -> bool:
    """Whether the time asked for has passed, and was read after the last late record came."""
    done = listing.covered is not None and listing.covered >= reach.window.end
    return done and listing.began is None and now > reach.window.end + reach.overlap


def walk_down(listing: Listing, ask: Ask, reach: Reach) -> Generator[Batch, None, Walk]:
    """Yields pages, newest first, each once the listing's state is what it is after this page.

    Args:
        listing: Where to go on; moved on.
        ask: Gives the page at a cursor, None being the top.
        reach: How far to go.

    Raises:
        StoppedError: Asked to stop while waiting; other errors end the walk and are in it.
    """
    try:
        resumed = listing.began is not None
        reason = yield from _descend(listing, ask, reach)
        if resumed and not reason:
            reason = yield from _descend(listing, ask, reach)
    except StoppedError:
        raise
    except CollectorError as exc:
        return told(listing, reach, reason_of(exc), exc)
    return told(listing, reach, reason)


def told(
    listing: Listing, reach: Reach, reason: str = "", error: CollectorError | None = None
) -> Walk:
    """How far a listing is read; after a walk that did not reach its bottom `reason` says why."""
    start = min(listing.told or reach.window.start, reach.end)
    if not reason:
        lacking = tuple(listing.lacking)
        return Walk(start, reach.end, lacking, reach.reason if lacking else "")
    rest = (min(listing.covered or reach.window.start, reach.end), reach.end)
    return Walk(start, reach.end, (*listing.lacking, rest), reason, error)


def _descend(listing: Listing, ask: Ask, reach: Reach) -> Generator[Batch, None, str]:
    """One walk to its bottom; returns why it did not get there, empty if it did."""
    resumed = listing.began is not None
    if not resumed:
        listing.begin(reach.end)
    bottom = max(reach.window.start, (listing.covered or reach.window.start) - reach.overlap)
    cursors: set[str] = set()
    empty = 0
    for _ in range(reach.pages):
        stale = resumed and not cursors
        batch = _ask_on(listing, ask, reach, stale=stale)
        if not listing.anew and _leads_nowhere(listing, batch, stale=stale):
            listing.begin_anew(reach.end)
            cursors.clear()
            continue
        empty = 0 if batch.records else empty + 1
        circles = batch.after in cursors
        listing.take(batch)
        if empty == _EMPTY_PAGES or batch.after is None or _is_at(bottom, batch):
            _note_lacking(listing, batch, reach, bottom)
            listing.finish()
            yield batch
            return ""
        if circles and not empty:
            listing.abandon()
            yield batch
            return "repeated_page"
        cursors.add(batch.after)
        yield batch
    return "maximum_pages"  # The next run goes on here.


def _ask_on(listing: Listing, ask: Ask, reach: Reach, *, stale: bool) -> Batch:
    """The page at the cursor, an empty one where that cannot be had although the top can."""
    try:
        return ask(listing.after)
    except StoppedError:
        raise
    except CollectorError as exc:
        began = listing.began or reach.end
        if listing.after is None or (exc.retryable and reach.end - began < _PATIENCE):
            raise
    if stale:  # Else the top was read in this walk.
        ask(None)
    return Batch((), None, None)


def _leads_nowhere(listing: Listing, batch: Batch, *, stale: bool) -> bool:
    """Whether a cursor may be good for nothing any more: what it names was removed, say."""
    return listing.after is not None and not batch.records and (stale or batch.after is None)


def _is_at(bottom: datetime, batch: Batch) -> bool:
    if batch.oldest is None:
        return bool(batch.records) and batch.known == len(batch.records)
    return batch.oldest < bottom


def _note_lacking(listing: Listing, batch: Batch, reach: Reach, bottom: datetime) -> None:
    """Where a listing ends above its bottom, something may have fallen out of it."""
    low = listing.low or reach.end
    if low <= bottom:
        return
    lost = listing.anew and not batch.records
    whole = batch.known or listing.seen == 0 or listing.seen * 2 < reach.limit
    if lost or not whole:  # Of the last second, too, some may be missing.
        listing.lacking.append((bottom, min(low + _SECOND, reach.end)))


def _moment(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None
