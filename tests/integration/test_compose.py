"""`docker-compose.yml` without an engine: its shape, and that what it starts exists and starts."""

from __future__ import annotations

import os
import re
import signal
import time
import urllib.request
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from command_line import ROOT, Place

from monitor.cli import cli
from monitor.commands.call import Call


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def ours(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: s for name, s in compose["services"].items() if "build" in s}


def test_every_named_volume_and_secret_is_declared(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        mounted = {m.split(":")[0] for m in service.get("volumes", []) if not m.startswith(".")}
        assert mounted <= set(compose["volumes"])
        assert set(service.get("secrets", [])) <= set(compose["secrets"])
        assert set(service.get("depends_on", {})) <= set(compose["services"])


def test_no_secret_stands_in_the_file(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            assert "PASSWORD" not in name or name.endswith("_FILE")
            assert not re.search(r"://[^/\s]*:[^/\s]*@", str(value))


def test_every_command_exists(compose: dict[str, Any]) -> None:
    for service in ours(compose).values():
        program, name, *options = service["command"]
        command = cli.get_command(click.Context(cli, obj=Call()), name)
        assert program == "monitor"
        assert command is not None
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(options) <= known


def test_health_checks_and_a_user_that_is_not_root(compose: dict[str, Any]) -> None:
    assert all("healthcheck" in compose["services"][s] for s in ("database", "daemon", "dashboard"))
    assert re.search(r"^USER monitor$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def test_every_container_is_confined(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        assert 0 < service["pids_limit"] <= 1024, name
        assert any(place.startswith("/tmp:size=") for place in service["tmpfs"]), name
        assert not {"privileged", "devices", "network_mode", "pid"} & set(service), name
        assert not any("docker.sock" in str(volume) for volume in service["volumes"]), name
    assert all("cap_add" not in service for service in ours(compose).values())


def test_the_database_can_be_reached_by_the_monitor_alone(compose: dict[str, Any]) -> None:
    database = compose["services"]["database"]
    assert database["networks"] == ["inside"]
    assert "ports" not in database
    assert compose["networks"]["inside"] == {"internal": True}
    ports = [port for service in ours(compose).values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_image_copies_only_what_is_there() -> None:
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY") and "--from" not in line:
            assert all((ROOT / name).exists() for name in line.split()[1:-1]), line


@pytest.mark.timeout(180)
def test_the_services_start_under_the_compose_file_s_environment(
    compose: dict[str, Any], tmp_path: Path, postgres_url: str
) -> None:
    """The URL of the database is a secret in a file, the configuration the package's own."""
    secret = tmp_path / "database_url"
    secret.write_text(postgres_url)
    environment: dict[str, str | None] = {
        **compose["services"]["dashboard"]["environment"],
        "MONITOR_CONFIG": None,
        "MONITOR_DATABASE_URL_FILE": str(secret),
        "MONITOR_HOME": str(tmp_path / "data"),
        "HOME": str(tmp_path),
        "MONITOR_DASHBOARD__HOST": "127.0.0.1",
        "MONITOR_DASHBOARD__PORT": "0",
        "MONITOR_SOURCES__SAMPLE__ENABLED": "false",
    }
    place = Place(tmp_path, settings=environment)

    daemon = place.start(*compose["services"]["daemon"]["command"][1:])
    standby = dashboard = None
    try:
        _line(daemon, "Scheduler: running")
        place.run("status", "--check")
        standby = place.start(*compose["services"]["standby"]["command"][1:])
        _line(standby, "Standby")
        dashboard = place.start(*compose["services"]["dashboard"]["command"][1:])
        url = _line(dashboard, "Dashboard: ").split()[1]
        with urllib.request.urlopen(f"{url}/health", timeout=10) as answer:
            assert answer.status == 200
        started = time.monotonic()
        os.killpg(daemon.pid, signal.SIGKILL)
        _line(standby, "Scheduler: running")
        assert time.monotonic() - started < 30
    finally:
        for process in filter(None, (daemon, standby, dashboard)):
            if process.poll() is None:
                process.terminate()
            process.communicate(timeout=20)
    assert standby.returncode == 0
    assert dashboard.returncode == 0


def _line(process: Any, start: str) -> str:
    """Reads what a process prints until a line starts so."""
    for line in process.stdout:
        if line.startswith(start):
            return str(line)
    raise AssertionError(f"it ended with {process.wait()} before it said {start!r}")
