"""What the commands about model versions print."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest

from monitor.commands.call import Call
from monitor.commands.models import list_command

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
