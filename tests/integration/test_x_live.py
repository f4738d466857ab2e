"""X through the whole program: from the settings to stored posts, costs, terms and deletions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from servers.x import TOKEN, X
from servers.x_posts import author_id

from collectors.errors import AuthenticationError, PolicyError
from monitor.bootstrap.application import Application
from monitor.bootstrap.collecting import check_stored, collect
from monitor.cli import cli
from monitor.commands.call import Call
from monitor.observability import configure_logging
from monitor.settings import load_settings
from monitor.store.values import CoverageSpan
from monitor.testing import FakeClock

TOPIC = """
name = "strike"
title = "A strike"
timezone = "UTC"
start = 2026-09-01
end = 2026-09-20
languages = ["en"]
targets = [{ name = "strike", text = "the strike" }]
queries = { terms = ["strike"] }
"""
NOON = datetime(2026, 9, 10, 12, tzinfo=UTC)


@dataclass
class Program:
    """The program with X in reach."""

    app: Application
    site: X

    def run(self, *arguments: str) -> None:
        call = Call()
        call.__dict__["app"] = self.app
        cli.main(list(arguments), prog_name="monitor", obj=call, standalone_mode=False)

    @property
    def stored(self) -> int:
        return self.app.queries.totals("strike").posts


@pytest.fixture(autouse=True)
def log_to_stderr() -> Iterator[None]:
    configure_logging(verbose=False)
    yield
    structlog.reset_defaults()


@pytest.fixture
def site() -> Iterator[X]:
    site = X(FakeClock(NOON))
    yield site
    site.close()


@pytest.fixture
def program(site: X, tmp_path: Path) -> Callable[..., Program]:
    (tmp_path / "config" / "topics").mkdir(parents=True)
    (tmp_path / "config" / "topics" / "strike.toml").write_text(TOPIC, encoding="utf-8")
    own = {
        "MONITOR_HOME": str(tmp_path / "home"),
        "MONITOR_CONFIG": str(tmp_path / "config"),
        "MONITOR_DEFAULT_TOPIC": "strike",
        "MONITOR_SOURCES__X__ENABLED": "true",
        "MONITOR_SOURCES__X__APPROVAL_REFERENCE": "X-2026-17",
        "MONITOR_SOURCES__X__BASE_URL": site.url,
        "MONITOR_X_BEARER_TOKEN": TOKEN,
    }

    def make(**settings: str) -> Program:
        environ = {name: value for name, value in {**own, **settings}.items() if value}
        return Program(Application(load_settings(environ), site.now), site)

    return make


def publish(site: X, posts: int, before: timedelta = timedelta(hours=5)) -> list[str]:
    start = NOON - before
    return [
        site.posts.add(
            f"the strike, part {number}", start + timedelta(minutes=number), f"a{number}"
        )
        for number in range(posts)
    ]


def test_a_pass_stores_posts_and_counts_what_they_cost(
    program: Callable[..., Program], site: X, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(site, 130)
    there = program()
    there.run("collect", "x", "--json")
    assert json.loads(capsys.readouterr().out)["x"]["stored"] == there.stored == 130
    there.run("status", "--json")
    (source,) = [
        one for one in json.loads(capsys.readouterr().out)["sources"] if one["source"] == "x"
    ]
    budget: dict[str, Any] = source["budget"]
    assert (budget["used"], budget["cap"]) == (130, 10_000)
    assert budget["used"] < budget["forecast"] < 1000


def test_no_author_reaches_the_database(program: Callable[..., Program], site: X) -> None:
    site.posts.add("the strike @ann https://example.org/ann/1", NOON, "ann", description="I am ann")
    there = program()
    collect(there.app, there.app.topic(), "x")
    content = there.app.settings.home.joinpath("monitor.db").read_bytes()
    content += there.app.settings.home.joinpath("monitor.db-wal").read_bytes()
    assert b"the strike @user" in content
    for secret in (b"I am ann", b"@ann", b"/ann/1", author_id("ann").encode()):
        assert secret not in content


def test_without_an_approval_it_stays_off_and_says_which_line_allows_it(
    program: Callable[..., Program], site: X
) -> None:
    there = program(MONITOR_SOURCES__X__APPROVAL_REFERENCE="")
    with pytest.raises(PolicyError) as raised:
        collect(there.app, there.app.topic(), "x")
    assert "sources.x.approval_reference = " in raised.value.hint
    assert site.server.requests == []


def test_without_a_token_it_stays_off_and_says_which_variable_to_set(
    program: Callable[..., Program], site: X
) -> None:
    there = program(MONITOR_X_BEARER_TOKEN="")
    with pytest.raises(AuthenticationError) as raised:
        collect(there.app, there.app.topic(), "x")
    assert "MONITOR_X_BEARER_TOKEN" in str(raised.value) + raised.value.hint
    assert site.server.requests == []


def test_deletions_and_edits_are_followed_by_the_check(
    program: Callable[..., Program], site: X, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = publish(site, 5)
    there = program()
    topic = there.app.topic()
    collect(there.app, topic, "x")
    site.posts.remove(ids[0], "deleted")
    site.posts.remove(ids[1], "suspended")
    site.posts.edit(ids[2], "the strike, put better", NOON)
    site.jobs.polls = 1
    found = check_stored(there.app, topic, "x")
    assert found.counts["removed"] == 2
    assert found.counts["edited"] == 1
    assert there.stored == 3
    collect(there.app, topic, "x")
    assert there.stored == 3


def test_a_backfill_closes_the_gap_that_recent_search_left(
    program: Callable[..., Program], site: X, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(site, 5, before=timedelta(days=8))
    there = program()
    collect(there.app, there.app.topic(), "x")
    assert there.stored == 0

    there = program(MONITOR_SOURCES__X__FULL_ARCHIVE="true")
    there.run("collect", "x", "--since", "2026-09-01", "--until", "2026-09-04")
    assert there.stored == 5
    capsys.readouterr()
    there.run("export", "coverage", "--format", "json")
    hours = [one for one in json.loads(capsys.readouterr().out) if one["source"] == "x"]
    assert {one["status"] for one in hours if one["backfilled"]} == {"complete"}
    start = there.app.topic().window.start
    early = [one for one in coverage(there) if one.start < start + timedelta(days=3)]
    assert {one.status for one in early} == {"complete"}
    assert early[0].start == start


def test_a_backfill_without_an_end_ends_now_and_opens_no_stream(
    program: Callable[..., Program], site: X
) -> None:
    publish(site, 5)
    there = program(MONITOR_SOURCES__X__STREAM="true")
    there.run("collect", "x", "--since", "2026-09-09")
    assert there.stored == 5
    assert site.asked("/2/tweets/search/stream") == []
    assert max(one.end for one in coverage(there)) == NOON


def coverage(there: Program) -> list[CoverageSpan]:
    window = there.app.topic().window
    return there.app.queries.coverage("strike", window.start, window.end)
