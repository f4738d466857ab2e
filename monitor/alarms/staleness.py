"""When what an alert rests on has grown too old, or lies too far apart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from monitor.alarms.evidence import Evidence, Finding, Rule

_SPAN = 2
"""Days to compare with may be spread over so many times as many days."""


def stale(rule: Rule, evidence: Evidence, days: Sequence[date]) -> Finding | None:
    """Once the next day too is over for longer than the grace, an alert is not kept up any more."""
    reached = evidence.now - timedelta(hours=rule["grace_hours"])
    oldest = reached.astimezone(evidence.timezone).date() - timedelta(days=1)
    if days and days[-1] < oldest:
        told = f"No new figure since {days[-1]}: closed without knowing more."
        return Finding("quiet", told)
    return None


def is_scattered(days: Sequence[date], wanted: int) -> bool:
    """Whether a day and the days before it lie too far apart to be compared."""
    return days[-1] - days[0] > timedelta(days=_SPAN * wanted)
