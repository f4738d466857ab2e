"""Reads X's local server as the pipeline would, and remembers what came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from servers.x import TOKEN, X

from collectors.errors import StoppedError
from collectors.post import Checkpoint, Coverage, Deletion, Page, Post, Rejection, Window
from collectors.source import Query, Surroundings
from collectors.x import XCollector, make_checker

START = datetime(2026, 9, 1, 12, tzinfo=UTC)
WINDOW = Window(START - timedelta(days=20), START + timedelta(days=40))
QUERY = Query("harbour", "The harbour strike", ("walkout",), {}, ("en",))


@dataclass
class Clock:
    """The time; sleeping moves it on."""

    now: datetime = START
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **duration: float) -> None:
        self.now += timedelta(**duration)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.forward(seconds=seconds)


@dataclass
class Visitor:
    """A topic's side: checkpoint and stored posts, kept as the store would.

    Attributes:
        settings: `[sources.x]`, besides the address and the approval.
        posts: By native id, the highest revision.
        reads: Billed so far.
        stop: Whether the run is asked to stop.
    """

    site: X
    clock: Clock
    settings: dict[str, Any] = field(default_factory=dict)
    query: Query = QUERY
    window: Window = WINDOW
    secrets: dict[str, str] = field(default_factory=lambda: {"bearer_token": TOKEN})
    checkpoint: Checkpoint | None = None
    posts: dict[str, Post] = field(default_factory=dict)
    rejections: list[Rejection] = field(default_factory=list)
    deletions: list[Deletion] = field(default_factory=list)
    coverage: list[Coverage] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    reads: int = 0
    stop: bool = False

    def publish(self, posts: int = 1, text: str = "the walkout", **more: Any) -> list[str]:
        """Publishes posts a second apart."""
        ids = []
        for number in range(posts):
            ids.append(self.site.posts.add(f"{text} {number}", self.clock(), **more))
            self.clock.forward(seconds=1)
        return ids

    def surroundings(self) -> Surroundings:
        own = {"approval_reference": "X-1", "base_url": self.site.url, **self.settings}
        return Surroundings(
            settings=own,
            secret=self.secrets.get,
            now=self.clock,
            sleep=self._sleep,
            should_stop=lambda: self.stop,
            reads=lambda: self.reads,
        )

    def _sleep(self, seconds: float) -> None:
        if self.stop:
            raise StoppedError("asked to stop")
        self.clock.sleep(seconds)

    def collect(self, *, pages: int | None = None, window: Window | None = None) -> list[Page]:
        """A run; `window` makes it a backfill. Every page is stored before the next is asked."""
        since = None if window else self.checkpoint
        collector = XCollector(self.query, self.surroundings())
        came: list[Page] = []
        for page in collector.fetch(since, window or self.window):
            came.append(page)
            self.take(page)
            if window is None:
                self.checkpoint = page.checkpoint
            if len(came) == pages:
                break
        return came

    def check(self, native_ids: Sequence[str]) -> list[Page]:
        """Asks what became of posts."""
        pages = []
        for page in make_checker(self.surroundings()).check(native_ids):
            self.take(page)
            pages.append(page)
        return pages

    def take(self, page: Page) -> None:
        self.pages.append(page)
        self.reads += page.reads
        for post in page.posts:
            known = self.posts.get(post.native_id)
            if known is None or post.revision >= known.revision:
                self.posts[post.native_id] = post
        for deletion in page.deletions:
            self.posts.pop(str(deletion.native_id), None)
        self.rejections += page.rejections
        self.deletions += page.deletions
        self.coverage += page.coverage

    def again(self, **settings: Any) -> Visitor:
        """The same with other settings."""
        return replace(self, settings={**self.settings, **settings})
