"""What a platform's terms allow, ask and forbid, as read on a date."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that the terms ask for before the source may be read.

    Attributes:
        key: The line's left side as an operator writes it: `sources.x.approval_reference`.
        explanation: What the terms ask, in a sentence.
        met: Tells from `[sources.<name>]` whether it is fulfilled.
        example: The line's right side as it could be.
    """

    key: str
    explanation: str
    met: Callable[[Mapping[str, Any]], bool]
    example: str = '"..."'


@dataclass(frozen=True, slots=True)
class Policy:
    """A platform's terms.

    Attributes:
        read_on: When somebody read them last.
        url: Where they stand.
        deletion_hours: Within how many hours a deletion must be followed, None where they name
            no time.
        retention_days: How long content may be kept, None where they name no time.
        may_store: What may be stored, in a sentence.
        notes: What else an operator must know.
    """

    read_on: date
    url: str
    conditions: tuple[Condition, ...]
    deletion_hours: int | None
    retention_days: int | None
    may_store: str
    notes: str


def unmet(policy: Policy, settings: Mapping[str, Any]) -> list[str]:
    """Lists the conditions that are not met, each with the line that would meet it.

    Args:
        policy: The platform's.
        settings: `[sources.<name>]`.
    """
    return [
        f"{one.key} = {one.example}  # {one.explanation}"
        for one in policy.conditions
        if not one.met(settings)
    ]
