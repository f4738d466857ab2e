"""What operators install is true: rules, dashboard, units and runbooks fit the program."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient

from monitor.settings import SourcesSettings
from monitor.standing import Budget, Standing
from tests.dashboard_fakes import NOW, SETTINGS, TOPIC, FakeFigures, FakeQueries, fake_app

ROOT = Path(__file__).parent.parent
RULES = [
    rule
    for group in yaml.safe_load((ROOT / "ops/prometheus/alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
PANELS = [
    panel
    for panel in json.loads((ROOT / "ops/grafana/dashboard.json").read_text())["panels"]
    if panel["type"] != "row"
]
OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
UNITS = sorted((ROOT / "ops/systemd").iterdir())
NAME = re.compile(r"\b(?:monitor|process)_[a-z0-9_]+")


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, set[str]]:
    """The metrics of a program that has everything to tell, and the labels of each."""
    from types import SimpleNamespace

    from monitor.dashboard import gauges

    standing = Standing(
        "x", "walkout", "collect:x:walkout", NOW, NOW, None,
        Budget(1, 2, SimpleNamespace(expected=1, runs_out=None)), "",
    )  # fmt: skip
    monkeypatch.setattr(gauges, "_standings", lambda *_: [standing])
    (tmp_path / "last-backup").touch()
    monkeypatch.setattr(SETTINGS, "home", tmp_path)
    sources = {"contact": "", "bluesky": {"enabled": True}}
    monkeypatch.setattr(SETTINGS, "sources", SourcesSettings.model_validate(sources))
    topics = {TOPIC.name: replace(TOPIC, end=NOW.date() + timedelta(days=1))}
    app = fake_app(FakeFigures(), FakeQueries(), heartbeat=lambda: NOW, topics=topics)
    visitor = TestClient(app, base_url="http://127.0.0.1")
    visitor.get("/healthz")
    found: dict[str, set[str]] = {}
    for line in visitor.get("/metrics").text.splitlines():
        if match := re.match(r"([a-z0-9_]+)(?:\{(.*)\})? ", line):
            found.setdefault(match[1], set()).update(re.findall(r'(\w+)="', match[2] or ""))
    return found


def used(expression: str) -> set[str]:
    return set(NAME.findall(expression))


def test_every_metric_of_rules_and_dashboard_is_offered(offered: dict[str, set[str]]) -> None:
    expressions = [rule["expr"] for rule in RULES]
    expressions += [target["expr"] for panel in PANELS for target in panel["targets"]]
    asked = set().union(*map(used, expressions))
    assert len(asked) > 20
    assert asked - set(offered) == set()


def test_every_label_of_rules_and_dashboard_is_offered(offered: dict[str, set[str]]) -> None:
    wrong = []
    for rule in RULES:
        labels = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        known = set().union(*(offered[name] for name in used(rule["expr"])), {"instance", "job"})
        wrong += [(rule["alert"], label) for label in labels - known]
    for panel in PANELS:
        for target in panel["targets"]:
            names = re.findall(r"([a-z0-9_]+)\{([^}]*)\}", target["expr"])
            asked = [
                (name, label) for name, inside in names for label in re.findall(r"(\w+)=", inside)
            ]
            wrong += [one for one in asked if one[1] not in offered[one[0]]]
    assert wrong == []


def test_no_metric_has_a_label_that_prometheus_gives_itself(offered: dict[str, set[str]]) -> None:
    """It renames such a label: summaries and panels would speak of the scraping job."""
    assert {name for name, labels in offered.items() if labels & {"job", "instance"}} == set()
    joined = [
        label
        for panel in PANELS
        for target in panel["targets"]
        for inside in re.findall(r"\b(?:on|ignoring|by) ?\(([^)]*)\)", target["expr"])
        for label in inside.split(", ")
    ]
    assert set(joined) <= set().union(*offered.values())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_has_a_runbook(rule: dict[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert (ROOT / page).is_file()
    assert anchor == rule["alert"].lower()
    section = re.search(rf"^#### {rule['alert']}\n\n(.+?)(?=^#|\Z)", OPERATIONS, re.M | re.S)
    assert section is not None, f"docs/operations.md has no section {rule['alert']}"
    assert len(section[1]) > 80
    assert rule["labels"]["severity"] in ("page", "ticket")


def test_no_runbook_is_left_of_an_alert_that_is_gone() -> None:
    told = set(re.findall(r"^#### (Monitor\w+)$", OPERATIONS, re.M))
    assert told == {rule["alert"] for rule in RULES}


def test_every_panel_says_what_it_shows() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert all(panel["title"] and panel["targets"] for panel in PANELS)


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_is_what_systemd_understands(unit: Path, tmp_path: Path) -> None:
    """`systemd-analyze verify` where there is one; the program that it starts is stood in for."""
    text = unit.read_text()
    sections = re.findall(r"^\[(\w+)\]$", text, re.M)
    assert "Unit" in sections
    assert all(re.match(r"#|\[|\w+=|$", line) for line in text.splitlines())
    analyse = shutil.which("systemd-analyze")
    if analyse is None:
        return
    for path in UNITS:
        copy = path.read_text().replace("/opt/monitor/bin/monitor", "/bin/true")
        (tmp_path / path.name).write_text(copy)
    done = subprocess.run(
        [analyse, "verify", "--man=no", str(tmp_path / unit.name)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    complaints = [line for line in done.stderr.splitlines() if str(tmp_path) in line]
    assert complaints == []


def test_the_backup_s_unit_makes_the_folder_that_it_writes_to() -> None:
    """systemd starts nothing where a folder of ReadWritePaths is missing."""
    text = (ROOT / "ops/systemd/monitor-backup.service").read_text()
    folder = re.search(r"^ExecStart=\S+ backup (\S+)", text, re.M)
    assert folder is not None
    made = rf"^ExecStartPre=\+/usr/bin/install -d -o monitor .* {folder[1]}$"
    assert re.search(made, text, re.M)


def test_the_daemon_s_unit_never_gives_up_starting_it() -> None:
    """A database may be away for longer than any number of starts takes."""
    text = (ROOT / "ops/systemd/monitor.service").read_text()
    assert re.search(r"^\[Unit\]\n[^[]*^StartLimitIntervalSec=0$", text, re.M)
    assert re.search(r"^Restart=always$", text, re.M)


def test_the_backup_s_unit_reads_the_daemon_s_settings() -> None:
    """`./config` is looked for where a command is started."""
    units = [ROOT / "ops/systemd" / name for name in ("monitor.service", "monitor-backup.service")]
    pattern = r"^(?:WorkingDirectory|Environment=MONITOR_HOME|EnvironmentFile)=\S+"
    daemon, backup = (set(re.findall(pattern, unit.read_text(), re.M)) for unit in units)
    assert daemon == backup
    assert len(daemon) == 3


@pytest.mark.parametrize("name", ["daemon", "standby"])
def test_compose_lets_a_variable_send_scoring_to_its_workers(name: str) -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    given, workers = services[name]["environment"], services["worker"]["environment"]
    engine, scheduler = "MONITOR_DISTRIBUTION__ENGINE", "MONITOR_DISTRIBUTION__SCHEDULER"
    assert given[engine] == f"${{{engine}:-local}}"
    assert given[scheduler] == f"${{{scheduler}:-{workers[scheduler]}}}"
    assert given["MONITOR_DATABASE_URL_FILE"] == workers["MONITOR_DATABASE_URL_FILE"]


def test_compose_lets_a_variable_give_each_worker_a_part_of_the_cores() -> None:
    """Unset it is empty, which counts as not set."""
    worker = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["worker"]
    threads = "MONITOR_CLASSIFY__THREADS"
    assert worker["environment"][threads] == f"${{{threads}:-}}"


@pytest.mark.parametrize("unit", [u for u in UNITS if u.suffix == ".service"], ids=lambda p: p.name)
def test_a_service_may_do_little(unit: Path) -> None:
    text = unit.read_text()
    for line in ("NoNewPrivileges=yes", "CapabilityBoundingSet=", "ProtectSystem=strict",
                 "ProtectHome=yes", "PrivateTmp=yes", "UMask=0077", "User=monitor"):  # fmt: skip
        assert re.search(rf"^{line}$", text, re.M), line
    assert not re.search(r"(PASSWORD|TOKEN|SECRET|KEY)=", text)
