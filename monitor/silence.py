"""When a source that reports no error has produced nothing for suspiciously long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

LOOKED_AT = timedelta(days=14)
"""How far back the posts lie whose gaps tell what is usual."""
MOST_POSTS = 500
LEAST_POSTS = 20
"""With fewer posts than this nothing is usual yet."""
_UNUSUAL = 3
_SHORTEST = timedelta(hours=1)


def unusual_silence(arrivals: Sequence[datetime], now: datetime) -> timedelta | None:
    """How long a source has been silent, None where that is nothing unusual.

    Unusual is three times the longest of the usual gaps (99 in 100 are shorter), and an hour.

    Args:
        arrivals: When its newest posts were posted, in any order.
        now: The time, or the end of what is asked for if that is over.
    """
    if len(arrivals) < LEAST_POSTS:
        return None
    ordered = sorted(arrivals)
    gaps = sorted(later - earlier for earlier, later in pairwise(ordered))
    usual = gaps[min(len(gaps) - 1, len(gaps) * 99 // 100)]
    silent = now - ordered[-1]
    return silent if silent > max(_UNUSUAL * usual, _SHORTEST) else None
