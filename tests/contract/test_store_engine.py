"""Both databases are opened, fail, and seek in the same manner."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlalchemy import Engine, event, text
from store_values import (
    NOW,
    QUESTIONS,
    answers,
    cell,
    deletion,
    label,
    page,
    pending,
    post,
    repost,
)

from monitor.errors import StoreError
from monitor.store.desk import Assignment, LabelDesk
from monitor.store.engine import migrate, open_engine, reading, reclaim, store_errors, writing
from monitor.store.queries import Queries
from monitor.store.stamp import Stamps
from monitor.store.store import Store

DAY = NOW.date()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://localhost/x",
        "sqlite://",
        "sqlite:////dev/null/monitor.db",
        "sqlite:////tmp/\udcff.db",
        "postgresql://someone:secret@127.0.0.1:1/nothing",
    ],
    ids=["empty", "nonsense", "other kind", "no file", "no folder", "bytes", "nobody there"],
)
def test_an_unusable_address_is_a_clear_error(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        open_engine(url)
    assert caught.value.hint
    assert "secret" not in str(caught.value)


def test_an_address_with_a_question_mark_opens_no_other_file(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="question mark"):
        open_engine(f"sqlite:///{tmp_path}/what?x/monitor.db")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are notes, and not a database at all\n" * 100)
    with pytest.raises(StoreError, match=r"notes\.txt"):
        open_engine(f"sqlite:///{path}")


def test_the_folder_of_a_new_file_is_made(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'a' / 'b' / 'monitor.db'}")
    engine.dispose()
    assert (tmp_path / "a" / "b" / "monitor.db").exists()


@pytest.mark.parametrize("prefix", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_is_understood(postgres_server: str, prefix: str) -> None:
    engine = open_engine(f"{prefix}:{postgres_server.split(':', 1)[1]}")
    engine.dispose()
    assert engine.dialect.name == "postgresql"


def test_an_error_does_not_show_what_was_being_stored(engine: Engine, store: Store) -> None:
    with (
        pytest.raises(StoreError) as caught,
        writing(engine) as connection,
    ):
        connection.execute(text("SELECT :secret FROM no_such_table"), {"secret": "a secret text"})
    assert "a secret text" not in f"{caught.value} {caught.value.__cause__}"


@pytest.mark.parametrize(("kind", "retryable"), [("OperationalError", True), ("Error", False)])
def test_an_error_of_the_driver_itself_is_told_as_ours(
    engine: Engine, kind: str, retryable: bool
) -> None:
    with pytest.raises(StoreError) as caught, store_errors(engine):
        raise getattr(engine.dialect.loaded_dbapi, kind)("no room\nCONTEXT: a secret text")
    assert caught.value.retryable is retryable
    assert "secret text" not in str(caught.value)


def test_a_migration_run_twice_or_by_two_at_once_changes_nothing(
    engine: Engine, store: Store, topic: str
) -> None:
    store.show_version(topic, "v1")
    migrate(engine)
    assert Queries(engine).shown_version(topic) == "v1"


def test_a_reader_sees_one_state_while_others_write(
    engine: Engine, store: Store, topic: str
) -> None:
    count = text("SELECT count(*) FROM posts WHERE topic = :topic")
    with reading(engine) as connection:
        before = connection.execute(count, {"topic": topic}).scalar_one()
        store.save_page(topic, "file", page(post("1")), at=NOW)
        assert connection.execute(count, {"topic": topic}).scalar_one() == before == 0
    with reading(engine) as connection:
        assert connection.execute(count, {"topic": topic}).scalar_one() == 1


def test_sqlite_is_set_up_to_be_safe(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'monitor.db'}")
    expected = {"journal_mode": "wal", "foreign_keys": 1, "secure_delete": 1, "busy_timeout": 30000}
    with reading(engine) as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in expected
        }
    engine.dispose()
    assert found == expected


def test_a_new_file_may_be_opened_by_several_at_once(tmp_path: Path) -> None:
    """One in seventeen rounds had a refusal before: all want to give the file its log."""
    several = 4
    together = threading.Barrier(several)

    def open_one(number: int) -> None:
        together.wait()
        open_engine(f"sqlite:///{tmp_path / f'{number}.db'}").dispose()

    with ThreadPoolExecutor(several) as threads:
        for number in range(100):
            list(threads.map(open_one, [number] * several))


def test_a_removed_text_is_nowhere_in_the_files(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'monitor.db'}")
    migrate(engine)
    store = Store(engine)
    store.save_page("t", "file", page(post("1", text="a very private sentence")), at=NOW)
    store.save_page("t", "file", page(deletions=[deletion("1")]), at=NOW)
    engine.dispose()
    contents = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert b"a very private sentence" not in contents


class NotVacuuming(sqlite3.Connection):
    """Notes what it is told, and fails to write the file anew."""

    told: ClassVar[list[str]] = []
    code = 0

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        self.told.append(sql)
        if sql == "VACUUM":
            error = sqlite3.OperationalError("it cannot be done")
            error.sqlite_errorcode = self.code
            raise error
        return super().execute(sql, *values)


@pytest.mark.parametrize(
    ("code", "is_told"), [(sqlite3.SQLITE_FULL, True), (sqlite3.SQLITE_BUSY, False)]
)
def test_a_full_disk_is_told_and_a_busy_file_left_to_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, is_told: bool
) -> None:
    path = tmp_path / "monitor.db"
    engine = open_engine(f"sqlite:///{path}")
    engine.dispose()
    monkeypatch.setattr(NotVacuuming, "told", [])
    monkeypatch.setattr(NotVacuuming, "code", code)
    event.listen(engine, "do_connect", lambda *_: sqlite3.connect(path, factory=NotVacuuming))
    with pytest.raises(StoreError, match="cannot be done") if is_told else nullcontext():
        reclaim(engine)
    engine.dispose()
    assert NotVacuuming.told[-1] == "PRAGMA wal_checkpoint(TRUNCATE)"


def scans(statements: list[tuple[str, Any]], path: Path) -> list[str]:
    """What SQLite would do for the statements that reads a whole table."""
    connection = sqlite3.connect(path)
    plans = [
        row[3]
        for statement, parameters in statements
        for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
    ]
    connection.close()
    assert plans
    return [plan for plan in plans if plan.startswith("SCAN") and "CONSTANT ROW" not in plan]


def test_daily_work_reads_no_table_from_end_to_end(tmp_path: Path) -> None:
    path = tmp_path / "monitor.db"
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine)
    store, queries = Store(engine), Queries(engine)
    seen: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, values: Any, _: Any, many: bool) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            seen.append((statement, values[0] if many else values))

    event.listen(engine, "before_cursor_execute", note)
    kept = page(post("1"), repost("2", of="1"), deletions=[deletion("3"), deletion(author="a")])
    store.save_page("t", "file", kept, at=NOW)
    store.save_predictions("t", "v1", answers(pending(queries, "t")))
    queries.pending_count("t", "v1", QUESTIONS, languages=["en"])
    queries.known_predictions("t", "v1", ["0" * 32])
    (dirty,) = store.dirty_days("t")
    list(queries.day_rows("t", DAY))
    store.replace_day("t", dirty, [cell("t")])
    queries.cells("t", ["v1"], DAY, DAY + timedelta(days=1))
    queries.day_totals("t", ["v1"], ["en"], DAY, DAY + timedelta(days=1))
    queries.shown_versions("t")
    store.finish_run(store.start_run("collect", "t", NOW), NOW, "ok")
    queries.last_run("collect")
    queries.last_runs(3)
    queries.labels("t", DAY, DAY + timedelta(days=1))
    queries.audit_labels("t", "stance", "walkout", "v1")
    queries.unlabelled("t", QUESTIONS, ["en"], limit=5)
    engine.dispose()
    # That table has a row for each of a few tables; others are a parameter, and what was found.
    fair = {"SCAN sqlite_sequence", "SCAN listed VIRTUAL TABLE INDEX 1:"}
    # Labels are few beside the posts: see below.
    fair |= {"SCAN job_names", "SCAN last_ids", "SCAN labels"}
    assert [found for found in scans(seen, path) if found not in fair] == []


WRITER = """
    import sys
    from itertools import count
    sys.path.insert(0, sys.argv[2])
    from store_values import NOW, page, post
    from monitor.store.engine import migrate, open_engine
    from monitor.store.store import Store

    engine = open_engine(sys.argv[1])
    migrate(engine)
    store = Store(engine)
    done = store.checkpoint("killed", "file")
    for number in count(done.state["at"] + 1 if done else 0):
        posts = [post(f"{number}-{i}") for i in range(50)]
        store.save_page("killed", "file", page(*posts, state=number), at=NOW)
        print(number, flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_whole_pages(database_url: str) -> None:
    here = Path(__file__).parent
    root = {**os.environ, "PYTHONPATH": str(here.parent.parent)}
    command = [sys.executable, "-c", textwrap.dedent(WRITER), database_url, str(here)]
    for milliseconds in (3, 11, 20):
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=root, text=True) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline()
            time.sleep(milliseconds / 1000)
            writer.send_signal(signal.SIGKILL)
    engine = open_engine(database_url)
    migrate(engine)
    checkpoint = Store(engine).checkpoint("killed", "file")
    total = Queries(engine).totals("killed").posts
    engine.dispose()
    assert checkpoint is not None
    assert total == 50 * (checkpoint.state["at"] + 1)


