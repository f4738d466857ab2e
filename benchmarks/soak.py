"""Simulated hours of operation with a fault every few minutes; then every figure is compared.

    python benchmarks/soak.py --hours 24 --seed 1 [--json]

The real steps (collect, classify, aggregate, switch, purge) run as recorded jobs on a real SQLite
file, every five simulated minutes; a source of invented posts and a fake classifier stand at both
ends. The same hours run twice: undisturbed, and with faults. At the end the disturbed run is let
come to rest, and has to hold the same cells, counts and coverage as the other, byte for byte;
ends with 1 where it does not.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from collectors.errors import UnavailableError
from collectors.post import Checkpoint, Coverage, Deletion, Page, Post, Rejection, Window
from monitor.job import Job, JobRunner
from monitor.pipeline.admission import Admission
from monitor.pipeline.aggregate import AggregateStep
from monitor.pipeline.classify import ClassifyStep, questions_of
from monitor.pipeline.collect import CollectStep
from monitor.pipeline.retention import RetentionStep
from monitor.pipeline.switch import SwitchStep
from monitor.post_ids import PostIds
from monitor.pseudonym import Pseudonyms
from monitor.settings import JobSettings
from monitor.store.backup import examine
from monitor.store.engine import migrate, open_engine
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.testing import FakeClock, FakeScorer
from monitor.topic import Topic, load_topic

START = datetime(2020, 6, 1, 0, tzinfo=UTC)
TICK = timedelta(minutes=5)
POSTS = 15
TOPIC = """
name = "strike"
title = "A strike"
timezone = "America/Los_Angeles"
start = 2020-05-30
end = 2020-06-20
languages = ["en"]
targets = [{ name = "strike", text = "the strike" }]
queries = { terms = ["strike"] }
cohorts = [{ name = "employees", patterns = ["works at acme"] }]
"""
SCHEDULE = JobSettings.model_validate(
    {"enabled": True, "every": 300, "cron": None, "jitter": 0, "misfire_grace": 30}
)


def page(number: int) -> Page:
    """What was posted in one tick: new posts, reposts, edits, deletions and a broken record."""
    start = START + number * TICK
    chance = random.Random(number)
    first = number * POSTS
    posts = [_post(n, start + TICK * (n - first) / POSTS) for n in range(first, first + POSTS)]
    known = range(max(0, first - 200), first)
    if known:
        again = chance.choice(known)
        text = f"what I think, number {again % 97}"
        posts.append(_post(10**6 + number, start, kind="repost", reference=str(again), text=text))
        edited = chance.choice(known)
        posts.append(
            _post(edited, START + TICK * edited / POSTS, revision=1, text=f"I changed {edited}")
        )
    gone = [Deletion("x", native_id=str(chance.choice(known)))] if known and number % 3 == 0 else []
    return Page(
        Checkpoint({"page": number + 1}),
        tuple(posts),
        (Rejection("bad_json", f"tick:{number}"),) if number % 7 == 0 else (),
        tuple(gone),
        (Coverage(start, start + TICK, "complete"),),
    )


def _post(number: int, at: datetime, **changes: Any) -> Post:
    values: dict[str, Any] = {
        "platform": "x",
        "native_id": str(number),
        "created_at": at,
        "text": f"what I think, number {number % 97}",
        "language": "en",
        "author": f"author-{number % 331}",
        "self_description": "works at ACME" if number % 3 == 0 else "likes tea",
    }
    return Post(**(values | changes))


@dataclass
class Source:
    """Hands over a page a tick, up to now; may go back, or break in the middle.

    Attributes:
        back: So many pages are handed over again.
        breaks_after: Raises after so many pages.
    """

    last: int = 0
    back: int = 0
    breaks_after: int | None = None
    source: str = "soak"

    def fetch(self, since: Checkpoint | None, window: Window) -> Iterator[Page]:
        """Yields the pages that are due."""
        del window
        reached = 0 if since is None else int(since.state["page"])
        for count, number in enumerate(range(max(0, reached - self.back), self.last)):
            if self.breaks_after is not None and count >= self.breaks_after:
                raise UnavailableError("the platform went away", hint="it will come back")
            yield page(number)


@dataclass
class Scorer(FakeScorer):
    """Runs out of memory at a batch where it is told to."""

    memory_for: int | None = None

    def score(self, *arguments: Any, **options: Any) -> Any:
        """As `FakeScorer.score`."""
        if self.memory_for is not None:
            self.memory_for -= 1
            if self.memory_for < 0:
                raise MemoryError
        return super().score(*arguments, **options)


@dataclass
class Operation:
    """The program over one database, and what can be done to it."""

    folder: Path
    clock: FakeClock = field(default_factory=lambda: FakeClock(START))
    source: Source = field(default_factory=Source)
    scorer: Scorer = field(default_factory=Scorer)
    runs: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        path = self.folder / "strike.toml"
        path.write_text(TOPIC)
        self.topic: Topic = load_topic(path)
        self.database = self.folder / "monitor.db"
        self._open()
        migrate(self.engine)

    def _open(self) -> None:
        self.engine: Engine = open_engine(f"sqlite:///{self.database}")
        self.store = Store(self.engine, clock=self.clock)
        self.queries = Queries(self.engine)

    def jobs(self) -> list[Job]:
        """The jobs of one tick, in order."""
        admission = Admission(self.topic, Pseudonyms(b"k" * 32), PostIds(b"k" * 32))
        collect = CollectStep(self.store, self.queries, admission, self.clock)
        classify = ClassifyStep(self.store, self.queries, self.scorer, 20)
        aggregate = AggregateStep(self.store, self.queries)
        switch = SwitchStep(self.store, self.queries)
        retention = RetentionStep(self.store, 30, self.clock)

        def counted(_: Callable[[], bool]) -> Mapping[str, int]:
            version = self.scorer.version
            is_covered = switch.covers(self.topic, version, questions_of(self.topic))
            days = aggregate.aggregate(self.topic)
            if is_covered:
                switch.show(self.topic, version)
            return {"days": days}

        steps: dict[str, Callable[[Callable[[], bool]], Mapping[str, int]]] = {
            "collect": lambda _: collect.collect(self.source).counts,
            "classify": lambda _: {"posts": classify.classify(self.topic).posts},
            "aggregate": counted,
            "retention": lambda _: {"posts": retention.purge(self.topic.name)},
        }
        return [Job(name, self.topic.name, work, SCHEDULE) for name, work in steps.items()]

    def tick(self) -> None:
        """Runs every job once; what fails is recorded and tried again in the next tick."""
        runner = JobRunner(self.store, self.clock)
        for job in self.jobs():
            ok = runner.run(job, lambda: False)
            self.runs["ok" if ok else "failed"] += 1

    def killed_tick(self, after: float) -> bool:
        """Runs a tick in a process that is killed (SIGKILL) some time later, if it still runs."""
        self.engine.dispose()
        child = os.fork()
        if child == 0:
            self._open()
            self.tick()
            os._exit(0)
        deadline = time.monotonic() + after
        ended = 0
        while not ended and time.monotonic() < deadline:
            ended, _ = os.waitpid(child, os.WNOHANG)
            time.sleep(0.001)
        if not ended:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        self._open()
        return not ended

    def state(self) -> dict[str, Any]:
        """Everything that is shown or that figures are made of."""
        topic = self.topic
        days = (topic.start, topic.end)
        cells = self.queries.cells(topic.name, (self.scorer.version,), *days)
        spans = self.queries.coverage(topic.name, topic.window.start, topic.window.end)
        return {
            "cells": [repr(cell) for cell in cells],
            "totals": repr(self.queries.totals(topic.name)),
            "coverage": [repr(span) for span in spans],
            "shown": self.queries.shown_version(topic.name),
        }


# Faults: each disturbs one tick


@contextmanager
def _on_connect(one: Operation, *pragmas: str) -> Iterator[None]:
    """Every connection of the tick begins with these."""

    def prepare(connection: Any, _: Any) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").close()

    one.engine.dispose()
    event.listen(one.engine, "connect", prepare)
    try:
        yield
    finally:
        event.remove(one.engine, "connect", prepare)
        one.engine.dispose()


def disk_full(one: Operation, _: random.Random) -> None:
    """Not a page more than there are."""
    with sqlite3.connect(one.database) as connection:
        [[pages]] = connection.execute("PRAGMA page_count")
    with _on_connect(one, f"max_page_count={pages}"):
        one.tick()


def read_only(one: Operation, _: random.Random) -> None:
    """Nothing can be written."""
    with _on_connect(one, "query_only=ON"):
        one.tick()


def locked(one: Operation, _: random.Random) -> None:
    """Another process keeps the database for itself."""
    with sqlite3.connect(one.database, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        with _on_connect(one, "busy_timeout=5"):
            one.tick()
        other.execute("ROLLBACK")


def disk_error(one: Operation, chance: random.Random) -> None:
    """A statement somewhere in the tick fails."""
    left = chance.randrange(1, 120)

    def fail(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise OperationalError("", {}, sqlite3.OperationalError("disk I/O error"))

    event.listen(one.engine, "before_cursor_execute", fail)
    try:
        one.tick()
    finally:
        event.remove(one.engine, "before_cursor_execute", fail)


def source_breaks(one: Operation, _: random.Random) -> None:
    """The platform goes away before its first page."""
    one.source.breaks_after = 0
    one.tick()
    one.source.breaks_after = None


def delivered_again(one: Operation, chance: random.Random) -> None:
    """Pages that were stored come once more, and old before new."""
    one.source.back = chance.randrange(1, 12)
    one.tick()
    one.source.back = 0


def out_of_memory(one: Operation, chance: random.Random) -> None:
    """A batch does not fit."""
    one.scorer.memory_for = chance.randrange(0, 2)
    one.tick()
    one.scorer.memory_for = None


def clock_jumps(one: Operation, chance: random.Random) -> None:
    """The clock is wrong by up to two days, either way, and is put right afterwards."""
    wrong = timedelta(minutes=chance.randrange(-2880, 2880))
    one.clock.now += wrong
    one.tick()
    one.clock.now -= wrong


def killed(one: Operation, chance: random.Random) -> None:
    """SIGKILL at a random moment of the jobs."""
    one.runs["killed"] += one.killed_tick(chance.uniform(0.0, 0.25))


def down(_: Operation, __: random.Random) -> None:
    """The daemon is not there at all."""


FAULTS: Sequence[Callable[[Operation, random.Random], None]] = (
    disk_full, read_only, locked, disk_error, source_breaks, delivered_again, out_of_memory,
    clock_jumps, killed, down,
)  # fmt: skip


def operate(
    folder: Path, ticks: int, chance: random.Random | None
) -> tuple[Operation, Counter[str]]:
    """Runs the hours; with `chance` two ticks of three are disturbed."""
    one, faults = Operation(folder), Counter[str]()
    for number in range(ticks):
        one.source.last = number + 1
        one.clock.now = START + (number + 1) * TICK
        if chance is not None and chance.random() < 2 / 3:
            fault = chance.choice(FAULTS)
            faults[fault.__name__] += 1
            fault(one, chance)
        else:
            one.tick()
    one.tick()  # what the last fault left
    return one, faults


def soak(folder: Path, hours: float, seed: int) -> dict[str, Any]:
    """Runs undisturbed and disturbed, and compares."""
    ticks = round(hours * 3600 / TICK.total_seconds())
    started = time.monotonic()
    calm, _ = operate(folder / "calm", ticks, None)
    disturbed, faults = operate(folder / "disturbed", ticks, random.Random(seed))
    one, other = calm.state(), disturbed.state()
    different = [name for name in one if one[name] != other[name]]
    examine(disturbed.database)  # raises where a page or a reference is broken
    return {
        "hours": hours,
        "seed": seed,
        "faults": dict(sorted(faults.items())),
        "faults_total": faults.total(),
        "runs_ok": disturbed.runs["ok"],
        "runs_failed": disturbed.runs["failed"],
        "killed": disturbed.runs["killed"],
        "calm_runs_failed": calm.runs["failed"],
        "cells": len(one["cells"]),
        "totals": one["totals"],
        "different": different,
        "seconds": round(time.monotonic() - started, 1),
    }


def main() -> int:
    """Prints the report; 1 where a figure differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = soak(Path(folder), asked.hours, asked.seed)
    if asked.json:
        print(json.dumps(report))
    else:
        for name, value in report.items():
            print(f"{name:17} {value}")
    return 1 if report["different"] or report["calm_runs_failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
