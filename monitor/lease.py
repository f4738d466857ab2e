"""Who of several daemons on one database may work: a lease that must be renewed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from monitor.errors import StandbyError, StoreError
from monitor.holder import holder_name, is_dead
from monitor.store.store import Store

DAEMON = "daemon"


class DaemonLease:
    """The right to run jobs, taken from the database for some seconds at a time."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        seconds: float,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._clock = clock
        self._seconds = seconds
        self._monotonic = monotonic
        self._holder = holder_name()
        self._renewed = 0.0

    def acquire(self) -> bool:
        """Takes the lease when it is free, has run out, or its holder died on this machine."""
        if self._take():
            return True
        current = self._store.lease(DAEMON)
        if current is not None and is_dead(current.holder):
            self._store.break_lease(DAEMON, current.holder)
            return self._take()
        return False

    def keep(self) -> None:
        """Renews the lease when a third of its time has passed.

        Raises:
            StandbyError: Another daemon has taken over, or the database could not be reached
                for as long as the lease lasts: jobs may run twice if this process goes on.
        """
        elapsed = self._monotonic() - self._renewed
        if elapsed < self._seconds / 3:
            return
        try:
            taken = self._take()
        except StoreError as error:
            if elapsed < self._seconds:
                return
            raise StandbyError(
                f"the lease could not be renewed for {elapsed:.0f} s: {error}",
                hint="start the daemon again once the database answers",
                retryable=True,
            ) from error
        if not taken:
            raise StandbyError(
                "another daemon has taken the lease over",
                hint="was this process paused, or the clock changed? Start it again as standby",
                retryable=True,
            )

    def release(self) -> None:
        """Gives the lease back, so that a standby can take over at once."""
        self._store.release_lease(DAEMON, self._holder)

    def _take(self) -> bool:
        before = self._monotonic()
        taken = self._store.acquire_lease(DAEMON, self._holder, self._clock(), self._seconds)
        if taken:
            self._renewed = before
        return taken
