"""Where a command's result goes: a file, or standard out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from monitor.errors import MonitorError


def write(content: bytes, output: Path | None) -> None:
    """Writes to a file, or prints.

    Raises:
        MonitorError: The file cannot be written.
    """
    with opened(output) as sink:
        put(content, sink, output)


@contextmanager
def opened(output: Path | None) -> Iterator[IO[bytes]]:
    """Opens a file to write to; None is standard out.

    Raises:
        MonitorError: The file cannot be written.
    """
    if output is None:
        yield sys.stdout.buffer
        return
    with _disk_errors(output):
        file = output.open("wb")
    try:
        yield file
    finally:
        with _disk_errors(output):  # Closing writes what could not be written before.
            file.close()


def put(content: bytes, sink: IO[bytes], output: Path | None) -> None:
    """Writes a part at once into what `opened` gave for `output`.

    Raises:
        MonitorError: The file cannot be written.
    """
    with _disk_errors(output):
        sink.write(content)
        sink.flush()


@contextmanager
def _disk_errors(output: Path | None) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        if output is None:
            raise
        raise MonitorError(
            f"{output} cannot be written: {exc.strerror}",
            hint="name a file in a folder that is there, where this user may write and the disk "
            "has room",
        ) from exc
