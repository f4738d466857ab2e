"""Alert rules made, changed, switched and removed on the page."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from monitor.alert_rule import KINDS
from monitor.dashboard.rule_fields import defaults, rule_fields
from monitor.store.alert_rules import AlertRules
from tests.dashboard_fakes import TOPIC, FakeQueries
from tests.desk_fakes import Desk, open_desk

HERE = {"origin": "http://127.0.0.1"}
PLACE = f"/alerts/rules/{TOPIC.name}"
SHARE = {"name": "support", "kind": "share", "label": "favor", "above": "60"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = open_desk(tmp_path, [])
    yield made
    made.engine.dispose()


@pytest.fixture
def reader(desk: Desk) -> TestClient:
    return TestClient(desk.app(), base_url="http://127.0.0.1")


def send(reader: TestClient, address: str, **form: str) -> Any:
    found = re.search(
        r'name="csrf" value="(\w+)"', reader.get("/alerts/rules?topic=walkout&kind=jobs").text
    )
    assert found is not None
    return reader.post(address, data=form | {"csrf": found[1]}, headers=HERE)


def rules(desk: Desk) -> AlertRules:
    return AlertRules(desk.engine)


def test_a_rule_is_made_and_shown_with_its_origin(desk: Desk, reader: TestClient) -> None:
    text = html.unescape(send(reader, PLACE, **SHARE).text)
    assert "share “supports” towards walkout: its whole interval above 60%" in text
    assert "Made here, last changed by local" in text
    (found,) = rules(desk).of(TOPIC.name)
    assert (found.rule["above"], found.rule["target"], found.enabled) == (0.6, "walkout", True)
    assert desk.notes == [("local", "alert_rule_made")]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"name": "Not A Name"}, "is not a name"),
        ({"above": "sixty"}, "'sixty' is not a number"),
        ({"above": "160"}, "above"),
        ({"below": "20"}, "set either above or below"),
        ({"label": "favour"}, 'no label "favour" here'),
        ({"target": "elsewhere"}, 'no target "elsewhere" here'),
        ({"cohort": "bosses"}, 'no cohort "bosses" here'),
        ({"hours": "2"}, 'hours: "share" does not go by it'),
        ({"cool_down_hours": "-1"}, "cool_down_hours"),
        ({"days": "7.5"}, "'7.5' is not a number"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_told_and_nothing_is_lost(
    desk: Desk, reader: TestClient, typed: dict[str, str], told: str
) -> None:
    answer = send(reader, PLACE, **SHARE | typed)
    assert answer.status_code == 422
    assert told in html.unescape(answer.text)
    assert 'value="share"' in answer.text
    assert rules(desk).of(TOPIC.name) == []


def test_a_source_that_there_is_not_is_told(desk: Desk, reader: TestClient) -> None:
    answer = send(reader, PLACE, name="quiet", kind="silence", source="twitter")
    assert answer.status_code == 422
    assert 'no source "twitter" here' in html.unescape(answer.text)


@pytest.mark.parametrize(("counts", "told"), [({"addresses": 0}, True), ({}, False)])
def test_the_page_says_that_the_daemon_has_nobody_to_tell(
    desk: Desk, counts: dict[str, int], told: bool
) -> None:
    (run,) = FakeQueries().runs[:1]
    run = replace(run, job=f"alert:{TOPIC.name}", status="ok", counts=counts)
    reader = TestClient(desk.app(queries=FakeQueries(runs=[run])), base_url="http://127.0.0.1")
    assert ("no address to tell" in reader.get("/alerts").text) == told


def test_a_name_is_given_once(desk: Desk, reader: TestClient) -> None:
    send(reader, PLACE, **SHARE)
    answer = send(reader, PLACE, **SHARE)
    assert (answer.status_code, "already" in answer.text) == (422, True)


def test_a_rule_is_changed_switched_off_and_on_and_removed(desk: Desk, reader: TestClient) -> None:
    send(reader, PLACE, **SHARE)
    form = reader.get(f"{PLACE}/support").text
    assert 'name="above" value="60"' in form
    send(reader, f"{PLACE}/support", kind="share", label="favor", above="70")
    assert rules(desk).of(TOPIC.name)[0].rule["above"] == 0.7
    assert "switched off" in send(reader, f"{PLACE}/support/off").text
    assert "switched off" not in send(reader, f"{PLACE}/support/on").text
    assert send(reader, f"{PLACE}/support/remove").status_code == 422
    send(reader, f"{PLACE}/support/remove", sure="yes")
    assert rules(desk).of(TOPIC.name) == []
    assert [what for _, what in desk.notes] == [
        f"alert_rule_{what}" for what in ("made", "changed", "off", "on", "removed")
    ]


def test_a_rule_of_the_file_cannot_be_changed_here(desk: Desk) -> None:
    rule = {**defaults("share", TOPIC), "name": "support", "above": 0.6}
    reader = TestClient(
        desk.app(topics={TOPIC.name: replace(TOPIC, alerts=(rule,))}), base_url="http://127.0.0.1"
    )
    assert "From the topic&#39;s file." in reader.get("/alerts").text
    assert reader.get(f"{PLACE}/support").status_code == 409
    assert send(reader, PLACE, **SHARE).status_code == 422


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/alerts/rules", 404),
        ("/alerts/rules?topic=walkout&kind=noise", 422),
        ("/alerts/rules?topic=nowhere&kind=jobs", 404),
        (f"{PLACE}/nothing", 404),
    ],
)
def test_an_address_without_a_rule_is_explained(
    reader: TestClient, address: str, status: int
) -> None:
    answer = reader.get(address)
    assert (answer.status_code, "<html" in answer.text) == (status, True)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_form_that_makes_it(desk: Desk, reader: TestClient, kind: Any) -> None:
    values = defaults(kind, TOPIC)
    typed = {one.name: one.value for one in rule_fields(kind, TOPIC, values)}
    assert reader.get(f"/alerts/rules?topic=walkout&kind={kind}").status_code == 200
    answer = send(reader, PLACE, **typed, kind=kind, name="mine")
    assert answer.status_code == 200
    (found,) = rules(desk).of(TOPIC.name)
    assert {name: found.rule[name] for name in typed if name != "target"} == {
        name: values[name] for name in typed if name != "target"
    }
