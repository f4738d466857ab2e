"""The report that comes by itself arrives with its picture."""

from __future__ import annotations

from base64 import b64decode
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from monitor.dashboard.app import make_board
from monitor.errors import MonitorError
from monitor.mailing import send_report
from tests.dashboard_fakes import (
    FIRST,
    NOW,
    SETTINGS,
    TOPIC,
    FakeFigures,
    FakeQueries,
    volume,
)


class Told:
    """Keeps what it is told, and the attachment's bytes."""

    def __init__(self, *, works: bool = True) -> None:
        self.messages: list[tuple[str, str, bytes]] = []
        self._works = works

    addresses = 1
    takers_of_files = 1

    def check(self) -> None: ...

    def tell(self, title: str, text: str, *, attachment: Any) -> bool:
        self.messages.append((title, text, attachment.read_bytes()))
        return self._works


def application(told: Told, figures: FakeFigures, now: datetime = NOW) -> Any:
    settings = SimpleNamespace(**vars(SETTINGS) | {"report": SimpleNamespace(days=7)})
    topics: Any = {TOPIC.name: TOPIC}
    parts: Any = (figures, FakeQueries())
    return SimpleNamespace(
        figures=figures,
        settings=settings,
        clock=lambda: now,
        board=lambda: make_board(topics, *parts, settings=settings, clock=lambda: now),
        teller=lambda: told,
    )


def test_the_last_days_go_out_as_a_picture() -> None:
    told = Told()
    assert send_report(application(told, FakeFigures()), TOPIC) == {"sent": 1}
    ((title, text, picture),) = told.messages
    assert TOPIC.title in title
    assert "2020-06-09 to 2020-06-15" in text
    assert picture.startswith(b64decode("iVBORw=="))


@pytest.mark.parametrize(("later", "sent"), [(2, 1), (3, 0), (10, 0)])
def test_a_topic_that_is_long_over_sends_no_report_any_more(later: int, sent: int) -> None:
    told = Told()
    app = application(told, FakeFigures(), NOW + timedelta(days=later))
    assert send_report(app, TOPIC) == {"sent": sent}


def test_a_report_that_does_not_arrive_is_an_error() -> None:
    with pytest.raises(MonitorError, match="not taken"):
        send_report(application(Told(works=False), FakeFigures()), TOPIC)


def test_without_an_address_no_report_is_made() -> None:
    told = Told()
    told.addresses = 0
    assert send_report(application(told, FakeFigures()), TOPIC) == {"sent": 0}
    assert told.messages == []


def test_a_report_that_no_address_can_take_is_an_error() -> None:
    told = Told()
    told.takers_of_files = 0
    with pytest.raises(MonitorError, match="no address in MONITOR_ALERTS_URLS takes a picture"):
        send_report(application(told, FakeFigures()), TOPIC)
    assert told.messages == []


class Withheld(FakeFigures):
    """Days of a few people each."""

    def volumes(self, *_: Any, **__: Any) -> Any:
        return [volume(FIRST, posts=None)]


@pytest.mark.parametrize("figures", [FakeFigures(days=0), Withheld()], ids=["none", "withheld"])
def test_days_without_anything_to_show_send_nothing(figures: FakeFigures) -> None:
    told = Told()
    assert send_report(application(told, figures), TOPIC) == {"sent": 0}
    assert told.messages == []
