"""What changed in a series, in words and rows: from day to day, and where its level moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from monitor.dashboard import words
from monitor.dashboard.records import Record
from monitor.dashboard.series import SharesSeries, group_of
from monitor.dashboard.tables import MOST_ROWS, Cell, Table, left_out
from monitor.shares.changes import Change

_NOT_SHOWN = "not shown"


@dataclass(frozen=True, slots=True)
class Shift:
    """How every label's share differs between two days, or two levels, of one series.

    Attributes:
        by_label: A label whose share is withheld on either day is not among them.
    """

    day: date
    since: date
    is_level: bool
    by_label: Mapping[str, Change]


def shifts_of(series: SharesSeries, changes: Sequence[Change]) -> list[Shift]:
    """Gives a series' own changes in the order of days, a change point after its day."""
    found: dict[tuple[date, bool, date], dict[str, Change]] = {}
    for one in changes:
        if (one.head, one.target, group_of(one)) == (series.head, series.target, series.group):
            found.setdefault((one.day, one.level, one.since), {})[one.label] = one
    return [
        Shift(day, since, is_level, by_label)
        for (day, is_level, since), by_label in sorted(found.items())
    ]


def change_points_told(shifts: Sequence[Shift], labels: Sequence[str]) -> tuple[str, ...]:
    """Returns a sentence for each change point: from when on, by how much, with 95 % intervals."""
    return tuple(
        f"{words.day_long(one.day)}: {_moves(one, labels)}." for one in shifts if one.is_level
    )


def change_records(shifts: Sequence[Shift], labels: Sequence[str]) -> list[Record]:
    """Returns a record for each change point, to be drawn where the later level begins."""
    return [
        {
            "day": one.day.isoformat(),
            "between": f"{one.day - timedelta(days=1)}T12:00:00Z",
            "when": words.day_long(one.day),
            "moved": _moves(one, labels),
        }
        for one in shifts
        if one.is_level
    ]


def change_table(
    shifts: Sequence[Shift], labels: Sequence[str], *, with_year: bool
) -> Table | None:
    """Lists every change with its interval, None where there is nothing to compare."""
    if not shifts:
        return None
    names = tuple(words.label_word(label) for label in labels)
    return Table(
        columns=("Day", "Compared with", *names),
        rows=tuple(_row(one, labels, with_year=with_year) for one in shifts[-MOST_ROWS:]),
        left_out=left_out(shifts),
    )


def _row(one: Shift, labels: Sequence[str], *, with_year: bool) -> tuple[Cell, ...]:
    told = words.day_short(one.day, with_year=with_year)
    day = Cell(told, "change point" if one.is_level else "")
    compared = words.day_short(one.since, with_year=with_year)
    if one.is_level:
        compared = f"the level up to {compared}"
    return (day, Cell(compared), *(_moved(one.by_label.get(label)) for label in labels))


def _moved(change: Change | None) -> Cell:
    if change is None:
        return Cell(_NOT_SHOWN)
    detail = words.points_between(change.low, change.high)
    return Cell(f"{words.points(change.difference)} points", detail)


def _moves(one: Shift, labels: Sequence[str]) -> str:
    """`supports +12 points (+8 to +16), …`; since when, if days between are not known."""
    parts = [
        f"{words.label_word(label)} {words.points(change.difference)} points "
        f"({words.points_between(change.low, change.high)})"
        for label in labels
        if (change := one.by_label.get(label)) is not None
    ]
    known = one.since + timedelta(days=1) == one.day
    since = words.day_short(one.since, with_year=one.since.year != one.day.year)
    gap = "" if known else f"; nothing is known of the days after {since}"
    return ", ".join(parts) + gap
