"""From a platform's server to coverage, doctor and status, by commands and by the daemon's jobs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import structlog
from servers.hackernews import HackerNews

from collectors.errors import AuthenticationError, CollectorError, PastError, PolicyError
from collectors.post import Window
from monitor.bootstrap.application import Application
from monitor.bootstrap.collecting import collect
from monitor.cli import cli
from monitor.commands.call import Call
from monitor.dashboard.status import Health, status_page
from monitor.errors import MonitorError
from monitor.observability import configure_logging
from monitor.schedule import job_runner, jobs_of
from monitor.settings import load_settings
from monitor.testing import FakeClock

TOPIC = """
name = "strike"
title = "A strike"
timezone = "UTC"
start = 2020-06-01
end = 2020-06-05
languages = ["en"]
targets = [{ name = "strike", text = "the strike" }]
queries = { terms = ["strike"] }
"""
NOON = datetime(2020, 6, 2, 12, tzinfo=UTC)


@dataclass
class Program:
    """The program with a platform's server in reach, at a time of our choosing."""

    app: Application
    clock: FakeClock
    site: HackerNews

    def run(self, *arguments: str) -> None:
        call = Call()
        call.__dict__["app"] = self.app
        cli.main(list(arguments), prog_name="monitor", obj=call, standalone_mode=False)

    def run_jobs(self, which: str) -> list[bool]:
        runner = job_runner(self.app)
        jobs = [job for job in jobs_of(self.app) if job.name.startswith(which)]
        return [runner.run(job, lambda: False) for job in jobs]


@pytest.fixture(autouse=True)
def log_to_stderr() -> Iterator[None]:
    configure_logging(verbose=False)
    yield
    structlog.reset_defaults()


@pytest.fixture
def site() -> Iterator[HackerNews]:
    clock = FakeClock(NOON)
    site = HackerNews(clock)
    yield site
    site.server.close()


@pytest.fixture
def program(site: HackerNews, tmp_path: Path) -> Callable[..., Program]:
    (tmp_path / "config" / "topics").mkdir(parents=True)
    (tmp_path / "config" / "topics" / "strike.toml").write_text(TOPIC, encoding="utf-8")
    clock = site.now
    assert isinstance(clock, FakeClock)

    def make(**settings: str) -> Program:
        environ = {
            "MONITOR_HOME": str(tmp_path / "home"),
            "MONITOR_CONFIG": str(tmp_path / "config"),
            "MONITOR_DEFAULT_TOPIC": "strike",
            "MONITOR_SOURCES__HACKERNEWS__ENABLED": "true",
            "MONITOR_SOURCES__HACKERNEWS__BASE_URL": site.server.url,
            **settings,
        }
        return Program(Application(load_settings(environ), clock), clock, site)

    return make


def _add(site: HackerNews, posts: int, start: datetime = NOON - timedelta(hours=20)) -> None:
    for number in range(posts):
        site.add(f"the strike, part {number}", f"author{number}", start + timedelta(hours=number))


