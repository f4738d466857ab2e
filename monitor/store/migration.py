"""Brings the schema up to date, step by step, in one transaction; Alembic knows the steps."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, event

from monitor.errors import StoreError
from monitor.store.engine import Engine, known_revisions, sqlite_engine, writing

_STEPS = Path(__file__).parent / "migrations"
_AT_WORK = threading.Lock()  # Alembic keeps the environment it runs in a module global.


def upgrade(engine: Engine) -> None:
    """Runs the steps that a database lacks; safe when two processes start at once.

    Raises:
        StoreError: The database was written by a newer program, or a step failed (and was
            undone).
    """
    config = Config()
    config.set_main_option("script_location", str(_STEPS).replace("%", "%%"))
    with _AT_WORK, _foreign_keys_off(engine) as unchecked, writing(unchecked) as connection:
        _refuse_newer(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _refuse_newer(connection: Connection) -> None:
    unknown = set(MigrationContext.configure(connection).get_current_heads()) - known_revisions()
    if unknown:
        raise StoreError(
            f"the database is at revision {', '.join(sorted(unknown))}, newer than this program",
            hint="Update the program, or give it another database in MONITOR_DATABASE_URL.",
        )


@contextmanager
def _foreign_keys_off(engine: Engine) -> Iterator[Engine]:
    """SQLite changes a table by making it anew; its rows' dependants must survive that."""
    if engine.dialect.name != "sqlite":
        yield engine
        return
    unchecked = sqlite_engine(engine.url)
    event.listen(unchecked, "connect", _ignore_foreign_keys)
    try:
        yield unchecked
    finally:
        unchecked.dispose()


def _ignore_foreign_keys(dbapi_connection: Any, _record: Any) -> None:
    dbapi_connection.execute("PRAGMA foreign_keys=OFF").close()
