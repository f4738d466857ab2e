"""How much was posted in a topic's last whole hours, and in the same hours of earlier days."""

from __future__ import annotations

from datetime import datetime, timedelta

from collectors.post import Window
from monitor.alarms.evidence import Hours, Rule
from monitor.privacy import whole_groups
from monitor.shares.covered import counting, covered_part
from monitor.store.queries import Queries
from monitor.store.values import Posted
from monitor.topic import Topic

_LATEST = 24
"""How many hours collection may lag behind before nothing is said of it."""


def last_hours(rule: Rule, topic: Topic, queries: Queries, now: datetime) -> Hours | None:
    """Counts the newest whole hours that are collected.

    Each hour is counted for itself, in whole multiples of the topic's minimum of authors: whoever
    makes rules finds out by many of them what these counts are, and subtracts.

    Earlier days are the same hours by the clock of the topic's time zone; those that were not
    collected are left out. None before a first hour of the topic is over.
    """
    length = timedelta(hours=rule["window_hours"])
    newest = min(now, topic.window.end).replace(minute=0, second=0, microsecond=0)
    span = timedelta(days=rule["days"] + 1, hours=_LATEST) + length
    since = min(newest - span, topic.window.start)
    spans = counting(queries.coverage(topic.name, since, newest))

    def is_covered(end: datetime) -> bool:
        return bool(covered_part(spans, end - length, end) >= rule["coverage"])

    ends = [newest - timedelta(hours=late) for late in range(_LATEST + 1)]
    end = next((one for one in ends if is_covered(one)), newest)
    if end - length < topic.window.start:
        return None
    earlier = [_days_before(end, days, topic) for days in range(1, rule["days"] + 1)]
    kept = [one for one in earlier if is_covered(one) and one - length >= topic.window.start]
    each = rule["window_hours"]
    hours = [hour for one in (end, *kept) for hour in _hours_to(one, each)]
    counts = queries.posted(topic.name, hours)
    least = topic.minimum_authors
    return Hours(
        end=end,
        posts=sum(_at_least(one, least) for one in counts[:each]),
        covered=is_covered(end),
        earlier=tuple(
            sum(_at_most(one, least) for one in counts[n : n + each])
            for n in range(each, len(counts), each)
        ),
    )


def _hours_to(end: datetime, hours: int) -> list[Window]:
    ends = [end - timedelta(hours=n) for n in reversed(range(hours))]
    return [Window(one - timedelta(hours=1), one) for one in ends]


def _at_least(hour: Posted, minimum: int) -> int:
    """An hour's posts, rounded down; none of too few authors."""
    return whole_groups(hour.posts, minimum) if hour.authors >= minimum else 0


def _at_most(hour: Posted, minimum: int) -> int:
    """An hour's posts, rounded up; one group where the authors are too few or not known."""
    if hour.authors < minimum:
        return minimum
    return whole_groups(hour.posts + minimum - 1, minimum)


def _days_before(moment: datetime, days: int, topic: Topic) -> datetime:
    """The same time of an earlier day, as its people's clocks had it."""
    local = moment.astimezone(topic.timezone).replace(tzinfo=None) - timedelta(days=days)
    return local.replace(tzinfo=topic.timezone).astimezone(moment.tzinfo)
