"""Crontab lines, as crontab(5) has them: weekday 0 is a Sunday, 1 a Monday, 7 a Sunday again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, slots=True)
class _Field:
    """A field: its name in APScheduler and here, its numbers, and their names from the first on."""

    key: str
    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", "minute", 0, 59),
    _Field("hour", "hour", 0, 23),
    _Field("day", "day", 1, 31),
    _Field("month", "month", 1, 12, _MONTHS),
    _Field("day_of_week", "weekday", 0, 7, (*_WEEKDAYS, "sun")),
)
_WEEKDAY = _FIELDS[-1]


def crontab_fields(line: str) -> dict[str, str]:
    """Gives a crontab line's fields as APScheduler's cron trigger takes them, in lists.

    APScheduler 3 counts weekdays from Monday, so it gets their names. It is not asked here, as
    every command reads lines and few need it.

    Raises:
        ValueError: The line is none.
    """
    given = line.split()
    if len(given) != len(_FIELDS):
        raise ValueError(f"it has {len(given)} field(s)")
    return {field.key: _listed(field, text) for field, text in zip(_FIELDS, given, strict=True)}


def days_between(line: str) -> int | None:
    """The days of a day, a week or a month, as a valid line runs; None where it may be longer."""
    _, _, day, month, weekday = line.split()
    if month != "*" or "*" not in (day, weekday):
        return None  # A day and a weekday both have to fit.
    return 31 if day != "*" else 7 if weekday != "*" else 1


def _listed(field: _Field, text: str) -> str:
    if text == "*":
        return text
    numbers = {number for part in text.split(",") for number in _numbers(field, part)}
    if field is _WEEKDAY:
        return ",".join(_WEEKDAYS[day] for day in sorted({number % 7 for number in numbers}))
    return ",".join(map(str, sorted(numbers)))


def _numbers(field: _Field, part: str) -> Iterator[int]:
    """A part's numbers; a range of weekdays such as `6-1` goes on into the next week."""
    span, slash, step = part.partition("/")
    first, dash, last = span.partition("-")
    if span == "*":
        start, end = field.first, 6 if field is _WEEKDAY else field.last
    else:
        start, end = _number(field, first), _number(field, last if dash else first)
    if slash and not (_is_number(step) and int(step) and (dash or span == "*")):
        raise ValueError(f'the step "{step}" is no number above 0 behind a range or *')
    if end < start and field is not _WEEKDAY:
        raise ValueError(f'the {field.name}s "{span}" go backwards')
    yield from range(start, (end if end >= start else end + 7) + 1, int(step) if slash else 1)


def _number(field: _Field, word: str) -> int:
    if word.lower() in field.names:
        return field.first + field.names.index(word.lower())
    if _is_number(word) and field.first <= int(word) <= field.last:
        return int(word)
    raise ValueError(f'there is no {field.name} "{word}"')


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) < 5
