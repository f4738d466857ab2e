"""What a reader asked a page for: the query parameters, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from difflib import get_close_matches
from typing import get_args
from urllib.parse import urlencode

from monitor.privacy import DIMENSIONS
from monitor.shares.rollup import Unit

LONGEST_DEFAULT = 120
"""Days that a topic's page shows unless it is asked for more."""

UNITS: tuple[Unit, ...] = get_args(Unit)

_PARAMETERS = ("by", "since", "until", "unit", "preview", "truth")


class PageError(Exception):
    """A request that cannot be answered, in words for the person who made it.

    Attributes:
        status: The HTTP status code.
        hint: What to do next.
        login: Where to log in, if that is what to do.
    """

    def __init__(self, status: int, message: str, *, hint: str = "", login: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.hint = hint
        self.login = login


@dataclass(frozen=True, slots=True)
class Selection:
    """Which figures to show, of the days [since, until).

    Attributes:
        by: Dimensions to split by.
        preview: Whether unvalidated trends are drawn (marked as such).
        truth: Whether the known truth of sample data is drawn.
        unit: What shares are shares of.
    """

    by: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    preview: bool = False
    truth: bool = False
    unit: Unit = "posts"

    def address(self, **changes: object) -> str:
        """Returns the query string of this selection with some of its fields changed."""
        changed = replace(self, **changes)  # type: ignore[arg-type]  # checked by the dataclass
        values = {
            "by": ",".join(changed.by),
            "since": changed.since.isoformat() if changed.since else "",
            "until": changed.until.isoformat() if changed.until else "",
            "unit": "" if changed.unit == "posts" else changed.unit,
            "preview": "1" if changed.preview else "",
            "truth": "1" if changed.truth else "",
        }
        return "?" + urlencode({key: value for key, value in values.items() if value})


def with_default_range(selection: Selection, first: date, end: date) -> Selection:
    """Returns the last days of a long topic where no range was asked for: years make a slow page.

    `first` is the topic's first day, `end` the first one that is still to come.
    """
    asked = selection.since is not None or selection.until is not None
    if asked or (end - first).days <= LONGEST_DEFAULT:
        return selection
    return replace(selection, since=end - timedelta(days=LONGEST_DEFAULT))


def read_selection(parameters: Mapping[str, str]) -> Selection:
    """Reads query parameters; an empty value counts as absent, as forms send it.

    Raises:
        PageError: A parameter is unknown (400) or its value makes no sense (422).
    """
    for name in parameters:
        _check_name(name)
    selection = Selection(
        by=_dimensions(parameters.get("by", "")),
        since=_day(parameters, "since"),
        until=_day(parameters, "until"),
        preview=_switch(parameters, "preview"),
        truth=_switch(parameters, "truth"),
        unit=_unit(parameters.get("unit", "").strip()),
    )
    if selection.since and selection.until and selection.since >= selection.until:
        raise PageError(
            422,
            f"since ({selection.since}) is not before until ({selection.until}).",
            hint="The day after until= is the first one left out: make it later than since=.",
        )
    return selection


def _check_name(name: str) -> None:
    if name in _PARAMETERS:
        return
    nearest = get_close_matches(name, _PARAMETERS, n=1)
    hint = f"Did you mean {nearest[0]}?" if nearest else f"Known are {', '.join(_PARAMETERS)}."
    raise PageError(400, f"There is no parameter {name[:40]!r}.", hint=hint)


def _dimensions(value: str) -> tuple[str, ...]:
    asked = tuple(part.strip() for part in value.split(",") if part.strip())
    if len(set(asked)) == len(asked) and set(asked) <= set(DIMENSIONS):
        return asked
    raise PageError(
        422,
        f"Figures cannot be split by {value[:40]!r}.",
        hint=f"by= takes {', '.join(DIMENSIONS)}, each at most once.",
    )


def _unit(value: str) -> Unit:
    for unit in UNITS:
        if value == unit:
            return unit
    if not value:
        return "posts"
    raise PageError(
        422,
        f"Shares are not taken of {value[:40]!r}.",
        hint=f"unit= is one of {', '.join(UNITS)} (texts: copies counted once).",
    )


def _day(parameters: Mapping[str, str], name: str) -> date | None:
    value = parameters.get(name, "").strip()
    if not value:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError as exc:
        raise PageError(
            422,
            f"{name}={value[:40]!r} is not a day.",
            hint="Write a day as year-month-day, for example 2020-06-01.",
        ) from exc


def _switch(parameters: Mapping[str, str], name: str) -> bool:
    value = parameters.get(name, "")
    if value not in ("", "0", "1"):
        raise PageError(422, f"{name}={value[:40]!r} is neither 0 nor 1.", hint=f"Use {name}=1.")
    return value == "1"
