"""Whether a live source may be read, what its terms ask for and what it costs, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collectors import platforms
from collectors.policy import Policy
from monitor.dashboard import words
from monitor.dashboard.board import Dashboard
from monitor.dashboard.operations import told_silence
from monitor.live import Live
from monitor.standing import Budget, standings
from monitor.topic import Topic


@dataclass(frozen=True, slots=True)
class Permit:
    """One source.

    Attributes:
        lines: Lines of configuration without which it is not read; empty where it may be.
        budget: Empty where nothing is billed.
        silence: Empty where it is not unusually silent.
    """

    terms: str
    address: str
    lines: tuple[str, ...]
    budget: str
    silence: str


def permits(board: Dashboard, topic: Topic) -> Mapping[str, Permit]:
    """Returns one for each platform that is switched on, by its name."""
    live = Live(board.settings, board.clock, lambda one: board.queries.reads(one, board.clock()))
    standing = standings(live.names(), topic, board.queries, board.settings, board.clock)
    return {
        one.source: Permit(
            terms=_terms(policy),
            address=policy.url,
            lines=_obstacles(live, one.source),
            budget=budget_words(one.budget, topic) if one.budget else "",
            silence=f"for {told_silence(one.silent_for).total_seconds() / 3600:.0f} hours"
            if one.silent_for
            else "",
        )
        for one in standing
        for policy in [platforms.load(one.source).policy]
    }


def budget_words(budget: Budget, topic: Topic) -> str:
    """Returns what this month has cost, and what it will."""
    used, cap = words.number(budget.used), words.number(budget.cap)
    expected = words.number(budget.forecast.expected)
    told = f"{used} of {cap} reads this month, {expected} expected by its end"
    end = budget.forecast.runs_out
    if end is None:
        return told
    return f"{told}; used up on {words.day_short(topic.day_of(end))}, collection slows down before"


def _obstacles(live: Live, source: str) -> tuple[str, ...]:
    secrets = (f"{one}=...  # a secret, in the environment" for one in live.missing(source))
    return (*live.unmet(source), *secrets)


def _terms(policy: Policy) -> str:
    duties = [
        "no deadline for deletions"
        if policy.deletion_hours is None
        else f"deletions within {policy.deletion_hours} hours",
        "no limit to keeping"
        if policy.retention_days is None
        else f"kept at most {policy.retention_days} days",
    ]
    return f"{', '.join(duties)}, read on {policy.read_on}"
