"""The program's own counts tell of no group that no figure shows."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from collectors.post import Window
from monitor.bootstrap import collecting
from monitor.pipeline.collect import Collected
from monitor.privacy import whole_groups
from monitor.settings import SourcesSettings
from monitor.standing import silence
from monitor.store.values import Counts, JobRun, SourceState
from monitor.wishes import works
from tests.dashboard_fakes import NOW, SETTINGS, TOPIC, FakeQueries, fake_app

POSTED = NOW - timedelta(hours=3, minutes=17)
COUNTS = {"stored": 3, "repeated": 47, "rejected": 0}
REJECTED = {"malformed": 27, "author_opted_out": 3}
FEW = SourceState("mastodon", 13, POSTED, NOW, REJECTED)


@dataclass
class Busy(FakeQueries):
    """A small platform that brings a post now and then."""

    runs: list[JobRun] = field(
        default_factory=lambda: [
            JobRun(2, "aggregate:walkout", TOPIC.name, NOW, NOW, "ok", {"days": 3}, ""),
            JobRun(1, "collect:mastodon:walkout", TOPIC.name, NOW, NOW, "ok", COUNTS, ""),
        ]
    )

    def sources(self, topic: str, *, until: datetime | None = None) -> list[SourceState]:
        return [FEW]

    def counts(self, topic: str) -> Counts:
        return Counts(913, 400, 403, 2)

    def arrivals(self, topic: str, source: str, window: Window, *, limit: int) -> list[datetime]:
        last = TOPIC.window.end - timedelta(hours=9, minutes=17)
        return [last - timedelta(minutes=n) for n in range(30)]


def client(runs: list[JobRun] | None = None) -> TestClient:
    read = SourcesSettings.model_validate({"contact": "", "mastodon": {"enabled": True}})
    settings = SimpleNamespace(**vars(SETTINGS) | {"sources": read})
    busy = Busy() if runs is None else Busy(runs=runs)
    return TestClient(fake_app(None, busy, settings=settings), base_url="http://127.0.0.1")


def test_the_runs_of_jobs_do_not_count_few_posts() -> None:
    told: dict[str, Any] = {
        run["job"]: run["counts"] for run in client().get("/api/v1/runs").json()["items"]
    }
    assert told["collect:mastodon:walkout"] == {"stored": 0, "repeated": 40, "rejected": 0}
    assert told["aggregate:walkout"] == {"days": 3}


def test_the_status_page_says_that_few_came_and_not_how_many() -> None:
    text = client().get("/status").text
    assert "fewer than 10 stored, 40 repeated" in text
    assert "3 days" in text


def test_rejections_do_not_count_few_posts_of_those_who_opted_out() -> None:
    (told,) = client().get("/api/v1/topics/walkout/sources").json()["items"]
    assert told["rejections"] == {"malformed": 20, "author_opted_out": 0}
    text = client().get("/topics/walkout/collection").text
    assert "20 malformed, fewer than 10 author opted out" in text
    assert 'monitor_rejections{topic="walkout"} 400.0' in client().get("/metrics").text


def test_sources_tell_neither_a_few_posts_nor_the_minute_of_one() -> None:
    (told,) = client().get("/api/v1/topics/walkout/sources").json()["items"]
    assert told["posts"] == 10
    assert told["last_post_at"].startswith("2020-06-20T08:00:00")
    for page in ("/topics/walkout", "/topics/walkout/collection", "/status"):
        assert not re.search(r"\d:43\b", client().get(page).text)


def test_a_backfill_of_one_day_does_not_tell_how_few_posts_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    day = {"source": "mastodon", "since": "2020-06-01", "until": "2020-06-02"}
    task: Any = SimpleNamespace(topic=TOPIC.name, arguments=day)
    app: Any = SimpleNamespace(topic=lambda _: TOPIC)
    monkeypatch.setattr(collecting, "collect", lambda *_, **__: Collected(Counter(COUNTS)))
    outcome = works(app)["backfill"](task, lambda *_: None)
    assert outcome == "mastodon, 2020-06-01 to 2020-06-02: fewer than 10 stored, 40 repeated."


def test_a_source_that_fails_is_failing_while_it_is_asked_again() -> None:
    failed = JobRun(1, "collect:mastodon:walkout", TOPIC.name, NOW, NOW, "failed", {}, "no answer")
    trying = replace(failed, id=2, finished_at=None, status="running", error="")
    text = client([trying, failed]).get("/metrics").text
    assert 'monitor_source_failing{source="mastodon",topic="walkout"} 1.0' in text


def test_metrics_count_stored_posts_in_whole_groups() -> None:
    assert 'monitor_posts{topic="walkout"} 910.0' in client().get("/metrics").text


def test_metrics_tell_a_sources_newest_post_and_its_silence_to_the_hour() -> None:
    told = {
        line.partition("{")[0]: float(line.rpartition(" ")[2])
        for line in client().get("/metrics").text.splitlines()
        if line.startswith("monitor_source_") and 'source="mastodon"' in line
    }
    hour = POSTED.replace(minute=0).timestamp()
    assert told["monitor_source_newest_post_timestamp_seconds"] == hour
    assert told["monitor_source_silent_seconds"] == 9 * 3600


@pytest.mark.parametrize("minute", [0, 30, 59])
def test_a_silence_begins_on_the_hour(minute: int) -> None:
    end = TOPIC.window.end
    begun = [
        silence("mastodon", TOPIC, Busy(), end + timedelta(hours=late, minutes=minute))  # type: ignore[arg-type]
        for late in (-9, -8)
    ]
    assert [one is None for one in begun] == [True, False]


@given(count=st.integers(0, 10**6), minimum=st.integers(1, 50))
def test_every_count_told_is_that_of_whole_groups(count: int, minimum: int) -> None:
    told = whole_groups(count, minimum)
    assert told % minimum == 0
    assert 0 <= count - told < minimum


@pytest.mark.parametrize("count", [0, 1, 9])
def test_fewer_than_a_group_are_none(count: int) -> None:
    assert whole_groups(count, 10) == 0
