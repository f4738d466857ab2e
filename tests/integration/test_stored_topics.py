"""A topic whose file is gone is still in the database: what is promised holds for it too."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import faked_monitor
import pytest

from monitor.bootstrap.alerting import alert_step
from monitor.bootstrap.application import Application, open_application, utc_now
from monitor.job import ShouldStop
from monitor.schedule import job_runner, jobs_of
from monitor.testing import FakeClock

TOPIC = """
name = "{name}"
title = "A strike"
timezone = "UTC"
start = 2020-06-01
end = 2020-06-08
languages = ["en"]
targets = [{{ name = "strike", text = "the strike" }}]
queries = {{ terms = ["strike"] }}
"""
AUTHORS = 5
ADDRESS = "at://did:plc:somebody/app.bsky.feed.post/3"


@pytest.fixture
def home(command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Of a topic in use, and of one with posts whose file was removed."""
    topics = tmp_path / "config/topics"
    topics.mkdir(parents=True)
    monkeypatch.setenv("MONITOR_CONFIG", str(topics.parent))
    for name in ("current", "former"):
        (topics / f"{name}.toml").write_text(TOPIC.format(name=name))
    posts = tmp_path / "posts.jsonl"
    posts.write_text("\n".join(json.dumps(post(number)) for number in range(AUTHORS)))
    command("import", str(posts), "--topic", "former")
    (topics / "former.toml").unlink()
    return tmp_path / "home"


def post(number: int) -> dict[str, str]:
    return {
        "id": str(number),
        "text": f"I stand with the strike, number {number}",
        "created_at": "2020-06-02T10:00:00Z",
        "author": f"author-{number}",
        "platform": "x",
    }


def kept(home: Path) -> list[tuple[str, str | None]]:
    """Texts and pseudonyms."""
    with sqlite3.connect(home / "monitor.db") as connection:
        return connection.execute("SELECT text, author FROM posts").fetchall()


def ids(home: Path, topic: str) -> list[str]:
    with sqlite3.connect(home / "monitor.db") as connection:
        rows = connection.execute("SELECT native_id FROM posts WHERE topic = ?", (topic,))
        return [native_id for (native_id,) in rows]


def let_time_pass(home: Path) -> None:
    """Posts and keys are from years ago."""
    with sqlite3.connect(home / "monitor.db") as connection:
        connection.execute("UPDATE posts SET stored_at = '2020-06-02 10:00:00.000000'")
    for key in (home / "keys").iterdir():
        os.utime(key, (0, 0))


def run(app: Application, name: str, *, once: bool = False) -> None:
    [job] = [job for job in jobs_of(app, once=once) if job.name == name]
    assert job_runner(app).run(job, lambda: False)


@pytest.mark.parametrize("named", [[], ["--topic", "former"]], ids=["every topic", "by name"])
def test_purge_reaches_it(command: Callable[..., Any], home: Path, named: list[str]) -> None:
    let_time_pass(home)
    assert command("purge", "--json", *named) == {"posts": AUTHORS, "keys": 1}
    assert kept(home) == [("", None)] * AUTHORS


def test_what_is_not_past_its_time_stays(command: Callable[..., Any], home: Path) -> None:
    before = kept(home)
    assert command("purge", "--json") == {"posts": 0, "keys": 0}
    assert kept(home) == before


def test_the_daemon_purges_it(command: Callable[..., Any], home: Path) -> None:
    let_time_pass(home)
    run(open_application(os.environ), "retention:former")
    assert kept(home) == [("", None)] * AUTHORS


