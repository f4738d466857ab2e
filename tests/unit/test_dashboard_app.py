"""The routes: what they answer, refuse and never send."""

from __future__ import annotations

import asyncio
import csv
import html
import re
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import structlog
from anyio import to_thread
from fastapi.testclient import TestClient

from monitor.dashboard import downloads
from monitor.errors import StoreError
from tests.dashboard_fakes import (
    GONE_JOBS,
    NOW,
    RETENTION,
    SETTINGS,
    STORED_RETENTION,
    TOPIC,
    FakeFigures,
    FakeQueries,
    fake_app,
    seldom_and_often,
    write_truth,
)

HOSTILE = "<script>alert(1)</script>"
LONG = replace(TOPIC, start=date(2020, 1, 1), end=date(2021, 1, 1))
"""Its figures end in June."""


def client(*fakes: Any, **options: Any) -> TestClient:
    return TestClient(
        fake_app(*fakes, **options), base_url="http://127.0.0.1", follow_redirects=False
    )


def settings_with(config: Path) -> SimpleNamespace:
    return SimpleNamespace(**vars(SETTINGS) | {"config": config})


def test_the_first_page_leads_to_the_only_topic() -> None:
    answer = client().get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/topics/walkout")


def test_the_first_page_leads_to_the_default_among_several_topics() -> None:
    topics = {"another": replace(TOPIC, name="another"), "walkout": TOPIC}
    assert client(topics=topics).get("/").headers["location"] == "/topics/walkout"


def test_without_topics_the_list_says_what_to_do() -> None:
    without = client(topics={})
    assert without.get("/").headers["location"] == "/topics"
    assert "monitor topics check" in without.get("/topics").text


def test_the_topic_page_shows_figures_with_their_basis() -> None:
    text = client().get("/topics/walkout").text
    for told in ("supports", "SAMPLE DATA", "400 checked posts", "0123456789ab", "last collected"):
        assert told in text


def test_real_posts_carry_no_sample_banner() -> None:
    assert "SAMPLE DATA" not in client(FakeFigures(sample=False)).get("/topics/walkout").text


def test_the_answer_stands_in_one_sentence_with_interval_and_basis() -> None:
    text = client().get("/topics/walkout").text
    assert re.search(
        r"On Monday 15 June 2020, of the posts, \d+% \(\d+–\d+%\) supported the virtual walkout "
        r"and \d+% \(\d+–\d+%\) opposed it: 120 scored posts by 90 authors\.",
        text,
    )


def test_an_unvalidated_topic_shows_the_way_to_its_figures() -> None:
    text = client(FakeFigures(validated=False)).get("/topics/walkout").text
    assert "<strong>12</strong> of 150 posts drawn at random are labelled" in text
    assert 'href="/topics/walkout/label">Label posts</a>' in text
    assert "How much was said" in text
    assert "scored posts by" not in text


def test_days_that_are_not_whole_are_marked() -> None:
    evening = datetime(2020, 6, 15, 22, tzinfo=UTC)
    text = client(clock=lambda: evening).get("/topics/walkout").text
    assert "15 June: provisional, as posts still come in." in text
    assert "So far today" in text


def test_a_range_is_one_click_and_keeps_the_split() -> None:
    text = client().get("/topics/walkout?by=cohort").text
    assert "?by=cohort&amp;since=2020-06-09&amp;until=2020-06-16" in text


def test_every_chart_s_figures_come_as_csv_of_the_same_split() -> None:
    reader = client()
    text = reader.get("/topics/walkout?by=cohort").text
    places = re.findall(r'href="(/topics/walkout/charts/[^"]+\.csv[^"]*)"', text)
    rows = [
        list(csv.DictReader(reader.get(html.unescape(p)).text.lstrip("\ufeff").splitlines()))
        for p in places
    ]
    sizes = {place.split("?")[0]: len(one) for place, one in zip(places, rows, strict=True)}
    changes = [size for place, size in sizes.items() if place.endswith("-changes.csv")]
    assert changes == [60] * 6  # nineteen differences and a change point, three labels
    assert sorted(sizes.values()) == [20] * 2 + [60] * 12
    assert {row["cohort"] for one in rows for row in one} == {"employees", "public"}


