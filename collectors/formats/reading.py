"""Which format a file is in, and how its pieces are read."""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from collectors.errors import UnknownFormatError
from collectors.formats import jetstream, mastodon, native, x_v2
from collectors.formats.fields import Outcome
from collectors.formats.tables import column_names, read_csv, read_parquet
from collectors.json_text import parse_object, read_array, starts_array
from collectors.lines import CHUNK, DAMAGE, Flaw, Unit, read_lines, until_damage
from collectors.opening import is_compressed, open_stream

AUTO = "auto"
DETECTION_UNITS = 10_000
"""How many lines or elements are looked at to find out the format."""


@dataclass(frozen=True, slots=True)
class Format:
    """A record format: what its objects look like, and what becomes of one.

    Attributes:
        read: Of formats whose objects hold one record each.
        read_several: Of those whose objects may hold a page of records.
    """

    recognises: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Mapping[str, Any]], Outcome] | None = None
    read_several: Callable[[Mapping[str, Any]], Iterator[Outcome]] | None = None


# The order is that of detection, from the most to the least particular.
_JSON_FORMATS = {
    "jetstream": Format(jetstream.recognises, jetstream.read),
    "mastodon": Format(mastodon.recognises, mastodon.read),
    "x-v2": Format(x_v2.recognises, read_several=x_v2.read),
    "jsonl": Format(native.recognises, native.read),
}
FORMATS = (AUTO, *_JSON_FORMATS, "csv", "parquet")


def check_format(name: str) -> None:
    """Raises UnknownFormatError for a name that is none of `FORMATS`."""
    if name not in FORMATS:
        raise UnknownFormatError(
            f"there is no format {name!r}", hint=f"Use one of {', '.join(FORMATS)}."
        )


def read_units(path: Path, format_name: str) -> Iterator[Unit]:
    """Yields a file's pieces in the order of the file; a damaged end becomes a flaw.

    Raises:
        UnreadableFileError: The file, or a table's header, cannot be read.
    """
    yield from until_damage(_units(path, format_name), path)


def _units(path: Path, format_name: str) -> Iterator[Unit]:
    if format_name == "parquet":
        yield from _parquet_units(path)
        return
    is_array = starts_array(_head(path))
    with open_stream(path) as stream:
        if format_name == "csv":
            yield from read_csv(stream, path)
        else:
            yield from read_array(stream) if is_array else read_lines(stream)


def _parquet_units(path: Path) -> Iterator[Unit]:
    """Parquet is read back and forth, so a compressed file is unpacked to the disk first."""
    with open_stream(path) as stream, tempfile.TemporaryFile() as unpacked:
        if is_compressed(path):
            shutil.copyfileobj(stream, unpacked)
        yield from read_parquet(unpacked if is_compressed(path) else stream, path)


def _head(path: Path) -> bytes:
    """Returns a file's first bytes, those before damage; a compressed block may hold only one."""
    head = b""
    with open_stream(path) as stream:
        try:
            while len(head) < CHUNK and (data := stream.read1(CHUNK)):
                head += data
        except DAMAGE:
            return head
    return head


def to_record(unit: Unit) -> Mapping[str, Any] | Flaw:
    """Returns the object that a piece of a file holds, or why it holds none."""
    return parse_object(unit.value) if isinstance(unit.value, bytes) else unit.value


def read_outcomes(record: Mapping[str, Any], format_name: str) -> Iterator[Outcome]:
    """Yields what becomes of the record, or of the page of records, in an object."""
    one = _format(format_name)
    if one.read is not None:
        yield one.read(record)
    elif one.read_several is not None:
        yield from one.read_several(record)


def reader_of(format_name: str) -> Callable[[Mapping[str, Any]], Outcome] | None:
    """What reads an object of a format whose objects hold one record each, else None."""
    return _format(format_name).read


def _format(name: str) -> Format:
    """Tables have the fields of our own records."""
    return _JSON_FORMATS.get(name, _JSON_FORMATS["jsonl"])


def detect_format(path: Path) -> str:
    """Returns the format that the first recognisable piece of a file is in; names play no part.

    A file without any record is as good as an empty file of JSON lines.

    Raises:
        UnknownFormatError: Nothing in the first `DETECTION_UNITS` pieces is recognisable.
        UnreadableFileError: The file cannot be opened.
    """
    if _head(path).startswith(b"PAR1"):
        return "parquet"
    seen: Counter[str] = Counter()
    for unit in islice(read_units(path, "jsonl"), DETECTION_UNITS):
        name = _recognise(unit, is_first=not seen)
        if name:
            return name
        record = to_record(unit)
        seen[record.reason if isinstance(record, Flaw) else "unknown_object"] += 1
    if seen:
        raise _unknown(path, seen)
    return "jsonl"


def _recognise(unit: Unit, *, is_first: bool) -> str | None:
    record = to_record(unit)
    if isinstance(record, Flaw):
        return "csv" if is_first and _is_csv_header(unit.value) else None
    return next((name for name, one in _JSON_FORMATS.items() if one.recognises(record)), None)


def _is_csv_header(line: object) -> bool:
    if not isinstance(line, bytes):
        return False
    try:
        names = column_names(next(csv.reader([line.decode("utf-8", "replace")])))
    except csv.Error:
        return False
    return "id" in names and ("text" in names or "deleted" in names)


def _unknown(path: Path, seen: Counter[str]) -> UnknownFormatError:
    reasons = ", ".join(f"{reason} {count}" for reason, count in seen.most_common(3))
    return UnknownFormatError(
        f"{path} is in none of the known formats ({reasons})",
        hint=f"Name it with --format ({', '.join(FORMATS[1:])}). JSON lines hold one object a "
        "line; a CSV file starts with its column names, separated by commas.",
    )
