"""What a platform's world must offer to the suite in `collector_contract.py`.

`tests/contract/worlds/<platform>.py` holds a class that has all of `World` and a function
`make() -> World` that starts its server on loopback. The suite finds it there by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from collectors.errors import StoppedError
from collectors.post import Collector
from collectors.source import Query, Surroundings

TERM = "walkout"
"""Every text that the suite publishes holds this word, and every world's query asks for it."""

START = datetime(2020, 6, 1, 12, tzinfo=UTC)
"""When a world begins; the suite's window lasts from a week before to two months after."""

FAILURES = frozenset(
    {
        "error_500",  # 500 with any body
        "error_503",
        "rate_limited",  # 429 with Retry-After: 7
        "hang_up",  # the connection closes in the middle of the body or stream
        "reset",  # it closes without a word
        "malformed",  # 200, the right type, no JSON (XML)
        "error_under_200",  # 200, the right type, an error in place of the data
        "wrong_type",  # 200 with an HTML page
        "gzip_bomb",
        "redirect_loop",
    }
)
"""What `fail_next` may be asked for: a world names those that it can play."""

QUIRKS = frozenset(
    {
        # Harmless: a pass collects everything all the same.
        "empty_page",  # an empty page with a next page
        "shrunk_page",  # a page with fewer records than asked for, and a next page
        "no_last_page",  # the last page has a next page, which is empty (and has one again)
        "repeated_records",  # records come on two pages, or twice on one
        # Harmful: a pass must end all the same, and the next one after it makes up for it.
        "repeat_page",  # every cursor leads to the same page, for ever
        "cursor_back",  # a page's cursor leads back to an earlier page
    }
)
"""What `quirk` may be asked for; it lasts until `quirk(None)`."""


@dataclass
class WorldClock:
    """The time in a world; sleeping moves it on."""

    now: datetime = START
    slept: list[float] = field(default_factory=list)
    stopping: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **duration: float) -> None:
        with self._lock:
            self.now += timedelta(**duration)

    def sleep(self, seconds: float) -> None:
        """As `Surroundings.sleep`: takes no real time."""
        if self.stopping:
            raise StoppedError("asked to stop")
        self.slept.append(seconds)
        self.forward(seconds=seconds)


@dataclass(frozen=True)
class Draft:
    """A post to be published.

    Attributes:
        created_at: May lie before that of posts published earlier (a late post), by no more
            than the world's `lateness`.
    """

    text: str
    created_at: datetime
    author: str = "ann"


@dataclass(frozen=True)
class Capabilities:
    """What a world can play, and what its platform's collector can see.

    Attributes:
        failures: Those of `FAILURES` that `fail_next` can play.
        quirks: Those of `QUIRKS` that `quirk` can play.
        sees_deletions: Whether a pass learns of deletions. If not, a deleted post may stay
            stored, or never come.
        lateness: How late a post may appear and still be collected by the next pass.
        page_posts: How many posts the server (or the collector) puts on a page; keep it small
            (3 or so), so that few posts make many pages.
    """

    failures: frozenset[str] = frozenset()
    quirks: frozenset[str] = frozenset()
    sees_deletions: bool = False
    lateness: timedelta = timedelta(0)
    page_posts: int = 3


class World(Protocol):
    """A platform in miniature: a real server on loopback that posts can be published on."""

    platform: str
    capabilities: Capabilities
    clock: WorldClock

    def publish(self, draft: Draft) -> str:
        """Publishes a post; returns the native id that a collector must hand it over by."""
        ...

    def delete(self, native_id: str) -> None:
        """Deletes a published post."""
        ...

    def published(self) -> set[str]:
        """Native ids of what must be stored after a whole pass: published and not deleted."""
        ...

    def fail_next(self, kind: str, times: int = 1) -> None:
        """Makes the next requests (or the stream) fail in one of the ways of `FAILURES`."""
        ...

    def quirk(self, kind: str | None) -> None:
        """Makes the server page in one of the ways of `QUIRKS`; None mends it."""
        ...

    def restart(self) -> None:
        """Kills the server in the middle of whatever it does, and starts it on the same port."""
        ...

    def collector(self, **settings: Any) -> Collector:
        """A new collector, as `Source.make` gives it for this server.

        Asks for `TERM`; `settings` go over the world's own. A stream's `linger` must be short.
        """
        ...

    def close(self) -> None:
        """Stops the server."""
        ...


def surroundings(
    clock: WorldClock,
    settings: Mapping[str, Any],
    *,
    secrets: Mapping[str, str] | None = None,
    reads: Callable[[], int] = lambda: 0,
) -> Surroundings:
    """What a collector in a world gets from outside."""
    return Surroundings(
        settings=settings,
        secret=dict(secrets or {}).get,
        now=clock,
        sleep=clock.sleep,
        should_stop=lambda: clock.stopping,
        reads=reads,
    )


def query(**options: Any) -> Query:
    """What a world's collector is asked for."""
    return Query("contract", "The contract's topic", (TERM,), options, ("en",))
