"""What is taken out of Bluesky's stream of everything: matching posts, and every removal."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from collectors.bluesky_feed import Position
from collectors.bluesky_stream import Arrival
from collectors.formats.fields import Outcome, Record, mapping, sequence
from collectors.formats.jetstream import REPOST, read
from collectors.lines import Flaw
from collectors.post import Checkpoint, Coverage, Deletion, Page, Post, Rejection, Window
from collectors.terms import matches

KNOWN_POSTS = 2000
"""How many of the last matching posts are remembered, so that reposts of them are taken."""

_FUTURE = timedelta(days=1)
_NOT_ABOUT_POSTS = frozenset({"not_a_post", "not_a_removal"})
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(microseconds: int) -> datetime:
    """A time in microseconds since 1970 as aware UTC."""
    return _EPOCH + microseconds * _MICROSECOND


def microseconds(moment: datetime) -> int:
    """An aware time in microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def selectable_text(record: Record) -> str | None:
    """What of a post's record terms are looked for in: its text and tags; None without text."""
    text = record.get("text")
    if not isinstance(text, str):
        return None
    tags = [f"#{tag}" for tag in sequence(record.get("tags")) if isinstance(tag, str)]
    return " ".join([text, *tags]) if tags else text


def _place(event: Record) -> str:
    """Where a record stands, the same on every server and at every delivery."""
    commit = mapping(event.get("commit"))
    names = [event.get("did"), *(commit.get(name) for name in ("collection", "rkey", "rev"))]
    return f"bluesky:{hashlib.blake2b(repr(names).encode(), digest_size=16).hexdigest()}"


