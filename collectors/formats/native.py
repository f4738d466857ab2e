"""Our own records, the same in JSON lines, CSV and Parquet: one post, or one deletion, each."""

from __future__ import annotations

import re
from functools import lru_cache

from collectors.formats.fields import (
    BadRecordError,
    Outcome,
    Record,
    attempt,
    take_id,
    take_language,
    take_optional_id,
    take_optional_text,
    take_text,
    take_time,
)
from collectors.post import KINDS, Deletion, Kind, Post

FIELDS = (
    "id",
    "text",
    "created_at",
    "platform",
    "author",
    "self_description",
    "language",
    "kind",
    "reference",
    "deleted",
)
DEFAULT_PLATFORM = "file"
_DELETED = {
    "true": True,
    "1": True,
    "1.0": True,
    "false": False,
    "0": False,
    "0.0": False,
    "": False,
}
"""Spreadsheets write TRUE, other programs 1, or 1.0 where a column has gaps."""
_PLATFORM = re.compile(r"[a-z0-9_-]{1,40}")


def recognises(value: Record) -> bool:
    """Tells whether an object looks like one of our records."""
    return "id" in value and ("text" in value or "deleted" in value)


def read(value: Record) -> Outcome:
    """Returns the one outcome of a record."""
    return attempt(_read, value)


def _read(value: Record) -> Post | Deletion:
    platform = _platform(value)
    if _is_deleted(value.get("deleted")):
        return Deletion(platform, native_id=take_id(value, "id"))
    return Post(
        platform=platform,
        native_id=take_id(value, "id"),
        created_at=take_time(value, "created_at"),
        text=take_text(value, "text"),
        language=take_language(value, "language"),
        author=take_optional_id(value, "author"),
        self_description=take_optional_text(value, "self_description"),
        kind=_kind(value),
        reference=take_optional_id(value, "reference"),
    )


def _is_deleted(given: object) -> bool:
    """What cannot be told for sure is refused: a post that was to be removed must not be stored."""
    if given is None:
        return False
    known = _DELETED.get(str(given).strip().lower())
    if known is None:
        raise BadRecordError("bad_field", "deleted is neither true nor false")
    return known


def _platform(value: Record) -> str:
    return _checked_platform(take_optional_text(value, "platform") or DEFAULT_PLATFORM)


@lru_cache(maxsize=256)
def _checked_platform(name: str) -> str:
    platform = name.strip().lower()
    if not _PLATFORM.fullmatch(platform):
        raise BadRecordError("bad_field", "platform is not 1 to 40 of a-z, 0-9, _ and -")
    return platform


def _kind(value: Record) -> Kind:
    given = take_optional_text(value, "kind")
    if given is None:
        return "original"
    kind = given.strip().lower()
    if kind not in KINDS:
        raise BadRecordError("bad_field", f"kind is none of {', '.join(KINDS)}")
    return kind
