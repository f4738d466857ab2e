"""An export is of the days that were asked for, of no more and no fewer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faked_monitor
import pytest
from test_stored_topics import TOPIC, post

from monitor.bootstrap.application import Application

POSTS = 350
"""Of the seven days of the topic."""


@pytest.fixture
def export(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Any]:
    """Exports what is told of seven days whose shares are released."""
    monkeypatch.setattr(Application, "scorers", None)
    monkeypatch.setenv("MONITOR_CONFIG", str(tmp_path / "config"))
    (tmp_path / "config/topics").mkdir(parents=True)
    (tmp_path / "config/topics/strike.toml").write_text(TOPIC.format(name="strike"))
    posts = [post(n) | {"created_at": f"2020-06-0{1 + n % 7}T10:00:00Z"} for n in range(POSTS)]
    labels = [
        {
            "id": str(n),
            "platform": "x",
            "head": "sentiment",
            "label": ("negative", "neutral", "positive")[n % 3],
            "annotator": "a",
            "sample": "random",
        }
        for n in range(POSTS)
    ]
    for name, records in (("posts", posts), ("labels", labels)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, records)))

    def run(*arguments: str) -> str:
        capsys.readouterr()
        assert faked_monitor.run(list(arguments)) == 0
        return capsys.readouterr().out

    run("import", str(tmp_path / "posts.jsonl"))
    run("classify")
    run("label", "import", str(tmp_path / "labels.jsonl"))
    run("aggregate")
    return lambda *arguments: json.loads(run("export", *arguments, "--format", "json"))


@pytest.mark.parametrize(
    ("asked", "days"),
    [
        pytest.param(["--since", "2020-06-02", "--until", "2020-06-04"], "23", id="both"),
        pytest.param(["--since", "2020-06-06"], "67", id="since"),
        pytest.param(["--until", "2020-06-03"], "12", id="until"),
    ],
)
def test_an_export_is_of_the_days_from_since_until(
    export: Callable[..., Any], asked: list[str], days: str
) -> None:
    found = {
        what: {(one.get("day") or one["hour"])[:10] for one in export(what, *asked)}
        for what in ("aggregates", "changes", "labels", "coverage")
    }
    wanted = {f"2020-06-0{day}" for day in days}
    assert found == {
        "aggregates": wanted,
        "changes": wanted - {"2020-06-01"},  # there is no day before it
        "labels": wanted,
        "coverage": wanted,
    }
