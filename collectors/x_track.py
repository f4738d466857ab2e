"""How far one of X's queries has been read: what a checkpoint holds of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from collectors.post import Window
from collectors.walks import Span
from collectors.x_records import Answered, Mark, id_before

SECOND = timedelta(seconds=1)
REACH_MARGIN = timedelta(minutes=40)
"""What is asked for must not fall out of recent search while a rate limit makes it wait."""
_FRESH = timedelta(seconds=11)
"""X refuses an end_time of the last ten seconds."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A walk from the newest post down to a floor: pages come newest first.

    Attributes:
        begun: When it began: it has news of everything before.
        floor: The time that it goes down to.
        since: The id that it goes down to (left out), None where the time is asked for.
        top: The newest post that it met.
        low: The oldest one: all between it and the floor is still to come.
        lacks_from: From here to the floor nothing can come any more, None where nothing lacks.
    """

    begun: datetime
    floor: datetime
    since: str | None = None
    top: Mark | None = None
    low: Mark | None = None
    lacks_from: datetime | None = None

    def after(self, answered: Answered) -> Reading:
        """The same walk, a page further."""
        top, low = self.top, self.low
        if answered.newest and (top is None or answered.newest.number > top.number):
            top = answered.newest
        if answered.oldest and (low is None or answered.oldest.number < low.number):
            low = answered.oldest
        return replace(self, top=top, low=low)

    def raised(self, floor: datetime, lacks_from: datetime) -> Reading:
        """The same walk down to a higher floor; what is below has come up to a time."""
        lacks = self.lacks_from or (lacks_from if lacks_from < floor else None)
        return replace(self, floor=floor, since=None, lacks_from=lacks)

    def is_beyond_reach(self, window: Window) -> bool:
        """Whether nothing of what is still to come can be asked for any more."""
        ceiling = min(window.end, self.low.at) if self.low and self.lacks_from else window.end
        return self.floor >= ceiling

    def bounds(self, window: Window, now: datetime) -> dict[str, str]:
        """X's parameters for what is still to come: times or ids, which X does not mix.

        Args:
            window: What is asked for.
            now: The time.
        """
        is_over = window.end < now - _FRESH
        if self.since is None and not (self.low and self.low.tells_time):
            end = self.low.at + SECOND if self.low else window.end
            times = {"start_time": self.floor, "end_time": end}
            return {name: told(at) for name, at in times.items() if at < now - _FRESH}
        found = {"since_id": self.since or id_before(self.floor)}
        if self.low:
            found["until_id"] = self.low.id
        elif is_over and Mark(found["since_id"], self.floor).tells_time:
            found["until_id"] = str(int(id_before(window.end)) + 1)
        return found


@dataclass(slots=True)
class Track:
    """How far a query has been read.

    Attributes:
        newest: Everything up to this post has come, but for posts that appear late.
        complete_to: Everything before was asked for, and came or is known to lack.
        reading: A walk that has not come to its end.
        lacking: What never came of walks that no coverage was reported of yet.
    """

    newest: Mark | None = None
    complete_to: datetime | None = None
    reading: Reading | None = None
    lacking: list[Span] = field(default_factory=list)

    @classmethod
    def of(cls, state: Mapping[str, Any], now: datetime) -> Track:
        """Reads what `state` wrote; where the clock was ahead then, all has come up to now."""
        reading, complete_to = state.get("reading"), _moment(state.get("complete_to"))
        return cls(
            newest=_mark(state.get("newest")),
            complete_to=complete_to and min(complete_to, now),
            reading=_reading(reading) if reading else None,
            lacking=[(_time(start), _time(end)) for start, end in state.get("lacking", ())],
        )

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {
            "newest": _told_mark(self.newest),
            "complete_to": _told_time(self.complete_to),
            "reading": _told_reading(self.reading) if self.reading else None,
            "lacking": [[start.isoformat(), end.isoformat()] for start, end in self.lacking],
        }

    def is_done(self, window: Window, overlap: timedelta) -> bool:
        """Whether nothing of a window can come any more."""
        over = self.complete_to is not None and self.complete_to >= window.end + overlap
        return over and self.reading is None

    def begin(self, window: Window, now: datetime, overlap: timedelta) -> Reading:
        """Begins a walk that goes down to what has come already, and a little below."""
        floor, since = window.start, None
        if self.newest and self.newest.at - overlap > window.start:
            floor, since = self.newest.at - overlap, self.newest.earlier(overlap)
        self.reading = Reading(begun=now, floor=floor, since=since)
        return self.reading

    def raise_floor(self, reach: datetime, window: Window) -> Reading | None:
        """Lets the walk go down no further than a search reaches."""
        if self.reading is not None and self.reading.floor < reach:
            come = max(self.complete_to or window.start, window.start)
            self.reading = self.reading.raised(reach, come)
        return self.reading

    def finish(self) -> None:
        """The walk has reached its floor."""
        if self.reading is None:
            return
        if self.reading.lacks_from:
            self.lacking.append((self.reading.lacks_from, self.reading.floor))
        self.advance(self.reading.top, self.reading.begun)
        self.reading = None

    def advance(self, top: Mark | None, complete_to: datetime) -> None:
        """Notes that all has come up to a post and a time."""
        if top and (self.newest is None or top.number > self.newest.number):
            self.newest = top
        self.complete_to = complete_to


def told(moment: datetime) -> str:
    """A time as X reads it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _mark(state: Mapping[str, Any] | None) -> Mark | None:
    return Mark(state["id"], _time(state["at"])) if state else None


def _told_mark(mark: Mark | None) -> dict[str, str] | None:
    return {"id": mark.id, "at": mark.at.isoformat()} if mark else None


def _time(state: str) -> datetime:
    return datetime.fromisoformat(state)


def _moment(state: str | None) -> datetime | None:
    return _time(state) if state else None


def _told_time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _reading(state: Mapping[str, Any]) -> Reading:
    return Reading(
        begun=_time(state["begun"]),
        floor=_time(state["floor"]),
        since=state["since"],
        top=_mark(state["top"]),
        low=_mark(state["low"]),
        lacks_from=_moment(state["lacks_from"]),
    )


def _told_reading(reading: Reading) -> dict[str, Any]:
    return {
        "begun": _told_time(reading.begun),
        "floor": _told_time(reading.floor),
        "since": reading.since,
        "top": _told_mark(reading.top),
        "low": _told_mark(reading.low),
        "lacks_from": _told_time(reading.lacks_from),
    }
