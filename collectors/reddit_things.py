"""Reddit's things (submissions `t3`, comments `t1`), as its API gives them, to posts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from collectors.errors import MalformedAnswerError
from collectors.formats.fields import (
    BadRecordError,
    Outcome,
    Record,
    attempt,
    check_time,
    edit_revision,
    mapping,
    sequence,
    take_id,
    take_optional_id,
    take_optional_text,
)
from collectors.lines import Flaw
from collectors.post import Deletion, Post

PLATFORM = "reddit"
SUBMISSION, COMMENT = "t3", "t1"

_GONE_AUTHORS = (None, "[deleted]", "[removed]")
_GONE_TEXT = re.compile(r"\s*\[\s*(deleted|removed)( by (user|moderator|reddit))?\s*\]\s*", re.I)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a listing.

    Attributes:
        things: `{"kind": …, "data": {…}}`, unchecked.
        after: The cursor of the next page.
    """

    things: tuple[Record, ...]
    after: str | None


def read_listing(answer: Any) -> Page:
    """Reads a listing's page.

    Raises:
        MalformedAnswerError: It is none.
    """
    data = mapping(mapping(answer).get("data"))
    if not isinstance(data.get("children"), list):
        raise MalformedAnswerError(
            "Reddit answered without a listing", hint="Is sources.reddit.base_url that of its API?"
        )
    after = data.get("after")
    return Page(tuple(map(mapping, data["children"])), after if isinstance(after, str) else None)


def read_thread(answer: Any) -> tuple[Record, ...]:
    """Reads every comment of a submission's page, replies too; `more` stubs are left out.

    Raises:
        MalformedAnswerError: It is none.
    """
    parts = sequence(answer)
    if len(parts) != 2:
        raise MalformedAnswerError("Reddit answered without a submission's comments")
    return tuple(_comments(read_listing(parts[1])))


def _comments(page: Page) -> Iterator[Record]:
    waiting = list(page.things)
    while waiting:
        thing = waiting.pop(0)
        if thing.get("kind") != COMMENT:
            continue
        yield thing
        replies = mapping(mapping(thing.get("data")).get("replies"))
        if replies:
            waiting += read_listing(replies).things


def name_of(thing: Record) -> str | None:
    """A thing's full name (`t3_2gmzqe`), None without one."""
    name = mapping(thing.get("data")).get("name")
    return name if isinstance(name, str) and name else None


def subject_of(thing: Record) -> str:
    """What a thing is about beyond its text: of a comment the title of what it is on."""
    title = mapping(thing.get("data")).get("link_title")
    return title if isinstance(title, str) else ""


def time_of(thing: Record) -> datetime | None:
    """When a thing was posted, None where it does not tell."""
    try:
        return _time(mapping(thing.get("data")))
    except BadRecordError:
        return None


def comments_count(thing: Record) -> int:
    """How many comments a submission has by its own account."""
    count = mapping(thing.get("data")).get("num_comments")
    return count if isinstance(count, int) else 0


def read_thing(thing: Record) -> Outcome:
    """Reads a submission or comment; one that is deleted or removed is a deletion."""
    if thing.get("kind") not in (SUBMISSION, COMMENT):
        return Flaw("not_a_post", f"kind {str(thing.get('kind'))[:20]!r}")
    return attempt(_read, mapping(thing.get("data")), thing["kind"] == COMMENT)


def _read(data: Record, is_comment: bool) -> Post | Deletion:
    name = take_id(data, "name")
    if reason := _gone(data):
        return Deletion(PLATFORM, native_id=name, reason=reason)
    body = take_optional_text(data, "body" if is_comment else "selftext")
    title = None if is_comment else take_optional_text(data, "title")
    text = "\n".join(part for part in (title, body) if part)
    if not text:
        raise BadRecordError("empty_text", "neither a title nor a text")
    edited = data.get("edited")  # False, or when.
    return Post(
        platform=PLATFORM,
        native_id=name,
        created_at=_time(data),
        text=text,
        author=take_optional_id(data, "author_fullname") or take_id(data, "author"),
        kind="reply" if is_comment else "original",
        reference=take_optional_id(data, "parent_id") if is_comment else None,
        revision=edit_revision(_moment(edited, "edited")) if _is_number(edited) else 0,
    )


def _gone(data: Record) -> str:
    """Why a thing is to be removed: its author, a moderator or Reddit took it (or themselves) off.

    What is left of it then, a title or a text without its author, was not left to be collected.
    """
    by = data.get("removed_by_category")
    texts = (data.get("body"), data.get("selftext"))
    if isinstance(by, str) and by:
        return "deleted" if by in ("deleted", "author") else "removed"
    marks = [
        mark for text in texts if isinstance(text, str) and (mark := _GONE_TEXT.fullmatch(text))
    ]
    if marks:
        return marks[0][1].lower()
    if "author" in data and data["author"] in _GONE_AUTHORS:
        return "deleted"
    return ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _time(data: Record) -> datetime:
    value = data.get("created_utc")
    if not _is_number(value):
        raise BadRecordError("missing_field", "created_utc")
    return _moment(value, "created_utc")


def _moment(value: Any, field: str) -> datetime:
    try:
        return check_time(datetime.fromtimestamp(value, UTC), field)
    except (ValueError, OverflowError, OSError) as exc:
        raise BadRecordError("bad_date", f"{field} is out of range") from exc