def test_what_is_little_beside_the_posts_is_not_sought_through_all_of_them(tmp_path: Path) -> None:
    """SQLite, which has no statistics, would take a topic's posts for fewer than its labels."""
    path = tmp_path / "monitor.db"
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine)
    store, queries, desk = Store(engine), Queries(engine), LabelDesk(engine)
    store.save_page("t", "file", page(post("1")), at=NOW)
    store.save_labels("t", [label("1")], at=NOW)
    seen: list[tuple[str, Any]] = []
    event.listen(engine, "before_cursor_execute", lambda *given: seen.append((given[2], given[3])))
    Stamps(engine).of("t")
    queries.counts("t")
    queries.labels_since("t", NOW)
    queries.label_count("t", "stance", "walkout")
    queries.labels_since("t", None)
    queries.answered_posts("t", {})
    store.echo_labels("t", QUESTIONS, ["en"])
    queries.examples("t")
    queries.conflicts("t")
    queries.audit_labels("t", "stance", "walkout", "v1")
    queries.to_check("t", "x", after=5, limit=100)
    desk.counts("t")
    desk.last("t", "ann")
    desk.draw(Assignment("t", "ann", tuple(QUESTIONS), ("en",), 0.5), 5)
    engine.dispose()
    connection = sqlite3.connect(path)
    plans = {
        row[3]: statement
        for statement, values in seen
        if " JOIN " in statement or "posts.id > " in statement
        for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
    }
    connection.close()
    by_id = ("(rowid=?)", "(rowid>?)")
    sought = {one: statement for one, statement in plans.items() if " posts " in one}
    assert any("marked_at" in statement for statement in plans.values())
    assert [sought[one] for one in sought if not one.endswith(by_id)] == []


