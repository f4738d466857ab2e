"""Posts from a file on disk, in any of the formats that `collectors.formats` knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from collectors.errors import UnreadableFileError
from collectors.formats.reading import (
    AUTO,
    check_format,
    detect_format,
    read_units,
    reader_of,
)
from collectors.lines import Unit
from collectors.opening import fingerprint
from collectors.post import Checkpoint, Coverage, CoverageStatus, Page, Window
from collectors.stretch import Part, Reading, Tally, stretches

P = TypeVar("P")
Work = tuple[Part | list[Unit], bool]
"""A stretch that any process may read, or a part that was read already; whether it is the last."""
Reader = Callable[[Reading, Iterator[Work]], Iterator[tuple[P, Tally, bool]]]

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
        timezone: Its days are what a file covers.

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
        timezone: tzinfo = UTC,
    ) -> None:
        check_format(format)
        self._path = path
        self._format = format
        self._source = source
        self._assume_distinct_authors = assume_distinct_authors
        self._page_posts = page_posts
        self._now = now
        self._timezone = timezone

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

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
        for part, end in self.parts(since, _read_here):
            yield part.page(end)

    def parts(self, since: Checkpoint | None, read: Reader[P]) -> Iterator[tuple[P, Page]]:
        """As `fetch`, with its records read by whoever `read` sets to it.

        Yields:
            A part of the file, and the page that it belongs to, without its records.
        """
        progress = _Progress(fingerprint(self._path), self._format, since)
        if progress.done:
            return
        reading = self._reading(progress)
        for part, tally, is_last in read(reading, self._work(reading, progress)):
            progress.add(tally)
            progress.done = is_last and (progress.understood > 0 or progress.records == 0)
            coverage = progress.coverage(self._timezone) if is_last else ()
            yield part, Page(progress.checkpoint(), coverage=coverage)
        if not progress.done:
            raise self._nothing_readable(progress)

    def _reading(self, progress: _Progress) -> Reading:
        format_name = detect_format(self._path) if self._format == AUTO else self._format
        latest = self._now() + _FUTURE
        return Reading(
            progress.fingerprint,
            format_name,
            latest,
            self._assume_distinct_authors,
            self._timezone,
        )

    def _work(self, reading: Reading, progress: _Progress) -> Iterator[Work]:
        """Yields what to read after that which `progress` has counted."""
        units = islice(read_units(self._path, reading.format), progress.units, None)
        if reader_of(reading.format) is None:
            yield from self._read_several(reading, units, progress.unit_records)
        else:
            yield from stretches(units, self._page_posts)

    def _read_several(
        self, reading: Reading, units: Iterator[Unit], skipped: int
    ) -> Iterator[tuple[Part, bool]]:
        """Yields pages of records whose pieces hold several, so that pages end within pieces."""
        part = Part(unit_records=skipped)
        for unit in units:
            outcomes = reading.outcomes(unit)
            for index, outcome in islice(enumerate(outcomes, start=1), skipped, None):
                if part.tally.records == self._page_posts:
                    yield part, False
                    part = Part(unit_records=part.tally.unit_records)
                place = f".{index}" if len(outcomes) > 1 else ""
                part.add(outcome, reading, unit.number, place)
                part.tally.unit_records += 1
            skipped = part.tally.unit_records = 0
            part.tally.units += 1
        yield part, True

    def _nothing_readable(self, progress: _Progress) -> UnreadableFileError:
        return UnreadableFileError(
            f"none of the {progress.records} records in {self._path} could be read: "
            + progress.why(),
            hint="Is --format right? docs/import-formats.md says what a record needs.",
        )


def _read_here(reading: Reading, work: Iterator[Work]) -> Iterator[tuple[Part, Tally, bool]]:
    for one, is_last in work:
        part = one if isinstance(one, Part) else reading.read(one)
        yield part, part.tally, is_last


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
        self._flaws: dict[str, str] = {}
        self._days = {day for first, last in state.get("days", ()) for day in range(first, last)}

    def add(self, tally: Tally) -> None:
        self.units += tally.units
        self.unit_records = tally.unit_records
        self.records += tally.records
        self.understood += tally.understood
        self.lost += tally.lost
        self._days |= tally.days
        self._flaws = tally.flaws | self._flaws

    def why(self) -> str:
        """Why records were rejected, each reason with the detail that came with it first."""
        return ", ".join(f"{why} ({more})" if more else why for why, more in self._flaws.items())

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

    def coverage(self, timezone: tzinfo) -> tuple[Coverage, ...]:
        reason = f"{self.lost} records rejected" if self.lost else ""
        status: CoverageStatus = "partial" if self.lost else "complete"
        return tuple(
            Coverage(_midnight(first, timezone), _midnight(end, timezone), status, reason)
            for first, end in self._runs()
        )


def _same_reading(
    since: Checkpoint | None, fingerprint: str, format_name: str
) -> Mapping[str, Any]:
    """Returns the state to go on from: that of the same bytes read in the same way, or none."""
    state = since.state if since else {}
    same = (state.get("fingerprint"), state.get("format")) == (fingerprint, format_name)
    return state if same else {}


def _midnight(ordinal: int, timezone: tzinfo) -> datetime:
    return datetime.combine(date.fromordinal(ordinal), time(), timezone).astimezone(UTC)
