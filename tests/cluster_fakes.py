"""An application for worker processes whose classifier is a fake that keeps a record."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from classifiers.heads import reported_heads
from collectors.post import Checkpoint, Page, Post, Window
from monitor.bootstrap.application import Application
from monitor.bootstrap.collecting import collect_step
from monitor.settings import load_settings
from monitor.store.values import DailyAggregate
from monitor.topic import Topic

TOPIC = """
name = "strike"
title = "A strike"
timezone = "UTC"
start = 2020-06-01
end = 2020-06-11
languages = ["en"]
targets = [{ name = "strike", text = "the strike" }]
queries = { terms = ["strike"] }
"""


@dataclass
class RecordingScorer:
    """Answers by the text's hash, takes its time, and writes down what it was asked.

    Not `FakeScorer`: that would bring torch into every worker process.
    """

    version: str
    record: Path
    seconds: float

    def answers(self, head: str, target: str) -> bool:
        return True

    def score(
        self, texts: Sequence[str], targets: Mapping[str, str], *, heads: Sequence[str] | None
    ) -> list[Any]:
        with self.record.open("a") as file:
            file.write("".join(f"{os.getpid()}\t{text}\n" for text in texts))
        time.sleep(self.seconds)
        return [
            SimpleNamespace(
                head=head.name,
                target=target,
                version=self.version,
                labels=head.labels,
                probabilities=np.array([_parts(text, len(head.labels)) for text in texts]),
            )
            for head in reported_heads()
            for target in (targets if head.takes_target else [""])
        ]


def _parts(text: str, labels: int) -> list[float]:
    weights = [1 + byte for byte in blake2b(text.encode(), digest_size=labels).digest()]
    return [weight / sum(weights) for weight in weights]


@dataclass(frozen=True)
class OnePage:
    """A collector of one page."""

    page: Page
    source: str = "file"

    def fetch(self, _since: Checkpoint | None, _window: Window) -> Iterator[Page]:
        yield self.page


@dataclass(frozen=True)
class RecordingScorers:
    record: Path
    seconds: float

    def lazy(self, version: str) -> RecordingScorer:
        return RecordingScorer(version, self.record, self.seconds)


@dataclass(frozen=True)
class FakeApplication(Application):
    """The application, with `RecordingScorers`."""

    @cached_property
    def scorers(self) -> Any:
        return RecordingScorers(self.settings.home / "scored.txt", 0.02)


@dataclass(frozen=True)
class Opener:
    """Opens the fake application of an environment, in any process."""

    environ: tuple[tuple[str, str], ...]

    def __call__(self) -> FakeApplication:
        return FakeApplication(load_settings(dict(self.environ)))


@dataclass(frozen=True)
class SlowApplication(FakeApplication):
    """One whose batches take longer."""

    seconds: float = 0.0

    @cached_property
    def scorers(self) -> Any:
        return RecordingScorers(self.settings.home / "scored.txt", self.seconds)


@dataclass(frozen=True)
class SlowOpener(Opener):
    """Opens an application whose batches take so long."""

    seconds: float = 0.0

    def __call__(self) -> SlowApplication:
        return SlowApplication(load_settings(dict(self.environ)), seconds=self.seconds)


def opener(folder: Path, database_url: str | None = None, *, batch: int = 10) -> Opener:
    """An installation of its own in a folder, in small batches of posts."""
    topics = folder / "config" / "topics"
    topics.mkdir(parents=True)
    (topics / "strike.toml").write_text(TOPIC)
    environ = {
        "MONITOR_HOME": str(folder / "home"),
        "MONITOR_CONFIG": str(folder / "config"),
        "MONITOR_CLASSIFY__BATCH_POSTS": str(batch),
    }
    if database_url:
        environ["MONITOR_DATABASE_URL"] = database_url
    return Opener(tuple(environ.items()))


def fill(app: Application, topic: Topic, posts: int, *, minutes: int = 7) -> None:
    """Stores posts of ten days by way of the pipeline; every text is another one."""
    made = tuple(
        Post(
            platform="x",
            native_id=str(number),
            created_at=topic.window.start + timedelta(minutes=minutes * number),
            text=f"we are on strike, post number {number}",
            language="en",
            author=f"author {number % 40}",
        )
        for number in range(posts)
    )
    collect_step(app, topic).collect(OnePage(Page(Checkpoint({}), posts=made)))


def figures(app: Application, topic: Topic, version: str) -> list[DailyAggregate]:
    """The topic's cells; without sketches, which are made with each installation's own key."""
    found = app.queries.cells(topic.name, [version], topic.start, topic.end)
    return [replace(cell, authors_sketch=b"") for cell in found]


def scored_texts(folder: Path) -> list[str]:
    """Every text that any process was asked to score, as often as it was."""
    lines = (folder / "home" / "scored.txt").read_text().splitlines()
    return [line.partition("\t")[2] for line in lines]
