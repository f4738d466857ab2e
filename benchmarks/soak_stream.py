"""A million posts through a Jetstream that breaks off, repeats and deletes: all there, once.

    python benchmarks/soak_stream.py [POSTS]

The server (that of the tests) runs in a process of its own, and cuts each connection after a
random number of messages. Of what it tells, a sixth is about something else, one post in twenty
is deleted again, and one in twenty comes twice. The real pipeline stores what comes into SQLite.

Fails if the stored posts are not exactly the published ones minus the deleted, or if memory grows
by more than 50 MB after the first tenth.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil
from sqlalchemy import Engine, select

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from servers.jetstream import POST, Jetstream, event, iso, microseconds, tid  # noqa: E402

from collectors.bluesky import SOURCE  # noqa: E402
from collectors.source import Query, Surroundings  # noqa: E402
from monitor.pipeline.admission import Admission  # noqa: E402
from monitor.pipeline.collect import CollectStep  # noqa: E402
from monitor.post_ids import PostIds  # noqa: E402
from monitor.pseudonym import Pseudonyms  # noqa: E402
from monitor.store.engine import migrate, open_engine  # noqa: E402
from monitor.store.queries import Queries  # noqa: E402
from monitor.store.rows import POSTS  # noqa: E402
from monitor.store.store import Store  # noqa: E402
from monitor.topic import PORTABLE, Target, Topic  # noqa: E402
from monitor.topic import Query as TopicQuery  # noqa: E402

START = datetime(2020, 6, 1, tzinfo=UTC)
STEP = timedelta(milliseconds=50)
AUTHORS = 50_000
DELETED_EVERY, NOISE_EVERY = 20, 5
CUT_AFTER = (1_000, 20_000)
MOST_GROWTH = 50 * 1024 * 1024
WARM_UP = 0.1
IDS = PostIds(b"k" * 32)


@dataclass(frozen=True)
class Script(Sequence[tuple[str, str]]):
    """The events, made when they are asked for: a pattern of slots, again and again.

    First come the posts of the pattern, then some about something else, a deletion of one of
    them, and one once more.
    """

    posts: int

    def __len__(self) -> int:
        return self.posts // DELETED_EVERY * self.block

    @property
    def block(self) -> int:
        """How many slots make a pattern."""
        return DELETED_EVERY + DELETED_EVERY // NOISE_EVERY + 2

    def __getitem__(self, index: int) -> tuple[str, str]:  # type: ignore[override]
        if not 0 <= index < len(self):
            raise IndexError(index)
        return POST, self._event(index)

    def _event(self, index: int) -> str:
        number, place = divmod(index, self.block)
        first = number * DELETED_EVERY
        at = microseconds(START + index * STEP)
        if place < DELETED_EVERY:
            return _post(first + place, at, START + index * STEP)
        if place < self.block - 2:
            record = {"$type": POST, "text": "about cats", "createdAt": iso(START)}
            return _commit("create", "did:plc:cats", f"n{index}", at, record)
        if place == self.block - 2:
            gone = deleted_of(number)
            return _commit("delete", author_of(gone), f"p{gone}", at)
        return _post(first, at, START + index * STEP)  # Once more.

    def published(self) -> set[int]:
        """Numbers of the posts that must be there in the end."""
        blocks = self.posts // DELETED_EVERY
        return set(range(self.posts)) - {deleted_of(number) for number in range(blocks)}


@dataclass(frozen=True)
class Times(Sequence[int]):
    """When the events happened."""

    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> int:  # type: ignore[override]
        if not 0 <= index < self.count:
            raise IndexError(index)
        return microseconds(START + index * STEP)


def deleted_of(block: int) -> int:
    return block * DELETED_EVERY + 7


def author_of(number: int) -> str:
    return f"did:plc:a{number % AUTHORS}"


def _post(number: int, at: int, made: datetime) -> str:
    text = f"invented text {number} about the walkout, as long as those that people write are"
    record = {"$type": POST, "text": text, "createdAt": iso(made), "langs": ["en"]}
    return _commit("create", author_of(number), f"p{number}", at, record)


def _commit(operation: str, did: str, rkey: str, at: int, record: object = None) -> str:
    commit = {"rev": tid(at), "operation": operation, "collection": POST, "rkey": rkey}
    more = {} if record is None else {"record": record, "cid": "bafyreib2rxk3rybk"}
    return event(did, at, "commit", commit={**commit, **more})


def end_of(script: Script) -> datetime:
    return START + (len(script) + 100) * STEP


def serve(posts: int) -> None:
    """The server's process: prints its address, and runs until it is ended."""
    script = Script(posts)
    server = Jetstream(lambda: end_of(script), Times(len(script)), script)
    dice = random.Random(1)
    server.messages_until_cut = lambda: dice.randint(*CUT_AFTER)
    print(json.dumps(server.url), flush=True)
    sys.stdin.read()
    print(len(server.requests), flush=True)


