"""Figures, dates and reasons in the reader's words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from classifiers.heads import head as head_named
from monitor.figure import Withheld
from monitor.outward import rounded_down, rounded_up

_ORDERED_LABELS = {"sentiment": ("positive", "negative", "neutral")}
"""Where pages show a head's labels in another order than its file has them."""

LABEL_WORDS = {"favor": "supports", "against": "opposes", "none": "neither"}

_WITHHELD = {
    "small_group": "fewer than {minimum} different authors posted",
    "complementary": "it would give away the figures of a smaller group",
    "too_uncertain": "the 95% interval is too wide to say anything",
    "unvalidated": "too few posts have been checked by people",
    "incomplete": "collection covered too little of the day",
    "unscored": "too few posts are scored",
}


_LACKING = {"other_terms": "collected for other terms than today's"}


def ordered_labels(head: str) -> tuple[str, ...]:
    """Returns a head's labels in the order in which pages show them."""
    return _ORDERED_LABELS.get(head) or head_named(head).labels


def head_word(head: str) -> str:
    """Returns a head's name as words."""
    return head.replace("_", " ")


def label_word(label: str) -> str:
    """Returns `supports` for `favor` and so on; other labels are words as they are."""
    return LABEL_WORDS.get(label, label.replace("_", " "))


def why_withheld(reason: Withheld, minimum_authors: int) -> str:
    """Returns the end of a sentence that begins with `withheld because`."""
    return _WITHHELD[reason].format(minimum=minimum_authors)


def why_lacking(reasons: Iterable[str]) -> str:
    """Returns why collection lacks something, from the fixed words that coverage has."""
    each = sorted({one for reason in reasons for one in reason.split(", ") if one})
    return ", ".join(_LACKING.get(one, one.replace("_", " ")) for one in each)


def percent(share: float) -> str:
    """Returns a whole percentage; what is neither none nor all never reads 0% or 100%."""
    if 0 < share <= 0.005:
        return "<1%"
    if 0.995 <= share < 1:
        return ">99%"
    return f"{share:.0%}"


def interval(low: float, high: float) -> str:
    """Returns both ends of an interval in whole percent, rounded outwards, `50–66%`.

    As of shares, an end that is neither none nor all never reads 0 or 100.
    """
    least, most = rounded_down(low), rounded_up(high)
    first = "<1" if low > 0 == least else f"{100 * least:.0f}"
    last = ">99%" if high < 1 == most else f"{most:.0%}"
    return f"{first}\N{EN DASH}{last}"


def points(difference: float) -> str:
    """Returns a difference of shares in whole percentage points with its sign, `+12`."""
    rounded = round(100 * difference)
    return f"{rounded:+d}".replace("-", "\N{MINUS SIGN}") if rounded else "0"


def points_between(low: float, high: float) -> str:
    """Returns a difference's interval in whole points, rounded outwards, `+8 to +16`."""
    return f"{points(rounded_down(low))} to {points(rounded_up(high))}"


def number(count: int) -> str:
    """Returns a count with thousands separated by commas."""
    return f"{count:,}"


def short_version(version: str | None) -> str:
    """Returns as much of a version's id as tells it from others."""
    return (version or "")[:12]


def counted(count: int, noun: str) -> str:
    """Returns `1 post`, `2,000 posts`."""
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


@lru_cache(maxsize=4096)
def day_short(day: date, *, with_year: bool = False) -> str:
    """Returns `1 June`, or `1 June 2020`."""
    return f"{day.day} {day:%B}{f' {day.year}' if with_year else ''}"


@lru_cache(maxsize=4096)
def day_long(day: date) -> str:
    """Returns `Monday 1 June 2020`."""
    return f"{day:%A} {day.day} {day:%B} {day.year}"


def days_between(first: date, last: date) -> str:
    """Returns a span with both of its days, `30 May to 2 June 2020`."""
    if first == last:
        return f"{day_short(first)} {first.year}"
    if first.year != last.year:
        return f"{day_short(first)} {first.year} to {day_short(last)} {last.year}"
    start = str(first.day) if first.month == last.month else day_short(first)
    return f"{start} to {day_short(last)} {last.year}"


def days_listed(days: Sequence[date]) -> str:
    """Returns days with neighbours drawn together, `30 May–3, 5, 8–9 June`.

    The year is told only where the days are of several.
    """
    ordered = sorted(set(days))
    runs = _runs(ordered)
    month = "%B" if ordered[0].year == ordered[-1].year else "%B %Y"
    parts = []
    for (first, last), following in zip(runs, [*runs[1:], None], strict=True):
        part = str(last.day)
        if following is None or not _same_month(last, following[0]):
            part += f" {last:{month}}"
        if first != last:
            start = str(first.day) + ("" if _same_month(first, last) else f" {first:{month}}")
            part = f"{start}\N{EN DASH}{part}"
        parts.append(part)
    return ", ".join(parts)


def _runs(ordered: Sequence[date]) -> list[tuple[date, date]]:
    runs: list[tuple[date, date]] = []
    for day in ordered:
        if runs and runs[-1][1] + timedelta(days=1) == day:
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    return runs


def _same_month(one: date, other: date) -> bool:
    return (one.year, one.month) == (other.year, other.month)


def moment(at: datetime, timezone: ZoneInfo) -> str:
    """Returns a date and time in a time zone, `1 June 2020, 14:05 PDT`."""
    local = at.astimezone(timezone)
    return f"{day_short(local.date())} {local.year}, {local:%H:%M %Z}"
