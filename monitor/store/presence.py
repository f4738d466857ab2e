"""Proof of life: on PostgreSQL a worker holds an advisory lock for as long as it lives.

The lock belongs to a connection, and the server frees it when the connection ends: at once where
a process was killed, after its keep-alives (25 s) where a machine or a network fell silent. So
what a dead worker held can be given to others without waiting for its time to run out, and
without comparing clocks. On SQLite all workers are of one machine, and its processes tell.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Engine, event, func, select

from monitor.errors import StoreError
from monitor.holder import is_dead
from monitor.store.engine import store_errors


def gone(connection: Connection, holders: Iterable[str]) -> set[str]:
    """Tells which holders are known to live no more; they were announced by `Presence`."""
    if connection.dialect.name == "sqlite":
        return {holder for holder in holders if is_dead(holder)}
    # Taken for the length of the transaction alone: nobody has it, so its owner is gone.
    return {
        holder
        for holder in holders
        if connection.execute(select(func.pg_try_advisory_xact_lock(_key(holder)))).scalar_one()
    }


class Presence:
    """Holds the locks of this process's holders on a connection of their own.

    Args:
        engine: The database; SQLite needs nothing of this.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._held: set[str] = set()
        self._session: Any = None
        event.listen(engine, "engine_disposed", lambda _engine: self.close())

    def announce(self, holder: str) -> None:
        """Makes sure that others see this holder alive, after a lost connection too.

        Raises:
            StoreError: The database does not answer.
        """
        if self._engine.dialect.name == "sqlite":
            return
        with self._lock, store_errors(self._engine):
            if not self._is_connected():
                self._connect()
            if holder not in self._held:
                self._hold(holder)

    def withdraw(self, holder: str) -> None:
        """Lets go of a holder's lock; a lost connection has done so already.

        Raises:
            StoreError: The connection ended just now.
        """
        with self._lock, store_errors(self._engine):
            if holder in self._held and self._is_connected():
                self._session.execute("SELECT pg_advisory_unlock(%s)", (_key(holder),))
            self._held.discard(holder)

    def close(self) -> None:
        """Ends the connection, and with it every lock."""
        if self._session is not None:
            self._session.close()
        self._session = None
        self._held.clear()

    def _is_connected(self) -> bool:
        if self._session is None or self._session.closed:
            return False
        try:
            self._session.execute("SELECT 1")
        except self._driver.Error:
            return False
        return True

    @property
    def _driver(self) -> Any:
        return self._engine.dialect.loaded_dbapi

    def _connect(self) -> None:
        """A new connection, on which every holder is announced again."""
        announced = set(self._held)
        self.close()
        borrowed = self._engine.raw_connection()
        self._session = borrowed.driver_connection
        borrowed.detach()  # It is ours alone, and stays open.
        self._session.rollback()
        self._session.autocommit = True
        for holder in announced:
            self._hold(holder)

    def _hold(self, holder: str) -> None:
        try:
            self._session.execute("SELECT pg_try_advisory_lock(%s)", (_key(holder),))
        except self._driver.Error as exc:
            raise StoreError(
                f"the database closed a connection just made ({type(exc).__name__})",
                hint="It may be starting or stopping; try again.",
                retryable=True,
            ) from exc
        self._held.add(holder)


def _key(holder: str) -> int:
    digest = blake2b(f"holder:{holder}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
