"""`monitor status --check`: whether a daemon runs, whatever the topics are."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from monitor.bootstrap.application import open_application
from monitor.cli import run
from monitor.lease import DaemonLease

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


@pytest.fixture(autouse=True)
def topics(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two, of which none is the default one."""
    folder = tmp_path / "config/topics"
    folder.mkdir(parents=True)
    monkeypatch.setenv("MONITOR_CONFIG", str(folder.parent))
    for name in ("here", "there"):
        (folder / f"{name}.toml").write_text(TOPIC.format(name=name))


def start_daemon() -> None:
    app = open_application(os.environ)
    assert DaemonLease(app.store, app.clock, 60).acquire()


def test_it_asks_for_no_topic(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "--check"]) == 1
    assert "no daemon is running" in capsys.readouterr().err
    start_daemon()
    assert run(["status", "--check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"daemon": "running"}


def test_a_named_topic_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    start_daemon()
    assert run(["status", "--check", "--topic", "there", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["topic"], told["daemon"]) == ("there", "running")


def test_who_names_no_topic_is_told_how_to(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status"]) == 2
    assert "MONITOR_DEFAULT_TOPIC" in capsys.readouterr().err
