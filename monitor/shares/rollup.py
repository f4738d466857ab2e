"""Daily aggregates added up to the cells of a split."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from monitor.authors import AuthorSketch
from monitor.privacy import Cell, coarsen
from monitor.store.scores import SCALE
from monitor.store.values import DailyAggregate, Question

Unit = Literal["posts", "authors", "texts"]
"""What a share is a share of."""


@dataclass(frozen=True, slots=True)
class UnitCounts:
    """How many of a unit, by most probable label, and the sums of their probabilities."""

    count: int
    labels: Mapping[str, float]
    soft: Mapping[str, float]


NONE = UnitCounts(0, {}, {})


@dataclass(frozen=True, slots=True)
class CellCounts:
    """What is known of a cell; for volume, `posts` are all opinions and no label is counted."""

    posts: int
    reposts: int
    authors: int
    label_counts: Mapping[str, int]
    soft_sums: Mapping[str, int]
    units: Mapping[str, UnitCounts]

    def in_unit(self, unit: Unit) -> UnitCounts:
        """The answers by posts, by authors (one voice each) or by texts (copies once)."""
        if unit == "posts":
            labels = {label: float(count) for label, count in self.label_counts.items()}
            soft = {label: total / SCALE for label, total in self.soft_sums.items()}
            return UnitCounts(self.posts, labels, soft)
        return self.units.get(unit, NONE)


NOTHING = CellCounts(0, 0, 0, {}, {}, {})

Days = dict[date, dict[Cell, DailyAggregate]]
"""The base cells of every day for one question (or for volume)."""


def by_question(aggregates: Iterable[DailyAggregate]) -> dict[Question, Days]:
    """Sorts aggregates by head and target, day and base cell.

    Args:
        aggregates: The volume, and of each day and question those of one version: of two, one
            would take the other's place.
    """
    questions: dict[Question, Days] = defaultdict(lambda: defaultdict(dict))
    for one in aggregates:
        cell = (one.platform, one.cohort, one.language)
        questions[one.head, one.target][one.day][cell] = one
    return questions


def roll_up(base: Mapping[Cell, DailyAggregate], by: Collection[str]) -> dict[Cell, CellCounts]:
    """Adds a day's base cells up; each author counts once in every cell they wrote in."""
    members: dict[Cell, list[DailyAggregate]] = defaultdict(list)
    for cell in sorted(base):
        members[coarsen(cell, by)].append(base[cell])
    return {cell: _sum(those) for cell, those in members.items()}


def _sum(aggregates: Collection[DailyAggregate]) -> CellCounts:
    labels: Counter[str] = Counter()
    soft: Counter[str] = Counter()
    for one in aggregates:
        labels.update(one.label_counts)
        soft.update(one.soft_sums)
    return CellCounts(
        posts=sum(one.posts for one in aggregates),
        reposts=sum(one.reposts for one in aggregates),
        authors=AuthorSketch.count(AuthorSketch.union(one.authors_sketch for one in aggregates)),
        label_counts=labels,
        soft_sums=soft,
        units={name: _unit(name, aggregates) for name in ("authors", "texts")},
    )


def _unit(name: str, aggregates: Collection[DailyAggregate]) -> UnitCounts:
    """Adds up; who wrote in several base cells of a day has a voice in each.

    Where one of them does not know how many it has, the sum does not either.
    """
    if any(one.posts and name not in one.units for one in aggregates):
        return NONE
    count = 0
    labels: Counter[str] = Counter()
    soft: Counter[str] = Counter()
    for one in aggregates:
        unit = one.units.get(name, {})
        count += unit.get("count", 0)
        labels.update(unit.get("labels", {}))
        soft.update(unit.get("soft", {}))
    return UnitCounts(
        count,
        {label: total / SCALE for label, total in labels.items()},
        {label: total / SCALE for label, total in soft.items()},
    )
