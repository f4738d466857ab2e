"""Takes single values out of a record that nobody has checked yet."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from collectors.languages import canonical
from collectors.lines import Flaw
from collectors.post import Deletion, Post

Record = Mapping[str, Any]
Outcome = Post | Deletion | Flaw
"""What becomes of one record: every record of a file ends as exactly one of these."""

TEXT_LIMIT = 100_000
ID_LIMIT = 512
EARLIEST = datetime(2004, 1, 1, tzinfo=UTC)
"""No platform that we read is older: an earlier date is a mistake."""

_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
# Undetermined, no linguistic content, several languages.
_NO_LANGUAGE = ("und", "zxx", "mul")


class BadRecordError(Exception):
    """A record cannot become a post; `attempt` turns it into its flaw."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.flaw = Flaw(reason, detail)


def attempt(read: Callable[..., Post | Deletion], *arguments: Any) -> Outcome:
    """Returns what `read` makes of its arguments, or the flaw that stopped it."""
    try:
        return read(*arguments)
    except BadRecordError as exc:
        return exc.flaw


def take_text(record: Record, field: str) -> str:
    """Returns a required string of at most `TEXT_LIMIT` characters that can be stored."""
    value = record.get(field)
    if value is None:
        raise BadRecordError("missing_field", field)
    return _checked(value, field)


def take_optional_text(record: Record, field: str) -> str | None:
    """Returns a string, None where it is missing, null or empty."""
    value = record.get(field)
    return None if value is None else _checked(value, field) or None


def _checked(value: Any, field: str) -> str:
    if not isinstance(value, str):
        raise BadRecordError("bad_field", f"{field} is {type(value).__name__}, not text")
    if len(value) > TEXT_LIMIT:
        raise BadRecordError("text_too_long", f"{field} has {len(value)} characters")
    if "\0" in value:
        raise BadRecordError("nul_byte", field)
    if not value.isascii() and _HALF_CHARACTER.search(value):
        raise BadRecordError("bad_encoding", f"{field} holds half a character")
    return value


def take_id(record: Record, field: str) -> str:
    """Returns a required identifier; a whole number is taken as its digits."""
    value = take_optional_id(record, field)
    if value is not None:
        return value
    if record.get(field) is None:
        raise BadRecordError("missing_field", field)
    raise BadRecordError("bad_field", f"{field} is empty")


def take_optional_id(record: Record, field: str) -> str | None:
    """Returns an identifier, None where it is missing, null or empty."""
    value = record.get(field)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    identifier = None if value is None else _checked(value, field).strip()
    if identifier and len(identifier) > ID_LIMIT:
        raise BadRecordError("bad_field", f"{field} has {len(identifier)} characters")
    return identifier or None


def take_time(record: Record, field: str) -> datetime:
    """Returns a required moment as aware UTC; it must tell its offset."""
    value = record.get(field)
    if value is None:
        raise BadRecordError("missing_field", field)
    return check_time(value if isinstance(value, datetime) else _parsed_time(value, field), field)


def _parsed_time(value: Any, field: str) -> datetime:
    try:
        return datetime.fromisoformat(_checked(value, field).strip())
    except ValueError as exc:
        raise BadRecordError("bad_date", f"{field} is no ISO 8601 time") from exc


def check_time(moment: datetime, field: str) -> datetime:
    """Returns the moment in UTC if it has an offset and lies after `EARLIEST`."""
    try:
        if moment.tzinfo is not UTC and moment.utcoffset() is None:
            raise BadRecordError("bad_date", f"{field} has no offset from UTC")
        moment = moment.astimezone(UTC)
    except (OverflowError, ValueError) as exc:
        raise BadRecordError("bad_date", f"{field} is out of range") from exc
    if moment < EARLIEST:
        raise BadRecordError("bad_date", f"{field} is before {EARLIEST.year}")
    return moment


def edit_revision(edited_at: datetime) -> int:
    """Returns a revision that grows with the time of the edit, for platforms that count none."""
    return int((edited_at - EARLIEST).total_seconds())


def take_language(record: Record, field: str) -> str | None:
    """Returns the primary language subtag, None where it is unknown or no subtag."""
    tag = take_optional_text(record, field)
    return None if tag is None else _primary_subtag(tag)


@lru_cache(maxsize=1024)
def _primary_subtag(tag: str) -> str | None:
    primary = re.split(r"[-_]", tag.strip().lower(), maxsplit=1)[0]
    known = primary not in _NO_LANGUAGE and _LANGUAGE.fullmatch(primary)
    return canonical(primary) if known else None


def mapping(value: Any) -> Record:
    """Returns an object, an empty one in place of anything else."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: Any) -> Sequence[Any]:
    """Returns a list, an empty one in place of anything else."""
    return value if isinstance(value, list) else []
