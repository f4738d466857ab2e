"""Crontab lines, as crontab(5) has them: weekday 0 is a Sunday, 1 a Monday, 7 a Sunday again."""

from __future__ import annotations

from collections.abc import Iterator

from apscheduler.triggers.cron import CronTrigger

_FIELDS = ("minute", "hour", "day", "month", "day_of_week")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def crontab_trigger(line: str) -> CronTrigger:
    """Makes a crontab line (UTC) a trigger; of a day and a weekday both have to fit.

    APScheduler 3 counts weekdays from Monday, so it gets their names.

    Raises:
        ValueError: The line is none.
    """
    fields = line.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"it has {len(fields)} field(s)")
    given = dict(zip(_FIELDS, fields, strict=True))
    return CronTrigger(**given | {"day_of_week": _named(fields[-1])}, timezone="UTC")


def _named(field: str) -> str:
    """A weekday field as a list of names."""
    if field == "*":
        return field
    days = {day % 7 for part in field.split(",") for day in _days(part)}
    return ",".join(_WEEKDAYS[day] for day in sorted(days))


def _days(part: str) -> Iterator[int]:
    """Days from 0, a Sunday; a range such as `6-1` goes on into the next week."""
    days, slash, step = part.partition("/")
    first, dash, last = days.partition("-")
    start, end = (0, 6) if days == "*" else (_day(first), _day(last if dash else first))
    if slash and not (step.isdecimal() and int(step) and (dash or days == "*")):
        raise ValueError(f'the step "{step}" is no number above 0 behind a range or *')
    yield from range(start, (end if end >= start else end + 7) + 1, int(step) if slash else 1)


def _day(word: str) -> int:
    names = (*_WEEKDAYS, "sun")
    if word.lower() in names:
        return names.index(word.lower())
    if word in tuple("01234567"):
        return int(word)
    raise ValueError(f'there is no weekday "{word}"')
