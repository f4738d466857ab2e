"""Rules about how much is said: by whole days, and by hours against the same hours before."""

from __future__ import annotations

from datetime import timedelta
from statistics import median

from monitor.alarms.evidence import Evidence, Finding, Rule
from monitor.alarms.staleness import is_scattered, stale

_OVER = 0.8
"""Part of its line under which a rise is over."""


def judge_volume(rule: Rule, evidence: Evidence) -> Finding:
    """The last whole day against the median of the days before it."""
    days = sorted(
        (
            one
            for one in evidence.volumes
            if one.day < evidence.today
            and one.posts is not None
            and (one.coverage is None or one.coverage >= rule["coverage"])
        ),
        key=lambda one: one.day,
    )[-(rule["days"] + 1) :]
    if old := stale(rule, evidence, [one.day for one in days]):
        return old
    if len(days) < rule["days"] + 1 or is_scattered([one.day for one in days], rule["days"]):
        return Finding("unknown", "too few released days")
    usual = median(one.posts or 0 for one in days[:-1])
    posts = days[-1].posts or 0
    told = f"{posts:,} posts on {days[-1].day}, usually {usual:,.0f}"
    line = max(rule["times"] * usual, rule["least"])
    if posts >= line:
        return Finding("firing", f"{told}.")
    return Finding("quiet" if posts < _OVER * line else "between", f"{told}.")


def judge_spike(rule: Rule, evidence: Evidence) -> Finding:
    """The last whole hours against the median of the same hours of the days before.

    The message tells that the line was crossed, not how many posts there were: with the counts of
    whole days, exact hours could give away what a few people wrote.
    """
    hours = evidence.hours(rule)
    if hours is None or not hours.covered:
        return Finding("unknown", "these hours are not collected yet")
    if hours.end < evidence.now - timedelta(hours=rule["grace_hours"]):
        told = f"Nothing is collected since {hours.end:%Y-%m-%d %H:%M} UTC"
        return Finding("quiet", f"{told}: closed without knowing more.")
    if len(hours.earlier) < rule["days"]:
        return Finding("unknown", "too few earlier days are collected in these hours")
    line = max(rule["times"] * median(hours.earlier), rule["least"])
    span = f"In the {rule['window_hours']} hours to {hours.end:%Y-%m-%d %H:%M} UTC"
    if hours.posts >= line:
        return Finding(
            "firing",
            f"{span} there were {rule['times']:g} times as many posts as usual in these hours "
            f"(median of {rule['days']} days) or more, and {rule['least']:,} at least.",
        )
    over = hours.posts < _OVER * line
    return Finding(
        "quiet" if over else "between", f"{span} there were no longer unusually many posts."
    )