@pytest.mark.parametrize(
    ("address", "file", "unit"),
    [
        ("stance-walkout.csv", "walkout-stance-walkout.csv", "posts"),
        ("stance-walkout.csv?unit=authors", "walkout-stance-walkout-authors.csv", "authors"),
        (
            "stance-walkout-changes.csv?unit=texts",
            "walkout-stance-walkout-changes-texts.csv",
            "texts",
        ),
        ("volume.csv?unit=authors", "walkout-volume.csv", None),
    ],
)
def test_a_chart_s_csv_says_what_its_shares_are_of(
    address: str, file: str, unit: str | None
) -> None:
    answer = client().get(f"/topics/walkout/charts/{address}")
    assert answer.headers["content-disposition"] == f'attachment; filename="{file}"'
    rows = list(csv.DictReader(answer.text.splitlines()))
    assert {row.get("unit") for row in rows} == {unit}
    assert unit is None or list(rows[0])[-1] == "unit"


def test_a_csv_holds_no_formula() -> None:
    class Hostile(FakeFigures):
        def volumes(self, topic: Any, **asked: Any) -> Any:
            return [replace(one, platform="=cmd()") for one in super().volumes(topic, **asked)]

    answer = client(Hostile()).get("/topics/walkout/charts/volume--cmd--.csv?by=platform")
    assert "'=cmd()" in answer.text


@pytest.mark.parametrize(("kind", "begins"), [("svg", b"<svg"), ("png", b"\x89PNG")])
def test_a_chart_comes_as_a_picture(kind: str, begins: bytes) -> None:
    answer = client().get(f"/topics/walkout/charts/stance-walkout.{kind}")
    assert answer.content.startswith(begins)
    assert "attachment" in answer.headers["content-disposition"]
    if kind == "svg":
        for told in ("SAMPLE DATA", "Stance towards the virtual walkout", "#0072b2"):
            assert told in answer.text
        assert "var(" not in answer.text


@pytest.mark.parametrize(
    "address", ["nothing.svg", "nothing.csv", "stance-walkout.exe", "stance-walkout.svg?by=x"]
)
def test_what_is_no_chart_cannot_be_taken_along(address: str) -> None:
    assert client().get(f"/topics/walkout/charts/{address}").status_code in (404, 422)


def test_only_some_readers_wait_for_pictures_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "_PLACES", threading.BoundedSemaphore(1))
    chart = "/topics/walkout/charts/stance-walkout.svg"
    reader, refused = client(), []

    def draw(*_: Any) -> bytes:
        refused.append(reader.get(chart))
        return b"drawn"

    monkeypatch.setattr(downloads, "draw", draw)
    for _ in range(2):  # the place is free again afterwards
        assert reader.get(chart).content == b"drawn"
    assert {one.status_code for one in refused} == {503}
    assert int(refused[0].headers["retry-after"]) > 0


def test_the_probe_of_life_waits_for_no_thread() -> None:
    app: Any = fake_app()

    async def ask() -> int:
        place, limiter = httpx.ASGITransport(app), to_thread.current_default_thread_limiter()
        limiter.total_tokens = 1
        here = "http://127.0.0.1"
        async with limiter, httpx.AsyncClient(transport=place, base_url=here) as probe:
            return (await asyncio.wait_for(probe.get("/healthz"), 10)).status_code

    assert asyncio.run(ask()) == 200


def test_a_preview_cannot_be_taken_along_as_a_picture() -> None:
    reader = client(FakeFigures(validated=False))
    answer = reader.get("/topics/walkout/charts/stance-walkout.png?preview=1")
    assert answer.status_code == 404


def test_an_empty_topic_says_what_to_do_next_and_looks_again() -> None:
    text = client(FakeFigures(days=0), FakeQueries(posts=False)).get("/topics/walkout").text
    assert "monitor import FILE --topic walkout" in text
    assert 'http-equiv="refresh"' in text


def test_days_without_anything_offer_all_days() -> None:
    text = client().get("/topics/walkout?since=2020-06-20").text
    assert "Nothing in these days" in text
    assert '<a href="?since=2020-05-27">Show all days</a>' in text
    assert "refresh" not in text


@pytest.mark.parametrize("asked", ["", "?since=2020-01-01"])
def test_a_long_topic_without_figures_says_that_they_come_and_looks_again(asked: str) -> None:
    reader = client(FakeFigures(days=0), topics={"walkout": LONG})
    text = reader.get(f"/topics/walkout{asked}").text
    assert "The first figures are on their way" in text
    assert 'http-equiv="refresh"' in text


