"""The API: the pages' figures, in parts, with tags, and errors that say what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
import schemathesis
import structlog
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS
from schemathesis.specs.openapi.checks import positive_data_acceptance

from monitor.errors import StoreError
from tests.dashboard_fakes import (
    GONE_JOBS,
    RETENTION,
    SETTINGS,
    STORED_RETENTION,
    TOPIC,
    FakeFigures,
    FakeQueries,
    fake_app,
    seldom_and_often,
)

NIGHTLY = SimpleNamespace(enabled=True, every=None, cron="30 3 * * *")
FIGURES = "/api/v1/topics/walkout/figures"

SCHEMA = schemathesis.openapi.from_asgi(
    "/api/v1/openapi.json", fake_app(), headers={"host": "127.0.0.1"}
)


def client(*fakes: Any, **options: Any) -> TestClient:
    return TestClient(fake_app(*fakes, **options), base_url="http://127.0.0.1")


@SCHEMA.parametrize()
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_nothing_sent_to_the_api_breaks_what_it_promises(case: Any) -> None:
    name = (case.path_parameters or {}).get("name", "")
    if isinstance(name, str) and name.isalnum():  # half of the names are made to exist
        case.path_parameters["name"] = "walkout"
    asked = case.query or {}
    # That a range holds a day cannot be said in OpenAPI, so a valid request may be refused for it.
    backwards = str(asked.get("since")) >= str(asked.get("until"))
    case.call_and_validate(
        headers={"host": "127.0.0.1"},
        timeout=100,
        excluded_checks=[positive_data_acceptance] if backwards else [],
    )


def test_figures_are_those_of_the_page() -> None:
    reader = client()
    of_page = reader.get("/topics/walkout/figures.json?by=cohort").json()
    of_api = reader.get(FIGURES, params={"by": "cohort", "limit": 5000}).json()
    assert of_api["items"] == of_page
    assert of_api["total"] == len(of_page)


def test_a_list_comes_in_parts_that_add_up() -> None:
    reader = client()
    whole = reader.get(FIGURES, params={"limit": 5000, "by": ["cohort", "platform"]}).json()
    address: str | None = f"{FIGURES}?by=cohort&by=platform&limit=100&since=2020-05-27"
    parts: list[Any] = []
    while address:
        part = reader.get(address).json()
        parts += part["items"]
        address = part["next"]
    assert parts == whole["items"]
    assert whole["next"] is None


def test_an_unchanged_answer_is_not_sent_twice() -> None:
    reader = client()
    first = reader.get(FIGURES)
    again = reader.get(FIGURES, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"


def test_a_changed_answer_has_another_tag() -> None:
    tags = {client(FakeFigures(validated=v)).get(FIGURES).headers["etag"] for v in (True, False)}
    assert len(tags) == 2


def test_unvalidated_shares_stay_away_unless_asked_for() -> None:
    reader = client(FakeFigures(validated=False))
    plain = reader.get(FIGURES).json()["items"]
    asked = reader.get(FIGURES, params={"include_unvalidated": True}).json()["items"]
    assert {one["share_raw"] for one in plain} == {None}
    assert {one["share"] for one in asked} == {None}
    assert any(one["share_raw"] for one in asked)


@pytest.mark.parametrize(
    ("address", "status", "told"),
    [
        ("/api/v1/topics/unknown", 404, "no topic"),
        ("/api/v1/nowhere", 404, "no such address"),
        (f"{FIGURES}?since=soon", 422, "since"),
        (f"{FIGURES}?since=0", 422, "year-month-day"),
        (f"{FIGURES}?since=2020-06-02&until=2020-06-01", 422, "not before until"),
        (f"{FIGURES}?by=author", 422, "by"),
        (f"{FIGURES}?by=cohort&by=cohort", 422, "twice"),
        (f"{FIGURES}?limit=0", 422, "limit"),
        (f"{FIGURES}?offset=-1", 422, "offset"),
        (f"{FIGURES}?author=me", 422, "author"),
        ("/api/v1/topics/walkout?author=me", 422, "author"),
        ("/api/v1/topics/walkout/series?since=2020-06-01", 422, "since"),
    ],
)
def test_a_wrong_request_gets_a_problem_with_a_reason(address: str, status: int, told: str) -> None:
    answer = client().get(address)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert told in answer.json()["error"]


def test_the_api_can_only_be_read() -> None:
    answer = client().post(FIGURES)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_an_unreachable_database_is_a_problem_that_passes() -> None:
    answer = client(None, FakeQueries(reachable=False)).get("/api/v1/runs")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": 503,
        "error": "the database does not answer",
        "hint": "is it running?",
    }


def test_a_topic_tells_everything_but_its_cohorts_patterns() -> None:
    topic = client().get("/api/v1/topics/walkout").json()
    assert topic["targets"][0] == {"name": "walkout", "text": "the virtual walkout"}
    assert set(topic) == {
        *("name", "title", "timezone", "start", "end", "languages", "targets", "cohorts"),
        *("events", "minimum_authors"),
    }


def test_every_topic_is_listed() -> None:
    topics = {name: replace(TOPIC, name=name) for name in ("a", "b", "c")}
    listed = client(topics=topics).get("/api/v1/topics?limit=2").json()
    assert [one["name"] for one in listed["items"]] == ["a", "b"]
    assert listed["next"] == "/api/v1/topics?limit=2&offset=2"


def test_alive_asks_nothing_of_the_database_and_ready_does() -> None:
    broken = client(None, FakeQueries(reachable=False))
    assert broken.get("/healthz").status_code == 200
    assert broken.head("/healthz").status_code == 200
    assert broken.get("/readyz").status_code == broken.head("/readyz").status_code == 503
    assert client().get("/readyz").json() == {"status": "ok", "reasons": []}


def test_metrics_tell_the_programs_state() -> None:
    reader = client()
    reader.get("/topics/walkout?by=cohort")
    text = reader.get("/metrics").text
    for line in (
        "monitor_database_up 1.0",
        'monitor_posts{topic="walkout"} 900.0',
        'monitor_pending_posts{topic="walkout"} 1234.0',
        'monitor_job_ok{name="collect:sample:walkout"} 0.0',
        'route="/topics/{name}",status="200"',
    ):
        assert line in text


def test_metrics_tell_of_jobs_that_run_seldom() -> None:
    runs = seldom_and_often(STORED_RETENTION)
    text = client(None, FakeQueries(runs=runs)).get("/metrics").text
    for job in (RETENTION, STORED_RETENTION):
        assert f'monitor_job_ok{{name="{job}"}} 0.0' in text
        assert f'monitor_job_recent_failures{{name="{job}"}} 1.0' in text


def test_metrics_tell_how_often_jobs_by_a_crontab_line_run() -> None:
    jobs = SimpleNamespace(**vars(SETTINGS.jobs) | {"retention": NIGHTLY})
    settings = SimpleNamespace(**vars(SETTINGS) | {"jobs": jobs})
    runs = seldom_and_often(STORED_RETENTION)
    text = client(None, FakeQueries(runs=runs), settings=settings).get("/metrics").text
    assert f'monitor_job_every_seconds{{name="{RETENTION}"}} 86400.0' in text


def test_metrics_tell_no_small_group_where_no_topic_has_a_file() -> None:
    runs = [replace(seldom_and_often(STORED_RETENTION)[-1], counts={"posts": 7})]
    text = client(None, FakeQueries(runs=runs), topics={}).get("/metrics").text
    assert f'monitor_job_done{{name="{STORED_RETENTION}",what="posts"}} 0.0' in text


def test_metrics_tell_nothing_of_jobs_that_are_gone() -> None:
    text = client(None, FakeQueries(runs=seldom_and_often(*GONE_JOBS))).get("/metrics").text
    assert [job for job in GONE_JOBS if f'name="{job}"' in text] == []


def test_a_job_that_fails_is_failing_while_it_is_tried_again() -> None:
    failed = seldom_and_often()[-1]
    trying = replace(failed, id=9999, status="running", finished_at=None)
    text = client(None, FakeQueries(runs=[trying, failed])).get("/metrics").text
    assert f'monitor_job_ok{{name="{RETENTION}"}} 0.0' in text


def test_a_page_that_breaks_is_counted_as_an_error() -> None:
    class Broken(FakeQueries):
        def accesses(self, since: date) -> Any:
            raise ZeroDivisionError

    visitor = client(None, Broken())
    with pytest.raises(ZeroDivisionError):
        visitor.get("/privacy")
    text = visitor.get("/metrics").text
    assert 'monitor_http_request_seconds_count{route="/privacy",status="500"} 1.0' in text


def test_answers_of_the_api_are_counted_apart_from_the_pages() -> None:
    visitor = client()
    for address in ("/topics", "/api/v1/topics", "/api/v1/nothing"):
        visitor.get(address)
    text = visitor.get("/metrics").text
    for route, status in (("/topics", 200), ("/api/v1/topics", 200), ("none", 404)):
        counted = f'monitor_http_request_seconds_count{{route="{route}",status="{status}"}} 1.0'
        assert counted in text


def test_metrics_still_answer_without_a_database() -> None:
    class Unreachable(FakeQueries):
        def counts(self, topic: str) -> Any:
            raise StoreError("gone")

    reader = client(None, Unreachable())
    with structlog.testing.capture_logs() as lines:
        text = reader.get("/metrics").text
    assert "monitor_database_up 0.0" in text
    assert "monitor_posts{" not in text
    told = [(line["event"], line["error"]) for line in lines if line["log_level"] == "warning"]
    assert told == [("database_unreachable", "gone")]


def test_metrics_never_name_an_address_that_a_reader_made_up() -> None:
    reader = client()
    reader.get("/topics/secret-name")
    reader.get("/secret-place")
    assert "secret" not in reader.get("/metrics").text


def test_every_check_of_schemathesis_runs() -> None:
    """Loading fewer checks would make the test above pass for nothing."""
    assert len(CHECKS.get_all()) >= 8
