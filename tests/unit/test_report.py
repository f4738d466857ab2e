"""A report is complete in itself, and holds what was released and nothing else."""

from __future__ import annotations

import inspect
import re
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from monitor.commands.call import Call
from monitor.commands.report import report_command
from monitor.dashboard.app import make_board
from monitor.dashboard.board import Dashboard
from monitor.dashboard.report import make_report
from monitor.dashboard.selection import Selection
from monitor.errors import UsageError
from tests.dashboard_fakes import NOW, SETTINGS, TOPIC, FakeFigures, FakeQueries


def board(figures: FakeFigures | None = None) -> Dashboard:
    settings: Any = SETTINGS
    queries: Any = FakeQueries()
    made: Any = figures or FakeFigures()
    return make_board({"walkout": TOPIC}, made, queries, settings=settings, clock=lambda: NOW)


def report(kind: Any, figures: FakeFigures | None = None, **asked: Any) -> bytes:
    return make_report(board(figures), TOPIC, Selection(**asked), kind)


def test_html_holds_answer_charts_tables_and_loads_nothing() -> None:
    text = report("html").decode()
    for told in ("SAMPLE DATA", "scored posts by 90 authors", "Employees walk out virtually"):
        assert told in text
    assert text.count("data:image/svg+xml;base64,") == 4
    assert "<script" not in text
    assert re.findall(r'(?:src|href)="(?!data:)', text) == []


def test_what_is_not_validated_is_said_and_not_drawn() -> None:
    text = report("html", FakeFigures(validated=False)).decode()
    assert "shares are withheld until people have checked the model" in text
    assert text.count("data:image/svg+xml") == 1


@pytest.mark.parametrize(("kind", "begins"), [("pdf", b"%PDF"), ("png", b"\x89PNG")])
def test_a_sheet_has_every_chart(kind: str, begins: bytes) -> None:
    sheet = report(kind)
    assert sheet.startswith(begins)
    assert len(sheet) > 20_000


@pytest.mark.parametrize("kind", ["pdf", "png"])
def test_where_everything_is_withheld_there_is_no_sheet_but_words(kind: str) -> None:
    day = {"since": date(2020, 6, 13), "until": date(2020, 6, 14)}  # the small one
    with pytest.raises(UsageError, match="may be drawn"):
        report(kind, **day)
    assert b"<html" in report("html", **day)


def test_days_without_anything_are_no_report() -> None:
    with pytest.raises(UsageError, match="nothing to report"):
        report("html", since=date(2021, 1, 1))


def test_who_makes_a_report_is_noted_as_having_looked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("monitor.dashboard.report.make_report", lambda *_: b"<html>")
    noted: list[tuple[str, str]] = []
    store = SimpleNamespace(note_access=lambda _who, what, topic: noted.append((what, topic)))
    app: Any = SimpleNamespace(board=board, topic=lambda _: TOPIC, store=store)
    call = Call()
    call.app = app
    make: Any = inspect.unwrap(report_command.callback or report)
    make(call, tmp_path / "week.html", None, None, None)
    assert noted == [("report", "walkout")]