@pytest.mark.parametrize(
    ("ran", "purged"),
    [
        pytest.param([31], [False, True], id="a jump, or weeks off"),
        pytest.param([31, 0], [False, True], id="others ran before at this start"),
        pytest.param([31, 1], [True], id="the clock has been here yesterday"),
        pytest.param([-3, 1], [True], id="a run that was recorded ahead"),
        pytest.param([], [True], id="nothing was recorded"),
    ],
)
def test_the_daemon_purges_a_night_later_where_the_clock_may_be_wrong(
    command: Callable[..., Any], home: Path, ran: list[int], purged: list[bool]
) -> None:
    let_time_pass(home)
    clock = FakeClock(utc_now())
    app = open_application(os.environ, clock=clock)
    for days in ran:
        app.store.start_run("classify:current", "current", clock() - timedelta(days=days))
    found = []
    for _ in purged:
        run(app, "retention:former")
        found.append(kept(home) == [("", None)] * AUTHORS)
        clock.forward(days=14)
    assert found == purged


def test_a_purge_that_was_put_off_just_before_the_night_waits_for_the_next(
    command: Callable[..., Any], home: Path
) -> None:
    let_time_pass(home)
    clock = FakeClock(utc_now())
    app = open_application(os.environ, clock=clock)
    app.store.start_run("classify:current", "current", clock() - timedelta(days=31))
    found = []
    for hours in (0, 0.02, 5.5, 24):
        clock.forward(hours=hours)
        run(app, "retention:former")
        found.append(kept(home) == [("", None)] * AUTHORS)
    assert found == [False, False, False, True]


def test_what_runs_once_puts_no_purge_off(command: Callable[..., Any], home: Path) -> None:
    let_time_pass(home)
    app = open_application(os.environ)
    app.store.start_run("classify:current", "current", app.clock() - timedelta(days=31))
    run(app, "retention:former", once=True)
    assert kept(home) == [("", None)] * AUTHORS


def test_the_rule_about_jobs_tells_that_it_is_not_purged(
    command: Callable[..., Any], home: Path
) -> None:
    rule = '\n[[alerts]]\nname = "jobs"\nkind = "jobs"\nfailures = 2\n'
    with (home.parent / "config/topics/current.toml").open("a") as file:
        file.write(rule)
    app = open_application(os.environ)
    [job] = [job for job in jobs_of(app) if job.name == "retention:former"]

    def fail(_: ShouldStop) -> Mapping[str, int]:
        raise OSError

    for _ in range(2):
        job_runner(app).run(replace(job, work=fail), lambda: False)
    alert_step(app).alert(app.topic("current"))
    [incident] = app.incidents.recent(5)
    assert incident.message == "Failed 2 times in a row: retention:former."


@pytest.mark.parametrize(("what", "of"), [("--author", "author-3"), ("--post", "3")])
def test_forget_reaches_it_and_holds_for_what_comes_again(
    command: Callable[..., Any], home: Path, what: str, of: str
) -> None:
    erased = command("forget", "--json", "--platform", "x", what, of)
    assert erased == {"current": 0, "former": 1}
    (home.parent / "config/topics/former.toml").write_text(TOPIC.format(name="former"))
    posts = str(home.parent / "posts.jsonl")
    assert command("import", posts, "--topic", "former", "--json")["stored"] == 0
    assert len(kept(home)) == AUTHORS - 1


@pytest.mark.parametrize(
    ("what", "of"),
    [("--author", "author-3"), ("--post", "3"), ("--post", ADDRESS)],
    ids=["author", "post", "post by its address"],
)
def test_forget_holds_for_a_topic_that_is_made_or_named_anew_later(
    command: Callable[..., Any], home: Path, what: str, of: str
) -> None:
    native_id = "3" if what == "--author" else of
    repost = {"kind": "repost", "reference": native_id}
    lines = [post(0), post(3) | {"id": native_id}, post(4) | {"id": "repost"} | repost]
    posts = home.parent / "again.jsonl"
    posts.write_text("\n".join(map(json.dumps, lines)))
    command("forget", "--platform", "x", what, of)
    (home.parent / "config/topics/later.toml").write_text(TOPIC.format(name="later"))
    told = command("import", str(posts), "--topic", "later", "--json")
    assert (told["stored"], told["refused"]) == (1, 2)
    assert ids(home, "later") == ["0"]


