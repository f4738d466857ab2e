"""Addresses for alerts that are wrong, missing or out of order: somebody is told of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apprise
import pytest
import structlog

from monitor.bootstrap.application import Application, open_application
from monitor.dashboard import gauges
from monitor.notify import Teller
from monitor.schedule import job_runner, jobs_of

TOPIC = """
name = "current"
title = "A strike"
timezone = "UTC"
start = 2020-06-01
end = 2020-06-08
languages = ["en"]
targets = [{ name = "strike", text = "the strike" }]
queries = { terms = ["strike"] }
alerts = [{ name = "jobs", kind = "jobs", failures = 1 }]
"""
NO_ADDRESS = "no-such-service://user:secret@host"
HOOK = "json://127.0.0.1:1/hook"


class Sent(list[str]):
    """The messages' titles; they arrive, or do not."""

    arrives = True


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    told = Sent()

    def notify(self: apprise.Apprise, *, title: str, **_: Any) -> bool:
        told.append(title)
        return told.arrives

    monkeypatch.setattr(apprise.Apprise, "notify", notify)
    return told


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Application]:
    """Opens a monitor with these addresses, in which a job has failed."""
    topics = tmp_path / "config/topics"
    topics.mkdir(parents=True)
    (topics / "current.toml").write_text(TOPIC)
    monkeypatch.setenv("MONITOR_CONFIG", str(topics.parent))
    monkeypatch.setenv("MONITOR_HOME", str(tmp_path / "home"))

    def opened(addresses: str) -> Application:
        monkeypatch.setenv("MONITOR_ALERTS_URLS", addresses)
        made = open_application(os.environ)
        run = made.store.start_run("classify:current", "current", made.clock())
        made.store.finish_run(run, made.clock(), "failed")
        return made

    return opened


def look(app: Application) -> bool:
    """Runs the job that judges; tells whether it went well."""
    [job] = [job for job in jobs_of(app) if job.name == "alert:current"]
    return job_runner(app).run(job, lambda: False)


def doctored(command: Callable[..., Any], *arguments: str, code: int = 0) -> Any:
    [found] = [
        one
        for one in command("doctor", "--json", *arguments, code=code)["checks"]
        if one["check"] == "alerts"
    ]
    return found


def test_the_job_fails_for_an_unknown_address_once_the_others_are_told(
    app: Callable[[str], Application], sent: Sent
) -> None:
    one = app(f"{NO_ADDRESS} {HOOK}")
    assert not look(one)
    assert sent == ["Alert: jobs (A strike)"]
    run = one.queries.last_run("alert:current")
    assert run is not None and "address 1 in MONITOR_ALERTS_URLS" in run.error
    assert "secret@" not in run.error


def test_doctor_names_an_address_that_is_unknown(
    app: Callable[[str], Application], command: Callable[..., Any]
) -> None:
    app(f"{HOOK} {NO_ADDRESS}")
    assert "address 2" in doctored(command, code=1)["found"]


def test_doctor_warns_where_there_are_rules_and_nobody_to_tell(
    app: Callable[[str], Application], command: Callable[..., Any]
) -> None:
    app("")
    found = doctored(command)
    assert (found["problem"], "no address" in found["found"]) == (None, True)
    assert "logged only" in found["warning"]


@pytest.mark.parametrize(("addresses", "arrives"), [(HOOK, True), (HOOK, False), ("", True)])
def test_doctor_sends_a_test_message(
    app: Callable[[str], Application],
    command: Callable[..., Any],
    sent: Sent,
    addresses: str,
    arrives: bool,
) -> None:
    app(addresses)
    sent.arrives = arrives
    is_well = bool(addresses) and arrives
    found = command("doctor", "--tell", "--json", code=0 if is_well else 1)["checks"][-1]
    assert (found["check"], found["problem"] is None) == ("test message", is_well)
    assert sent == (["Test"] if addresses else [])


@pytest.mark.parametrize(("addresses", "told"), [("", {"addresses": 0}), (HOOK, {})])
def test_the_job_counts_where_nobody_can_be_told(
    app: Callable[[str], Application], sent: Sent, addresses: str, told: dict[str, int]
) -> None:
    one = app(addresses)
    assert look(one)
    run = one.queries.last_run("alert:current")
    assert run is not None
    assert {name: n for name, n in run.counts.items() if name == "addresses"} == told


def test_what_no_address_takes_is_logged_and_shown(
    app: Callable[[str], Application],
    command: Callable[..., Any],
    sent: Sent,
) -> None:
    sent.arrives = False
    one = app(HOOK)
    with structlog.testing.capture_logs() as lines:
        assert look(one)
    told = {"event": "alert_untold", "rule": "jobs", "topic": "current", "attempts": 1}
    assert told | {"log_level": "warning"} in lines
    assert command("status", "--json")["untold_alerts"] == 1
    (untold,) = [each for each in gauges.stored(one.board()) if each.name.endswith("_untold")]
    assert [(each.labels, each.value) for each in untold.samples] == [({"topic": "current"}, 1)]


SLACK_HOOK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"


@pytest.mark.parametrize(
    ("address", "takes"),
    [
        ("mailto://user:secret@example.org", 1),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", 1),
        ("slack://xoxb-1234-1234-abc124/general", 1),
        (SLACK_HOOK, 0),
        ("workflows://example.org/workflow/signature", 0),
    ],
    ids=["mail", "discord", "slack bot", "slack hook", "teams"],
)
def test_a_picture_goes_to_those_who_take_it(
    sent: Sent, tmp_path: Path, address: str, takes: int
) -> None:
    teller = Teller([address, HOOK])
    picture = tmp_path / "week.png"
    picture.write_bytes(b"picture")
    assert teller.takers_of_files == 1 + takes
    assert teller.tell("Report", "The picture is attached.", attachment=picture)
    assert len(sent) == 1 + takes


def test_doctor_says_who_gets_no_report(
    app: Callable[[str], Application],
    command: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MONITOR_JOBS__REPORT__ENABLED", "true")
    app(f"{SLACK_HOOK} {HOOK}")
    assert "go to 1 of them" in doctored(command)["warning"]
