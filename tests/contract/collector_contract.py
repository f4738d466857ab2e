"""What every live collector must do: the means to try it, against a real server and a real store.

`test_collectors.py` says what is tried. A platform takes part by `worlds/<platform>.py`.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, select
from world import START, TERM, Draft, World

from collectors.errors import CollectorError
from collectors.post import Window
from monitor.pipeline.admission import Admission
from monitor.pipeline.collect import Collected, CollectStep
from monitor.post_ids import PostIds
from monitor.pseudonym import Pseudonyms
from monitor.store import pages as store_pages
from monitor.store.engine import open_engine
from monitor.store.queries import Queries
from monitor.store.rows import POSTS
from monitor.store.store import Store
from monitor.store.values import CoverageSpan
from monitor.topic import PORTABLE, Query, Target, Topic

PASSES = 10
"""After so many passes a source that only failed for a while must have caught up."""

PLATFORMS = sorted(
    module.name for module in pkgutil.iter_modules([str(Path(__file__).parent / "worlds")])
)


@contextmanager
def failing_for_a_while(failures: list[str] | None = None) -> Iterator[None]:
    """Lets a pass fail, as long as its error says that trying again can help."""
    try:
        yield
    except CollectorError as exc:
        if not exc.retryable:
            raise AssertionError(f"{exc!r} says that trying again is no use") from exc
        if failures is not None:
            failures.append(repr(exc))


class CrashError(Exception):
    """The program dies, as far as a test can do that to itself."""


def make_world(platform: str) -> World:
    """Starts a platform in miniature."""
    world: World = importlib.import_module(f"worlds.{platform}").make()
    return world


@dataclass
class Monitor:
    """The program as far as collecting goes: a world's collector, and a store of its own topic.

    Every pass uses a new collector, as a new process would.
    """

    world: World
    engine: Engine
    topic: str = field(default_factory=lambda: f"topic-{uuid4().hex}")
    _drafts: int = 0

    def publish(self, posts: int = 1, *, late: timedelta = timedelta(0)) -> list[str]:
        """Publishes posts a second apart, the first of them now (or late by so much)."""
        published = []
        for _ in range(posts):
            self._drafts += 1
            text = f"invented text {self._drafts} about the {TERM}"
            draft = Draft(text, self.world.clock() - late, f"author{self._drafts % 3}")
            published.append(self.world.publish(draft))
            self.world.clock.forward(seconds=1)
        return published

    def collect(
        self,
        *,
        pages: int | None = None,
        before_page: Callable[[int], None] = lambda _: None,
        window: Window | None = None,
        **settings: Any,
    ) -> Collected:
        """One pass.

        Args:
            pages: Leave the collector after so many pages.
            before_page: Called with each page's number before it is stored; may raise.
            window: A backfill of this time.
            settings: The collector's.
        """
        stored = 0

        def enough() -> bool:
            nonlocal stored
            stored += 1
            return stored == pages

        return self._step(before_page).collect(
            self.world.collector(**settings),
            window=window,
            should_stop=enough,
        )

    def catch_up(self, **settings: Any) -> Collected:
        """Passes until one comes to its end, a few minutes apart."""
        failures: list[str] = []
        for _ in range(PASSES):
            self.world.clock.forward(minutes=5)
            with failing_for_a_while(failures):
                return self.collect(**settings)
        raise AssertionError(f"{PASSES} passes failed: {failures}")

    def crash(self, how: str, page: int) -> None:
        """A pass that ends at a page, before, while or after it is stored."""
        crashes: dict[str, Callable[[int], object]] = {
            "before": lambda at: self._dying(at, self.collect),
            "while": lambda at: self._dying(at, self._collect_dying_in_transaction),
            "after": lambda at: self.collect(pages=at),
        }
        crashes[how](page)

    def _dying(self, page: int, collect: Callable[..., object]) -> None:
        def die(number: int) -> None:
            if number == page:
                raise CrashError

        with suppress(CrashError):
            collect(before_page=die)

    def _collect_dying_in_transaction(self, before_page: Callable[[int], None]) -> None:
        stored = 0
        save_checkpoint = store_pages.sources.save_checkpoint

        def save(*arguments: Any) -> None:
            nonlocal stored
            before_page(stored := stored + 1)
            save_checkpoint(*arguments)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store_pages.sources, "save_checkpoint", save)
            self.collect()

    def kill(self, page: int) -> int:
        """A pass in a process of its own that is killed while it stores a page.

        Returns:
            The signal that ended it, 0 where it came to its end before.
        """
        child = os.fork()
        if child == 0:
            run_and_exit(lambda: self._die_by_signal(page))
        _, status = os.waitpid(child, 0)
        assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0

    def _die_by_signal(self, page: int) -> None:
        self.engine = open_engine(self.engine.url.render_as_string(hide_password=False))

        def die(number: int) -> None:
            if number == page:
                os.kill(os.getpid(), signal.SIGKILL)

        self._collect_dying_in_transaction(die)

    def stored(self) -> set[str]:
        """Native ids of what is stored."""
        statement = select(POSTS.c.native_id).where(POSTS.c.topic == self.topic)
        with self.engine.connect() as connection:
            kept = list(connection.execute(statement).scalars())
        found = [PostIds(b"k" * 32).open(name) for name in kept]
        assert len(found) == len(set(found)), "a post is stored twice"
        return set(found)

    def coverage(self) -> list[CoverageSpan]:
        """What is said to be covered."""
        return Queries(self.engine).coverage(self.topic, *_bounds())

    def check(self) -> None:
        """What is stored is what is published."""
        self.check_deleted(set())

    def check_deleted(self, deleted: set[str]) -> None:
        """What is stored is what is published; deleted posts may stay if they go unnoticed."""
        published, stored = self.world.published(), self.stored()
        if not self.world.capabilities.sees_deletions:
            stored -= deleted
        assert stored == published, (
            f"{len(published - stored)} posts lost, {len(stored - published)} too many "
            f"of {len(published)}"
        )

    def _step(self, before_page: Callable[[int], None]) -> CollectStep:
        store = _WatchedStore(self.engine, before_page, clock=self.world.clock)
        admission = Admission(self._topic(), Pseudonyms(b"k" * 32), PostIds(b"k" * 32))
        return CollectStep(store, Queries(self.engine), admission, self.world.clock)

    def _topic(self) -> Topic:
        return Topic(
            name=self.topic,
            title="The contract's topic",
            timezone=ZoneInfo("UTC"),
            start=_bounds()[0].date(),
            end=_bounds()[1].date(),
            languages=("en",),
            targets=(Target(TERM, f"the {TERM}"),),
            queries={PORTABLE: Query((TERM,), {})},
        )


class _WatchedStore(Store):
    """A store that tells before a page is stored."""

    def __init__(
        self, engine: Engine, before_page: Callable[[int], None], **arguments: Any
    ) -> None:
        super().__init__(engine, **arguments)
        self._before_page = before_page
        self._pages = 0

    def save_page(self, *arguments: Any, **named: Any) -> Any:
        self._pages += 1
        self._before_page(self._pages)
        return super().save_page(*arguments, **named)


def run_and_exit(run: Callable[[], object]) -> None:
    """Leaves a forked child at once, so that nothing of pytest's runs twice."""
    try:
        run()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def _bounds() -> tuple[date, date]:
    return START - timedelta(days=7), START + timedelta(days=61)
