"""The coverage that `/metrics` tells: of the last day, and of what is asked for in it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace

from fastapi.testclient import TestClient

from monitor.settings import SourcesSettings
from monitor.store.values import OTHER_TERMS, CoverageSpan
from monitor.topic import Topic
from tests.dashboard_fakes import NOW, SETTINGS, TOPIC, FakeQueries, fake_app

GOING_ON = replace(TOPIC, end=NOW.date() + timedelta(days=7))
SOURCES = SourcesSettings.model_validate(
    {"contact": "", "sample": {"enabled": True}, "bluesky": {"enabled": True}}
)
LONG_AGO = GOING_ON.window.start


@dataclass
class Covered(FakeQueries):
    """What sources have covered."""

    spans: list[CoverageSpan] = field(default_factory=list)

    def coverage(self, topic: str, since: datetime, until: datetime) -> list[CoverageSpan]:
        return [span for span in self.spans if span.start < until and since < span.end]


def told(*spans: CoverageSpan, topic: Topic = GOING_ON, now: datetime = NOW) -> list[str]:
    settings = SimpleNamespace(**vars(SETTINGS) | {"sources": SOURCES})
    queries = Covered(spans=list(spans))
    app = fake_app(None, queries, settings=settings, topics={topic.name: topic}, clock=lambda: now)
    lines = TestClient(app, base_url="http://127.0.0.1").get("/metrics").text.splitlines()
    assert "monitor_database_up 1.0" in lines
    return [
        line.removeprefix('monitor_coverage_ratio{source="').replace('",topic="walkout"}', "")
        for line in lines
        if line.startswith("monitor_coverage_ratio{")
    ]


def span(source: str, start: datetime, end: datetime, status: str = "complete") -> CoverageSpan:
    return CoverageSpan(source, start, end, status, "")  # type: ignore[arg-type]


def hours_ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def test_what_was_not_answered_of_the_last_day_is_missing() -> None:
    spans = [
        span("bluesky", LONG_AGO, hours_ago(12)),
        span("bluesky", hours_ago(12), hours_ago(6), "gap"),
        span("bluesky", hours_ago(6), NOW),
    ]
    assert told(*spans) == ["bluesky 0.75"]


def test_a_source_that_never_answered_is_missing() -> None:
    assert told() == ["bluesky 0.0"]
    assert told(span("bluesky", LONG_AGO, NOW, "gap")) == ["bluesky 0.0"]


def test_nothing_is_told_of_files_and_samples() -> None:
    """A file is complete up to its last post; nobody can close what comes after."""
    spans = [span(source, hours_ago(30), hours_ago(20)) for source in ("file", "sample")]
    assert told(span("bluesky", LONG_AGO, NOW), *spans) == ["bluesky 1.0"]


def test_a_platform_counts_from_when_it_first_answered() -> None:
    spans = [
        CoverageSpan("bluesky", hours_ago(200), hours_ago(190), "complete", "", backfilled=True),
        span("bluesky", hours_ago(190), hours_ago(4), "gap"),
        span("bluesky", hours_ago(4), NOW),
    ]
    assert told(*spans) == ["bluesky 1.0"]


def test_nothing_is_told_of_a_platform_that_answered_first_within_this_hour() -> None:
    now = NOW + timedelta(minutes=30)
    assert told(span("bluesky", NOW + timedelta(minutes=5), now), now=now) == []


def test_what_other_terms_covered_counts_as_a_gap() -> None:
    spans = [
        CoverageSpan("bluesky", LONG_AGO, hours_ago(12), "gap", OTHER_TERMS),
        span("bluesky", hours_ago(12), NOW),
    ]
    assert told(*spans) == ["bluesky 0.5"]


def test_nothing_is_told_of_a_topic_that_ended_more_than_a_day_ago() -> None:
    ended = replace(TOPIC, end=NOW.date() - timedelta(days=1))
    assert told(topic=ended) == []