def test_posts_that_are_known_by_their_ids_are_not_sought_through_their_topic(
    tmp_path: Path,
) -> None:
    """SQLite, which has no statistics, would read all of a topic's index for some hundred ids."""
    path = tmp_path / "monitor.db"
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine)
    store, queries = Store(engine), Queries(engine)
    store.begin_scoring("t", "v1", QUESTIONS, languages=["en"])
    many = [post(str(number), text=f"text {number}") for number in range(500)]
    store.save_page("t", "file", page(*many), at=NOW)
    seen: list[tuple[str, Any]] = []

    def note(_1: Any, _2: Any, statement: str, values: Any, _3: Any, many: bool) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            seen.append((statement, values[0] if many else values))

    event.listen(engine, "before_cursor_execute", note)
    waiting = pending(queries, "t")
    store.save_predictions("t", "v1", answers(waiting, QUESTIONS[:1]))
    edited = [one._replace(text="new", revision=1) for one in many]
    store.save_page("t", "file", page(*edited), at=NOW)
    engine.dispose()
    connection = sqlite3.connect(path)
    plans = {
        row[3]
        for statement, values in seen
        for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
    }
    connection.close()
    through_topic = [plan for plan in plans if "posts" in plan and plan.endswith("(topic=?)")]
    assert through_topic == []