def _json(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_pass_stores_posts_and_says_what_it_covers(
    program: Callable[..., Program], site: HackerNews, capsys: pytest.CaptureFixture[str]
) -> None:
    _add(site, 5)
    there = program()

    there.run("collect", "--json")
    assert _json(capsys)["hackernews"]["stored"] == 5
    there.run("export", "coverage", "--format", "json")

    hours = [hour for hour in _json(capsys) if hour["source"] == "hackernews"]
    assert [hour["status"] for hour in hours] == ["complete"] * 36
    assert not any(hour["backfilled"] for hour in hours)


def test_a_backfill_covers_what_was_never_asked_for_and_says_so(
    program: Callable[..., Program], site: HackerNews, capsys: pytest.CaptureFixture[str]
) -> None:
    _add(site, 5)
    there = program()

    there.run("collect", "hackernews", "--since", "2020-06-01T16:00", "--until", "2020-06-01T18:30")
    capsys.readouterr()
    there.run("export", "coverage", "--format", "json", "--until", "2020-06-02")

    hours = _json(capsys)
    assert [hour["status"] for hour in hours[15:20]] == [
        "not_asked",
        "complete",
        "complete",
        "partial",
        "not_asked",
    ]
    assert [hour["backfilled"] for hour in hours[15:20]] == [False, True, True, True, False]
    assert (hours[18]["reason"], hours[18]["not_asked"]) == ("not_asked", 0.5)
    assert there.app.queries.totals("strike").posts == 3


def test_a_backfill_leaves_the_next_pass_alone(
    program: Callable[..., Program], site: HackerNews
) -> None:
    _add(site, 5)
    there = program()
    topic = there.app.topic()

    window = Window(NOON - timedelta(hours=18), NOON - timedelta(hours=16))
    assert collect(there.app, topic, "hackernews", window=window).counts["stored"] == 2
    assert collect(there.app, topic, "hackernews").counts["stored"] == 3


@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_coverage_is_exported_in_every_format(
    program: Callable[..., Program], tmp_path: Path, format_: str
) -> None:
    there = program()
    output = tmp_path / f"coverage.{format_}"

    there.run("export", "coverage", "--format", format_, "--output", str(output))

    assert output.stat().st_size > 500


def test_a_source_whose_terms_ask_for_more_does_not_start_and_names_the_line(
    program: Callable[..., Program],
) -> None:
    there = program(MONITOR_SOURCES__X__ENABLED="true", MONITOR_X_BEARER_TOKEN="t")

    with pytest.raises(PolicyError) as caught:
        collect(there.app, there.app.topic(), "x")
    assert "sources.x.approval_reference" in caught.value.hint


def test_a_source_without_its_secret_does_not_start_and_names_the_variable(
    program: Callable[..., Program],
) -> None:
    there = program(
        MONITOR_SOURCES__X__ENABLED="true", MONITOR_SOURCES__X__APPROVAL_REFERENCE="A-1"
    )

    with pytest.raises(AuthenticationError) as caught:
        collect(there.app, there.app.topic(), "x")
    assert "MONITOR_X_BEARER_TOKEN" in caught.value.hint


def test_one_source_that_fails_keeps_no_other_back(
    program: Callable[..., Program], site: HackerNews, capsys: pytest.CaptureFixture[str]
) -> None:
    _add(site, 5)
    there = program(MONITOR_SOURCES__X__ENABLED="true")

    with pytest.raises(MonitorError, match="1 source"):
        there.run("collect", "--json")

    answer = _json(capsys)
    assert answer["hackernews"]["stored"] == 5
    assert "approval_reference" in answer["x"]["hint"]


def test_doctor_shows_every_platform_s_terms_and_the_lines_that_allow_it(
    program: Callable[..., Program], capsys: pytest.CaptureFixture[str]
) -> None:
    there = program(MONITOR_SOURCES__X__ENABLED="true")

    with pytest.raises(MonitorError, match="platforms"):
        there.run("doctor", "--json")

    platforms = {one["platform"]: one for one in _json(capsys)["platforms"]}
    assert platforms["hackernews"]["state"] == "on"
    assert platforms["mastodon"]["state"] == "off"
    assert "sources.mastodon.enabled = true" in platforms["mastodon"]["to_allow"]
    assert platforms["x"]["state"] == "blocked"
    assert any("sources.x.approval_reference" in line for line in platforms["x"]["to_allow"])
    assert all(one["read_on"] and one["may_store"] and one["terms"] for one in platforms.values())


def test_a_source_does_not_start_where_its_deletions_would_be_followed_too_late(
    program: Callable[..., Program], capsys: pytest.CaptureFixture[str]
) -> None:
    there = program(
        MONITOR_SOURCES__X__ENABLED="true",
        MONITOR_SOURCES__X__APPROVAL_REFERENCE="A-1",
        MONITOR_X_BEARER_TOKEN="t",
        MONITOR_JOBS__COMPLIANCE__ENABLED="false",
    )

    with pytest.raises(MonitorError, match="platforms"):
        there.run("doctor", "--json")

    (x,) = [one for one in _json(capsys)["platforms"] if one["platform"] == "x"]
    assert any(line.startswith("jobs.compliance.enabled = true") for line in x["to_allow"])
    with pytest.raises(PolicyError, match="terms"):
        collect(there.app, there.app.topic(), "x")


def test_status_tells_last_success_next_run_and_budget(
    program: Callable[..., Program], site: HackerNews, capsys: pytest.CaptureFixture[str]
) -> None:
    _add(site, 5)
    there = program(MONITOR_SOURCES__X__ENABLED="true", MONITOR_SOURCES__X__MONTHLY_READS="500")

    assert there.run_jobs("collect:") == [True, False]
    there.run("status", "--json")

    answer = _json(capsys)
    assert answer["train_again"] == []
    sources = {one["source"]: one for one in answer["sources"]}
    assert sources["hackernews"]["last_success"] == "2020-06-02T12:00:00+00:00"
    assert sources["hackernews"]["next_run"] == "2020-06-02T12:05:00+00:00"
    assert sources["hackernews"]["budget"] is None
    assert (sources["x"]["budget"]["used"], sources["x"]["budget"]["cap"]) == (0, 500)
    assert sources["x"]["last_success"] is None
    assert "approval_reference" in sources["x"]["error"]


def test_status_tells_a_source_s_error_while_it_is_asked_again(
    program: Callable[..., Program], capsys: pytest.CaptureFixture[str]
) -> None:
    there = program(MONITOR_SOURCES__X__ENABLED="true")
    there.run_jobs("collect:x")
    there.app.store.start_run("collect:x:strike", "strike", there.clock())

    there.run("status")

    assert "approval_reference" in capsys.readouterr().out


def test_status_tells_of_a_source_that_is_unusually_silent(
    program: Callable[..., Program], site: HackerNews, capsys: pytest.CaptureFixture[str]
) -> None:
    _add(site, 24, NOON - timedelta(hours=24))
    there = program()
    there.run_jobs("collect:")
    there.run("status", "--json")
    assert _json(capsys)["sources"][0]["silent_hours"] is None

    there.clock.forward(hours=8)
    there.run_jobs("collect:")
    there.run("status")

    assert "9.0 h, longer than its usual gaps" in capsys.readouterr().out


def test_the_status_page_tells_how_each_source_stands(
    program: Callable[..., Program], site: HackerNews
) -> None:
    _add(site, 5)
    there = program(MONITOR_SOURCES__X__ENABLED="true", MONITOR_SOURCES__X__MONTHLY_READS="500")
    there.run_jobs("collect:")
    app = there.app

    page = status_page(
        app.topics,
        app.queries,
        Health("elsewhere", "ok", ()),
        settings=app.settings,
        lease=lambda: None,
        clock=app.clock,
    )

    news, x = page.sources
    assert (news.source, news.topic, news.note) == ("hackernews", "strike", "")
    assert "12:00" in news.last_success
    assert "20:00" in news.newest_post
    assert (x.last_success, x.newest_post) == ("never", "none yet")
    assert "0 of 500 reads" in x.budget
    assert "approval_reference" in x.note


def test_a_platform_that_lets_us_in_no_more_is_left_alone_for_a_while(
    program: Callable[..., Program], site: HackerNews
) -> None:
    there = program()
    (job,) = [job for job in jobs_of(there.app) if job.name.startswith("collect:hackernews")]
    site.server.fail_next("refused", times=1)

    for _ in range(3):
        with pytest.raises(CollectorError):
            job.work(lambda: False)
    assert len(site.server.requests) == 1

    there.clock.forward(hours=7)
    job.work(lambda: False)
    assert len(site.server.requests) > 1


def test_a_topic_that_was_over_before_its_platform_was_switched_on_fails_for_who_asks_alone(
    program: Callable[..., Program],
) -> None:
    there = program(MONITOR_SOURCES__BLUESKY__ENABLED="true")
    there.clock.forward(days=30)

    assert there.run_jobs("collect:bluesky") == [True]
    with pytest.raises(PastError) as caught:
        collect(there.app, there.app.topic(), "bluesky")
    assert "sources.bluesky.account" in caught.value.hint


def test_a_report_s_crontab_line_goes_by_the_topic_s_clocks(
    program: Callable[..., Program], tmp_path: Path
) -> None:
    """By UTC, the report of a Monday left Sunday out in half of the year in America's west."""
    abroad = TOPIC.replace('"UTC"', '"America/Los_Angeles"')
    (tmp_path / "config/topics/strike.toml").write_text(abroad, encoding="utf-8")
    there = program(MONITOR_JOBS__REPORT__ENABLED="true", MONITOR_JOBS__RETRAIN__ENABLED="true")

    jobs = {job.name: job.timezone for job in jobs_of(there.app)}

    assert jobs["report:strike"] == ZoneInfo("America/Los_Angeles")
    assert jobs["retrain:strike"] == jobs["retention:strike"] == UTC
