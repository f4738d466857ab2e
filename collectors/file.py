"""Posts from a file on disk, in any of the formats that `collectors.formats` knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from collectors.errors import UnreadableFileError
from collectors.formats.fields import Outcome
from collectors.formats.reading import (
    AUTO,
    check_format,
    detect_format,
    read_outcomes,
    read_units,
    to_record,
)
from collectors.lines import Flaw, Unit
from collectors.opening import fingerprint
from collectors.post import (
    Checkpoint,
    Coverage,
    CoverageStatus,
    Deletion,
    Page,
    Post,
    Rejection,
    Window,
)

NOT_POSTS = frozenset({"not_a_post", "not_a_removal"})
"""Rejections of records that never were posts: nothing is lost by them."""

UNDERSTOOD = NOT_POSTS | {"author_opted_out", "not_public", "platform_error"}
"""Rejections of records that were read: a file of such records is not unreadable."""

_FUTURE = timedelta(days=1)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class FileCollector:
    """Reads one file from its start to its end, and goes on where it was interrupted.

    Args:
        path: The file, plain or compressed.
        format: One of `collectors.formats.reading.FORMATS`.
        source: The collector's name in checkpoints and coverage.
        assume_distinct_authors: Takes each post without an author to be by somebody else.
        page_posts: The most records on a page.
        now: Tells the time; posts of more than a day later are rejected.

    Raises:
        UnknownFormatError: `format` names none.
    """

    def __init__(
        self,
        path: Path,
        *,
        format: str = AUTO,
        source: str = "file",
        assume_distinct_authors: bool = False,
        page_posts: int = 500,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        check_format(format)
        self._path = path
        self._format = format
        self._source = source
        self._assume_distinct_authors = assume_distinct_authors
        self._page_posts = page_posts
        self._now = now

    @property
    def source(self) -> str:
        """Name of this source in checkpoints and coverage."""
        return self._source

    def fetch(self, since: Checkpoint | None, window: Window) -> Iterator[Page]:  # noqa: ARG002
        """Yields the file's records in its order; the last page carries the coverage.

        Nothing is yielded when `since` says that this very file was read to its end. Posts
        outside the window are handed over like all others.

        Raises:
            UnreadableFileError: The file cannot be read, or no record of it could be.
            UnknownFormatError: It is in no known format.
        """
        progress = _Progress(fingerprint(self._path), self._format, since)
        if progress.done:
            return
        page = _PageBuilder()
        for outcome, place in self._outcomes(progress):
            if page.size == self._page_posts:
                yield page.build(progress)
                page = _PageBuilder()
            progress.count(outcome)
            page.add(outcome, place)
        progress.done = progress.understood > 0 or progress.records == 0
        yield page.build(progress, coverage=progress.coverage())
        if not progress.done:
            raise self._nothing_readable(progress)

    def _outcomes(self, progress: _Progress) -> Iterator[tuple[Outcome, str]]:
        """Yields what becomes of each record after those that `progress` has counted."""
        format_name = detect_format(self._path) if self._format == AUTO else self._format
        latest = self._now() + _FUTURE
        units_done, records_done = progress.units, progress.unit_records
        for unit in islice(read_units(self._path, format_name), units_done, None):
            outcomes = list(_unit_outcomes(unit, format_name))
            for index, outcome in islice(enumerate(outcomes, start=1), records_done, None):
                place = f"{progress.fingerprint}:{unit.number}"
                part = f".{index}" if len(outcomes) > 1 else ""
                yield self._checked(outcome, latest), place + part
            records_done = 0
            progress.finish_unit()

    def _checked(self, outcome: Outcome, latest: datetime) -> Outcome:
        if not isinstance(outcome, Post):
            return outcome
        if outcome.created_at > latest:
            return Flaw("bad_date", "the time is more than a day in the future")
        if self._assume_distinct_authors and outcome.author is None:
            return replace(outcome, author=f"post:{outcome.native_id}")
        return outcome

    def _nothing_readable(self, progress: _Progress) -> UnreadableFileError:
        return UnreadableFileError(
            f"none of the {progress.records} records in {self._path} could be read",
            hint="The rejections tell why. Is --format right?",
        )


def _unit_outcomes(unit: Unit, format_name: str) -> Iterator[Outcome]:
    record = to_record(unit)
    if isinstance(record, Flaw):
        yield record
    else:
        yield from read_outcomes(record, format_name)


class _Progress:
    """How far a file was read, and what its coverage needs to know of what was read."""

    def __init__(self, fingerprint: str, format_name: str, since: Checkpoint | None) -> None:
        state = _same_reading(since, fingerprint, format_name)
        self.fingerprint = fingerprint
        self.format = format_name
        self.done = bool(state.get("done", False))
        self.units = int(state.get("units", 0))
        self.unit_records = int(state.get("unit_records", 0))
        self.records = int(state.get("records", 0))
        self.understood = int(state.get("understood", 0))
        self.lost = int(state.get("lost", 0))
        self._days = {day for first, last in state.get("days", ()) for day in range(first, last)}

    def count(self, outcome: Outcome) -> None:
        self.records += 1
        self.unit_records += 1
        if isinstance(outcome, Flaw):
            self.understood += outcome.reason in UNDERSTOOD
            self.lost += outcome.reason not in NOT_POSTS
            return
        self.understood += 1
        if isinstance(outcome, Post):
            self._days.add(outcome.created_at.toordinal())

    def finish_unit(self) -> None:
        self.units += 1
        self.unit_records = 0

    def checkpoint(self) -> Checkpoint:
        names = ("fingerprint", "format", "done", "units", "unit_records", "records")
        state = {name: getattr(self, name) for name in (*names, "understood", "lost")}
        return Checkpoint({**state, "days": [list(run) for run in self._runs()]})

    def _runs(self) -> list[tuple[int, int]]:
        """Returns the runs [first, end) of adjacent days."""
        runs: list[tuple[int, int]] = []
        for day in sorted(self._days):
            if runs and runs[-1][1] == day:
                runs[-1] = (runs[-1][0], day + 1)
            else:
                runs.append((day, day + 1))
        return runs

    def coverage(self) -> tuple[Coverage, ...]:
        reason = f"{self.lost} records rejected" if self.lost else ""
        status: CoverageStatus = "partial" if self.lost else "complete"
        return tuple(
            Coverage(_midnight(first), _midnight(end), status, reason)
            for first, end in self._runs()
        )


def _same_reading(
    since: Checkpoint | None, fingerprint: str, format_name: str
) -> Mapping[str, Any]:
    """Returns the state to go on from: that of the same bytes read in the same way, or none."""
    state = since.state if since else {}
    same = (state.get("fingerprint"), state.get("format")) == (fingerprint, format_name)
    return state if same else {}


def _midnight(ordinal: int) -> datetime:
    return datetime.combine(date.fromordinal(ordinal), time(), UTC)


class _PageBuilder:
    """Gathers outcomes until they make a page."""

    def __init__(self) -> None:
        self.size = 0
        self._posts: list[Post] = []
        self._deletions: list[Deletion] = []
        self._rejections: list[Rejection] = []

    def add(self, outcome: Outcome, place: str) -> None:
        self.size += 1
        if isinstance(outcome, Post):
            self._posts.append(outcome)
        elif isinstance(outcome, Deletion):
            self._deletions.append(outcome)
        else:
            self._rejections.append(Rejection(outcome.reason, place, outcome.detail))

    def build(self, progress: _Progress, *, coverage: tuple[Coverage, ...] = ()) -> Page:
        return Page(
            checkpoint=progress.checkpoint(),
            posts=tuple(self._posts),
            rejections=tuple(self._rejections),
            deletions=tuple(self._deletions),
            coverage=coverage,
        )
