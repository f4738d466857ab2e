"""Nothing of a person that goes in comes out: every byte that is written, printed or answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from fastapi.testclient import TestClient

from monitor.bootstrap.application import open_application
from monitor.cli import run
from monitor.dashboard.app import create_app

TOPIC = """
name = "strike"
title = "A strike"
timezone = "UTC"
start = 2020-06-01
end = 2020-06-08
languages = ["en"]
targets = [{ name = "strike", text = "the strike" }]
queries = { terms = ["strike"] }
cohorts = [{ name = "employees", patterns = ["engineer at acme"] }]
"""
PEOPLE = 24


def record(n: int) -> dict[str, object]:
    """A post with somebody's handle, id, name, bio, mail address and number in it."""
    return {
        "id": f"post-{n}",
        "text": f"@handle{n}q I'm Zelda{'abcdefghijklmnopqrstuvwx'[n]} Quux, I stand with it! "
        f"mail secret{n}@example.org or +1 650-253-{1000 + n}, https://x.test/profile{n}q",
        "created_at": f"2020-06-0{1 + n % 2}T10:00:00Z",
        "author": f"authorid{n}q",
        "self_description": f"engineer at ACME, gardener of roses {n}q",
        "platform": "x",
        "language": "en",
    }


def private() -> list[str]:
    words = ["Zelda", "Quux", "gardener", "roses"]
    for n in range(PEOPLE):
        words += [f"handle{n}q", f"authorid{n}q", f"{n}@example", f"253-{1000 + n}", f"profile{n}q"]
    return words


def hostile_lines() -> list[str]:
    """Records that cannot become posts; what is said about them may not quote them."""
    broken = record(3) | {"created_at": "Zelda's birthday"}
    return [
        '{"author": "authorid4q", "text": "gardener',
        json.dumps(broken),
        json.dumps(record(5) | {"text": None}),
        json.dumps({"author": "authorid6q", "roses": 1}),
        json.dumps(record(7) | {"created_at": "2031-01-01T00:00:00Z"}),
    ]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    config = tmp_path / "config" / "topics"
    config.mkdir(parents=True)
    (config / "strike.toml").write_text(TOPIC)
    monkeypatch.setenv("MONITOR_CONFIG", str(config.parent))
    monkeypatch.setenv("MONITOR_HOME", str(tmp_path / "home"))
    yield tmp_path / "home"
    structlog.reset_defaults()  # commands configure it for their process


def everything_written(home: Path, out: Path) -> bytes:
    """File names and contents, the database's log included."""
    files = [path for root in (home, out) for path in root.rglob("*")]
    names = "\n".join(map(str, files)).encode()
    return names + b"\n".join(path.read_bytes() for path in files if path.is_file())


def dashboard_answers(environ: dict[str, str]) -> str:
    app = open_application(environ)
    web = create_app(app.board(), note_access=app.store.note_access)
    with TestClient(web) as client:
        pages = ("/topics/strike?by=cohort", "/topics/strike/figures.json", "/status", "/privacy")
        missing = ("/topics/authorid3q", "/search?q=handle3q")
        return "".join(client.get(page).text for page in pages) + "".join(
            client.get(page).text.replace("authorid3q", "") for page in missing
        )


def test_no_handle_name_bio_or_id_is_in_anything_the_program_writes(
    home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    posts = tmp_path / "in.jsonl"
    posts.write_text("\n".join([*(json.dumps(record(n)) for n in range(PEOPLE)), *hostile_lines()]))
    out = tmp_path / "out"
    out.mkdir()
    assert run(["import", str(posts), "-v"]) == 0
    assert run(["run", "--until-idle", "-v"]) == 0
    split = "platform,cohort,language"
    assert run(["export", "aggregates", "--by", split, "--output", str(out / "a.csv")]) == 0
    assert run(["label", "queue", "--output", str(out / "queue.jsonl")]) == 0
    assert run(["status"]) == 0
    answered = dashboard_answers({"MONITOR_CONFIG": str(tmp_path / "config"),
                                  "MONITOR_HOME": str(home)})  # fmt: skip
    written = everything_written(home, out)
    assert run(["forget", "--platform", "x", "--author", "authorid2q"]) == 0
    assert run(["purge"]) == 0
    printed = "".join(capfd.readouterr())
    after = everything_written(home, out)
    assert '"posts": 24' in printed or "24 stored" in printed
    assert b"I stand with it" in written
    assert b"post-1" in written
    for word in private():
        assert word not in printed, word
        assert word not in answered, word
        assert word.encode() not in written, word
        assert word.encode() not in after, word


def test_the_words_that_are_looked_for_are_in_what_goes_in() -> None:
    given = "\n".join(json.dumps(record(n)) for n in range(PEOPLE))
    assert [word for word in private() if word not in given] == []
