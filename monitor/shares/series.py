"""One series of figures out of several versions' answers: each day is told by one of them.

Posts whose texts have been taken out keep the answers that they have, and get no others. So the
shown version cannot answer about long past days: there a version goes on telling that was shown
before, with its own audit. See docs/adr/0027-days-keep-the-version-that-read-their-texts.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

from monitor.store.values import VOLUME, DailyAggregate, Question

Asked = tuple[date, Question]
"""A question about a day."""


def told_by(
    aggregates: Iterable[DailyAggregate],
    versions: Sequence[str],
    languages: Collection[str],
    *,
    enough: float,
) -> dict[Asked, str]:
    """Gives the version that tells of a day, by day and question that any has answered.

    It is the first one that has answered enough of the day's opinions, or the one that has
    answered most where none has, of equals the first. By so much no removal of single posts
    decides which it is.

    Args:
        aggregates: A topic's cells of these versions, and the volume cells.
        versions: In order of preference.
        languages: In which posts are scored; others' answers do not count.
        enough: Part of the opinions, 0 to 1.
    """
    opinions = Counter[date]()
    answered: dict[Asked, Counter[str]] = {}
    for one in aggregates:
        if one.language not in languages:
            continue
        if one.head == VOLUME:
            opinions[one.day] += one.posts
        else:
            found = answered.setdefault((one.day, (one.head, one.target)), Counter())
            found[one.version] += one.posts
    return {
        asked: _first(posts, versions, enough * opinions[asked[0]])
        for asked, posts in answered.items()
    }


def _first(posts: Mapping[str, int], versions: Sequence[str], needed: float) -> str:
    able = (version for version in versions if posts.get(version, 0) >= needed)
    return next(able, None) or max(versions, key=lambda version: posts.get(version, 0))
