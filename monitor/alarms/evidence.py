"""What alert rules are judged on, and what they come to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from typing import Any, Literal

from monitor.figure import Figure, Volume
from monitor.store.values import JobRun, SourceState

Rule = Mapping[str, Any]
"""One `[[alerts]]` table, checked and with its defaults."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule comes to now.

    Attributes:
        state: `firing`; `quiet` once it is clearly over; `between` where it is neither (the share
            is near the line): what was before goes on; `unknown` where there is nothing to judge
            by: it goes on for the rule's grace.
        message: In a sentence, for whoever is told.
        about: The jobs or sources that it holds for, where it may hold for several.
    """

    state: Literal["firing", "between", "quiet", "unknown"]
    message: str
    about: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Spending:
    """A source's billed reads of this month, and how many are expected by its end."""

    source: str
    used: int
    cap: int
    expected: int


@dataclass(frozen=True, slots=True)
class DriftedDay:
    """How well the audit labels explain a day's scores.

    Attributes:
        deviation: Mean squared standardised deviation from what they explain; 1 as a rule, from
            `classifiers.drift.THRESHOLD` on the day counts as drifted.
    """

    day: date
    head: str
    target: str
    deviation: float


@dataclass(frozen=True, slots=True)
class Hours:
    """Posts of some whole hours, and of the same hours of earlier days, in whole groups.

    Attributes:
        end: Where the hours end.
        posts: So many at least.
        covered: Whether collection covered them; earlier ones that it did not are left out.
        earlier: So many at most where enough authors posted.
    """

    end: datetime
    posts: int
    covered: bool
    earlier: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What rules are judged on.

    Attributes:
        figures: Released, of everybody or of the rule's cohort.
        volumes: Released, not split.
        today: Days before it are over.
        timezone: Whose days they are.
        is_over: Whether the topic has ended.
        asked: The sources that the program asks by itself.
        collected: When the last pass over each of them came to its end, however it did.
        hours: Gives the posts of a rule's last hours; they stay in here, only whether the rule
            holds gets out.
    """

    figures: Sequence[Figure]
    volumes: Sequence[Volume]
    sources: Sequence[SourceState]
    runs: Sequence[JobRun]
    today: date
    now: datetime
    timezone: tzinfo = UTC
    is_over: bool = False
    asked: Collection[str] = ()
    collected: Mapping[str, datetime] = field(default_factory=dict)
    budgets: Sequence[Spending] = ()
    drift: Sequence[DriftedDay] = ()
    hours: Callable[[Rule], Hours | None] = field(default=lambda _: None)
