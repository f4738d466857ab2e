"""What work costs as history grows: `python benchmarks/aggregate.py 10000 100000 1000000`.

Fills a new database with invented, answered posts (a thousand a day, so that a larger history is a
longer one), on SQLite and on PostgreSQL, and measures on it, in milliseconds, the shortest of nine
and (in brackets) the program's processor time, which others on the machine disturb less:

- a page of 100 new posts stored (`Store.save_page`)
- the next 500 pending posts claimed, and their answers stored (`claim`, `save_predictions`)
- whether anything is pending (`is_pending`)
- one changed day counted anew (`AggregateStep`)
- the figures of thirty days read (`cells`)

Where the cost follows the new work and not the history, a line stays level.

The first hundred thousand posts are stored as the program stores them; a larger history is made of
copies of these within the database (other days, ids, texts' digests and authors), its indexes made
afterwards.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from ingest import postgres_databases
from sqlalchemy import Engine, inspect, text

from collectors.post import Checkpoint
from monitor.holder import holder_name
from monitor.kept import KeptPage, KeptPost
from monitor.pipeline.aggregate import AggregateStep
from monitor.pipeline.classify import questions_of
from monitor.store.bulk import insert_rows
from monitor.store.claims import Claim
from monitor.store.days import mark
from monitor.store.engine import migrate, open_engine, writing
from monitor.store.queries import Queries
from monitor.store.rows import PREDICTIONS
from monitor.store.store import Store
from monitor.store.values import PendingPost, Prediction
from monitor.text_digest import text_digest
from monitor.topic import Topic, load_topic

ROOT = Path(__file__).parent.parent
SENTENCE = "we walk out stay talk leaders answer question vote policy team week noon square"
WORDS = SENTENCE.split(" ")
DAY_POSTS = 1000
STORED = 100_000
PAGE = 5000
TURNS = 9
VERSION = "benchmark0001"
FIRST_DAY = date(1995, 1, 1)

INDEXES = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'posts'"
    " AND sql IS NOT NULL",
    "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'posts'"
    " AND indexname NOT LIKE 'pk_%' AND indexname NOT LIKE '%_pkey'",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    options = parser.parse_args()
    if odd := [size for size in options.sizes if size > STORED and size % STORED]:
        parser.error(f"sizes over {STORED:,} are multiples of it, {odd[0]:,} is not")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    columns = "".join(f"{name:>16}" for name in ("page", "batch", "pending", "a day", "30 days"))
    print(f"database        posts{columns}")
    topic = load_topic(ROOT / "config/topics/facebook-walkout-2020.toml")
    kinds = ["sqlite", "postgresql"] if options.database == "both" else [options.database]
    for kind in kinds:
        for size in options.sizes:
            with database(kind) as engine:
                times = measure(engine, topic, size)
            shown = "  ".join(f"{wall:6.1f} ({busy:5.1f})" for wall, busy in times)
            print(f"{kind:10} {size:10,}  {shown}", flush=True)


@contextmanager
def database(kind: str) -> Iterator[Engine]:
    with tempfile.TemporaryDirectory(prefix="ag-") as folder:
        if kind == "sqlite":
            engine = open_engine(f"sqlite:///{folder}/monitor.db")
            migrate(engine)
            yield engine
            engine.dispose()
            return
        with postgres_databases(Path(folder), ["one"]) as (urls, _):
            engine = open_engine(urls[0])
            migrate(engine)
            yield engine
            engine.dispose()


def measure(engine: Engine, topic: Topic, size: int) -> list[tuple[float, float]]:
    """What each work took, in the order of the table's columns."""
    store, queries = Store(engine), Queries(engine)
    questions = questions_of(topic)
    store.begin_scoring(topic.name, VERSION, questions, languages=topic.languages)
    stored = min(size, STORED)
    for first in range(0, stored, PAGE):
        fill(engine, store, topic, range(first, min(first + PAGE, stored)))
    if size > stored:
        copy(engine, size // stored)
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    step, holder = AggregateStep(store, queries), holder_name()
    last_day = day_of(size - 1)

    def page(turn: int) -> None:
        save(store, topic, range(size + turn * 100, size + (turn + 1) * 100))

    def batch(_turn: int) -> None:
        claim = Claim(holder, datetime.now(UTC), 600)
        found = store.claim(
            topic.name, VERSION, questions, languages=topic.languages, claim=claim, limit=500
        )
        store.save_predictions(topic.name, VERSION, answers(found, questions))

    def pending(_turn: int) -> None:
        queries.is_pending(topic.name, VERSION, questions, languages=topic.languages)

    def day(_turn: int) -> None:
        store.mark_days(topic.name, [last_day - timedelta(2)])
        for dirty in store.dirty_days(topic.name):
            if dirty.day == last_day - timedelta(2):
                step.rebuild(topic, dirty)

    def month(_turn: int) -> None:
        queries.cells(topic.name, [VERSION], last_day - timedelta(30), last_day)

    save(store, topic, range(size + 1000, size + 6000))  # for the batches
    return [shortest(work) for work in (page, batch, pending, day, month)]


def shortest(work: Callable[[int], None]) -> tuple[float, float]:
    """Milliseconds, the fewest of nine turns, and of processor time."""
    walls, busy = [], []
    for turn in range(TURNS):
        before, busy_before = time.perf_counter(), time.process_time()
        work(turn)
        walls.append((time.perf_counter() - before) * 1000)
        busy.append((time.process_time() - busy_before) * 1000)
    return min(walls), min(busy)


def fill(engine: Engine, store: Store, topic: Topic, numbers: range) -> None:
    """Posts with all their answers, put in as quickly as the database takes them."""
    save(store, topic, numbers)
    columns = ("post_id", "version", "head", "target", "label", "scores")
    with writing(engine) as connection:
        queued = text("SELECT post_id FROM unscored WHERE topic = :topic")
        ids = list(connection.execute(queued, {"topic": topic.name}).scalars())
        rows = (
            (post_id, VERSION, head, target, "neutral" if head == "sentiment" else "none",
             "1000,2000,7000")
            for post_id in ids
            for head, target in questions_of(topic)
        )  # fmt: skip
        insert_rows(connection, PREDICTIONS, columns, rows)
        empty = text("DELETE FROM unscored WHERE topic = :topic")
        connection.execute(empty, {"topic": topic.name})
        mark(connection, topic.name, {day_of(number) for number in numbers})


def copy(engine: Engine, times: int) -> None:
    """Put later copies of all posts and answers beside them, until there are so many times them."""
    sqlite = engine.dialect.name == "sqlite"
    chance = "lower(hex(randomblob(16)))" if sqlite else "md5(random()::text || id)"
    days = STORED // DAY_POSTS
    with engine.connect() as connection:
        columns = [one["name"] for one in inspect(connection).get_columns("posts")]
        indexes = list(connection.execute(text(INDEXES[engine.dialect.name])))
    with writing(engine) as connection:
        for name, _ in indexes:
            connection.execute(text(f"DROP INDEX {name}"))
    for turn in range(1, times):
        later, ids = turn * days, turn * STORED
        changed = {
            "id": f"id + {ids}",
            "native_id": f"CAST(CAST(native_id AS BIGINT) + {ids} AS VARCHAR)",
            "created_at": f"strftime('%Y-%m-%d %H:%M:%f000', created_at, '+{later} days')"
            if sqlite
            else f"created_at + interval '{later} days'",
            "day": f"date(day, '+{later} days')" if sqlite else f"day + {later}",
            "text": f"text || ' {turn}'",
            "text_digest": chance,
            "author": chance,
        }
        said = ", ".join(changed.get(name, name) for name in columns)
        with writing(engine) as connection:
            connection.execute(
                text(
                    f"INSERT INTO posts ({', '.join(columns)}) SELECT {said} FROM posts"
                    f" WHERE id <= {STORED} ORDER BY id"
                )
            )
            connection.execute(
                text(
                    "INSERT INTO predictions (post_id, version, head, target, label, scores)"
                    f" SELECT post_id + {ids}, version, head, target, label, scores"
                    f" FROM predictions WHERE post_id <= {STORED} ORDER BY post_id"
                )
            )
    with writing(engine) as connection:
        for _, made_by in indexes:
            connection.execute(text(made_by))
        if not sqlite:
            connection.execute(
                text("SELECT setval(pg_get_serial_sequence('posts', 'id'), max(id)) FROM posts")
            )


def save(store: Store, topic: Topic, numbers: range) -> None:
    posts = tuple(made(number) for number in numbers)
    store.save_page(topic.name, "file", KeptPage(Checkpoint({}), posts), at=datetime.now(UTC))


def made(number: int) -> KeptPost:
    chance = random.Random(number)
    words = " ".join(chance.choices(WORDS, k=20)) + f" {number}"
    day = day_of(number)
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=number % 86_000)
    return KeptPost(
        "x", str(number), at, day, words, text_digest(words), "en", "public", "original", None,
        f"{chance.randrange(10**6):032x}", 0, "",
    )  # fmt: skip


def day_of(number: int) -> date:
    return FIRST_DAY + timedelta(number // DAY_POSTS)


def answers(posts: list[PendingPost], questions: list[tuple[str, str]]) -> list[Prediction]:
    return [
        Prediction(post.id, post.text_digest, head, target, "none", (1000, 2000, 7000))
        for post in posts
        for head, target in questions
    ]


if __name__ == "__main__":
    main()
