"""Whether an alert rule holds, judged on what was released and on the program's own state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any, Literal

from monitor.figure import Figure, Volume
from monitor.store.values import JobRun, SourceState

Rule = Mapping[str, Any]
"""One `[[alerts]]` table, checked and with its defaults."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule comes to now.

    Attributes:
        state: `firing`; `quiet` once it is clearly over; `between` where neither can be said (the
            share is near the line, or there is no new figure): what was before goes on.
        message: In a sentence, for whoever is told.
    """

    state: Literal["firing", "between", "quiet"]
    message: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What rules are judged on.

    Attributes:
        figures: Released, of everybody or of the rule's cohort.
        volumes: Released, not split.
        today: Days before it are over.
    """

    figures: Sequence[Figure]
    volumes: Sequence[Volume]
    sources: Sequence[SourceState]
    runs: Sequence[JobRun]
    today: date
    now: datetime


def judge(rule: Rule, evidence: Evidence) -> Finding:
    """Tells whether a rule holds."""
    return _KINDS[rule["kind"]](rule, evidence)


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


def _share(rule: Rule, evidence: Evidence) -> Finding:
    """The whole interval beyond the line; over once it comes back by the hysteresis."""
    days = _days(rule, evidence)
    if stale := _stale(rule, evidence, days):
        return stale
    if not days or days[-1].low is None or days[-1].high is None:
        return Finding("between", "no released figure")
    last = days[-1]
    low, high = days[-1].low, days[-1].high
    told = f"{_said(rule)} was {last.share:.0%} ({low:.0%} to {high:.0%}) on {last.day}"
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


def _change(rule: Rule, evidence: Evidence) -> Finding:
    """Two days in a row whose intervals lie outside all intervals of the days before."""
    days = _days(rule, evidence)[-(rule["days"] + 2) :]
    if stale := _stale(rule, evidence, days):
        return stale
    if len(days) < rule["days"] + 2:
        return Finding("between", "too few released days")
    before, last = days[:-2], days[-2:]
    lowest = min(one.low or 0.0 for one in before)
    highest = max(one.high or 0.0 for one in before)
    told = f"{_said(rule)} on {last[0].day} and {last[1].day}"
    before_all = f"each of the {rule['days']} days before"
    if all((one.low or 0.0) > highest for one in last):
        return Finding("firing", f"{told} rose clearly above {before_all}.")
    if all((one.high or 0.0) < lowest for one in last):
        return Finding("firing", f"{told} fell clearly below {before_all}.")
    return Finding("quiet", f"{told} is within what the days before show.")


def _volume(rule: Rule, evidence: Evidence) -> Finding:
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
    if stale := _stale(rule, evidence, days):
        return stale
    if len(days) < rule["days"] + 1:
        return Finding("between", "too few released days")
    usual = median(one.posts or 0 for one in days[:-1])
    posts = days[-1].posts or 0
    told = f"{posts:,} posts on {days[-1].day}, usually {usual:,.0f}"
    line = max(rule["times"] * usual, rule["least"])
    if posts >= line:
        return Finding("firing", f"{told}.")
    return Finding("quiet" if posts < 0.8 * line else "between", f"{told}.")


def _stale(rule: Rule, evidence: Evidence, days: Sequence[Figure | Volume]) -> Finding | None:
    """Without a new day for longer than the grace, an alert is not kept up any more."""
    oldest = evidence.now - timedelta(hours=24 + rule["grace_hours"])
    if days and days[-1].day < oldest.date():
        told = f"No new figure since {days[-1].day}: closed without knowing more."
        return Finding("quiet", told)
    return None


def _silence(rule: Rule, evidence: Evidence) -> Finding:
    limit = evidence.now - timedelta(hours=rule["hours"])
    watched = [one for one in evidence.sources if rule["source"] in ("", one.source)]
    told = [one for one in watched if one.checkpoint_at is not None]
    silent = [one.source for one in told if one.checkpoint_at and one.checkpoint_at < limit]
    if silent:
        names = ", ".join(sorted(silent))
        return Finding("firing", f"Nothing was stored from {names} for {rule['hours']:g} hours.")
    if not told:
        return Finding("between", "no source has delivered yet")
    return Finding("quiet", "Every watched source delivers again.")


def _jobs(rule: Rule, evidence: Evidence) -> Finding:
    """A job whose last runs all failed."""
    by_job: dict[str, list[JobRun]] = {}
    for run in evidence.runs:  # newest first
        if run.status != "running":
            by_job.setdefault(run.job, []).append(run)
    wanted = rule["failures"]
    broken = sorted(
        job
        for job, runs in by_job.items()
        if len(runs) >= wanted and all(run.status == "failed" for run in runs[:wanted])
    )
    if broken:
        return Finding("firing", f"Failed {wanted} times in a row: {', '.join(broken)}.")
    return Finding("quiet", "No job fails again and again any more.")


def _said(rule: Rule) -> str:
    of = f" of {rule['cohort']}" if rule["cohort"] != "all" else ""
    target = f" towards {rule['target']}" if rule["target"] else ""
    return f"The share{of} of {rule['head']} {rule['label']}{target}"


_KINDS = {
    "share": _share,
    "change": _change,
    "volume": _volume,
    "silence": _silence,
    "jobs": _jobs,
}
