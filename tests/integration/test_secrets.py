"""A secret of every kind is planted; it is in nothing that is written, printed or answered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import faked_monitor
import pytest
from command_line import ROOT

from collectors import platforms
from monitor.bootstrap.application import Application
from monitor.cli import COMMANDS, cli
from monitor.commands.call import Call

PLANTED = "S3cretWordThatNobodyMaySee"
ALLOWED_IN_ARGUMENTS = {"new_key", "password_file", "with_keys"}
"""Files, and whether: not the secret itself."""


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(Application, "scorers", None)
    topics = tmp_path / "config/topics"
    topics.mkdir(parents=True)
    name = "facebook-walkout-2020.toml"
    (topics / name).write_text((ROOT / "config/topics" / name).read_text(encoding="utf-8"))
    monkeypatch.setenv("MONITOR_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("MONITOR_SOURCES__SAMPLE__ENABLED", "false")
    monkeypatch.setenv("MONITOR_ALERTS_URLS", f"json://user:{PLANTED}@127.0.0.1:1/")
    monkeypatch.setenv("MONITOR_BACKUP_KEY", f"AGE-SECRET-KEY-1{PLANTED}")
    for platform in platforms.names():
        for secret in platforms.load(platform).secrets:
            monkeypatch.setenv(secret.variable(platform), PLANTED)
    return tmp_path


def written(folder: Path) -> list[str]:
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and PLANTED.encode() in path.read_bytes()
    ]


@pytest.mark.parametrize(
    "command",
    [["doctor"], ["doctor", "--json"], ["status"], ["topics", "list"], ["collect", "-v"],
     ["backup", "kept", "-v"], ["models", "list"], ["users", "list"],
     ["run", "--until-idle", "-v"]],
    ids=" ".join,
)  # fmt: skip
def test_no_command_prints_or_stores_a_secret(
    command: list[str], planted: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    faked_monitor.run(command)
    printed = capfd.readouterr()
    assert printed.out + printed.err != ""
    assert PLANTED not in printed.out + printed.err
    assert written(planted) == []


@pytest.mark.parametrize(
    "url",
    [f"postgresql://monitor:{PLANTED}@127.0.0.1:1/monitor", f"nonsense://{PLANTED}",
     f"sqlite:///nowhere?password={PLANTED}"],
    ids=["nobody there", "no such kind", "odd"],
)  # fmt: skip
@pytest.mark.parametrize(
    "command", [["status"], ["doctor", "-v"], ["backup", "kept"]], ids=" ".join
)
def test_the_database_s_password_is_in_no_message(
    url: str,
    command: list[str],
    planted: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(planted)
    monkeypatch.setenv("MONITOR_DATABASE_URL", url)
    monkeypatch.delenv("MONITOR_BACKUP_KEY")
    faked_monitor.run(command)
    printed = capfd.readouterr()
    assert PLANTED not in printed.out + printed.err


def test_no_command_takes_a_secret_as_an_argument() -> None:
    suspicious = re.compile(r"passw|secret|token|credential|bearer|_key$|^key")
    found = {
        (name, parameter.name)
        for name, command in _commands()
        for parameter in command.params
        if parameter.name and suspicious.search(parameter.name)
    }
    assert {name for _, name in found} <= ALLOWED_IN_ARGUMENTS


def _commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(cli, obj=Call())
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {below}", one) for below, one in command.commands.items())


def test_no_secret_gets_into_the_image() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {"var", "config/local.toml", "secrets"} <= set(ignored)
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert not re.search(r"^(ARG|ENV).*(PASSWORD|TOKEN|SECRET)", dockerfile, re.M | re.I)
    assert "COPY . " not in dockerfile
