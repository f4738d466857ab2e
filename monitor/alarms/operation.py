"""Rules about the program's own work: sources that fall silent or cost too much, failing jobs."""

from __future__ import annotations

from datetime import datetime, timedelta

from monitor.alarms.evidence import Evidence, Finding, Rule, Spending
from monitor.store.values import JobRun, SourceState


def judge_silence(rule: Rule, evidence: Evidence) -> Finding:
    """A source of which there is no post of the rule's hours.

    A file that was imported once, and a source that was switched off, are watched by name alone.
    """
    if evidence.is_over:
        return Finding("quiet", "The topic has ended: nobody has to speak any more.")
    names = [rule["source"]] if rule["source"] else evidence.asked
    told = [one for one in evidence.sources if one.source in names and one.last_post_at]
    silent = [one.source for one in told if _is_silent(one, rule, evidence)]
    if silent:
        names = ", ".join(sorted(silent))
        return Finding("firing", f"No post came from {names} for {rule['hours']:g} hours.", silent)
    if not told:
        return Finding("quiet", "No watched source is switched on and has delivered.")
    return Finding("quiet", "Every watched source delivers again.")


def _is_silent(one: SourceState, rule: Rule, evidence: Evidence) -> bool:
    """As of its last collection, so that the program's own downtime is no silence.

    By whole hours: when a silence begins would tell its last post's minute.
    """
    asked = one.source in evidence.asked
    reached = evidence.collected.get(one.source) if asked else evidence.now
    if reached is None or one.last_post_at is None:
        return False
    since = _hour(one.last_post_at) + timedelta(hours=1)
    return since + timedelta(hours=rule["hours"]) <= _hour(reached)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def judge_jobs(rule: Rule, evidence: Evidence) -> Finding:
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
        return Finding("firing", f"Failed {wanted} times in a row: {', '.join(broken)}.", broken)
    return Finding("quiet", "No job fails again and again any more.")


def judge_budget(rule: Rule, evidence: Evidence) -> Finding:
    """A source that has used its part of the month's reads, or will have used all too early."""
    watched = [one for one in evidence.budgets if rule["source"] in ("", one.source)]
    if not watched:
        return Finding("unknown", "no watched source is billed")
    over = [one for one in watched if _is_over(one, rule["part"])]
    if over:
        told = "; ".join(_spent(one) for one in sorted(over, key=lambda one: one.source))
        return Finding("firing", f"Over budget: {told}.", [one.source for one in over])
    return Finding("quiet", "Every watched source keeps within its budget again.")


def _is_over(one: Spending, part: float) -> bool:
    return one.used >= part * one.cap or one.expected > one.cap


def _spent(one: Spending) -> str:
    return (
        f"{one.source} has used {one.used:,} of this month's {one.cap:,} reads, "
        f"{one.expected:,} are expected by its end"
    )
