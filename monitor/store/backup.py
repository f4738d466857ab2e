"""A copy of an SQLite database while others write to it, and whether a file is a sound one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from monitor.errors import StoreError, UsageError
from monitor.store.engine import damaged, known_revisions

_SHOWN_FAULTS = 3


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What is in a database.

    Attributes:
        revision: Of its schema.
        rows: Of each table.
    """

    revision: str
    rows: Mapping[str, int]


def database_file(database_url: str) -> Path:
    """The file of an SQLite database.

    Raises:
        UsageError: It is a server's.
    """
    try:
        url = make_url(database_url)
    except (ArgumentError, ValueError) as exc:
        raise UsageError(
            "the database address cannot be read", hint="see MONITOR_DATABASE_URL"
        ) from exc
    if url.get_backend_name() != "sqlite" or not url.database:
        raise UsageError(
            f"backup and restore copy SQLite files; this database is on {url.get_backend_name()}",
            hint="PostgreSQL has its own tools, pg_dump and pg_basebackup: docs/operations.md",
        )
    return Path(url.database)


def copy_database(source: Path, to: Path) -> DatabaseState:
    """Copies a database by SQLite's online backup, which keeps neither readers nor writers out.

    The copy is one state of the database, and is examined before this returns.

    Raises:
        StoreError: The database cannot be read, its copy cannot be written, or it is damaged.
    """
    if not source.is_file():
        raise StoreError(
            f"there is no database at {source}", hint="see MONITOR_HOME and MONITOR_DATABASE_URL"
        )
    with (
        _sqlite_errors(source),
        closing(_connect(source)) as database,
        closing(sqlite3.connect(to)) as copy,
    ):
        to.chmod(0o600)
        database.backup(copy)
        # Without a log beside it, the copy is one file.
        copy.execute("PRAGMA journal_mode=DELETE").close()
    return examine(to)


def examine(path: Path) -> DatabaseState:
    """Reads a database from end to end.

    Raises:
        StoreError: It is none of this program's, damaged, or newer than the program.
    """
    with _sqlite_errors(path), closing(_connect(path)) as database:
        faults = [row[0] for row in database.execute("PRAGMA integrity_check") if row[0] != "ok"]
        faults += [f"{row[0]}: a row without its parent" for row in _orphans(database)]
        if faults:
            raise damaged(str(path), "; ".join(faults[:_SHOWN_FAULTS]).replace("\n", " "))
        return DatabaseState(_revision(path, database), _rows(database))


def quick_check(path: Path) -> None:
    """Reads every page of a database once.

    Raises:
        StoreError: One of them is damaged.
    """
    with _sqlite_errors(path), closing(_connect(path)) as database:
        [found] = database.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise damaged(str(path), found.replace("\n", " "))


def _connect(path: Path) -> sqlite3.Connection:
    """Opens a file that must be there; nothing is written."""
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=30)


def _orphans(database: sqlite3.Connection) -> Iterator[tuple[str]]:
    return iter(database.execute("PRAGMA foreign_key_check"))


def _revision(path: Path, database: sqlite3.Connection) -> str:
    found = [row[0] for row in database.execute("SELECT version_num FROM alembic_version")]
    if len(found) != 1 or found[0] not in known_revisions():
        raise StoreError(
            f"{path} is at revision {', '.join(map(str, found)) or 'none'}, which this program "
            "does not know",
            hint="use the program that wrote it, or a newer one",
        )
    return str(found[0])


def _rows(database: sqlite3.Connection) -> dict[str, int]:
    names = database.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        " ORDER BY name"
    ).fetchall()
    count = 'SELECT count(*) FROM "{}"'
    return {
        name: database.execute(count.format(name.replace('"', '""'))).fetchone()[0]
        for (name,) in names
    }


@contextmanager
def _sqlite_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as exc:
        raise StoreError(
            f"the database file {path} cannot be copied or read: {exc}",
            hint="See that it is there, may be read, and that the disk has room; then try again.",
            retryable=True,
        ) from exc
    except sqlite3.DatabaseError as exc:
        raise damaged(str(path), str(exc)) from exc
