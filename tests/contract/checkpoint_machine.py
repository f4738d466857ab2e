"""A platform, a collector and a program that dies, in every order: the machine of the contract.

The platform is a log of what happened on it. The collector hands the log over page by page, going
back a little each time. What is stored must at every moment be what the log says up to where pages
were committed, whatever came in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import Engine, select

from collectors.post import Checkpoint, Coverage, Deletion, Page, Post, Window
from monitor.pipeline.admission import Admission
from monitor.pipeline.collect import CollectStep
from monitor.post_ids import PostIds
from monitor.pseudonym import Pseudonyms
from monitor.store import pages as store_pages
from monitor.store.engine import reading
from monitor.store.queries import Queries
from monitor.store.rows import POSTS, UNSCORED
from monitor.store.store import Store
from monitor.topic import PORTABLE, Query, Target, Topic

START = datetime(2020, 6, 1, tzinfo=UTC)
VERSION, QUESTIONS, LANGUAGES = "v1", [("sentiment", "")], ["en"]
Step = Literal["arrive", "edit", "delete", "die before", "die while", "die after", "stop", "back"]
STEPS: tuple[Step, ...] = (
    "arrive",
    "arrive",
    "edit",
    "delete",
    "die before",
    "die while",
    "die after",
    "stop",
    "back",
)


class DeathError(Exception):
    """The program dies."""


@dataclass(frozen=True)
class Event:
    """Something that happened: a post (or a later revision of it), or its end, or its author's."""

    post: Post | None = None
    deletion: Deletion | None = None


@dataclass
class Platform:
    """What happened, in order, a second apart."""

    log: list[Event] = field(default_factory=list)
    posts: int = 0

    def publish(self, author: int, repost_of: int | None) -> None:
        """Adds a post, or a repost of an earlier one."""
        self.posts += 1
        reference = None if repost_of is None else str(repost_of % self.posts)
        kind: Any = "original" if reference is None else "repost"
        self._add(str(self.posts), f"author{author}", kind, reference, 0)

    def edit(self, chosen: int) -> None:
        """Adds a later revision of an original post that is there."""
        there = [post for post in present(self.log).values() if post.kind == "original"]
        if there:
            post = there[chosen % len(there)]
            self._add(post.native_id, post.author or "", post.kind, None, post.revision + 1)

    def delete(self, chosen: int, *, author: bool) -> None:
        """Ends a post, or an account with all its posts."""
        there = list(present(self.log).values())
        if there:
            post = there[chosen % len(there)]
            gone = {"author": post.author} if author else {"native_id": post.native_id}
            self.log.append(Event(deletion=Deletion("mill", **gone)))

    def _add(self, name: str, author: str, kind: Any, reference: str | None, n: int) -> None:
        created = START + timedelta(seconds=int(name))
        text = f"invented text {name}, revision {n}"
        self.log.append(
            Event(Post("mill", name, created, text, "en", author, None, kind, reference, n))
        )


def present(log: list[Event]) -> dict[str, Post]:
    """What a log leaves in place: the last revisions, without what was removed at any time."""
    removed = {event.deletion.native_id for event in log if event.deletion} - {None}
    authors = {event.deletion.author for event in log if event.deletion} - {None}
    posts = {event.post.native_id: event.post for event in log if event.post}
    gone = {name for name, post in posts.items() if name in removed or post.author in authors}
    return {
        name: post
        for name, post in posts.items()
        if name not in gone and post.reference not in gone | removed
    }


@dataclass
class LogCollector:
    """Reads the log on from the checkpoint, and a little before it.

    Attributes:
        between: Called before each page with its number; what it does, the next page may hold.
    """

    platform: Platform
    page_events: int
    overlap: int
    between: Callable[[int], Step | None]
    source: str = "mill"

    def fetch(self, since: Checkpoint | None, window: Window) -> Iterator[Page]:
        """Yields pages until the log's end, as it is then."""
        del window
        at = max(0, (since.state["at"] if since else 0) - self.overlap)
        for number in range(50):
            if self.between(number) == "back":
                at = max(0, at - 2 * self.page_events)
            if number and at >= len(self.platform.log):
                return
            events = self.platform.log[at : at + self.page_events]
            start, at = at, at + len(events)
            yield Page(
                Checkpoint({"at": at}),
                tuple(event.post for event in events if event.post),
                (),
                tuple(event.deletion for event in events if event.deletion),
                (Coverage(_moment(start), _moment(at), "complete"),) if events else (),
            )


def _moment(position: int) -> datetime:
    return START + timedelta(seconds=position)


