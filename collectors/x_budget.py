"""The month's budget of billed posts: slows collection down, then stops it before the cap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SMALLEST_PAGE = 10
"""X bills what a page holds and hands over no smaller page: with less left than that, we stop."""

SLOW_FROM = 0.8
"""From this part of the cap on, the rest is spread over what is left of the month."""

_USUAL_PAUSE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Forecast:
    """Where the month is going.

    Attributes:
        expected: Reads by the month's end if it goes on like this, were there no cap.
        share: Part of the cap that is used, 1 for a cap of 0.
        runs_out: When the cap would be reached, None if not in this month.
    """

    expected: int
    share: float
    runs_out: datetime | None


def forecast(reads: int, now: datetime, cap: int) -> Forecast:
    """Extends this month's reads so far to its end.

    Args:
        reads: Billed posts since the month began (UTC).
        now: Aware.
        cap: The month's budget.
    """
    begin, end = _month(now)
    passed = max((now - begin).total_seconds(), 1.0)
    expected = round(reads * (end - begin).total_seconds() / passed)
    share = reads / cap if cap > 0 else 1.0
    runs_out = None
    if reads >= cap:
        runs_out = now
    elif expected >= cap:
        runs_out = begin + timedelta(seconds=passed * cap / reads)
    return Forecast(expected, share, runs_out)


def _month(now: datetime) -> tuple[datetime, datetime]:
    begin = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return begin, (begin + timedelta(days=32)).replace(day=1)


class Budget:
    """What may still be read.

    Args:
        cap: Posts a month.
        stored: This month's reads, as stored.
        now: Tells the time.
    """

    def __init__(self, cap: int, stored: Callable[[], int], now: Callable[[], datetime]) -> None:
        self._cap = cap
        self._stored = stored
        self._now = now
        self._month = _month(now())
        self._base = stored()
        self._here = 0
        self._allowance: int | None = None

    @property
    def cap(self) -> int:
        """Posts a month."""
        return self._cap

    def used(self) -> int:
        """Reads of this month, with those of this run that may not be stored yet."""
        if _month(self._now()) != self._month:
            self._month, self._base, self._here = _month(self._now()), self._stored(), 0
        return max(self._stored(), self._base + self._here)

    def left(self) -> int:
        """Posts that may still be read this month."""
        return max(0, self._cap - self.used())

    def exhausted(self) -> bool:
        """Whether not even the smallest page fits any more."""
        return self.left() < SMALLEST_PAGE

    def slow(self) -> bool:
        """Whether the rest has to last until the month's end."""
        return self.used() >= self._cap * SLOW_FROM

    def begin(self, slowed_at: datetime | None) -> None:
        """Begins a run, whose share of a slow month grows with the time since the last one.

        Args:
            slowed_at: When a slowed run last read something, None if never.
        """
        now = self._now()
        since = max(now - slowed_at, timedelta(0)) if slowed_at else _USUAL_PAUSE
        part = min(1.0, since / max(_month(now)[1] - now, timedelta(seconds=1)))
        self._allowance = self._here + int(self.left() * part)

    def page_size(self, most: int) -> int:
        """How many posts the next page may hold, 0 where this run has had its share."""
        size = min(most, self.left())
        if self.slow() and self._allowance is not None:
            size = min(size, self._allowance - self._here)
        return size if size >= SMALLEST_PAGE else 0

    def spend(self, reads: int) -> None:
        """Counts posts that were handed over."""
        self.used()  # Notices a new month first.
        self._here += reads
