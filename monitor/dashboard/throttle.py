"""Slows down those who try passwords."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

_NAMES_PER_TRY = 10
"""How many times as many failures one address (or one name from everywhere) may collect."""
_MOST_KEYS = 10_000


class Throttle:
    """Counts failed logins of the last minutes, in this process's memory.

    A name is blocked for the address that failed with it; an address, or a name tried from
    everywhere, only after many more failures, so that nobody locks others out with a few.

    Args:
        attempts: Failures of one name from one address that are let pass.
        minutes: How long a failure counts.
        clock: Tells the time.
    """

    def __init__(self, attempts: int, minutes: float, clock: Callable[[], datetime]) -> None:
        self._attempts = attempts
        self._lasting = timedelta(minutes=minutes)
        self._clock = clock
        self._failures: dict[tuple[str, str], deque[datetime]] = {}
        self._lock = threading.Lock()

    def seconds_to_wait(self, name: str, address: str) -> int:
        """Returns how long a login has to wait, 0 where it may be tried."""
        with self._lock:
            waits = [self._wait(key, most) for key, most in self._keys(name, address).items()]
        return max(waits)

    def tried(self, name: str, address: str) -> None:
        """Counts a login as failed before its password is looked at: many may come at once."""
        with self._lock:
            if len(self._failures) > _MOST_KEYS:
                self._forget()
            for key in self._keys(name, address):
                self._failures.setdefault(key, deque()).append(self._clock())

    def succeeded(self, name: str, address: str) -> None:
        """Takes a try back, and forgets the failures of its name from its address."""
        with self._lock:
            for key in self._keys(name, address):
                if times := self._failures.get(key):
                    times.pop()
            self._failures.pop((name, address), None)

    def _keys(self, name: str, address: str) -> dict[tuple[str, str], int]:
        many = self._attempts * _NAMES_PER_TRY
        return {(name, address): self._attempts, ("", address): many, (name, ""): many}

    def _wait(self, key: tuple[str, str], most: int) -> int:
        failures = self._failures.get(key, deque())
        start = self._clock() - self._lasting
        while failures and failures[0] <= start:
            failures.popleft()
        if len(failures) < most:
            return 0
        return int((failures[-most] - start).total_seconds()) + 1

    def _forget(self) -> None:
        start = self._clock() - self._lasting
        self._failures = {
            key: times for key, times in self._failures.items() if times and times[-1] > start
        }
