"""The bundled sample brings its labels, whatever ended an earlier pass."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from monitor.bootstrap.application import Application
from monitor.bootstrap.collecting import collect
from monitor.errors import StoreError
from monitor.pipeline.labels import LabelStep
from monitor.settings import load_settings

TOPIC = """
name = "strike"
title = "A strike"
timezone = "UTC"
start = 2020-06-01
end = 2020-06-05
languages = ["en"]
targets = [{ name = "strike", text = "the strike" }]
queries = { terms = ["strike"] }
sample = "strike"
"""
POSTS = 6


def _lines(records: list[dict[str, str]]) -> bytes:
    return "\n".join(json.dumps(record) for record in records).encode()


def _write_labels(config: Path, count: int) -> None:
    labels = [
        {"id": f"{n}", "platform": "x", "head": "sentiment", "label": "neutral", "sample": "random"}
        for n in range(count)
    ]
    (config / "samples" / "strike" / "labels.jsonl").write_bytes(_lines(labels))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    config = tmp_path / "config"
    (config / "topics").mkdir(parents=True)
    (config / "topics" / "strike.toml").write_text(TOPIC, encoding="utf-8")
    (config / "samples" / "strike").mkdir(parents=True)
    posts = [
        {
            "id": f"{n}",
            "platform": "x",
            "created_at": f"2020-06-02T0{n}:00:00Z",
            "author": f"author-{n}",
            "language": "en",
            "text": f"the strike, part {n}",
        }
        for n in range(POSTS)
    ]
    packed = gzip.compress(_lines(posts))
    (config / "samples" / "strike" / "posts.jsonl.gz").write_bytes(packed)
    _write_labels(config, POSTS)
    return config


@pytest.fixture
def start(tmp_path: Path, config: Path) -> Callable[[], Application]:
    environ = {
        "MONITOR_HOME": str(tmp_path / "home"),
        "MONITOR_CONFIG": str(config),
        "MONITOR_DEFAULT_TOPIC": "strike",
    }
    return lambda: Application(load_settings(environ))


def _collect(app: Application) -> int:
    collect(app, app.topic(), "sample")
    return len(app.queries.labels("strike", date(2020, 6, 1), date(2020, 6, 5)))


def test_labels_come_after_a_pass_that_ended_between_posts_and_labels(
    start: Callable[[], Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(*_: Any, **__: Any) -> None:
        raise StoreError("the disk is full", hint="make room")

    with monkeypatch.context() as patched:
        patched.setattr(LabelStep, "import_file", ends)
        with pytest.raises(StoreError):
            collect(app := start(), app.topic(), "sample")
    assert _collect(start()) == POSTS


def test_labels_come_once_for_each_file(start: Callable[[], Application], config: Path) -> None:
    assert _collect(start()) == POSTS
    taken: list[Path] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(LabelStep, "import_file", lambda _, __, path: taken.append(path))
        _collect(start())
    assert not taken

    _write_labels(config, POSTS - 1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(LabelStep, "import_file", lambda _, __, path: taken.append(path))
        _collect(start())
    assert taken


def test_a_sample_may_come_without_labels(start: Callable[[], Application], config: Path) -> None:
    (config / "samples" / "strike" / "labels.jsonl").unlink()
    assert _collect(start()) == 0