class Harvest:
    """Fills pages from a stream.

    Args:
        terms: Any of them must match.
        window: Posts that arrive after its end are not looked at; removals are.
        known: Digests of matching posts that reposts may repeat; None without reposts.
        stream: What else the checkpoint holds: which stream, and what was asked.
        covered_us: Up to when the stream was read before, in microseconds since 1970.
    """

    def __init__(
        self,
        terms: Sequence[str],
        window: Window,
        *,
        stream: Mapping[str, str],
        covered_us: int,
        known: Sequence[str] | None = None,
    ) -> None:
        self._terms = terms
        self._window = window
        self._stream = stream
        self._known = None if known is None else dict.fromkeys(known)
        self._covered_us = covered_us
        self._position: Position | None = None
        self._begin()

    def _begin(self) -> None:
        self._posts: list[Post] = []
        self._rejections: list[Rejection] = []
        self._deletions: list[Deletion] = []
        self._coverage: list[Coverage] = []
        self._reached_us = self._covered_us
        self._is_damaged = False
        self._has_news = False
        self._began = time.monotonic()

    @property
    def size(self) -> int:
        """How many records are on the page so far."""
        return len(self._posts) + len(self._rejections) + len(self._deletions)

    @property
    def seconds(self) -> float:
        """How long the page has been filled."""
        return time.monotonic() - self._began

    @property
    def has_news(self) -> bool:
        """Whether anything arrived since the last page."""
        return self._has_news

    @property
    def reached_us(self) -> int:
        """Up to when the stream was read, in microseconds since 1970."""
        return self._reached_us

    @property
    def is_past_window(self) -> bool:
        """Whether the stream has come to the end of the window."""
        return self._reached_us >= microseconds(self._window.end)

    def add(self, arrival: Arrival) -> None:
        """Takes what matters out of a message."""
        self._has_news = True
        self._position = arrival.position
        if arrival.missing is not None:
            self._miss(*arrival.missing, arrival.reason)
        at = arrival.message.time_us
        if at is not None:
            self._reached_us = max(self._reached_us, arrival.position.time_us)
        is_late = at is not None and moment(at) >= self._window.end
        for number, record in enumerate(arrival.message.records):
            if isinstance(record, Flaw):
                self._is_damaged = True
                self._reject(record, f"bluesky:{arrival.digest}.{number}")
            else:
                self._take(record, is_late=is_late)

    def _miss(self, start_us: int, end_us: int, reason: str) -> None:
        self._cover("complete", "")
        status = "gap" if reason == "cursor_too_old" else "partial"
        self._coverage += self._clipped(start_us, end_us, status, reason)
        self._covered_us = self._reached_us = max(self._reached_us, end_us)

    def _take(self, event: Record, *, is_late: bool) -> None:
        outcome = self._outcome(event, is_late=is_late)
        if isinstance(outcome, Post):
            self._posts.append(outcome)
        elif isinstance(outcome, Deletion):
            self._deletions.append(outcome)
        elif outcome is not None and outcome.reason not in _NOT_ABOUT_POSTS:
            self._reject(outcome, _place(event))

    def _reject(self, flaw: Flaw, place: str) -> None:
        self._rejections.append(Rejection(flaw.reason, place, flaw.detail))

    def _outcome(self, event: Record, *, is_late: bool) -> Outcome | None:
        """Returns what becomes of an event, None for a post that is not asked for."""
        commit = mapping(event.get("commit"))
        operation = commit.get("operation")
        if event.get("kind") != "commit" or operation == "delete":
            return read(event)
        if operation == "update":
            asked_for = self._is_asked_for(commit)
            return self._checked(read(event), event) if asked_for else _withdrawn(event)
        if is_late or not self._is_asked_for(commit):
            return None
        return self._checked(read(event), event)

    def _is_asked_for(self, commit: Record) -> bool:
        record = mapping(commit.get("record"))
        if commit.get("collection") == REPOST:
            subject = mapping(record.get("subject")).get("uri")
            return self._known is not None and _digest(subject) in self._known
        text = selectable_text(record)
        # What cannot be looked at is counted as what it is.
        return text is None or matches(text, self._terms)

    def _checked(self, outcome: Outcome, event: Record) -> Outcome:
        if not isinstance(outcome, Post):
            return outcome
        if outcome.created_at > moment(event["time_us"]) + _FUTURE:
            return Flaw("bad_date", "the time is more than a day in the future")
        if self._known is not None and outcome.kind != "repost":
            self._known[_digest(outcome.native_id)] = None
            if len(self._known) > KNOWN_POSTS:
                del self._known[next(iter(self._known))]
        return outcome

    def page(self) -> Page:
        """Closes the page and begins the next."""
        self._cover(*(("partial", "malformed") if self._is_damaged else ("complete", "")))
        page = Page(
            checkpoint=Checkpoint(self._state()),
            posts=tuple(self._posts),
            rejections=tuple(self._rejections),
            deletions=tuple(self._deletions),
            coverage=tuple(self._coverage),
        )
        self._begin()
        return page

    def _state(self) -> Mapping[str, Any]:
        position = {} if self._position is None else self._position.state()
        state = {**self._stream, **position, "covered_us": self._covered_us}
        return state if self._known is None else {**state, "known": list(self._known)}

    def _cover(self, status: str, reason: str) -> None:
        self._coverage += self._clipped(self._covered_us, self._reached_us, status, reason)
        self._covered_us = self._reached_us

    def _clipped(self, start_us: int, end_us: int, status: str, reason: str) -> list[Coverage]:
        start = max(moment(start_us), self._window.start)
        end = min(moment(end_us), self._window.end)
        return [Coverage(start, end, status, reason)] if start < end else []  # type: ignore[arg-type]


def _withdrawn(event: Record) -> Outcome:
    """An edit that takes a post out of the topic: what may be stored of it is no longer there."""
    commit = {**mapping(event.get("commit")), "operation": "delete"}
    return read({**event, "commit": commit})


def _digest(uri: object) -> str:
    return hashlib.blake2b(str(uri).encode("utf-8", "replace"), digest_size=6).hexdigest()
