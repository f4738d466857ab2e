"""What later posts are compared with holds nothing of a post that was removed, edited or purged."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import faked_monitor
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from collectors.post import Checkpoint, Deletion, Page
from monitor.bootstrap.application import Application, open_application
from monitor.bootstrap.collecting import collect_step
from monitor.bootstrap.drifting import drift
from monitor.retraining import prune_versions
from monitor.testing import FakeCollector

TOPIC = """
name = "strike"
title = "A strike"
timezone = "UTC"
start = 2020-06-01
end = 2020-06-08
languages = ["en"]
targets = [{ name = "strike", text = "the strike" }]
queries = { terms = ["strike"] }
"""
POSTS = 60
Command = Callable[..., None]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command in this process."""
    monkeypatch.setattr(Application, "scorers", None)

    def run(*arguments: str) -> None:
        assert faked_monitor.run(list(arguments)) == 0

    return run


@pytest.fixture
def reference(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Of sixty posts, which are scored and counted."""
    (tmp_path / "config/topics").mkdir(parents=True)
    (tmp_path / "config/topics/strike.toml").write_text(TOPIC)
    monkeypatch.setenv("MONITOR_CONFIG", str(tmp_path / "config"))
    bring(command, tmp_path / "posts.jsonl", range(POSTS))
    app = open_application(os.environ)
    drift(app, app.topic("strike"), embed=False)
    [path] = (tmp_path / "home/references").iterdir()
    assert len(load_file(path)["words"]) == POSTS
    return path


def bring(command: Command, path: Path, numbers: range) -> None:
    lines = [
        {
            "id": str(number),
            "text": f"I stand with the strike, number {number}",
            "created_at": "2020-06-02T10:00:00Z",
            "author": f"author-{number}",
            "platform": "x",
        }
        for number in numbers
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    for arguments in (["import", str(path)], ["classify"], ["aggregate"]):
        command(*arguments, "--topic", "strike")


def change(reference: Path, statement: str) -> None:
    with sqlite3.connect(reference.parent.parent / "monitor.db") as connection:
        connection.execute(statement)


def let_time_pass(reference: Path) -> None:
    change(reference, "UPDATE posts SET stored_at = '2020-06-02 10:00:00.000000'")


def rows(path: Path, but: int) -> dict[str, list[list[float]]]:
    """Every array of a file without the post of that number."""
    with sqlite3.connect(path.parent.parent / "monitor.db") as connection:
        query = "SELECT id FROM posts WHERE native_id = ?"
        [[post]] = connection.execute(query, [str(but)]).fetchall()
    found = load_file(path)
    stays = found["marks of words"][:, 0] != post
    assert stays.sum() == POSTS - 1
    return {name: each[stays].tolist() for name, each in found.items()}


def every_row(path: Path) -> dict[str, list[list[float]]]:
    return {name: each.tolist() for name, each in load_file(path).items()}


def test_a_target_with_another_text_is_compared_with_its_own_posts_alone(
    command: Command, reference: Path, tmp_path: Path
) -> None:
    first = load_file(reference)["scores of stance strike: the strike"].tolist()
    topic = tmp_path / "config/topics/strike.toml"
    topic.write_text(TOPIC.replace("the strike", "the strikers"))
    command("classify", "--topic", "strike")
    app = open_application(os.environ)
    compared = drift(app, app.topic("strike"), embed=False).shifts
    assert [one.of for one in compared] == ["words", "scores of sentiment"]
    compared = drift(app, app.topic("strike"), embed=False).shifts
    assert [one.of for one in compared][2] == "scores of stance strike"
    topic.write_text(TOPIC)
    command("classify", "--topic", "strike")
    app = open_application(os.environ)
    drift(app, app.topic("strike"), embed=False)
    assert load_file(reference)["scores of stance strike: the strike"].tolist() == first


def test_what_an_earlier_program_kept_of_a_target_is_of_its_present_text(
    reference: Path,
) -> None:
    found = every_row(reference)
    former = {name.partition(": ")[0]: each for name, each in load_file(reference).items()}
    save_file(former, reference)
    app = open_application(os.environ)
    compared = drift(app, app.topic("strike"), embed=False).shifts
    assert [one.of for one in compared] == [
        "words",
        "scores of sentiment",
        "scores of stance strike",
    ]
    assert every_row(reference) == found


@pytest.mark.parametrize(("what", "of"), [("--author", "author-7"), ("--post", "7")])
def test_what_is_forgotten_goes(command: Command, reference: Path, what: str, of: str) -> None:
    others = rows(reference, but=7)
    command("forget", "--platform", "x", what, of)
    assert every_row(reference) == others
    assert "scores of sentiment" in others


def test_what_a_platform_deletes_goes_when_its_day_is_counted(
    command: Command, reference: Path
) -> None:
    others = rows(reference, but=7)
    app = open_application(os.environ)
    page = Page(Checkpoint({}), deletions=(Deletion("x", "7"),))
    collect_step(app, app.topic("strike")).collect(FakeCollector([page], "x"))
    command("aggregate", "--topic", "strike")
    assert every_row(reference) == others


def test_what_is_edited_goes(command: Command, reference: Path) -> None:
    others = rows(reference, but=7)
    change(reference, "UPDATE posts SET text = 'else', text_digest = 'e' WHERE native_id = '7'")
    command("purge", "--topic", "strike")
    assert every_row(reference) == others


def test_what_is_purged_goes_and_newer_posts_take_its_place(
    command: Command, reference: Path, tmp_path: Path
) -> None:
    let_time_pass(reference)
    bring(command, tmp_path / "later.jsonl", range(POSTS, 2 * POSTS))
    before = set(map(tuple, load_file(reference)["marks of words"].tolist()))
    command("purge", "--topic", "strike")
    found = load_file(reference)
    assert len(found["words"]) == POSTS
    assert before.isdisjoint(map(tuple, found["marks of words"].tolist()))


@pytest.mark.parametrize("what", ["purge", "forget --platform x --post 7"])
def test_what_goes_from_a_topic_without_a_file_goes_here_too(
    command: Command, reference: Path, tmp_path: Path, what: str
) -> None:
    others = rows(reference, but=7)
    (tmp_path / "config/topics/strike.toml").rename(tmp_path / "strike.toml")
    if what == "purge":
        let_time_pass(reference)
    command(*what.split())
    assert reference.is_file() == (what != "purge")
    assert what == "purge" or every_row(reference) == others


def test_a_file_that_does_not_tell_whose_it_is_is_made_anew(
    command: Command, reference: Path
) -> None:
    save_file({"words": np.zeros((POSTS, 256), np.float32)}, reference)
    command("purge", "--topic", "strike")
    assert len(load_file(reference)["marks of words"]) == POSTS


def test_a_damaged_file_is_made_anew(command: Command, reference: Path) -> None:
    reference.write_bytes(reference.read_bytes()[:500])
    command("purge", "--topic", "strike")
    assert len(load_file(reference)["marks of words"]) == POSTS


def test_what_a_killed_program_left_of_one_goes_a_while_later(
    command: Command, reference: Path
) -> None:
    left = reference.with_name(f".{reference.name}.0011")
    left.write_bytes(b"half of it")
    command("purge", "--topic", "strike")
    assert left.is_file()
    os.utime(left, (0, 0))
    command("purge", "--topic", "strike")
    assert not left.exists()


def test_a_pruned_version_takes_its_own_along(reference: Path) -> None:
    app = open_application(os.environ)
    version = reference.stem.removeprefix("strike-")
    app.__dict__["registry"] = SimpleNamespace(prune=lambda *_, **__: (version,))
    assert prune_versions(app, app.topic("strike")) == (version,)
    assert not reference.exists()
