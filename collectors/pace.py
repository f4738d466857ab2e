"""Rate limits as answers tell them: how long to wait before the next request.

Three families of headers say the same: `x-rate-limit-*` (X), `x-ratelimit-*` (Mastodon, Reddit,
GitHub) and `ratelimit-*` (Bluesky, the IETF's draft), each with `limit`, `remaining`, `reset`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from collectors.retry import LONGEST_WAIT

FAMILIES = ("x-rate-limit", "x-ratelimit", "ratelimit")
SCARCE_PART = 0.1
"""Once less than this part of a window's requests is left, the rest is spread over its time."""
_UNKNOWN_LIMIT = 100.0
_EPOCH_SECONDS = 1e9
_EPOCH_MILLISECONDS = 1e12


class Pace:
    """Spreads the last requests of a rate limit's window over the rest of its time.

    Args:
        now: Tells the time, aware UTC.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._remaining = math.inf
        self._limit = _UNKNOWN_LIMIT
        self._reset_at: datetime | None = None

    def note(self, headers: Mapping[str, str]) -> None:
        """Takes in what an answer says of the limit; without such headers nothing changes."""
        for family in FAMILIES:
            remaining = _number(headers.get(f"{family}-remaining"))
            seconds = _seconds_until(headers, f"{family}-reset", self._now())
            if remaining is None or seconds is None:
                continue
            self._remaining = remaining
            self._limit = _number(headers.get(f"{family}-limit")) or _UNKNOWN_LIMIT
            self._reset_at = self._now() + timedelta(seconds=seconds)
            return

    def pause(self) -> float:
        """Seconds to wait before the next request; asking counts as making it."""
        if self._reset_at is None:
            return 0.0
        left = (self._reset_at - self._now()).total_seconds()
        if not 0 < left <= LONGEST_WAIT:  # The window is over, or the clock has jumped.
            self._reset_at = None
            return 0.0
        if self._remaining >= self._limit * SCARCE_PART:
            return 0.0
        pause = left / (self._remaining + 1) if self._remaining >= 1 else left
        self._remaining = max(0.0, self._remaining - 1)
        return pause


def retry_after(headers: Mapping[str, str], now: datetime) -> float:
    """Seconds that an answer asks to wait: by Retry-After, else until the limit's reset, else 0."""
    asked = headers.get("retry-after", "").strip()
    if asked:
        seconds = _number(asked)
        return seconds if seconds is not None else _until_date(asked, headers, now)
    resets = (_seconds_until(headers, f"{family}-reset", now) for family in FAMILIES)
    return next((seconds for seconds in resets if seconds is not None), 0.0)


def _number(text: str | None) -> float | None:
    """A number of at least 0; lists (`100, 100;w=60`) count by their first."""
    try:
        value = float((text or "").split(",")[0].split(";")[0])
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _seconds_until(headers: Mapping[str, str], name: str, now: datetime) -> float | None:
    """Seconds until a reset that is given in seconds, as seconds since 1970, or as a time."""
    text = headers.get(name, "").strip()
    number = _number(text)
    try:
        if number is None:
            reset = datetime.fromisoformat(text)
        elif number < _EPOCH_SECONDS:
            return number
        else:
            scale = 1000 if number >= _EPOCH_MILLISECONDS else 1
            reset = datetime.fromtimestamp(number / scale, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return _until(reset if reset.tzinfo else reset.replace(tzinfo=UTC), headers, now)


def _until_date(text: str, headers: Mapping[str, str], now: datetime) -> float:
    moment = _http_date(text)
    return 0.0 if moment is None else _until(moment, headers, now)


def _until(moment: datetime, headers: Mapping[str, str], now: datetime) -> float:
    """By our clock; where that makes no sense, by the server's own `Date`."""
    seconds = (moment - now).total_seconds()
    served = _http_date(headers.get("date", ""))
    if served is not None and not 0 <= seconds <= LONGEST_WAIT:
        seconds = (moment - served).total_seconds()
    return max(0.0, seconds)


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
