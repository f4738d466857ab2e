"""What is alerted on, and what has happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Response

from monitor.dashboard import words
from monitor.dashboard.board import Dashboard
from monitor.store.incidents import Incident, Incidents

_SHOWN = 50
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule in words, and whether it holds."""

    topic: str
    name: str
    told: str
    is_firing: bool


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """An incident in words."""

    topic: str
    rule: str
    began: str
    ended: str
    message: str
    end_message: str
    delivery: str


def add_alerts_page(app: FastAPI, board: Dashboard, incidents: Incidents) -> None:
    """Adds the page of alerts."""

    @app.get("/alerts")
    def show_alerts() -> Response:
        found = incidents.recent(_SHOWN)
        rules = [
            RuleLine(
                topic.name, rule["name"], rule_words(rule), _lasts(incidents, topic.name, rule)
            )
            for topic in board.topics.values()
            for rule in topic.alerts
        ]
        return board.page("alerts.html", rules=rules, incidents=[_line(one) for one in found])


def rule_words(rule: Mapping[str, Any]) -> str:
    """Returns what a rule waits for."""
    label = words.label_word(rule["label"])
    about = f"share “{label}”" + (f" towards {rule['target']}" if rule["target"] else "")
    about += f" of {rule['cohort']}" if rule["cohort"] != "all" else ""
    if rule["kind"] == "share":
        side = "above" if rule["above"] is not None else "below"
        line = rule["above"] if rule["above"] is not None else rule["below"]
        return f"{about}: its whole interval {side} {words.percent(line)}"
    if rule["kind"] == "change":
        return f"{about}: two days clearly beyond each of the {rule['days']} days before"
    if rule["kind"] == "volume":
        usual = f"the usual posts of {rule['days']} days"
        return f"{rule['times']:g} times {usual}, {rule['least']} at least"
    if rule["kind"] == "silence":
        return f"nothing stored from {rule['source'] or 'a source'} for {rule['hours']:g} hours"
    return f"a job fails {rule['failures']} times in a row"


def _lasts(incidents: Incidents, topic: str, rule: Mapping[str, Any]) -> bool:
    last = incidents.last(topic, rule["name"])
    return last is not None and last.ended_at is None


def _line(one: Incident) -> IncidentLine:
    waiting = not one.told_start or (one.ended_at is not None and not one.told_end)
    delivery = "told"
    if waiting:
        delivery = f"tried {one.attempts} times, goes on trying" if one.attempts else "to be told"
    return IncidentLine(
        topic=one.topic,
        rule=one.rule,
        began=words.moment(one.started_at, _UTC),
        ended=words.moment(one.ended_at, _UTC) if one.ended_at else "",
        message=one.message,
        end_message=one.end_message,
        delivery=delivery,
    )
