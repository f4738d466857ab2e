"""One series of figures out of several versions' answers: each day is told by one of them.

Posts whose texts have been taken out keep the answers that they have, and get no others. So the
shown version cannot answer about long past days: there a version goes on telling that was shown
before, with its own audit. See docs/adr/0027-days-keep-the-version-that-read-their-texts.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from monitor.store.values import VOLUME, DayTotal, Question

Asked = tuple[date, Question]
"""A question about a day."""


def told_by(
    totals: Iterable[DayTotal], versions: Sequence[str], *, enough: float
) -> dict[Asked, str]:
    """Gives the version that tells of a day, by day and question that any has answered.

    It is the first one that has answered enough of the day's opinions, or the one that has
    answered most where none has, of equals the first. By so much no removal of single posts
    decides which it is.

    Args:
        totals: What these versions have answered, and all opinions, in the languages that are
            scored.
        versions: In order of preference.
        enough: Part of the opinions, 0 to 1.
    """
    opinions = Counter[date]()
    answered: dict[Asked, Counter[str]] = {}
    for one in totals:
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
    able = (version for version in versions if posts.get(version, 0) >= max(needed, 1))
    return next(able, None) or max(versions, key=lambda version: posts.get(version, 0))
