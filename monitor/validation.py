"""Whether people have checked enough posts for a question's shares to be shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

BUSY_PART = 0.01
"""A day with this part of the topic's opinions should be among those audited."""
MOST_DAYS_NEEDED = 5


@dataclass(frozen=True, slots=True)
class Validation:
    """How far a question's audit sample is.

    Attributes:
        audit_labels: Randomly drawn posts that people have labelled and the shown version has
            answered.
        needed: How many of them it takes.
        validated: Whether there are enough, on enough days.
        days: Busy days (with 1 % of the topic's opinions or more) that have such a post.
        days_needed: Half of the busy days, five at most.
        answered: Whether the shown version answers the question at all. If not, labels are
            counted that nobody's answers are compared with yet.
    """

    head: str
    target: str
    audit_labels: int
    needed: int
    validated: bool
    days: int = 0
    days_needed: int = 0
    answered: bool = True


def validate(
    question: tuple[str, str],
    labelled: Collection[date],
    opinions: Mapping[date, int],
    *,
    needed: int,
) -> Validation:
    """Judges an audit sample.

    A sample drawn at random from the whole topic meets the days by itself; one drawn on a
    single day says nothing about the classifier's errors on the others.

    Args:
        question: Head and target.
        labelled: The day of each audited post.
        opinions: Opinions per day of the topic.
        needed: How many labels it takes.
    """
    every = sum(opinions.values())
    busy = {day for day, posts in opinions.items() if posts and posts >= BUSY_PART * every}
    days = len(busy & set(labelled))
    days_needed = min(MOST_DAYS_NEEDED, (len(busy) + 1) // 2)
    enough = len(labelled) >= needed and days >= days_needed
    return Validation(*question, len(labelled), needed, enough, days, days_needed)
