"""Mastodon servers' streams, all of them at once, for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import Empty, Queue

from collectors.mastodon_harvest import Harvest
from collectors.mastodon_server import Event, Server

_TICK = 0.5
_WAITING = 200
"""So many events wait at most; then the streams do."""


@dataclass(frozen=True, slots=True)
class Live:
    """What is followed, and in which portions it is handed over.

    Attributes:
        linger: Seconds to follow it.
        page_seconds: After how long a page is closed.
        page_records: How much it holds at most.
        should_stop: Whether to stop soon.
    """

    servers: Sequence[Server]
    tags: Sequence[str]
    linger: float
    page_seconds: float
    page_records: int
    should_stop: Callable[[], bool]

    def harvests(self, read: Callable[[Event], Harvest]) -> Iterator[Harvest]:
        """Follows every hashtag on every server and yields what comes, a page at a time.

        Args:
            read: Makes what is to be kept out of an event.
        """
        events: Queue[Event] = Queue(_WAITING)
        stop = threading.Event()
        for server in self.servers:
            for tag in self.tags:
                arguments = (tag, events, stop)
                threading.Thread(target=server.follow, args=arguments, daemon=True).start()
        try:
            end = time.monotonic() + self.linger
            while time.monotonic() < end and not self.should_stop():
                harvest = self._gather(events, end, read)
                if harvest.size:
                    yield harvest
        finally:
            stop.set()

    def _gather(
        self, events: Queue[Event], end: float, read: Callable[[Event], Harvest]
    ) -> Harvest:
        """Takes events for a page: as many as it holds, or what comes in its time."""
        page_end = min(end, time.monotonic() + self.page_seconds)
        gathered = Harvest()
        while gathered.size < self.page_records and not self.should_stop():
            left = page_end - time.monotonic()
            if left <= 0:
                break
            try:
                event = events.get(timeout=min(_TICK, left))
            except Empty:
                continue
            gathered.add(read(event))
        return gathered
