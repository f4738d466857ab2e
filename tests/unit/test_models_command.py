"""What the commands about model versions print."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace
from pathlib import Path

import pytest

from classifiers.registry import PRETRAINED, SMALL
from classifiers.version import read_version
from monitor.bootstrap.application import open_application
from monitor.commands.call import Call
from monitor.commands.models import list_command, show_command
from monitor.errors import UsageError

ROOT = Path(__file__).parent.parent.parent


def test_versions_are_listed_where_the_champion_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MONITOR_HOME", str(tmp_path))
    monkeypatch.setenv("MONITOR_CONFIG", str(ROOT / "config"))
    reign = tmp_path / "models/champions/facebook-walkout-2020.json"
    reign.parent.mkdir(parents=True)
    reign.write_text('{"reigned": ["bbbbbbbbbbbb"], "rolled_back": []}')
    call = Call(as_json=True)
    assert list_command.callback is not None
    inspect.unwrap(list_command.callback)(call)
    call.app._engine.dispose()
    printed, told = capsys.readouterr()
    assert [row["stage"] for row in json.loads(printed)] == ["retired"]
    assert "the champion bbbbbbbbbbbb is not on disk" in told


def test_a_base_is_what_it_is_to_the_topic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever every base is as it is shipped."""
    monkeypatch.setenv("MONITOR_HOME", str(tmp_path))
    monkeypatch.setenv("MONITOR_CONFIG", str(ROOT / "config"))
    call = Call(as_json=True)
    assert show_command.callback is not None
    stages = []
    for base in (PRETRAINED, SMALL):
        inspect.unwrap(show_command.callback)(call, read_version(base).id)
        stages.append(json.loads(capsys.readouterr().out)["stage"])
    call.app._engine.dispose()
    assert stages == ["champion", "candidate"]


TOPICS = ["facebook-walkout-2020", "airline"]


@pytest.mark.parametrize(
    ("topics", "named", "asked"),
    [
        (TOPICS, None, SMALL),
        (TOPICS[:1], "facebook-walkout-2020", SMALL),
        (TOPICS[1:], None, PRETRAINED),
        (["airline", "merger"], None, PRETRAINED),
        ([], None, PRETRAINED),
    ],
    ids=["the default", "named", "the only one", "none of several", "none at all"],
)
def test_texts_are_asked_of_the_topics_champion(
    tmp_path: Path, topics: list[str], named: str | None, asked: Path
) -> None:
    app = open_application({"MONITOR_HOME": str(tmp_path), "MONITOR_CONFIG": str(ROOT / "config")})
    shown = app.topics[TOPICS[0]]
    app.__dict__["topics"] = {name: replace(shown, name=name) for name in topics}
    reign = tmp_path / "models/champions/facebook-walkout-2020.json"
    reign.parent.mkdir(parents=True)
    reign.write_text(json.dumps({"reigned": [read_version(SMALL).id], "rolled_back": []}))
    assert app.champion_of(named).id == read_version(asked).id
    with pytest.raises(UsageError, match="'gone'"):
        app.champion_of("gone")
