"""A file is read by several processes: what is stored is the same as by one, whatever happens."""

from __future__ import annotations

import gc
import gzip
import io
import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import psutil
import pytest
from command_line import Place
from sqlalchemy import Engine, select

from collectors import lines as files
from collectors.errors import UnreadableFileError
from collectors.file import FileCollector
from monitor.kept import EVERY_TOPIC, KeptDeletion
from monitor.pipeline import readers
from monitor.pipeline.admission import Admission, load_admission
from monitor.pipeline.collect import Collected, CollectStep
from monitor.pipeline.readers import Readers, readers_for
from monitor.pseudonym import load_everywhere
from monitor.store.engine import migrate, open_engine, reading
from monitor.store.queries import Queries
from monitor.store.rows import Row
from monitor.store.store import Store
from monitor.testing import FakeClock
from monitor.topic import Topic, load_topic

TOPIC = """
name = "strike"
title = "A strike"
timezone = "America/Los_Angeles"
start = 2020-06-01
end = 2020-07-15
languages = ["en"]
targets = [{ name = "strike", text = "the strike" }]
queries = { terms = ["strike"] }
cohorts = [{ name = "employees", patterns = ["works at acme"] }]
"""
LINES = 700
PAGE = 40
FORGOTTEN = "author-7"
NOW = datetime(2021, 1, 1, tzinfo=UTC)


def line(number: int, chance: random.Random) -> str:
    """A post, mostly; some lines are none, some posts come again, are edited or removed."""
    kind = number % 50
    if kind == 11:
        return chance.choice(["", "   ", "{", "[]", '{"id": "1"}', '{"id": 5, "text": "no time"}'])
    if kind == 13:
        return json.dumps({"id": str(number - 5), "deleted": True})
    if kind == 17:
        number -= 40  # Again, and a little otherwise.
    at = datetime(2020, 5, 30, tzinfo=UTC) + timedelta(hours=number * 1.4)
    post = {
        "id": f"at://did:plc:{number}/post/1" if number % 7 == 0 else str(number),
        "text": f"@someone what I think of it, number {number % 60}, www.example.org/{number} é",
        "created_at": at.isoformat(),
        "author": f"author-{number % 90}" if number % 4 else None,
        "self_description": "works at ACME" if number % 3 == 0 else "likes tea",
        "language": "en" if number % 5 else None,
    }
    if number % 10 == 9:
        post |= {"kind": "repost", "reference": str(number - 9)}
    return json.dumps(post)


@pytest.fixture(scope="module")
def posts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chance = random.Random(1)
    path = tmp_path_factory.mktemp("posts") / "posts.jsonl"
    path.write_text("".join(line(number, chance) + "\n" for number in range(LINES)))
    return path


@pytest.fixture
def topic(tmp_path: Path) -> Topic:
    path = tmp_path / "strike.toml"
    path.write_text(TOPIC)
    return load_topic(path)


class Import:
    """One database, and the keys that all share."""

    def __init__(self, engine: Engine, topic: Topic, keys: Path) -> None:
        self.engine, self.topic = engine, topic
        migrate(engine)
        self.store, self.queries = Store(engine, clock=FakeClock(NOW)), Queries(engine)
        self.make = partial(load_admission, topic, keys, 30)
        kept = self.make()
        mark = kept.pseudonyms.mark("file", FORGOTTEN)
        demand = KeptDeletion("file", None, None, "forget", mark=mark)
        self.store.remove(topic.name, demand, at=NOW)
        everywhere = load_everywhere(keys)
        for mark in (everywhere.mark("file", "author-8"), everywhere.mark_post("file", "29")):
            demand = KeptDeletion("file", None, None, "forget", mark=mark)
            self.store.remove(EVERY_TOPIC, demand, at=NOW)
        self.admission = Admission(
            topic,
            kept.pseudonyms,
            kept.ids,
            removed=partial(self.queries.buried_marks, topic.name),
            buried=partial(self.queries.buried_posts, topic.name),
        )

    def run(
        self, path: Path, processes: int, progress: Callable[[int], None] = lambda _: None
    ) -> Collected:
        step = CollectStep(self.store, self.queries, self.admission, FakeClock(NOW))
        collector = FileCollector(path, page_posts=PAGE, now=FakeClock(NOW))
        admit = None
        if processes:
            admit = partial(Readers(self.admission, self.make, processes).pages, collector)
        try:
            return step.collect(collector, resume=False, progress=progress, admit=admit)
        finally:
            assert gc.isenabled(), "whatever ends an import, garbage is looked for again"

    def content(self) -> dict[str, list[str]]:
        """Every row of every table."""
        with reading(self.engine) as connection:
            return {
                table.name: sorted(repr(tuple(row)) for row in connection.execute(select(table)))
                for table in Row.metadata.sorted_tables
            }


