"""What a live collector needs of its surroundings, and what it has handed over so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from collectors.post import Checkpoint, Coverage, Deletion, Page, Post, Window
from collectors.source import Query, Source, Surroundings

START = datetime(2020, 6, 1, 12, tzinfo=UTC)
WINDOW = Window(START - timedelta(days=7), START + timedelta(days=60))


@dataclass
class Clock:
    """A time that sleeping moves on."""

    now: datetime = START
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **duration: float) -> None:
        self.now += timedelta(**duration)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.forward(seconds=seconds)


def surroundings(
    clock: Clock,
    settings: Mapping[str, Any],
    secrets: Mapping[str, str] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Surroundings:
    return Surroundings(
        settings=settings,
        secret=dict(secrets or {}).get,
        now=clock,
        sleep=clock.sleep,
        should_stop=should_stop,
        reads=lambda: 0,
    )


@dataclass
class Visit:
    """Passes over a source, each going on where the last one ended; a store in a few lines.

    Attributes:
        posts: What is stored, by id: the highest revision of each.
        removed: What was to be removed, posts and authors.
        withdrawn: The latest edits that took posts out of what was asked for.
    """

    source: Source
    clock: Clock
    settings: Mapping[str, Any]
    terms: tuple[str, ...] = ("walkout",)
    options: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    checkpoint: Checkpoint | None = None
    posts: dict[str, Post] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    withdrawn: dict[str, int] = field(default_factory=dict)
    coverage: list[Coverage] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    stopping: bool = False

    @property
    def surroundings(self) -> Surroundings:
        return surroundings(
            self.clock,
            {**self.source.defaults(), **self.settings},
            self.secrets,
            lambda: self.stopping,
        )

    def run(self, window: Window = WINDOW, **settings: Any) -> Visit:
        """One pass, a second later."""
        self.clock.forward(seconds=1)
        self.settings = {**self.settings, **settings}
        query = Query("topic", "A topic", self.terms, self.options, ("en",))
        collector = self.source.make(query, self.surroundings)
        for page in collector.fetch(self.checkpoint, window):
            self.take(page)
            self.checkpoint = page.checkpoint
        return self

    def check(self) -> Visit:
        """Asks what became of what is stored."""
        assert self.source.checker is not None
        for page in self.source.checker(self.surroundings).check(list(self.posts)):
            self.take(page)
        return self

    def take(self, page: Page) -> None:
        """Stores a page."""
        self.pages.append(page)
        self.coverage += page.coverage
        for deletion in page.deletions:
            self._remove(deletion)
        for post in page.posts:
            before = self.posts.get(post.native_id)
            withdrawn = self.withdrawn.get(post.native_id, -1)
            if not self.removed & {post.native_id, post.author} and post.revision > max(
                withdrawn, -1 if before is None else before.revision
            ):
                self.posts[post.native_id] = post

    def _remove(self, deletion: Deletion) -> None:
        if deletion.is_revoked:
            self.removed.discard(str(deletion.author))
            return
        if deletion.revision is not None:
            self._withdraw(str(deletion.native_id), deletion.revision)
            return
        self.removed |= {name for name in (deletion.native_id, deletion.author) if name}
        for name, post in list(self.posts.items()):
            if name == deletion.native_id or (deletion.author and post.author == deletion.author):
                del self.posts[name]
                self.removed.add(name)

    def _withdraw(self, name: str, revision: int) -> None:
        self.withdrawn[name] = max(revision, self.withdrawn.get(name, -1))
        if name in self.posts and self.posts[name].revision <= revision:
            del self.posts[name]

    @property
    def texts(self) -> list[str]:
        return sorted(post.text for post in self.posts.values())

    @property
    def rejected(self) -> list[str]:
        return [one.reason for page in self.pages for one in page.rejections]

    def covered(self, status: str) -> list[Coverage]:
        return [one for one in self.coverage if one.status == status]