class CheckpointMachine(RuleBasedStateMachine):
    """Arrivals, passes, backfills and deaths in any order."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine
        self.platform = Platform()
        self.committed = 0
        self.topic = _topic(f"topic-{uuid4().hex}")
        Store(engine).begin_scoring(self.topic.name, VERSION, QUESTIONS, languages=LANGUAGES)

    @rule(authors=st.lists(st.integers(0, 3), max_size=6))
    def arrive(self, authors: list[int]) -> None:
        """Posts appear."""
        for author in authors:
            self.platform.publish(author, None)

    @rule(author=st.integers(0, 3), of=st.integers(1, 20))
    def repost(self, author: int, of: int) -> None:
        """Somebody repeats a post."""
        if self.platform.posts:
            self.platform.publish(author, of)

    @rule(chosen=st.integers(0, 20))
    def edit(self, chosen: int) -> None:
        """A post is edited."""
        self.platform.edit(chosen)

    @rule(chosen=st.integers(0, 20), author=st.booleans())
    def delete(self, chosen: int, author: bool) -> None:
        """A post or an account is deleted."""
        self.platform.delete(chosen, author=author)

    @rule(
        steps=st.dictionaries(st.integers(0, 4), st.sampled_from(STEPS), max_size=3),
        page_events=st.integers(1, 4),
        overlap=st.integers(0, 3),
        backfill=st.booleans(),
    )
    def collect(
        self, steps: dict[int, Step], page_events: int, overlap: int, backfill: bool
    ) -> None:
        """The program is started, and comes to its end or dies."""
        window = Window(START, START + timedelta(days=1)) if backfill else None
        with suppress(DeathError):
            Run(self, steps).collect(page_events, overlap, window)

    @invariant()
    def what_is_stored_is_what_was_committed(self) -> None:
        """Nothing is lost, nothing is there twice, nothing removed is left."""
        expected = present(self.platform.log[: self.committed])
        with reading(self.engine) as connection:
            statement = select(POSTS.c.native_id, POSTS.c.revision, POSTS.c.text)
            rows = connection.execute(statement.where(POSTS.c.topic == self.topic.name)).all()
            queued = select(UNSCORED.c.native_id).where(UNSCORED.c.topic == self.topic.name)
            waiting = sorted(connection.execute(queued).scalars())
        assert sorted(map(tuple, rows)) == sorted(
            (post.native_id, post.revision, post.text) for post in expected.values()
        )
        assert waiting == sorted(expected), "the scoring queue differs from what is stored"

    @invariant()
    def what_is_covered_is_what_was_committed(self) -> None:
        """Coverage is one stretch from the beginning, never more than what is stored."""
        window = self.topic.window
        spans = Queries(self.engine).coverage(self.topic.name, window.start, window.end)
        reached = max((span.end for span in spans), default=START)
        assert sum((span.end - span.start for span in spans), timedelta()) == reached - START
        assert reached == _moment(self.committed)

    def teardown(self) -> None:
        """An undisturbed pass makes everything good."""
        Run(self, {}).collect(3, 1)
        assert self.committed == len(self.platform.log)
        self.what_is_stored_is_what_was_committed()
        self.what_is_covered_is_what_was_committed()


@dataclass
class Run:
    """One life of the program.

    Attributes:
        while_saving: Called at the end of each page's transaction, with the page's number.
    """

    machine: CheckpointMachine
    steps: dict[int, Step]
    while_saving: Callable[[int], object] = lambda _: None
    number: int = 0
    reached: int = 0

    def collect(self, page_events: int, overlap: int, window: Window | None = None) -> None:
        """A pass, or a backfill."""
        engine = self.machine.engine
        admission = Admission(self.machine.topic, Pseudonyms(b"k" * 32), PostIds(b"k" * 32))
        clock = lambda: START + timedelta(hours=1)  # noqa: E731
        step = CollectStep(Store(engine), Queries(engine), admission, clock)
        collector = LogCollector(self.machine.platform, page_events, overlap, self.before_page)
        with pytest.MonkeyPatch.context() as patch:
            save = store_pages.sources.save_checkpoint
            patch.setattr(store_pages.sources, "save_checkpoint", self.dying_while(save))
            step.collect(
                collector, window=window, progress=self.after_page, should_stop=self.should_stop
            )

    def before_page(self, number: int) -> Step | None:
        """Lets happen what is to happen before a page."""
        self.number = number
        step = self.steps.get(number)
        if step == "arrive":
            self.machine.platform.publish(number % 4, None)
        elif step == "edit":
            self.machine.platform.edit(number)
        elif step == "delete":
            self.machine.platform.delete(number, author=number % 2 == 1)
        elif step == "die before":
            raise DeathError
        return step

    def dying_while(self, save: Callable[..., None]) -> Callable[..., None]:
        """The last write of a page's transaction: the program dies, or the page is committed."""

        def last_write(connection: Any, delivery: Any, checkpoint: Checkpoint) -> None:
            if self.steps.get(self.number) == "die while":
                raise DeathError
            save(connection, delivery, checkpoint)
            self.while_saving(self.number)
            self.reached = checkpoint.state["at"]

        return last_write

    def after_page(self, _: int) -> None:
        """The page is committed."""
        self.machine.committed = max(self.machine.committed, self.reached)
        if self.steps.get(self.number) == "die after":
            raise DeathError

    def should_stop(self) -> bool:
        """Whether the program is asked to stop."""
        return self.steps.get(self.number) == "stop"


def _topic(name: str) -> Topic:
    return Topic(
        name=name,
        title="What happened at the mill",
        timezone=ZoneInfo("UTC"),
        start=date(2020, 6, 1),
        end=date(2020, 6, 3),
        languages=("en",),
        targets=(Target("mill", "the mill"),),
        queries={PORTABLE: Query(("mill",), {})},
    )
