"""`monitor users` and `monitor tokens`, and what does not start without them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from monitor.cli import run


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MONITOR_HOME", str(tmp_path / "var"))
    (tmp_path / "password").write_text("four plain words here\n")


def say(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def add(capsys: pytest.CaptureFixture[str], folder: Path, name: str, role: str) -> Any:
    file = str(folder / "password")
    return say(capsys, "users", "add", name, "--role", role, "--password-file", file)


def test_users_are_added_changed_listed_and_removed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    add(capsys, tmp_path, "ada", "admin")
    say(capsys, "users", "role", "ada", "--role", "viewer")
    assert [(u["name"], u["role"]) for u in say(capsys, "users", "list")] == [("ada", "viewer")]
    say(capsys, "users", "remove", "ada")
    assert say(capsys, "users", "list") == []
    assert run(["users", "remove", "ada"]) == 2


def test_a_token_is_shown_once_and_can_be_revoked_once(capsys: pytest.CaptureFixture[str]) -> None:
    made = say(capsys, "tokens", "add", "grafana")
    listed = say(capsys, "tokens", "list")
    assert made["token"] not in json.dumps(listed)
    say(capsys, "tokens", "revoke", str(made["id"]))
    assert say(capsys, "tokens", "list")[0]["revoked_at"]
    assert run(["tokens", "revoke", str(made["id"])]) == 2
    assert run(["tokens", "revoke", str(10**30)]) == 2


def test_a_token_alone_is_printed_so_that_it_can_go_to_a_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["tokens", "add", "prometheus"]) == 0
    printed = capsys.readouterr()
    (token,) = printed.out.splitlines()
    assert " " not in token
    assert "Keep it now" in printed.err


@pytest.mark.parametrize("name", ["", "a b", "<b>", "x" * 101])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    file = str(tmp_path / "password")
    assert run(["users", "add", name, "--role", "viewer", "--password-file", file]) == 2


def test_a_short_password_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "short").write_text("short")
    arguments = ["users", "add", "ada", "--role", "viewer", "--password-file"]
    assert run([*arguments, str(tmp_path / "short")]) == 2
    assert "at least 10" in capsys.readouterr().err


def test_an_open_address_refuses_to_serve_without_users(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MONITOR_DASHBOARD__HOST", "0.0.0.0")
    assert run(["serve"]) == 2
    assert "monitor users add" in capsys.readouterr().err
