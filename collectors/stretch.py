"""A stretch of a file: so many of its pieces as make a page, and what becomes of them.

Reading one needs nothing but itself: any process can do it, in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import Any

from collectors.formats.fields import Outcome
from collectors.formats.reading import read_outcomes, reader_of, to_record
from collectors.lines import Flaw, Unit
from collectors.post import ASSUMED_AUTHOR, Deletion, Page, Post, Rejection

NOT_POSTS = frozenset({"not_a_post", "not_a_removal"})
"""Rejections of records that never were posts: nothing is lost by them."""

UNDERSTOOD = NOT_POSTS | {"author_opted_out", "not_public", "platform_error"}
"""Rejections of records that were read: a file of such records is not unreadable."""

LARGEST = 8 * 1024 * 1024
"""Bytes of raw records after which a stretch ends, however few they are."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file's pieces are read.

    Attributes:
        fingerprint: Names the file in the places of rejections.
        format: One of `collectors.formats.reading.FORMATS`.
        latest: Posts of later are rejected.
        assume_distinct_authors: Takes each post without an author to be by somebody else.
        timezone: Whose days are counted.
    """

    fingerprint: str
    format: str
    latest: datetime
    assume_distinct_authors: bool
    timezone: tzinfo

    def outcomes(self, unit: Unit) -> list[Outcome]:
        """What becomes of the records in a piece."""
        record = to_record(unit)
        if isinstance(record, Flaw):
            return [record]
        return [self._checked(one) for one in read_outcomes(record, self.format)]

    def place(self, number: int) -> str:
        """Where a piece stands, for its rejection."""
        return f"{self.fingerprint}:{number}"

    def read(self, units: Sequence[Unit]) -> Part:
        """What becomes of pieces that hold one record each."""
        read, part = reader_of(self.format), Part(units=len(units))
        if read is None:
            raise ValueError(f"pieces of {self.format} hold several records")
        for unit in units:
            record = to_record(unit)
            outcome = record if isinstance(record, Flaw) else self._checked(read(record))
            part.add(outcome, self, unit.number)
        return part

    def _checked(self, outcome: Outcome) -> Outcome:
        if not isinstance(outcome, Post):
            return outcome
        if outcome.created_at > self.latest:
            return Flaw("bad_date", "the time is more than a day in the future")
        if self.assume_distinct_authors and outcome.author is None:
            return replace(outcome, author=f"{ASSUMED_AUTHOR}{outcome.native_id}")
        return outcome


@dataclass(slots=True)
class Tally:
    """What a file's progress and coverage have to know of a part of it.

    Attributes:
        units: Pieces read to their ends.
        unit_records: Records of the piece after them that belong to this part and earlier ones.
        days: Of its posts, as ordinals.
        flaws: The first detail of each reason for which a record was rejected.
    """

    units: int = 0
    unit_records: int = 0
    records: int = 0
    understood: int = 0
    lost: int = 0
    days: set[int] = field(default_factory=set)
    flaws: dict[str, str] = field(default_factory=dict)


class Part:
    """What became of some of a file's records."""

    def __init__(self, *, units: int = 0, unit_records: int = 0) -> None:
        self.tally = Tally(units, unit_records)
        self._posts: list[Post] = []
        self._deletions: list[Deletion] = []
        self._rejections: list[Rejection] = []

    def add(self, outcome: Outcome, reading: Reading, number: int, part: str = "") -> None:
        """Adds a record's outcome.

        Args:
            outcome: What became of it.
            reading: Names its place together with
            number: its piece's, and
            part: which record of several in the piece it is.
        """
        tally = self.tally
        tally.records += 1
        if isinstance(outcome, Flaw):
            tally.understood += outcome.reason in UNDERSTOOD
            tally.lost += outcome.reason not in NOT_POSTS
            tally.flaws.setdefault(outcome.reason, outcome.detail)
            place = reading.place(number) + part
            self._rejections.append(Rejection(outcome.reason, place, outcome.detail))
            return
        tally.understood += 1
        if isinstance(outcome, Post):
            tally.days.add(outcome.created_at.astimezone(reading.timezone).toordinal())
            self._posts.append(outcome)
        else:
            self._deletions.append(outcome)

    def page(self, end: Page) -> Page:
        """The part's records, with the checkpoint and the coverage of a page without any."""
        return replace(
            end,
            posts=tuple(self._posts),
            rejections=tuple(self._rejections),
            deletions=tuple(self._deletions),
        )


def stretches(units: Iterable[Unit], size: int) -> Iterator[tuple[list[Unit], bool]]:
    """Yields `size` pieces (fewer where they are large), and whether they are the last.

    There is always a last one, be it empty. One that is full is handed over once the next piece
    has been read.
    """
    held: list[Unit] = []
    weight = 0
    for unit in units:
        if len(held) == size or weight > LARGEST:
            yield held, False
            held, weight = [], 0
        held.append(unit)
        weight += _weight(unit.value)
    yield held, True


def _weight(value: bytes | Mapping[str, Any] | Flaw) -> int:
    if isinstance(value, bytes):
        return len(value)
    return 0 if isinstance(value, Flaw) else sum(len(v) for v in value.values() if type(v) is str)
