"""Would monthly partitions pay on PostgreSQL? `python benchmarks/partitions.py 1000000`.

Two layouts of the same invented rows in a PostgreSQL started for this run, plain SQL on both:

- plain: `posts` with a unique index on (topic, platform, native_id), as the program has it;
- monthly: `posts` in 36 monthly partitions by `day`. A unique index of a partitioned table must
  contain the partition's key, and a post's day may change, so a table of its own (`post_keys`)
  keeps (topic, platform, native_id) unique, and every reference points there.

Prints milliseconds, the median of seven: 1,000 new posts stored; 1,000 delivered again (found by
their ids, compared, left alone); the posts of one day read; and for both layouts the bytes.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from ingest import postgres_databases

BATCH = 1000
MONTHS = 36
COLUMNS = "topic, platform, native_id, day, text, text_digest, author"
ROW = """'walkout', 'x', (1000000000000000000 + n)::text,
    date '2020-01-01' + least(n, {total}) * 1095 / {total},
    repeat(md5(n::text), 4), md5(n::text), md5(mod(n, 100000)::text)"""
TABLE = """id {identity}, topic varchar NOT NULL, platform varchar NOT NULL,
    native_id varchar NOT NULL, day date NOT NULL, text text NOT NULL, text_digest varchar NOT NULL,
    author varchar"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("posts", type=int, nargs="?", default=200_000)
    total = parser.parse_args().posts
    print(f"{total:,} posts     new   again  a day (ms)       MB")
    names = ["plain", "monthly"]
    with (
        tempfile.TemporaryDirectory(prefix="pt-") as folder,
        postgres_databases(Path(folder), names) as (urls, _),
    ):
        for name, url, layout in zip(names, urls, (Plain, Monthly), strict=True):
            with psycopg.connect(url, autocommit=True) as connection:
                layout(connection, total).report(name)


class Plain:
    """One table."""

    def __init__(self, connection: psycopg.Connection, total: int) -> None:
        self.run = connection.execute
        self.total = total
        self.create()
        self.add(0, total)
        self.run("VACUUM ANALYZE")
        self.added = 0

    def create(self) -> None:
        self.run(f"CREATE TABLE posts ({TABLE.format(identity='bigserial PRIMARY KEY')})")
        self.run("CREATE UNIQUE INDEX uq ON posts (topic, platform, native_id)")
        self.indexes()

    def indexes(self) -> None:
        self.run("CREATE INDEX ix_day ON posts (topic, day)")
        self.run("CREATE INDEX ix_digest ON posts (topic, text_digest)")

    def add(self, first: int, count: int) -> None:
        rows = f"SELECT {ROW.format(total=self.total)} FROM generate_series(%s::int, %s::int) n"
        self.run(f"INSERT INTO posts ({COLUMNS}) {rows}", (first, first + count - 1))

    def new(self) -> None:
        self.add(self.total + self.added, BATCH)
        self.added += BATCH

    def again(self) -> None:
        self.find("SELECT * FROM posts WHERE topic = 'walkout' AND platform = 'x'")

    def find(self, statement: str) -> None:
        step = self.total // BATCH
        ids = [str(10**18 + n * step) for n in range(BATCH)]
        found = self.run(f"{statement} AND native_id = ANY(%s)", (ids,)).fetchall()
        assert len(found) == BATCH

    def day(self) -> None:
        self.run("SELECT * FROM posts WHERE topic = 'walkout' AND day = '2021-06-01'").fetchall()

    def report(self, name: str) -> None:
        times = [median(work) for work in (self.new, self.again, self.day)]
        size = self.run("SELECT pg_database_size(current_database())").fetchone()
        assert size is not None
        shown = "  ".join(f"{value:6.1f}" for value in times)
        print(f"{name:14}  {shown}     {size[0] / 1e6:8,.0f}", flush=True)


class Monthly(Plain):
    """A table by month, and one that keeps ids unique."""

    def create(self) -> None:
        self.run(
            "CREATE TABLE post_keys (id bigserial PRIMARY KEY, topic varchar NOT NULL,"
            " platform varchar NOT NULL, native_id varchar NOT NULL, day date NOT NULL)"
        )
        self.run("CREATE UNIQUE INDEX uq ON post_keys (topic, platform, native_id)")
        identity = "bigint REFERENCES post_keys ON DELETE CASCADE"
        self.run(f"CREATE TABLE posts ({TABLE.format(identity=identity)}) PARTITION BY RANGE (day)")
        self.run("CREATE UNIQUE INDEX uq_id ON posts (id, day)")
        self.indexes()
        for month in range(MONTHS + 1):
            first, end = (f"{2020 + m // 12}-{m % 12 + 1:02}-01" for m in (month, month + 1))
            self.run(
                f"CREATE TABLE posts_{month} PARTITION OF posts"
                f" FOR VALUES FROM ('{first}') TO ('{end}')"
            )

    def add(self, first: int, count: int) -> None:
        rows = f"SELECT {ROW.format(total=self.total)} FROM generate_series(%s::int, %s::int) n"
        self.run(
            f"WITH rows ({COLUMNS}) AS MATERIALIZED ({rows}),"
            " keys AS (INSERT INTO post_keys (topic, platform, native_id, day)"
            " SELECT topic, platform, native_id, day FROM rows RETURNING *)"
            f" INSERT INTO posts (id, {COLUMNS}) SELECT keys.id, rows.* FROM rows JOIN keys"
            " USING (topic, platform, native_id)",
            (first, first + count - 1),
        )

    def again(self) -> None:
        joined = "SELECT posts.* FROM post_keys k JOIN posts USING (id, day)"
        self.find(f"{joined} WHERE k.topic = 'walkout' AND k.platform = 'x'")

    def find(self, statement: str) -> None:
        super().find(f"SELECT * FROM ({statement}) found WHERE true")


def median(work: Callable[[], None]) -> float:
    """Milliseconds, of seven turns."""
    times = []
    for _ in range(7):
        before = time.perf_counter()
        work()
        times.append((time.perf_counter() - before) * 1000)
    return statistics.median(times)


if __name__ == "__main__":
    main()
