"""What an answer of X's holds: posts, rejections with places, and where to go on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import Any

from collectors.formats import x_v2
from collectors.formats.fields import BadRecordError, Record, mapping, sequence, take_time
from collectors.lines import Flaw
from collectors.post import Post, Rejection

_SNOWFLAKE_START = 1_288_834_974_657
_SNOWFLAKE_SHIFT = 22
_PLAUSIBLE = timedelta(hours=1)
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Mark:
    """A post's own id (of this revision), and when it was made."""

    id: str
    at: datetime

    @property
    def number(self) -> int:
        """The id, for comparing."""
        return int(self.id)

    @property
    def tells_time(self) -> bool:
        """Whether the id holds the time, as X's do; somebody else's server may count from 1."""
        made = _EPOCH + timedelta(milliseconds=min(_milliseconds(self.number), 10**14))
        return abs(made - self.at) <= _PLAUSIBLE

    def earlier(self, duration: timedelta) -> str:
        """The id that a post of so much earlier would have, the same id if ids tell no time."""
        if not self.tells_time:
            return self.id
        return str(max(0, self.number - (int(duration.total_seconds() * 1000) << _SNOWFLAKE_SHIFT)))


def id_before(moment: datetime) -> str:
    """The highest id of X's that was given out before a moment."""
    milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1) - _SNOWFLAKE_START
    return str(max(0, (milliseconds << _SNOWFLAKE_SHIFT) - 1))


def _milliseconds(number: int) -> int:
    return (number >> _SNOWFLAKE_SHIFT) + _SNOWFLAKE_START


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer's records.

    Attributes:
        reads: Posts that X bills for it.
        newest, oldest: By id, None where no record has a proper one.
        cursor: Of the next page, None on the last.
        fingerprint: The same for a page that holds the same records.
    """

    posts: tuple[Post, ...]
    rejections: tuple[Rejection, ...]
    reads: int
    newest: Mark | None
    oldest: Mark | None
    cursor: str | None
    fingerprint: str


def read_answer(answer: Record) -> Answered:
    """Reads a page of X's, or one object of its stream."""
    data = answer.get("data")
    items = data if isinstance(data, list) else [] if data is None else [data]
    posts: list[Post] = []
    rejections: list[Rejection] = []
    errors = sequence(answer.get("errors"))
    for outcome, item in zip_longest(x_v2.read(answer), items):
        if isinstance(outcome, Post):
            posts.append(outcome)
        elif isinstance(outcome, Flaw):
            about = errors if item is None else item
            rejections.append(Rejection(outcome.reason, place(about), outcome.detail))
    marks = sorted(_marks(items), key=lambda mark: mark.number)
    cursor = mapping(answer.get("meta")).get("next_token")
    return Answered(
        posts=tuple(posts),
        rejections=tuple(rejections),
        reads=len(items),
        newest=marks[-1] if marks else None,
        oldest=marks[0] if marks else None,
        cursor=cursor if isinstance(cursor, str) and cursor else None,
        fingerprint=_digest([mapping(item).get("id") for item in items]),
    )


def place(item: Any) -> str:
    """Where a record stands, the same at every delivery: its id, else a digest of it."""
    number = mapping(item).get("id")
    if isinstance(number, str) and _is_number(number):
        return f"x:{number}"
    return f"x:{_digest(item)}"


def _marks(items: Iterable[Any]) -> Iterable[Mark]:
    for item in items:
        number = mapping(item).get("id")
        if isinstance(number, str) and _is_number(number):
            try:
                yield Mark(number, take_time(mapping(item), "created_at"))
            except BadRecordError:
                continue


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20


def _digest(value: Any) -> str:
    canonical = json.dumps(value, sort_keys=True, default=str)
    return hashlib.blake2b(canonical.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
