"""Crontab lines: their weekdays are those of crontab(5), not of the library."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import given
from hypothesis import strategies as st

from monitor.crontab import crontab_fields, days_between
from monitor.settings import load_settings

SUNDAY = datetime(2020, 5, 31, tzinfo=UTC)
NAMES = ("Su", "Mo", "Tu", "We", "Th", "Fr", "Sa")
DAYS = {SUNDAY + timedelta(n): name for n, name in enumerate(NAMES)}


def crontab_trigger(line: str) -> CronTrigger:
    """As the daemon makes it."""
    return CronTrigger(**crontab_fields(line), timezone="UTC")


def weekdays(line: str) -> str:
    """The days of a week that begins on a Sunday on which a line's time comes at midnight."""
    trigger = crontab_trigger(line)
    return " ".join(n for day, n in DAYS.items() if trigger.get_next_fire_time(None, day) == day)


@pytest.mark.parametrize(
    ("field", "days"),
    [
        ("*", "Su Mo Tu We Th Fr Sa"),
        ("0", "Su"),
        ("1", "Mo"),
        ("6", "Sa"),
        ("7", "Su"),
        ("1-5", "Mo Tu We Th Fr"),
        ("5-7", "Su Fr Sa"),
        ("0-2", "Su Mo Tu"),
        ("0-7", "Su Mo Tu We Th Fr Sa"),
        ("6-1", "Su Mo Sa"),
        ("1,3,7", "Su Mo We"),
        ("0,2-3,sat", "Su Tu We Sa"),
        ("*/2", "Su Tu Th Sa"),
        ("*/3", "Su We Sa"),
        ("1-5/2", "Mo We Fr"),
        ("5-7/2", "Su Fr"),
        ("mon", "Mo"),
        ("Mon-FRI", "Mo Tu We Th Fr"),
        ("fri-sun", "Su Fr Sa"),
        ("sun-tue", "Su Mo Tu"),
        ("mon-fri/2", "Mo We Fr"),
    ],
)
def test_weekdays_are_counted_as_crontab_counts_them(field: str, days: str) -> None:
    assert weekdays(f"0 0 * * {field}") == days


def test_the_other_fields_are_what_they_were() -> None:
    trigger = crontab_trigger("*/20 6-8 1,2 jun *")
    first = trigger.get_next_fire_time(SUNDAY, SUNDAY)
    assert first == datetime(2020, 6, 1, 6, tzinfo=UTC)
    assert trigger.get_next_fire_time(first, first) == first + timedelta(minutes=20)


NUMBERS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}


@st.composite
def fields(draw: st.DrawFn, first: int, last: int) -> str:
    """A field of one or two ranges with steps."""
    parts = []
    for _ in range(draw(st.integers(1, 2))):
        start = draw(st.integers(first, last))
        span = draw(st.sampled_from(["*", f"{start}-{draw(st.integers(start, last))}"]))
        parts.append(
            draw(st.sampled_from([str(start), span, f"{span}/{draw(st.integers(1, 99))}"]))
        )
    return ",".join(parts)


@given(st.tuples(*(fields(*bounds) for bounds in NUMBERS.values())).map(" ".join))
def test_every_line_that_is_taken_makes_a_trigger(line: str) -> None:
    assert crontab_trigger(line).timezone == UTC


def test_the_report_that_ships_comes_on_mondays_at_seven() -> None:
    cron = load_settings({}).jobs.report.cron
    assert cron is not None
    first = crontab_trigger(cron).get_next_fire_time(SUNDAY, SUNDAY)
    assert first == datetime(2020, 6, 1, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "0 field(s)"),
        ("daily", "1 field(s)"),
        ("0 0 * * * *", "6 field(s)"),
        ("60 0 * * *", "60"),
        ("0 24 * * *", "24"),
        ("0 0 0 * *", "0"),
        ("0 0 * 13 *", "13"),
        ("0 0 * juno *", "juno"),
        ("0 x * * *", "x"),
        ("*/0 * * * *", 'step "0"'),
        ("5/10 * * * *", 'step "10"'),
        ("30-10 * * * *", '"30-10" go backwards'),
        ("0 0 * dec-feb *", '"dec-feb" go backwards'),
        ("0 0 * * 8", 'weekday "8"'),
        ("0 0 * * 1-8", 'weekday "8"'),
        ("0 0 * * monday", 'weekday "monday"'),
        ("0 0 * * 1,", 'weekday ""'),
        ("0 0 * * 1-", 'weekday ""'),
        ("0 0 * * 1-2-3", 'weekday "2-3"'),
        ("0 0 * * */0", 'step "0"'),
        ("0 0 * * */x", 'step "x"'),
        ("0 0 * * 1/2", 'step "2"'),
        ("0 0 * * ²", 'weekday "²"'),
    ],
)
def test_what_is_no_crontab_line_is_told(line: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        crontab_trigger(line)


@pytest.mark.parametrize(
    ("line", "days"),
    [
        ("30 3 * * *", 1),
        ("*/5 * * * *", 1),
        ("0 7 * * 1", 7),
        ("0 7 * * mon-fri", 7),
        ("0 7 1,15 * *", 31),
        ("0 7 13 * 5", None),
        ("0 7 1 6 *", None),
    ],
)
def test_a_line_s_runs_are_a_day_a_week_or_a_month_apart(line: str, days: int | None) -> None:
    assert days_between(line) == days