def test_a_long_topic_without_figures_of_its_last_days_shows_all_of_them() -> None:
    later = datetime(2021, 2, 1, tzinfo=UTC)
    text = client(topics={"walkout": LONG}, clock=lambda: later).get("/topics/walkout").text
    assert "27 May to 15 June 2020" in text
    assert "Show everything" not in text


def test_the_last_days_of_a_long_topic_offer_everything_which_offers_no_more() -> None:
    reader = client(topics={"walkout": LONG})
    everything = '<a href="?since=2020-01-01">Show everything</a>'
    assert everything in reader.get("/topics/walkout").text
    assert "Show everything" not in reader.get("/topics/walkout?since=2020-01-01").text
    assert everything in reader.get("/topics/walkout?since=2020-01-01&by=cohort").text


def test_the_truth_switch_stands_where_a_truth_is_known(tmp_path: Path) -> None:
    write_truth(tmp_path / "samples")
    with_truth = client(settings=settings_with(tmp_path))
    assert "?truth=1" in with_truth.get("/topics/walkout").text
    assert (
        "Dashed lines with diamonds are the known truth"
        in with_truth.get("/topics/walkout?truth=1").text
    )
    assert "?truth=1" not in client().get("/topics/walkout").text


def test_the_preview_is_marked_and_only_there_on_request() -> None:
    unvalidated = client(FakeFigures(validated=False))
    assert "Preview, not a figure." not in unvalidated.get("/topics/walkout").text
    assert "Preview, not a figure." in unvalidated.get("/topics/walkout?preview=1").text


@pytest.mark.parametrize(
    ("address", "status", "told"),
    [
        ("/topics/unknown", 404, "no topic"),
        ("/nowhere", 404, "no such page"),
        ("/static/app.py", 404, "no such file"),
        ("/topics/walkout?author=me", 400, "no parameter"),
        ("/topics/walkout?since=soon", 422, "not a day"),
        ("/topics/walkout?by=cohort,platform", 422, "one dimension at a time"),
    ],
)
def test_a_request_that_cannot_be_answered_gets_a_page_that_says_why(
    address: str, status: int, told: str
) -> None:
    answer = client().get(address)
    assert answer.status_code == status
    assert told in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_pages_can_only_be_read(method: str) -> None:
    answer = client().request(method, "/topics/walkout")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


@pytest.mark.parametrize(
    "address", [f"/topics/{HOSTILE}", f"/topics/walkout?by={HOSTILE}", f"/topics/walkout?{HOSTILE}"]
)
def test_what_a_reader_sends_is_never_markup(address: str) -> None:
    assert "<script>alert" not in client().get(address).text


def test_titles_and_groups_are_never_markup() -> None:
    topic = replace(TOPIC, title=HOSTILE)
    text = client(topics={"walkout": topic}).get("/topics/walkout").text
    assert "<script>alert" not in text


def test_figures_come_as_the_exports_objects() -> None:
    records = client().get("/topics/walkout/figures.json?by=cohort,platform").json()
    assert len(records) == 20 * 4 * 9
    assert records[0] == {
        "topic": "walkout",
        "day": "2020-05-27",
        "platform": "mastodon",
        "cohort": "employees",
        "language": "all",
        "head": "stance",
        "target": "walkout",
        "label": "favor",
        "version": "0123456789abcdef",
        "posts": 120,
        "authors": 90,
        "share_raw": pytest.approx(0.507, abs=0.001),
        "share": pytest.approx(0.507, abs=0.001),
        "low": pytest.approx(0.447, abs=0.001),
        "high": pytest.approx(0.567, abs=0.001),
        "coverage": 1.0,
        "validated": True,
        "withheld": None,
        "sample": True,
        "provisional": False,
    }


@pytest.mark.parametrize("address", ["/topics/walkout", "/health", "/nowhere", "/static/style.css"])
def test_every_answer_is_shielded(address: str) -> None:
    headers = client().get(address).headers
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in headers


def test_pages_load_nothing_from_elsewhere_and_carry_no_inline_code() -> None:
    texts = [client().get(page).text for page in ("/topics/walkout", "/status", "/privacy")]
    assert [re.findall(r'(?:src|href)="(?:https?:)?//', text) for text in texts] == [[], [], []]
    assert [re.findall(r" (?:style|onclick|onload)=", text) for text in texts] == [[], [], []]


def test_assets_are_kept_by_the_browser_and_pages_are_not() -> None:
    reader = client()
    style = re.search(r"/static/style\.css\?v=\w+", reader.get("/status").text)
    assert style is not None
    assert "immutable" in reader.get(style[0]).headers["cache-control"]
    assert reader.get("/status").headers["cache-control"] == "no-store"


