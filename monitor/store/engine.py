"""The connection to SQLite or PostgreSQL: transactions, errors, and the schema brought up to date.

Every writing transaction waits for its turn (`writing`), on both databases alike: SQLite knows
one writer anyway, and on PostgreSQL an advisory lock gives the same. So a transaction may read,
decide and write without another one coming between. Transactions are short.
"""

from __future__ import annotations

import importlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, inspect, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError

from monitor.errors import StoreError

__all__ = [
    "Engine",
    "claiming",
    "damaged",
    "insert_into",
    "known_revisions",
    "migrate",
    "older_revision",
    "open_engine",
    "reading",
    "sqlite_engine",
    "store_errors",
    "unstorable",
    "writing",
]

WAIT_SECONDS = 30
"""How long a transaction waits for its turn before it gives up."""

_LOCKED = "55P03"
"""PostgreSQL's code for a lock that is not to be had."""

_DAMAGED = ("malformed", "not a database")
"""What SQLite says of a file whose pages are not what they should be."""

_POSTGRES_OPTIONS = (
    f"-c lock_timeout={WAIT_SECONDS}s -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5"
    " -c tcp_keepalives_count=3"
)
"""The server forgets a client whose machine fell silent, and frees what it had locked."""
_POSTGRES_SOCKET = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""The same for a server that fell silent (seconds, and milliseconds for what nobody confirms)."""
_ADVISORY_LOCK = 0x6D6F6E69746F72
_REVISIONS = Path(__file__).parent / "migrations/versions"


def open_engine(database_url: str) -> Engine:
    """Connects to the database and makes sure that it answers.

    Args:
        database_url: `sqlite:///path` (an absent file is created) or `postgresql://…`.

    Raises:
        StoreError: The address makes no sense, or nothing usable answers there.
    """
    url = _parse(database_url)
    engine = sqlite_engine(url) if url.get_backend_name() == "sqlite" else _postgres_engine(url)
    with reading(engine) as connection:
        connection.exec_driver_sql("SELECT 1")
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one state of the database from beginning to end."""
    with store_errors(engine), engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


