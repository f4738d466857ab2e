"""CSV and Parquet files of our own records, row by row."""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from collectors.errors import UnreadableFileError
from collectors.formats.fields import TEXT_LIMIT
from collectors.formats.native import FIELDS
from collectors.lines import Flaw, Unit, raw_lines
from collectors.opening import DamagedFileError

REQUIRED = ("id", "text", "created_at")
_IDS = ("id", "author", "reference")
_ROUNDED = re.compile(r"\d([.,]\d+[eE]\+?|[eE]\+)\d+")
"""A long number as spreadsheets and others save it: different ones become the same."""
_WHOLE = re.compile(r"\d{1,15}\.0")
"""A number as others save it where its column has gaps; so short a one is exact."""
_BATCH_ROWS = 1000
_BUFFER = 1024 * 1024
_TEXTS = ("string", "large_string", "string_view", "binary", "large_binary", "binary_view")
_MOST_BYTES = 4 * TEXT_LIMIT
"""A longer cell has too many characters in any case."""


def column_names(row: Sequence[str]) -> list[str]:
    """Returns the names in a header row as they are compared: lower case, no spaces around."""
    return [name.strip().lower() for name in row]


def read_csv(stream: io.BufferedIOBase, path: Path) -> Iterator[Unit]:
    """Yields the rows below the header; a row of the wrong width or with broken quotes is a flaw.

    A quote that never closes costs its own line only: those that it swallowed are read again.

    Raises:
        UnreadableFileError: A required column is missing, or one is there twice.
    """
    skipped: deque[Unit] = deque()
    rows = _Rows(_text_lines(stream, skipped))
    header = _header(rows, path)
    while True:
        number = rows.line_number + 1
        row = rows.next_row()
        while skipped:
            yield skipped.popleft()
        if row is None:
            return
        value = row if isinstance(row, Flaw) else _csv_record(header, row)
        if isinstance(row, Flaw) or (isinstance(value, Flaw) and rows.hides_row(len(header))):
            rows.read_again()
        if row:
            yield Unit(number, value)


class _Rows:
    """A CSV file's rows; the lines of the last one are kept."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._waiting: deque[str] = deque()
        self._row: list[str] = []
        self._reader = self._new_reader()
        self.line_number = 0

    def _new_reader(self) -> Iterator[list[str]]:
        return csv.reader(iter(self._next_line, None), strict=True)

    def _next_line(self) -> str | None:
        line = self._waiting.popleft() if self._waiting else next(self._lines, None)
        if line is not None:
            self._row.append(line)
            self.line_number += 1
        return line

    def next_row(self) -> Any:
        """Returns a row (empty for a blank line), a flaw, or None at the end."""
        self._row.clear()
        try:
            return next(self._reader, None)
        except csv.Error:
            return Flaw("bad_row", "broken quotes, or a cell of over 131,072 characters")

    def hides_row(self, width: int) -> bool:
        """Tells whether one of the last row's lines but its first is a row by itself."""
        return any(_width(line) == width for line in self._row[1:])

    def read_again(self) -> None:
        """Makes the last row's lines but its first the next ones."""
        self._waiting.extendleft(reversed(self._row[1:]))
        self.line_number -= len(self._row) - 1
        self._reader = self._new_reader()


def _width(line: str) -> int:
    try:
        return len(next(csv.reader([line], strict=True)))
    except csv.Error:
        return 0


def _header(rows: _Rows, path: Path) -> list[str]:
    row = rows.next_row()
    while row == []:
        row = rows.next_row()
    if isinstance(row, Flaw):
        raise UnreadableFileError(
            f"the first line of {path} is no CSV ({row.detail})", hint="Is it a CSV file at all?"
        )
    names = column_names(row or [])
    if names:
        _check_columns(names, path)
    return names


def _text_lines(stream: io.BufferedIOBase, skipped: deque[Unit]) -> Iterator[str]:
    """Yields lines as text; one that is too long becomes a flaw and, for the reader, blank."""
    for number, line in enumerate(raw_lines(stream), start=1):
        if isinstance(line, Flaw):
            skipped.append(Unit(number, line))
            yield "\n"
        else:
            yield line.decode("utf-8", "surrogateescape")


def _csv_record(header: Sequence[str], row: Sequence[str]) -> dict[str, str] | Flaw:
    if len(row) != len(header):
        return Flaw("bad_row", f"{len(row)} cells under {len(header)} columns")
    cells = zip(header, row, strict=True)
    record = {name: cell for name, cell in cells if cell or name in REQUIRED}
    for name in _IDS:
        cell = record.get(name, "").strip()
        if _ROUNDED.fullmatch(cell):
            return Flaw("bad_field", f"{name} was rounded, by a spreadsheet perhaps")
        if _WHOLE.fullmatch(cell):
            record[name] = cell.removesuffix(".0")
    return record