@dataclass
class Memory:
    """How much the process holds, from when it is warm."""

    warm_after: int
    seen: list[int] = field(default_factory=list)

    def note(self, records: int) -> None:
        """Measures, once so many records are stored."""
        if records >= self.warm_after:
            self.seen.append(psutil.Process().memory_info().rss)

    @property
    def growth(self) -> int:
        """By how many bytes it grew at most."""
        return max(self.seen) - self.seen[0] if self.seen else 0


def step(engine: Engine) -> CollectStep:
    topic = Topic(
        name="soak",
        title="A soak",
        timezone=ZoneInfo("UTC"),
        start=START.date() - timedelta(days=1),
        end=START.date() + timedelta(days=60),
        languages=("en",),
        targets=(Target("walkout", "the walkout"),),
        queries={PORTABLE: TopicQuery(("walkout",), {})},
    )
    admission = Admission(topic, Pseudonyms(b"k" * 32), IDS)
    return CollectStep(Store(engine), Queries(engine), admission, lambda: datetime.now(UTC))


def collect(url: str, posts: int, engine: Engine) -> tuple[float, float, Memory, int]:
    """One pass; returns seconds, those on a processor, memory and what came again."""
    script = Script(posts)
    surroundings = Surroundings(
        settings={**SOURCE.defaults(), "hosts": [url], "linger": 0.0},
        secret=lambda _: None,
        now=lambda: end_of(script),
        sleep=lambda _: time.sleep(0.01),
        should_stop=lambda: False,
        reads=lambda: 0,
    )
    collector = SOURCE.make(Query("soak", "A soak", ("walkout",), {}, ("en",)), surroundings)
    memory = Memory(int(posts * WARM_UP))
    begun, worked = time.monotonic(), time.process_time()
    found = step(engine).collect(collector, progress=memory.note)
    seconds, busy = time.monotonic() - begun, time.process_time() - worked
    return seconds, busy, memory, found.counts["repeated"] + found.counts["refused"]


def stored_numbers(engine: Engine) -> Iterator[int]:
    with engine.connect() as connection:
        for kept in connection.execute(select(POSTS.c.native_id)).scalars():
            yield int(IDS.open(kept).rpartition("/p")[2])


def main() -> int:
    asked = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    posts = max(1, asked // DELETED_EVERY) * DELETED_EVERY
    command = [sys.executable, __file__, "--serve", str(posts)]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as server,
    ):
        assert server.stdin is not None
        assert server.stdout is not None
        url = json.loads(server.stdout.readline())
        engine = open_engine(f"sqlite:///{Path(folder) / 'soak.db'}")
        migrate(engine)
        seconds, busy, memory, repeated = collect(url, posts, engine)
        server.stdin.close()
        connections = int(server.stdout.readline())
        found = list(stored_numbers(engine))
        engine.dispose()
    expected = Script(posts).published()
    print(f"{posts:,} posts in {seconds:.1f} s: {posts / seconds:,.0f} posts/s")
    print(f"{posts / busy:,.0f} posts per second of one processor")
    print(f"{connections:,} connections, {repeated:,} posts came again")
    print(f"memory grew by {memory.growth / 2**20:.1f} MB to {max(memory.seen) / 2**20:.0f} MB")
    lost, extra = len(expected - set(found)), len(set(found) - expected)
    twice = len(found) - len(set(found))
    print(f"{len(found):,} stored of {len(expected):,}")
    print(f"{lost} lost, {extra} too many, {twice} twice")
    return int(bool(lost or extra or twice) or memory.growth > MOST_GROWTH)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(int(sys.argv[2]))
    else:
        sys.exit(main())
