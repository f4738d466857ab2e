"""Rules about shares: a line crossed, a lasting change, scores that labels do not explain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from classifiers.drift import THRESHOLD
from monitor.alarms.evidence import DriftedDay, Evidence, Finding, Rule
from monitor.alarms.staleness import is_scattered, stale
from monitor.figure import Figure
from monitor.outward import rounded_down, rounded_up

_DRIFTED_DAYS = 2


def judge_share(rule: Rule, evidence: Evidence) -> Finding:
    """The whole interval beyond the line; over once it comes back by the hysteresis."""
    days = _days(rule, evidence)
    if old := stale(rule, evidence, [one.day for one in days]):
        return old
    if not days or days[-1].low is None or days[-1].high is None:
        return Finding("unknown", "no released figure")
    last = days[-1]
    low, high = days[-1].low, days[-1].high
    told = f"{_said(rule)} was {_figure(last)}"
    if rule["above"] is not None:
        line, beyond, back = rule["above"], low - rule["above"], rule["above"] - low
        side = "above"
    else:
        line, beyond, back = rule["below"], rule["below"] - high, high - rule["below"]
        side = "below"
    if beyond > 0:
        return Finding("firing", f"{told}, with its whole interval {side} {line:.0%}.")
    if back > rule["hysteresis"]:
        return Finding("quiet", f"{told}, no longer clearly {side} {line:.0%}.")
    return Finding("between", told)


def judge_change(rule: Rule, evidence: Evidence) -> Finding:
    """Two days in a row whose intervals lie outside all intervals of the days before."""
    days = _days(rule, evidence)[-(rule["days"] + 2) :]
    if old := stale(rule, evidence, [one.day for one in days]):
        return old
    if why := _incomparable(days, rule["days"]):
        return Finding("unknown", why)
    before, last = days[:-2], days[-2:]
    lowest = min(one.low or 0.0 for one in before)
    highest = max(one.high or 0.0 for one in before)
    told = f"{_said(rule)}, {_figure(last[0])} and {_figure(last[1])},"
    before_all = f"each of the {rule['days']} shown days before"
    if all((one.low or 0.0) > highest for one in last):
        return Finding("firing", f"{told} rose clearly above {before_all}.")
    if all((one.high or 0.0) < lowest for one in last):
        return Finding("firing", f"{told} fell clearly below {before_all}.")
    return Finding("quiet", f"{told} is within what the days before show.")


def _incomparable(days: Sequence[Figure], wanted: int) -> str | None:
    """Why the last two of these days cannot be compared with those before, None if they can."""
    if len(days) < wanted + 2 or is_scattered([one.day for one in days[:-1]], wanted):
        return "too few released days"
    if days[-1].day - days[-2].day > timedelta(1):
        return "the last released days are not in a row"
    if len({one.version for one in days}) > 1:
        return "another model version tells of the days before"
    return None


def judge_drift(rule: Rule, evidence: Evidence) -> Finding:
    """Two days in a row that the audit labels do not explain; over with a day that they do."""
    days = sorted(
        (
            one
            for one in evidence.drift
            if one.day < evidence.today
            and one.head == rule["head"]
            and one.target in ("", rule["target"])
        ),
        key=lambda one: one.day,
    )[-_DRIFTED_DAYS:]
    if old := stale(rule, evidence, [one.day for one in days]):
        return old
    if len(days) < _DRIFTED_DAYS:
        return Finding("unknown", "too few released days")
    told = f"{_asked(rule)}: {' and '.join(_deviation(one) for one in days)}"
    if all(one.deviation >= THRESHOLD for one in days):
        return Finding(
            "firing",
            f"The audit labels do not explain the scores any more. {told}; around 1 is usual, from "
            f"{THRESHOLD:g} on a day counts as drifted. Label posts of these days.",
        )
    over = days[-1].deviation < THRESHOLD
    return Finding(
        "quiet" if over else "between", f"The audit labels explain the scores again. {told}."
    )


def _deviation(one: DriftedDay) -> str:
    return f"a deviation of {one.deviation:.1f} on {one.day}"


def _days(rule: Rule, evidence: Evidence) -> list[Figure]:
    """The rule's figures of days that are over and well covered, in order."""
    return sorted(
        (
            one
            for one in evidence.figures
            if (one.head, one.label, one.cohort) == (rule["head"], rule["label"], rule["cohort"])
            and one.target in ("", rule["target"])
            and one.day < evidence.today
            and one.share is not None
            and (one.coverage is None or one.coverage >= rule["coverage"])
        ),
        key=lambda one: one.day,
    )


def _figure(one: Figure) -> str:
    """A released share in words, with its interval and what it rests on."""
    interval = f"{rounded_down(one.low or 0.0):.0%} to {rounded_up(one.high or 0.0):.0%}"
    basis = f"{one.posts or 0:,} posts by {one.authors or 0:,} authors"
    if one.coverage is not None:
        basis += f", {rounded_down(one.coverage):.0%} of the day collected"
    return f"{one.share or 0.0:.0%} ({interval}) on {one.day} ({basis})"


def _asked(rule: Rule) -> str:
    return f"{rule['head']}" + (f" towards {rule['target']}" if rule["target"] else "")


def _said(rule: Rule) -> str:
    of = f" of {rule['cohort']}" if rule["cohort"] != "all" else ""
    target = f" towards {rule['target']}" if rule["target"] else ""
    return f"The share{of} of {rule['head']} {rule['label']}{target}"
