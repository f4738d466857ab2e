"""Dates as feeds write them, where feedparser would guess at some."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from collectors.formats.fields import BadRecordError, Record, check_time

# The parser reads the beginning of what it does not know: "2020.06.01" is its first of November.
_ISO_8601 = re.compile(
    r"(?P<day>\d{4}-\d\d?-\d\d?|\d{8})"
    r"(?P<time>(?:T|\s+)([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d|60)(?:[.,]\d+)?)?"
    r"\s*(?:Z|UTC|GMT|(?P<sign>[+-])(\d\d):?([0-5]\d)?)?)?",
    re.I,
)
_NAME = r"[^\W\d_]+"
_TIME = r"\s+\d\d?:\d\d(?::\d\d)?"
_ZONE = r"(?:\s+(?:(?:GMT)?[+-]\d\d:?\d\d|(?![AP]M\b)[A-Z][\w/]*)(?:\s+\([^()]*\))?)?"
_RFC_822 = re.compile(
    rf"(?:{_NAME}\.?,?\s+)?(?:\d\d?\s+{_NAME}\.?|{_NAME}\.?\s+\d\d?,?)\s+\d\d(?:\d\d)?"
    rf"(?P<time>{_TIME}{_ZONE})?",
    re.I,
)
_ASCTIME = re.compile(rf"{_NAME}\s+{_NAME}\s+\d\d?(?P<time>{_TIME}{_ZONE})\s+\d{{4}}", re.I)
# "Mon, 01 Jun 2020 11:00:00" lacks the zone that RFC 822 asks for.
_ENDS_WITH_TIME = re.compile(rf"{_TIME}$")
_NOON = timedelta(hours=12)
"""Of a day alone: in nearly every time zone it lies on the day that is written."""
_ZONES = {
    **{"WEST": "+0100", "CET": "+0100", "CEST": "+0200", "EET": "+0200", "EEST": "+0300"},
    **{"BST": "+0100", "MSK": "+0300", "KST": "+0900", "JST": "+0900"},
    **{"AEST": "+1000", "AEDT": "+1100", "NZST": "+1200", "NZDT": "+1300"},
}
"""Zones that the parser takes for UTC. BST is Britain's; IST, which several use, is not here."""


def read_date(entry: Record, field: str) -> datetime | None:
    """Reads a date; one without a zone is UTC. None where it is none that can be relied on."""
    written = str(entry[field]).strip()
    if iso := _ISO_8601.fullmatch(written):
        return _iso_8601(iso, field)
    shape = _RFC_822.fullmatch(written) or _ASCTIME.fullmatch(written)
    if shape is None:
        return None
    moment = _rfc_822(written, entry.get(f"{field}_parsed"), field)
    return moment if moment is None or shape["time"] else moment + _NOON


def _iso_8601(found: re.Match[str], field: str) -> datetime | None:
    """The parser takes 31 June for 1 July, and +0530 for +0500."""
    day, sign = found["day"], -1 if found["sign"] == "-" else 1
    try:
        form = "%Y-%m-%d" if "-" in day else "%Y%m%d"
        date = datetime.strptime(day, form).replace(tzinfo=UTC).timetuple()[:3]
    except ValueError:
        return None
    if found["time"] is None:
        return _moment((*date, 12, 0, 0), field)
    hours, minutes, seconds, *ahead = (int(part or 0) for part in found.group(3, 4, 5, 7, 8))
    return _moment((*date, hours - sign * ahead[0], minutes - sign * ahead[1], seconds), field)


def _rfc_822(written: str, parsed: Any, field: str) -> datetime | None:
    begin, _, zone = written.rpartition(" ")
    if offset := _ZONES.get(zone.upper()):
        written = f"{begin} {offset}"
    elif parsed:
        return _moment(parsed, field)
    elif not _ENDS_WITH_TIME.search(written):
        return None
    try:
        return _moment(parsedate_to_datetime(written).utctimetuple(), field)
    except ValueError:
        return None


def _moment(parsed: Any, field: str) -> datetime:
    try:
        return check_time(datetime.fromtimestamp(calendar.timegm(parsed), UTC), field)
    except (ValueError, OverflowError, OSError, TypeError) as exc:
        raise BadRecordError("bad_date", f"{field} is out of range") from exc
