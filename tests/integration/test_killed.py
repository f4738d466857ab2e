"""kill -9 at random moments of import, classify, aggregate, forget, purge, backup and restore.

A fake answers for the classifier: what a kill can spoil is what is written, and how.
"""

from __future__ import annotations

import gzip
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from command_line import ROOT, Place
from postgres import new_database

KILLS_PER_DATABASE = 7
DATABASES = 2
RESTORES = 5
POSTS = 300
NAME = "facebook-walkout-2020"
TOPIC = (ROOT / f"config/topics/{NAME}.toml").read_text(encoding="utf-8")
PROGRAM = ROOT / "tests/faked_monitor.py"


@pytest.fixture(scope="module")
def posts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first part of our own sample corpus: edits of order, copies, deletions and all."""
    path = tmp_path_factory.mktemp("posts") / "posts.jsonl"
    sample = ROOT / f"config/samples/{NAME}/posts.jsonl.gz"
    with gzip.open(sample, "rt", encoding="utf-8") as lines:
        path.write_text("".join(line for line, _ in zip(lines, range(POSTS), strict=False)))
    return path


def place(folder: Path, database_url: str | None) -> Place:
    made = Place(folder, database_url)
    made.add_topic(NAME, TOPIC)
    return made


def start(where: Place, *arguments: str | Path) -> subprocess.Popen[str]:
    """Starts commands in a process group of their own, in small transactions; they are loaded."""
    running = subprocess.Popen(
        [sys.executable, str(PROGRAM), *map(str, arguments)],
        env=where.environ({"MONITOR_CLASSIFY__BATCH_POSTS": "20", "PYTHONPATH": str(ROOT)}),
        cwd=where.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    return running


def steps(where: Place, posts: Path) -> subprocess.Popen[str]:
    """Everything that writes; a server's database has its own backups."""
    author = ("forget", "--platform", "bluesky", "--author", "nobody-of-ours")
    kept = () if where.database_url else ("+", "backup", where.folder / "kept", "--keys")
    return start(
        where, "import", posts, "+", "classify", "+", "aggregate", "+", *author, "+", "purge", *kept
    )


def finish(running: subprocess.Popen[str]) -> str:
    said, _ = running.communicate(timeout=300)
    assert running.returncode == 0, said
    return said


def figures(where: Place) -> str:
    return finish(
        start(where, "export", "aggregates", "--format", "json", "--include-unvalidated",
              "--by", "platform,cohort")
    )  # fmt: skip


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
        begun = time.monotonic()
        finish(steps(calm, posts))
        usual = time.monotonic() - begun
        expected = figures(calm)
        assert '"stance"' in expected

        random_moment = random.Random(1)
        killed = 0
        for number in range(DATABASES):
            where = place(tmp_path / f"killed{number}", database())
            for _ in range(KILLS_PER_DATABASE):
                running = steps(where, posts)
                begun = time.monotonic()
                try:
                    running.communicate(timeout=random_moment.uniform(0.0, usual))
                    usual = max(0.2, time.monotonic() - begun)
                except subprocess.TimeoutExpired:
                    os.killpg(running.pid, signal.SIGKILL)
                    running.communicate()
                    killed += 1
            finish(steps(where, posts))
            assert figures(where) == expected
            backups = sorted((where.folder / "kept").glob("*"))
            assert not [path for path in backups if path.name.endswith(".partial")]
            for backup in backups[-1:]:
                finish(start(where, "restore", "--check", backup))
        assert killed >= DATABASES * KILLS_PER_DATABASE // 2


def test_a_restore_that_was_killed_can_be_done_again(posts: Path, tmp_path: Path) -> None:
    calm = place(tmp_path / "calm", None)
    finish(steps(calm, posts))
    expected = figures(calm)
    [backup] = (calm.folder / "kept").glob("*")
    begun = time.monotonic()
    finish(start(place(tmp_path / "first", None), "restore", backup))
    usual = time.monotonic() - begun
    random_moment, killed = random.Random(2), 0
    for number in range(RESTORES):
        where = place(tmp_path / f"killed{number}", None)
        running = start(where, "restore", backup)
        try:
            running.communicate(timeout=random_moment.uniform(0.0, usual / 2))
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.communicate()
            killed += 1
        finish(start(where, "restore", backup))
        assert figures(where) == expected
    assert killed >= RESTORES // 3
