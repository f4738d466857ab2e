"""One run over X for a topic: its queries searched, and what that covers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from collectors.errors import (
    BudgetExhaustedError,
    CollectorError,
    RefusedRequestError,
    StoppedError,
)
from collectors.post import Checkpoint, Page, Window
from collectors.source import Surroundings
from collectors.walks import Walk, coverage, reason_of
from collectors.x_budget import Budget
from collectors.x_client import XClient
from collectors.x_records import Answered, Mark
from collectors.x_search import Search
from collectors.x_track import Track

OUT_OF_BUDGET = "budget"
OUT_OF_REACH = "beyond_recent_search"


class Run:
    """What a run over X knows: how far each query has come, and what may still be read.

    Attributes:
        may_have_rules: Whether the topic may have rules in the stream.

    Args:
        client: X's API.
        queries: By key.
        surroundings: Settings, clock and reads.
        since: The checkpoint of the last page.
        window: The time asked for.
    """

    def __init__(
        self,
        client: XClient,
        queries: Mapping[str, str],
        surroundings: Surroundings,
        *,
        since: Checkpoint | None,
        window: Window,
    ) -> None:
        state: Mapping[str, Any] = since.state if since else {}
        tracks = state.get("queries", {})
        self.queries = queries
        self._surroundings = surroundings
        self._window = window
        now = surroundings.now()
        self._tracks = {key: Track.of(tracks.get(key, {}), now) for key in queries}
        reported = _time(state.get("reported"))
        self._reported = reported and min(reported, now)
        self._slowed_at = _time(state.get("slowed_at"))
        self.may_have_rules = bool(state.get("rules", True))
        self._from = self._begin()
        cap = int(surroundings.settings["monthly_reads"])
        self.budget = Budget(cap, surroundings.reads, surroundings.now)
        self.budget.begin(self._slowed_at)
        if not self.budget.slow():
            self._slowed_at = None
        elif self._slowed_at is None:
            self._slowed_at = surroundings.now()  # From now on a share grows.
        self._search = Search(client, self.budget, surroundings, window)
        self._walked: set[str] = set()

    def _begin(self) -> datetime:
        """From when on this run has news: where a query stopped, or coverage was last reported."""
        starts = [self._reported, *(track.complete_to for track in self._tracks.values())]
        window = self._window
        return max(window.start, min(window.end, *(one or window.start for one in starts)))

    @property
    def is_caught_up(self) -> bool:
        """Whether every query was read to its end."""
        return all(track.reading is None for track in self._tracks.values())

    def searched(self) -> Iterator[Page]:
        """Yields what every query finds that has not come yet, and what that covers.

        Raises:
            CollectorError: X cannot be read (further); the other queries were tried where that
                made sense.
        """
        errors: dict[str, CollectorError] = {}
        for key in self.queries:
            yield from self._found(key, errors)
            if self._surroundings.should_stop():
                return
            if not all(isinstance(error, RefusedRequestError) for error in errors.values()):
                break
        page = self._covering(errors)
        if page is not None:
            yield page
        for error in errors.values():
            raise error

    def heard(self, answers: Sequence[Answered], until: datetime) -> Page:
        """Makes a page of what a stream brought that has brought everything up to a time."""
        marks = [answer.newest for answer in answers if answer.newest]
        top = max(marks, key=lambda mark: mark.number, default=None)
        self._advance(top, until)
        covered = self._covering({})
        return self._page(answers, covered.coverage if covered else ())

    def without_rules(self) -> Page:
        """Notes that the topic has no rules in the stream any more."""
        self.may_have_rules = False
        return Page(checkpoint=self._checkpoint())

    def _advance(self, top: Mark | None, until: datetime) -> None:
        for track in self._tracks.values():
            track.advance(top, until)

    def _found(self, key: str, errors: dict[str, CollectorError]) -> Iterator[Page]:
        try:
            for answered in self._search.pages(self.queries[key], self._tracks[key]):
                yield self._page([answered])
            self._walked.add(key)
        except StoppedError:
            raise
        except CollectorError as exc:
            errors[key] = exc

    def _page(self, answers: Sequence[Answered], covered: Iterable[Any] = ()) -> Page:
        reads = sum(answer.reads for answer in answers)
        if reads and self.budget.slow():
            self._slowed_at = self._surroundings.now()
        return Page(
            checkpoint=self._checkpoint(),
            posts=tuple(post for answer in answers for post in answer.posts),
            rejections=tuple(one for answer in answers for one in answer.rejections),
            coverage=tuple(covered),
            reads=reads,
        )

    def _covering(self, errors: Mapping[str, CollectorError]) -> Page | None:
        """Makes the page that says what came, None where nothing is new."""
        end = self._end()
        if self._from >= end:
            return None
        walks = [self._walk(key, end, errors.get(key)) for key in self._tracks]
        for track in self._tracks.values():
            track.lacking.clear()
        covered = coverage(walks)
        self._reported = self._from = end
        return Page(checkpoint=self._checkpoint(), coverage=covered)

    def _end(self) -> datetime:
        """Up to when every query that came to its end has news."""
        now = self._surroundings.now()
        walked = [self._tracks[key] for key in self._walked]
        done = [track.complete_to for track in walked if track.complete_to and not track.reading]
        return min(self._window.end, now, *done)

    def _walk(self, key: str, end: datetime, error: CollectorError | None) -> Walk:
        track = self._tracks[key]
        lacking, reasons = list(track.lacking), [OUT_OF_REACH] if track.lacking else []
        come = track.complete_to or self._window.start
        if come < end:
            lacking.append((max(come, self._from), end))
            reasons.append(_reason(error))
        return Walk(self._from, end, tuple(lacking), ", ".join(reasons))

    def _checkpoint(self) -> Checkpoint:
        return Checkpoint(
            {
                "queries": {key: track.state() for key, track in self._tracks.items()},
                "reported": self._reported.isoformat() if self._reported else None,
                "slowed_at": self._slowed_at.isoformat() if self._slowed_at else None,
                "rules": self.may_have_rules,
            }
        )


def _reason(error: CollectorError | None) -> str:
    if error is None or isinstance(error, BudgetExhaustedError):
        return OUT_OF_BUDGET
    return reason_of(error)


def _time(state: str | None) -> datetime | None:
    return datetime.fromisoformat(state) if state else None
