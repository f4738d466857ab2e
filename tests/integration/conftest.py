"""Real databases for the integration tests, and commands in their process."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import faked_monitor
import pytest
from postgres import postgres_server, postgres_url

from monitor.bootstrap.application import Application

__all__ = ["postgres_server", "postgres_url"]


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """Runs a command in this process; gives its answer where that is JSON."""
    monkeypatch.setattr(Application, "scorers", None)

    def run(*arguments: str, code: int = 0) -> Any:
        capsys.readouterr()
        assert faked_monitor.run(list(arguments)) == code
        said = capsys.readouterr().out
        return json.loads(said) if "--json" in arguments else said

    return run