def test_forget_by_a_seal_holds_for_a_topic_with_other_seals(
    command: Callable[..., Any], home: Path
) -> None:
    posts = home.parent / "posts.jsonl"
    posts.write_text(json.dumps(post(3) | {"id": ADDRESS}))
    command("import", str(posts), "--topic", "current")
    [seal] = ids(home, "current")
    command("forget", "--platform", "x", "--post", seal)
    (home.parent / "config/topics/later.toml").write_text(TOPIC.format(name="later"))
    assert command("import", str(posts), "--topic", "later", "--json")["refused"] == 1


def test_forget_holds_for_the_first_topic_too(command: Callable[..., Any], home: Path) -> None:
    (home / "monitor.db").unlink()
    file = home.parent / "config/topics/current.toml"
    file.unlink()
    command("forget", "--platform", "x", "--author", "author-3")
    file.write_text(TOPIC.format(name="current"))
    posts = str(home.parent / "posts.jsonl")
    assert command("import", posts, "--json")["refused"] == 1


def test_forget_says_where_it_could_not_erase_and_erases_everywhere_else(
    command: Callable[..., Any], home: Path
) -> None:
    command("import", str(home.parent / "posts.jsonl"), "--topic", "current")
    (home / "keys/former.ids.key").write_bytes(b"k" * 32)
    erased = command("forget", "--json", "--platform", "x", "--post", "3", code=1)
    assert erased == {"current": 1}


@pytest.mark.parametrize(
    ("platform", "what", "of", "told"),
    [
        ("x", "--author", "@somebody", "no stored post is that author's"),
        ("x", "--post", "4711", "no stored post has that id"),
        ("mastodon", "--author", "@ann@social.example", "no stored post is that author's"),
        ("mastodom", "--author", "author-3", "known: bluesky"),
    ],
    ids=["author", "post", "platform without posts", "unknown platform"],
)
def test_forget_warns_where_it_finds_nothing(
    home: Path, capsys: pytest.CaptureFixture[str], platform: str, what: str, of: str, told: str
) -> None:
    capsys.readouterr()
    assert faked_monitor.run(["forget", "--platform", platform, what, of]) == 0
    printed = capsys.readouterr()
    assert printed.out == "0 posts erased\n"
    assert told in printed.err
    assert of not in printed.err


@pytest.mark.parametrize("platform", ["x", "forum"])
def test_forget_warns_of_nothing_where_it_erases(
    command: Callable[..., Any], home: Path, capsys: pytest.CaptureFixture[str], platform: str
) -> None:
    posts = home.parent / "posts.jsonl"
    posts.write_text(json.dumps(post(3) | {"platform": platform}))
    command("import", str(posts), "--topic", "current")
    assert faked_monitor.run(["forget", "--platform", platform, "--author", "author-3"]) == 0
    assert "no stored post" not in capsys.readouterr().err


def test_doctor_names_it(command: Callable[..., Any], home: Path) -> None:
    checks = {one["check"]: one for one in command("doctor", "--json")["checks"]}
    assert checks["topics without a file"]["found"].startswith("former (")
    assert checks["topics without a file"]["problem"] is None


def test_doctor_names_cohorts_that_are_in_no_file_any_more(
    command: Callable[..., Any], home: Path
) -> None:
    def write(cohort: str) -> None:
        patterns = f'cohorts = [{{ name = "{cohort}", patterns = ["docker"] }}]\n'
        text = TOPIC.format(name="current") + patterns
        (home.parent / "config/topics/current.toml").write_text(text)

    write("workers")
    posts = home.parent / "posts.jsonl"
    posts.write_text(json.dumps(post(3) | {"self_description": "a docker"}))
    command("import", str(posts), "--topic", "current")
    command("aggregate", "--topic", "current")
    for cohort, found in (("workers", "none"), ("dockers", "current/workers")):
        write(cohort)
        checks = {one["check"]: one for one in command("doctor", "--json")["checks"]}
        assert checks["cohorts in no file"]["found"] == found


def test_an_unknown_name_is_still_refused(command: Callable[..., Any], home: Path) -> None:
    command("purge", "--topic", "nowhere", code=2)
