"""A source that has gone silent is told from one that is merely quiet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.silence import LEAST_POSTS, unusual_silence

NOW = datetime(2020, 6, 2, tzinfo=UTC)


def _posts(silent: timedelta, gap: timedelta, posts: int = 50) -> list[datetime]:
    return [NOW - silent - n * gap for n in range(posts)]


@pytest.mark.parametrize(
    ("silent", "gap", "unusual"),
    [
        pytest.param(timedelta(hours=2), timedelta(minutes=5), True, id="long for a busy source"),
        pytest.param(timedelta(hours=2), timedelta(hours=1), False, id="usual for a quiet one"),
        pytest.param(timedelta(hours=4), timedelta(hours=1), True, id="long for a quiet one"),
        pytest.param(timedelta(minutes=50), timedelta(seconds=5), False, id="under an hour"),
    ],
)
def test_silence_is_judged_by_the_source_s_usual_gaps(
    silent: timedelta, gap: timedelta, unusual: bool
) -> None:
    assert unusual_silence(_posts(silent, gap), NOW) == (silent if unusual else None)


def test_of_few_posts_nothing_is_usual() -> None:
    posts = _posts(timedelta(days=5), timedelta(minutes=1), LEAST_POSTS - 1)
    assert unusual_silence(posts, NOW) is None


def test_nights_are_usual() -> None:
    days = [NOW - timedelta(days=d, hours=12, minutes=m) for d in range(10) for m in range(5)]
    assert unusual_silence(days, NOW) is None
