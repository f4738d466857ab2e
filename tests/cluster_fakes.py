"""An application for worker processes whose classifier is a fake that keeps a record."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from collectors.post import Checkpoint, Page, Post
from monitor.bootstrap import Application
from monitor.settings import load_settings
from monitor.testing import FakeCollector, FakeScorer, numbered_pages
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
    """Answers as `FakeScorer` does, takes its time, and writes down what it was asked."""

    version: str
    record: Path
    seconds: float

    def score(
        self, texts: Sequence[str], targets: Mapping[str, str], *, heads: Sequence[str] | None
    ) -> list[Any]:
        with self.record.open("a") as file:
            file.write("".join(f"{os.getpid()}\t{text}\n" for text in texts))
        time.sleep(self.seconds)
        return list(FakeScorer(self.version).score(texts, targets, heads=heads))


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


def opener(folder: Path, database_url: str | None = None) -> Opener:
    """An installation of its own in a folder, in batches of ten posts."""
    topics = folder / "config" / "topics"
    topics.mkdir(parents=True)
    (topics / "strike.toml").write_text(TOPIC)
    environ = {
        "MONITOR_HOME": str(folder / "home"),
        "MONITOR_CONFIG": str(folder / "config"),
        "MONITOR_CLASSIFY__BATCH_POSTS": "10",
    }
    if database_url:
        environ["MONITOR_DATABASE_URL"] = database_url
    return Opener(tuple(environ.items()))


def fill(app: Application, topic: Topic, posts: int) -> None:
    """Stores posts of ten days by way of the pipeline; every text is another one."""
    made = tuple(
        Post(
            platform="x",
            native_id=str(number),
            created_at=topic.window.start + timedelta(minutes=7 * number),
            text=f"we are on strike, post number {number}",
            language="en",
            author=f"author {number % 40}",
        )
        for number in range(posts)
    )
    pages = numbered_pages([Page(Checkpoint({}), posts=made)])
    collector = FakeCollector(pages, f"source-of-{posts}")
    app.collect_step(topic).collect(collector)


def scored_texts(folder: Path) -> list[str]:
    """Every text that any process was asked to score, as often as it was."""
    lines = (folder / "home" / "scored.txt").read_text().splitlines()
    return [line.partition("\t")[2] for line in lines]
