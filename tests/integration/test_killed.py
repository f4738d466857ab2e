"""kill -9 at twenty random moments of import, classify and aggregate, with the shipped model."""

from __future__ import annotations

import gzip
import os
import random
import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from command_line import MONITOR, ROOT, Place
from postgres import new_database

KILLS_PER_DATABASE = 10
DATABASES = 2
POSTS = 200
TOPIC = (ROOT / "config/topics/facebook-walkout-2020.toml").read_text(encoding="utf-8")
STEPS = f'"{MONITOR}" import "$1" && "{MONITOR}" classify && "{MONITOR}" aggregate'


@pytest.fixture(scope="module")
def posts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first part of our own sample corpus: edits of order, copies, deletions and all."""
    path = tmp_path_factory.mktemp("posts") / "posts.jsonl"
    sample = ROOT / "config/samples/facebook-walkout-2020/posts.jsonl.gz"
    with gzip.open(sample, "rt", encoding="utf-8") as lines:
        path.write_text("".join(line for line, _ in zip(lines, range(POSTS), strict=False)))
    return path


def place(folder: Path, database_url: str | None) -> Place:
    made = Place(folder, database_url)
    made.add_topic("facebook-walkout-2020", TOPIC)
    return made


def steps(where: Place, posts: Path) -> subprocess.Popen[bytes]:
    """Starts the three commands in a process group of their own, in small transactions."""
    return subprocess.Popen(
        ["sh", "-c", STEPS, "sh", str(posts)],
        env=where.environ({"MONITOR_CLASSIFY__BATCH_POSTS": "30"}),
        cwd=where.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def figures(where: Place) -> str:
    return where.run(
        "export", "aggregates", "--format", "json", "--include-unvalidated",
        "--by", "platform,cohort",
    )  # fmt: skip


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_figures_are_the_same_byte_for_byte_after_kills_at_random_moments(
    kind: str, posts: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with ExitStack() as databases:

        def database() -> str | None:
            if kind == "sqlite":
                return None
            server = request.getfixturevalue("postgres_server")
            return databases.enter_context(new_database(server))

        calm = place(tmp_path / "calm", database())
        calm.run("import", posts)
        calm.run("classify")  # the first scoring also exports the model, which later ones do not
        calm.run("aggregate")
        expected = figures(calm)
        assert '"stance"' in expected

        random_moment = random.Random(1)
        killed = 0
        for number in range(DATABASES):
            where = place(tmp_path / f"killed{number}", database())
            cache = where.home / "cache"
            cache.parent.mkdir(parents=True)
            cache.symlink_to(calm.home / "cache")
            usual = 12.0
            for _ in range(KILLS_PER_DATABASE):
                started = time.monotonic()
                running = steps(where, posts)
                try:
                    running.wait(random_moment.uniform(0.3, usual))
                    usual = max(1.0, time.monotonic() - started)
                except subprocess.TimeoutExpired:
                    os.killpg(running.pid, signal.SIGKILL)
                    running.wait()
                    killed += 1
            assert steps(where, posts).wait(600) == 0
            assert figures(where) == expected
        assert killed >= DATABASES * KILLS_PER_DATABASE // 2