@pytest.fixture(params=["sqlite", "postgresql"])
def made(
    request: pytest.FixtureRequest, tmp_path: Path, topic: Topic
) -> Iterator[Callable[[], Import]]:
    """Makes imports into databases of their own; only one at a time on PostgreSQL."""
    opened: list[Engine] = []

    def make() -> Import:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path / f'{len(opened)}.db'}"
        else:
            url = request.getfixturevalue("postgres_url")
            if opened:
                Row.metadata.drop_all(opened[-1])
                with opened[-1].begin() as connection:
                    connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")
        opened.append(open_engine(url))
        return Import(opened[-1], topic, tmp_path / "keys")

    yield make
    for engine in opened:
        engine.dispose()


def test_what_is_stored_does_not_depend_on_how_many_read(
    made: Callable[[], Import], posts: Path
) -> None:
    one = made()
    alone = one.run(posts, 0)
    expected = one.content()
    assert alone.counts["stored"] > LINES / 2
    assert alone.counts["refused"] > 0
    assert alone.counts["deletions"] > 0
    assert {"bad_json", "missing_field", "outside_window"} <= alone.reasons.keys()
    assert len(expected["posts"]) == alone.counts["stored"] - alone.counts["removed"]
    for processes in (1, 3):
        other = made()
        counted = other.run(posts, processes)
        assert (counted.counts, counted.reasons) == (alone.counts, alone.reasons)
        assert other.content() == expected


@pytest.mark.parametrize("made", ["sqlite"], indirect=True)
def test_a_killed_reader_costs_its_work_and_changes_nothing(
    made: Callable[[], Import], posts: Path
) -> None:
    one = made()
    one.run(posts, 0)
    other, killed = made(), []

    def kill(_: int) -> None:
        if not killed:
            killed.extend(multiprocessing.active_children())
            for child in killed:
                child.kill()

    other.run(posts, 2, kill)
    assert len(killed) == 2
    assert other.content() == one.content()


@pytest.mark.parametrize("made", ["sqlite"], indirect=True)
def test_what_was_read_before_a_file_fails_is_stored(
    made: Callable[[], Import], posts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = gzip.compress(posts.read_bytes())
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(packed[: len(packed) * 3 // 4])
    alone, apart = made(), made()
    assert alone.run(cut, 0).reasons == apart.run(cut, 2).reasons
    assert alone.content()["posts"] == apart.content()["posts"]

    def failing(stream: object, *rest: object) -> Iterator[bytes]:
        for number, each in enumerate(lines(stream, *rest)):
            if number == 5 * PAGE + 3:
                raise OSError(5, "Input/output error")
            yield each

    lines = files.raw_lines
    monkeypatch.setattr(files, "raw_lines", failing)
    alone, apart = made(), made()
    for one, processes in ((alone, 0), (apart, 2)):
        with pytest.raises(UnreadableFileError, match="Input/output error"):
            one.run(posts, processes)
    assert alone.content() == apart.content()
    assert len(alone.content()["posts"]) > 3 * PAGE


@pytest.mark.parametrize("made", ["sqlite"], indirect=True)
def test_a_writer_that_is_slow_has_little_read_ahead_of_it(
    made: Callable[[], Import], posts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, ahead = 0, list[int]()
    lines = files.raw_lines

    def counting(stream: io.BufferedIOBase) -> Iterator[object]:
        nonlocal read
        for each in lines(stream):
            read += 1
            yield each

    def slow(written: int) -> None:
        ahead.append(read - written)
        time.sleep(0.1)

    one = made()
    monkeypatch.setattr(files, "raw_lines", counting)
    one.run(posts, 2, slow)
    # Four pieces are under way, one is being gathered, one is written; blank lines are no records.
    assert max(ahead) <= 6 * PAGE + LINES // 50
    assert read >= LINES


def test_only_large_files_are_worth_processes(
    posts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    assert readers_for(posts) == 0
    assert readers_for(tmp_path / "absent") == 0
    monkeypatch.setattr(readers, "LARGE", posts.stat().st_size)
    assert readers_for(posts) == 3
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    assert readers_for(posts) == 0


def test_readers_end_with_the_import_that_was_killed(tmp_path: Path, posts: Path) -> None:
    where = Place(tmp_path)
    where.add_topic("strike", TOPIC)
    many = tmp_path / "many.jsonl"
    many.write_text(posts.read_text() * 100)
    running = where.start("--topic", "strike", "import", many, "--readers", "2")
    program, found = psutil.Process(running.pid), []
    ends = time.monotonic() + 60
    while len(found) < 2 and time.monotonic() < ends:
        time.sleep(0.2)
        found = [one for one in program.children() if "spawn_main" in " ".join(one.cmdline())]
    running.send_signal(signal.SIGKILL)
    running.communicate()
    assert len(found) == 2
    _, alive = psutil.wait_procs(found, timeout=30)
    assert alive == []