@contextmanager
def claiming(engine: Engine) -> Iterator[Connection]:
    """A transaction that marks rows as its own and waits for no writer where it need not.

    On PostgreSQL it runs beside the writing one: it may lock single rows (`SKIP LOCKED`), never
    wait for any while it holds some. SQLite has one writer.
    """
    if engine.dialect.name == "sqlite":
        with writing(engine) as connection:
            yield connection
        return
    with store_errors(engine), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that is the only writing one; committed at the end, undone by an exception."""
    with store_errors(engine), engine.connect() as connection:
        connection.execution_options(monitor_writes=True)
        with connection.begin():
            yield connection


def reclaim(engine: Engine) -> None:
    """Gives back what removals have freed: no page of the files holds it any longer.

    SQLite has overwritten removed rows already (`secure_delete`), but not what was left behind
    when rows moved between pages: the file is written anew, and its log is emptied. PostgreSQL
    frees the rows that no transaction can see any more. Where others are at work, this is left
    to the next time.
    """
    driver: Any = engine.dialect.loaded_dbapi
    with store_errors(engine):
        borrowed = engine.raw_connection()
        try:
            connection: Any = borrowed.driver_connection
            if engine.dialect.name == "sqlite":
                _reclaim_file(connection)
            else:
                connection.autocommit = True
                connection.execute("VACUUM posts").close()
        except driver.OperationalError as exc:
            if not _is_lock(exc):
                raise
        finally:
            borrowed.invalidate()


def _reclaim_file(connection: Any) -> None:
    connection.execute("PRAGMA busy_timeout=1000").close()
    try:
        connection.execute("VACUUM").close()
    finally:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()


def _is_lock(exc: Any) -> bool:
    """Whether the driver says that others are at work."""
    if isinstance(exc, sqlite3.Error):
        return exc.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return bool(exc.sqlstate == _LOCKED)


def insert_into(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that knows `on_conflict_do_update`, which both databases spell the same."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def migrate(engine: Engine) -> None:
    """Brings the schema up to date; safe when two processes start at once.

    Raises:
        StoreError: The database was written by a newer program, or a step failed (and was
            undone).
    """
    with reading(engine) as connection:
        if _revision(connection) == max(known_revisions()):
            return
    # Alembic takes as long to load as all else that a command needs.
    importlib.import_module("monitor.store.migration").upgrade(engine)


def older_revision(engine: Engine) -> str | None:
    """The revision that `migrate` would go on from; None for a new database or an empty one.

    None, too, for one of a newer program, which `migrate` refuses.
    """
    with reading(engine) as connection:
        revision = _revision(connection)
    return revision if revision in known_revisions() - {max(known_revisions())} else None


def known_revisions() -> frozenset[str]:
    """The revisions of the schema that this program can go on from; their files begin with them."""
    return frozenset(path.name[:4] for path in _REVISIONS.glob("[0-9]*.py"))


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)


def _parse(database_url: str) -> URL:
    hint = "Set MONITOR_DATABASE_URL to sqlite:///path/to/file.db or postgresql://user@host/name."
    try:
        database_url.encode()  # A path need not be UTF-8, an address has to be.
        url = make_url(database_url)
    except (ArgumentError, ValueError) as exc:
        raise StoreError("the database address cannot be read", hint=hint) from exc
    if url.drivername in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername == "sqlite" and "?" in database_url:
        raise StoreError(
            "an SQLite address takes no options, and this one has a question mark",
            hint="Use sqlite:///path/to/file.db; a ? in the path is written %3F.",
        )
    if url.drivername in ("postgresql+psycopg", "sqlite"):
        return url
    raise StoreError(f"databases of the kind {url.drivername!r} are not supported", hint=hint)


def sqlite_engine(url: URL) -> Engine:
    """An engine for a file, its folder made; nothing is opened yet."""
    if not url.database or url.database == ":memory:":
        raise StoreError(
            "the database address names no file", hint="Use sqlite:///path/to/file.db."
        )
    try:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise StoreError(
            f"the folder of {url.database} cannot be created: {exc.strerror}",
            hint="Choose another place in MONITOR_DATABASE_URL or MONITOR_HOME.",
        ) from exc
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": WAIT_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgres_engine(url: URL) -> Engine:
    socket = {name: value for name, value in _POSTGRES_SOCKET.items() if name not in url.query}
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 10, "options": _POSTGRES_OPTIONS, **socket},
    )
    event.listen(engine, "begin", _begin_postgres)
    return engine


def _prepare_sqlite(dbapi_connection: Any, _record: Any) -> None:
    dbapi_connection.isolation_level = None  # Transactions begin where we say so.
    _write_ahead(dbapi_connection)
    for pragma in (
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "secure_delete=ON",
        "cache_size=-65536",  # KiB at most. Indexes outgrow the usual 2 MiB, an import 20 times.
        "journal_size_limit=0",  # The log must not keep a removed text for long either.
    ):
        dbapi_connection.execute(f"PRAGMA {pragma}").close()


def _write_ahead(connection: Any) -> None:
    """Gives a new file its write-ahead log, waiting for others who are about to as well.

    Each of two who have begun waits for the other to let go of the file. SQLite sees that and
    refuses one at once, whatever time it was given (https://sqlite.org/c3ref/busy_handler.html).
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
            return
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("monitor_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgres(connection: Connection) -> None:
    if connection.get_execution_options().get("monitor_writes"):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")


@contextmanager
def store_errors(engine: Engine) -> Iterator[None]:
    """Turns the database's errors into ours; a message never holds what was being stored."""
    # A password may stand in the query too, as libpq reads it.
    where = engine.url.set(query={}).render_as_string(hide_password=True)
    driver: Any = engine.dialect.loaded_dbapi  # Its own errors come from COPY and raw connections.
    try:
        yield
    except (OperationalError, driver.OperationalError) as exc:
        raise StoreError(
            f"the database {where} does not answer as it should: {_first_line(exc)}",
            hint="See that it runs, is reachable, and that its disk has room; then try again.",
            retryable=True,
        ) from exc
    except UnicodeEncodeError:
        raise unstorable("a value") from None  # Its message would hold the text.
    except (DBAPIError, driver.Error) as exc:
        if any(word in _first_line(exc) for word in _DAMAGED):
            raise damaged(engine.url.database or where, _first_line(exc)) from exc
        raise StoreError(
            f"the database {where} refused a statement ({type(_origin(exc)).__name__})",
            hint="Run `monitor doctor`; is this a database of this program?",
        ) from exc
    except SQLAlchemyError as exc:
        raise StoreError(
            f"the database {where} cannot be used ({type(exc).__name__})",
            hint="Run `monitor doctor`.",
            retryable=True,
        ) from exc


def damaged(place: str, how: str) -> StoreError:
    """The error for a file that SQLite finds broken; trying again does not mend it."""
    return StoreError(
        f"the database file {place} is damaged: {how}",
        hint="Take the last good backup: docs/operations.md, “The database file is damaged”.",
    )


def unstorable(what: str) -> StoreError:
    """The error for characters that a database cannot hold."""
    return StoreError(
        f"{what} holds a NUL character or half a surrogate pair, which cannot be stored",
        hint="The collector should have rejected it; report which source it came from.",
    )


def _first_line(exc: Exception) -> str:
    return str(_origin(exc)).strip().partition("\n")[0]


def _origin(exc: Exception) -> BaseException | None:
    """The driver's error, whether SQLAlchemy has wrapped it or not."""
    return exc.orig if isinstance(exc, DBAPIError) else exc