def test_the_chart_library_is_served_from_here() -> None:
    answer = client().get("/static/vega.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "window.vegaEmbed=" in answer.text


def test_health_is_ok_without_a_scheduler_of_its_own() -> None:
    answer = client().get("/health")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "scheduler": "elsewhere",
        "database": "ok",
        "reasons": [],
    }


@pytest.mark.parametrize(("silent", "status"), [(59, 200), (61, 503)])
def test_health_notices_a_silent_scheduler(silent: int, status: int) -> None:
    heard = NOW - timedelta(seconds=silent)
    answer = client(heartbeat=lambda: heard).get("/health")
    assert answer.status_code == status


def test_health_notices_an_unreachable_database() -> None:
    answer = client(None, FakeQueries(reachable=False)).get("/health")
    assert answer.status_code == 503
    assert answer.json()["reasons"] == ["database unreachable: the database does not answer"]


def test_status_shows_jobs_failures_lease_and_backlog() -> None:
    text = client().get("/status").text
    for told in ("classify:walkout", "the source refused", "host/42", "1,234 posts to score"):
        assert told in text


def test_status_shows_jobs_that_run_seldom_and_none_that_are_gone() -> None:
    runs = seldom_and_often(STORED_RETENTION, *GONE_JOBS)
    text = client(None, FakeQueries(runs=runs)).get("/status").text
    assert RETENTION in text
    assert STORED_RETENTION in text
    assert [job for job in GONE_JOBS if job in text] == []


def test_status_still_answers_without_a_database() -> None:
    answer = client(None, FakeQueries(reachable=False)).get("/status")
    assert "database unreachable" in answer.text


def test_a_page_without_a_database_says_so() -> None:
    class Broken(FakeFigures):
        def released(self, *_: Any, **__: Any) -> Any:
            raise StoreError("the database does not answer", hint="is it running?")

    answer = client(Broken()).get("/topics/walkout")
    assert answer.status_code == 503
    assert "is it running?" in answer.text


def test_privacy_tells_the_thresholds_in_force() -> None:
    text = client().get("/privacy").text
    assert "fewer than 10 different authors" in text
    assert "at least 150 posts" in text


def looked_at(*pages: str) -> list[tuple[str, str, str]]:
    noted: list[tuple[str, str, str]] = []
    browser = client(note_access=lambda *look: noted.append(look))
    for page in pages:
        browser.get(page)
    return noted


@pytest.mark.parametrize(
    ("page", "route"),
    [
        ("/topics/walkout?by=cohort", "/topics/{name}"),
        ("/topics/walkout/figures.json", "/topics/{name}/figures.json"),
        ("/topics/walkout/charts/stance-walkout.csv", "/topics/{name}/charts/{key}.{kind}"),
        ("/api/v1/topics/walkout/figures", "/api/v1/topics/{name}/figures"),
        ("/api/v1/topics/walkout/volumes", "/api/v1/topics/{name}/volumes"),
        ("/api/v1/topics/walkout/changes", "/api/v1/topics/{name}/changes"),
    ],
    ids=["page", "json", "chart", "api", "api-volumes", "api-changes"],
)
def test_who_looks_at_figures_is_noted_by_the_name_they_are_known_by(page: str, route: str) -> None:
    assert looked_at(page) == [("local", route, "walkout")]


def test_pages_without_figures_are_not_noted() -> None:
    assert looked_at("/", "/topics", "/topics/none", "/status", "/privacy", "/health") == []


def test_an_access_that_cannot_be_noted_does_not_hold_the_page_back() -> None:
    def broken(*_: str) -> None:
        raise StoreError("the database does not answer")

    assert client(note_access=broken).get("/topics/walkout").status_code == 200


def test_the_privacy_page_says_who_looked_for_how_long_and_what_is_refused() -> None:
    text = client().get("/privacy").text
    for told in ("export aggregates", "ann", "30 days", "365 days", "rank people", "works council"):
        assert told in text


def test_the_access_log_holds_nothing_of_the_reader() -> None:
    with structlog.testing.capture_logs() as lines:
        client().get(
            "/topics/secret-name?by=secret", headers={"user-agent": "secret", "referer": "secret"}
        )
    assert [line["event"] for line in lines] == ["page_answered"]
    assert lines[0]["page"] == "/topics/{name}"
    assert "secret" not in str(lines)
    assert "testclient" not in str(lines)
