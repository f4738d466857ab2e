"""A folder for half-done work that nobody else touches, gone when the work ends."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor.errors import MonitorError


@contextmanager
def staging(folder: Path, work: str) -> Iterator[Path]:
    """Makes an empty folder, readable by its owner, for the time of a `with` block.

    What a killed process left there is removed. The lock is the kernel's and ends with the
    process, however that ends.

    Raises:
        MonitorError: The same work is being done already, or the folder cannot be made.
    """
    place = folder / f".{work}"
    with _disk_errors(place):
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(place, os.O_RDONLY)
    try:
        if not is_free(handle):
            raise MonitorError(
                f"another {work} is at work in {folder}", hint="wait for it to end, then try again"
            )
        try:
            with _disk_errors(place):
                _empty(place)
                yield place
        finally:
            # While others may still wait for the lock, the folder itself stays.
            _empty(place)
    finally:
        os.close(handle)


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """A hidden file beside `path` to write to; the block renames it when it is whole.

    A draft that is left is removed; so are those of earlier processes that were killed.

    Raises:
        MonitorError: It cannot be written.
    """
    with _disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_left(path.parent)
        draft = path.with_name(f".{path.name}.partial")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            is_free(handle)
            yield draft
        finally:
            draft.unlink(missing_ok=True)
            os.close(handle)


def is_free(handle: int) -> bool:
    """Takes the lock of an open file, and says whether it was free."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove_left(folder: Path) -> None:
    for path in folder.glob(".monitor-*.partial"):
        handle = os.open(path, os.O_RDONLY)
        try:
            if is_free(handle):
                path.unlink(missing_ok=True)
        finally:
            os.close(handle)


def _empty(place: Path) -> None:
    for path in place.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def _disk_errors(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise MonitorError(
            f"{exc.filename or place} cannot be used: {exc.strerror or type(exc).__name__}",
            hint="see that the disk has room and that this user may read and write there; "
            "then try again",
            retryable=True,
        ) from exc
