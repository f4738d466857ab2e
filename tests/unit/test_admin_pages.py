"""Tasks, models and collection: what the pages show and which work they ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from monitor.alarms.evidence import DriftedDay
from monitor.dashboard.drawing import draw, on_paper
from monitor.dashboard.model_page import model_page
from monitor.settings import SourcesSettings
from monitor.store.tasks import Tasks
from monitor.store.values import CoverageSpan
from tests.dashboard_fakes import NOW, SETTINGS, TOPIC, FakeQueries
from tests.desk_fakes import Desk, open_desk

PLACE = "/topics/walkout"
HERE = {"origin": "http://127.0.0.1"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = open_desk(tmp_path, ["an invented text"])
    yield made
    made.engine.dispose()


@pytest.fixture
def reader(desk: Desk) -> TestClient:
    return TestClient(desk.app(), base_url="http://127.0.0.1")


def send(reader: TestClient, address: str, **form: str) -> Any:
    page = reader.get(f"{PLACE}/models").text
    found = re.search(r'name="csrf" value="(\w+)"', page)
    assert found is not None
    return reader.post(address, data=form | {"csrf": found[1]}, headers=HERE)


def sources(**given: Any) -> SourcesSettings:
    return SourcesSettings.model_validate({"contact": "", **given})


def with_x() -> SimpleNamespace:
    x = {"enabled": True, "approval_reference": "", "monthly_reads": 10_000}
    return SimpleNamespace(**vars(SETTINGS) | {"sources": sources(x=x)})


def open_tasks(desk: Desk) -> list[tuple[str, dict[str, Any]]]:
    return [(one.kind, dict(one.arguments)) for one in Tasks(desk.engine).recent(10)]


def test_training_is_asked_for_by_a_button_and_seen(desk: Desk, reader: TestClient) -> None:
    text = send(reader, f"{PLACE}/retrain").text
    assert "Train on the labels" in text and "queued" in text
    assert open_tasks(desk) == [("retrain", {})]
    assert desk.notes == [("local", "asked_for")]


def test_a_task_shows_its_progress_and_can_be_stopped(desk: Desk, reader: TestClient) -> None:
    send(reader, f"{PLACE}/retrain")
    tasks = Tasks(desk.engine)
    claimed = tasks.claim(at=NOW, lost_before=NOW)
    assert claimed is not None
    tasks.tell(claimed.id, "fold 2 of 5", 0.4, at=NOW)
    assert reader.get("/tasks.json").json() == [
        {"id": claimed.id, "status": "running", "stage": "fold 2 of 5", "percent": 40}
    ]
    assert 'value="40"' in reader.get("/tasks").text
    assert "Stopping" in send(reader, f"/tasks/{claimed.id}/stop").text
    for number in (4711, 99999999999999999999):
        assert send(reader, f"/tasks/{number}/stop").status_code == 404


def test_models_show_measurements_confusion_and_what_they_came_from(reader: TestClient) -> None:
    text = reader.get(f"{PLACE}/models").text
    for told in (
        *("0123456789abcdef", "champion", "fedcba987654", "candidate", "shown"),
        *("0.32 to 0.36", "1,935", "Log loss before", "0.600", "0.800"),
        *("Stance towards the virtual walkout", "model: opposes", "200 checked posts"),
    ):
        assert told in text


def test_models_without_checked_posts_show_the_confusion_they_were_made_with(desk: Desk) -> None:
    queries: Any = FakeQueries(audited=0)
    reader = TestClient(desk.app(queries=queries), base_url="http://127.0.0.1")
    text = reader.get(f"{PLACE}/models").text
    assert "model: opposes" in text and ">75%</td>" in text
    assert "checked posts that it had not trained on" not in text


def test_versions_are_compared_with_people_without_a_count_of_what_people_said(
    reader: TestClient,
) -> None:
    text = reader.get(f"{PLACE}/models").text
    matrix = text.split('<table class="matrix">')[1].split("</table>")[0]
    cells = re.findall(r"<td[^>]*>(.*?)</td>", matrix)
    assert cells and all(re.fullmatch(r"\d+%|–|&lt;1%|&gt;99%", cell) for cell in cells)
    assert '<th scope="col">People</th>' not in text


def test_drift_names_the_days_that_the_labels_do_not_explain(reader: TestClient) -> None:
    text = reader.get(f"{PLACE}/models").text
    assert "do not explain the scores of 2 days of 20: 1\N{EN DASH}2 June" in text


def test_why_to_train_again_stands_above_the_button_and_is_escaped(reader: TestClient) -> None:
    text = reader.get(f"{PLACE}/models").text
    reason = text.index("Errors about &lt;i&gt;stance&lt;/i&gt; rose from 20% to 40%.")
    assert text.index("Train again:") < reason < text.index("Train on the labels")


@pytest.mark.parametrize(
    ("year", "told", "axis"),
    [(2020, "1 June", ">1 Jun<"), (2019, "1 June 2019", ">1 Jan 2020<")],
)
def test_drift_of_several_years_is_told_with_them(year: int, told: str, axis: str) -> None:
    days = (date(year, 6, 1), date(2020, 6, 8))
    found = [DriftedDay(day, "sentiment", "", 1.2) for day in days]
    block = model_page(TOPIC, [], None, {}, drift=found).drift[0]
    assert block.table.rows[0][0].text == told
    assert axis in draw(on_paper(block.spec, "", ""), "svg").decode()


def test_a_version_of_which_nothing_drifts_is_told_so() -> None:
    page = model_page(TOPIC, [], None, {}, drift=[DriftedDay(NOW.date(), "sentiment", "", 1.2)])
    assert page.drift[0].told == "The audit labels explain the scores of all 1 shown day."


def test_promoting_and_rolling_back_ask_whether_one_is_sure(desk: Desk, reader: TestClient) -> None:
    assert send(reader, f"{PLACE}/promote", version="fedcba987654").status_code == 422
    assert send(reader, f"{PLACE}/rollback").status_code == 422
    assert open_tasks(desk) == []
    send(reader, f"{PLACE}/promote", version="fedcba987654", sure="yes")
    send(reader, f"{PLACE}/rollback", version="0123456789abcdef", sure="yes")
    assert open_tasks(desk) == [
        ("rollback", {"version": "0123456789abcdef"}),
        ("promote", {"version": "fedcba987654"}),
    ]


def test_rolling_back_names_the_champion_that_the_page_told(desk: Desk, reader: TestClient) -> None:
    form = reader.get(f"{PLACE}/models").text.split(f'action="{PLACE}/rollback"')[1]
    assert '<input type="hidden" name="version" value="0123456789abcdef">' in form.split("/form")[0]
    assert send(reader, f"{PLACE}/rollback", sure="yes").status_code == 422
    assert open_tasks(desk) == []


def test_collection_tells_sources_days_gaps_and_rejections(reader: TestClient) -> None:
    text = reader.get(f"{PLACE}/collection").text
    assert "fewer than 10 bad json" in text
    for told in ("30 May: whole", "31 May: nothing", "1 June: not asked for"):
        assert told in text
    assert "31 May to 1 June 2020" in text


def test_collection_tells_in_words_why_days_are_not_whole(desk: Desk) -> None:
    class Changed(FakeQueries):
        def coverage(self, topic: str, since: datetime, until: datetime) -> list[CoverageSpan]:
            start = TOPIC.window.start
            day, whole = timedelta(days=1), start + timedelta(days=3)
            return [
                CoverageSpan("sample", start, start + day, "gap", "other_terms"),
                CoverageSpan("sample", start + day, whole, "gap", "other_terms, rate_limited"),
                CoverageSpan("sample", whole, until, "complete", ""),
            ]

    reader = TestClient(desk.app(queries=Changed()), base_url="http://127.0.0.1")
    text = " ".join(reader.get(f"{PLACE}/collection").text.split())
    assert "2020: collected for other terms than today's, rate limited" in unescape(text)


def test_collection_tells_what_a_live_source_costs_and_what_its_terms_ask_for(desk: Desk) -> None:
    reader = TestClient(desk.app(settings=with_x()), base_url="http://127.0.0.1")
    text = " ".join(reader.get(f"{PLACE}/collection").text.split())
    assert (
        "8,000 of 10,000 reads this month, 12,308 expected by its end; used up on 25 June" in text
    )
    assert "deletions within 24 hours" in text
    assert "<code>sources.x.approval_reference" in text and "MONITOR_X_BEARER_TOKEN=..." in text
    assert "<dt>Unusually silent</dt><dd>for 40 hours</dd>" in text


def test_a_source_that_is_off_is_not_asked_again_by_a_button(desk: Desk) -> None:
    off = SimpleNamespace(**vars(SETTINGS) | {"sources": sources(sample={"enabled": False})})
    text = TestClient(desk.app(settings=off), base_url="http://127.0.0.1").get(
        f"{PLACE}/collection"
    )
    assert "31 May to 1 June 2020" in text.text and "Collect again" not in text.text


def test_a_gap_is_collected_again_by_a_button(desk: Desk, reader: TestClient) -> None:
    days = {"since": "2020-05-31", "until": "2020-06-02"}
    send(reader, f"{PLACE}/backfill", source="sample", **days)
    assert open_tasks(desk) == [("backfill", {"source": "sample"} | days)]


@pytest.mark.parametrize(
    "form",
    [
        {"source": "x", "since": "2020-05-31", "until": "2020-06-02"},
        {"source": "sample", "since": "soon", "until": "2020-06-02"},
        {"source": "sample", "since": "2020-06-02", "until": "2020-06-02"},
        {"source": "sample", "since": "2019-06-02", "until": "2020-06-02"},
    ],
    ids=["source", "day", "empty", "outside"],
)
def test_a_backfill_that_makes_no_sense_is_refused(
    desk: Desk, reader: TestClient, form: dict[str, str]
) -> None:
    assert send(reader, f"{PLACE}/backfill", **form).status_code == 422
    assert open_tasks(desk) == []


def test_collection_without_any_source_says_what_to_do(desk: Desk) -> None:
    class Empty(FakeQueries):
        def sources(self, topic: str, *, until: datetime | None = None) -> Any:
            return []

    reader = TestClient(desk.app(queries=Empty()), base_url="http://127.0.0.1")
    assert "monitor import FILE" in reader.get(f"{PLACE}/collection").text
