"""Cuts a stream into bounded lines, and names what is wrong with a line or a file's rest."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from collectors.errors import UnreadableFileError
from collectors.opening import DamagedFileError

LINE_LIMIT = 8 * 1024 * 1024
"""Bytes of the longest line (characters of the longest array element) that is looked at."""

CHUNK = 64 * 1024
DAMAGE = (DamagedFileError, EOFError, zlib.error, gzip.BadGzipFile)
"""What reading a damaged or cut-off file raises."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a record cannot be a post: a fixed word, and a detail without text of the record."""

    reason: str
    detail: str = ""


class Unit(NamedTuple):
    """One piece of a file that holds a record or a page of records.

    Attributes:
        number: The line it starts on, or its position among the rows or elements, from 1.
        value: Raw JSON, an object already parsed, or why there is none.
    """

    number: int
    value: bytes | Mapping[str, Any] | Flaw


def raw_lines(stream: io.BufferedIOBase) -> Iterator[bytes | Flaw]:
    """Yields every line with its end; one over `LINE_LIMIT` is passed over without holding it.

    Files that were joined have byte order marks at later lines, too: they are taken off all.
    """
    while line := stream.readline(LINE_LIMIT + 1):
        if len(line) > LINE_LIMIT and not line.endswith(b"\n"):
            _skip_line(stream)
            yield Flaw("line_too_long", f"over {LINE_LIMIT} bytes")
        else:
            yield line.removeprefix(codecs.BOM_UTF8)


def _skip_line(stream: io.BufferedIOBase) -> None:
    while line := stream.readline(CHUNK):
        if line.endswith(b"\n"):
            return


def read_lines(stream: io.BufferedIOBase) -> Iterator[Unit]:
    """Yields the lines that are not blank."""
    for number, line in enumerate(raw_lines(stream), start=1):
        if isinstance(line, Flaw) or line.strip():
            yield Unit(number, line)


def until_damage(units: Iterator[Unit], path: Path) -> Iterator[Unit]:
    """Passes units on; where the file turns out cut off or damaged, ends with a flaw.

    Raises:
        UnreadableFileError: The disk failed.
    """
    number = 0
    try:
        for unit in units:
            number = unit.number
            yield unit
    except DAMAGE:
        yield Unit(number + 1, Flaw("truncated_file", "cut off or damaged from here on"))
    except OSError as exc:
        raise UnreadableFileError(
            f"reading {path} failed: {exc.strerror}", hint="Check the disk.", retryable=True
        ) from exc