def _check_columns(names: Sequence[str], path: Path) -> None:
    missing = [name for name in REQUIRED if name not in names]
    only_deletions = "id" in names and "deleted" in names
    if missing and not only_deletions:
        raise UnreadableFileError(
            f"{path} has no column {', '.join(missing)}",
            hint=f"The columns that can be read are {', '.join(FIELDS)}.",
        )
    twice = [name for name in FIELDS if names.count(name) > 1]
    if twice:
        raise UnreadableFileError(
            f"{path} has the column {', '.join(twice)} twice", hint="Rename or drop one of them."
        )


def read_parquet(source: Any, path: Path) -> Iterator[Unit]:
    """Yields the rows of a Parquet file, a batch in memory at a time.

    Raises:
        UnreadableFileError: It is no Parquet file, a required column is missing, or one is
            there twice.
    """
    try:
        file = _opened(source)
    except (pa.ArrowException, OSError) as exc:
        raise UnreadableFileError(
            f"{path} is no complete Parquet file", hint="Was it written to its end?"
        ) from exc
    _check_columns(file.schema_arrow.names, path)
    columns = [name for name in file.schema_arrow.names if name in FIELDS]
    number = 0
    for batch in _batches(file, columns):
        for value in _rows(_microseconds(batch)):
            number += 1
            yield Unit(number, value)


def _opened(source: Any) -> Any:
    """A file whose texts stay dictionaries: a thousand rows can share a cell of any length.

    Not where they are encoded as differences, of which Arrow makes none.
    """
    metadata = pq.read_metadata(source)
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    parts = (group.column(number) for group in groups for number in range(group.num_columns))
    apart = {one.path_in_schema for one in parts if any("DELTA" in each for each in one.encodings)}
    schema = metadata.schema.to_arrow_schema()
    texts = [one.name for one in schema if str(one.type) in _TEXTS and one.name not in apart]
    return pq.ParquetFile(
        source,
        metadata=metadata,
        read_dictionary=[name for name in texts if name in FIELDS],
        buffer_size=_BUFFER,
        pre_buffer=False,
    )


def _batches(file: Any, columns: Sequence[str]) -> Iterator[Any]:
    batches = file.iter_batches(_BATCH_ROWS, columns=columns, use_threads=False)
    try:
        yield from batches
    except (pa.ArrowException, OSError) as exc:
        raise DamagedFileError("a row group cannot be read") from exc


def _microseconds(batch: Any) -> Any:
    """Cuts nanoseconds off, which Python's times cannot hold."""
    for index, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            coarse = batch.column(index).cast(pa.timestamp("us", field.type.tz), safe=False)
            batch = batch.set_column(index, field.name, coarse)
    return batch


def _rows(batch: Any) -> Iterator[dict[str, Any] | Flaw]:
    if any(_longest(column) > _MOST_BYTES for column in batch.columns):
        yield from (_row(batch.slice(index, 1)) for index in range(batch.num_rows))
        return
    try:
        yield from _decoded(batch).to_pylist()
    except (ValueError, OverflowError):
        yield from (_row(batch.slice(index, 1)) for index in range(batch.num_rows))


def _longest(column: Any) -> int:
    """How many bytes the longest text has that a column's cells can be."""
    if not pa.types.is_dictionary(column.type):
        return 0
    return pc.max(pc.binary_length(column.dictionary)).as_py() or 0


def _decoded(batch: Any) -> Any:
    """The same rows; dictionaries take ten times as long to read."""
    columns = (
        column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        for column in batch.columns
    )
    return pa.RecordBatch.from_arrays(list(columns), names=batch.schema.names)


def _row(row: Any) -> dict[str, Any] | Flaw:
    for name, column in zip(row.schema.names, row.columns, strict=True):
        if pa.types.is_dictionary(column.type):
            size = pc.binary_length(column.dictionary.take(column.indices))[0].as_py() or 0
            if size > _MOST_BYTES:
                return Flaw("text_too_long", f"{name} has {size} bytes")
    try:
        return dict(row.to_pylist()[0])
    except UnicodeDecodeError:
        return Flaw("bad_encoding", "a cell is not UTF-8")
    except (ValueError, OverflowError):
        return Flaw("bad_field", "a cell is out of range")
