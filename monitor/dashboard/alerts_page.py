"""What is alerted on, and what has happened."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Response

from monitor.dashboard import words
from monitor.dashboard.board import Dashboard
from monitor.dashboard.changes import Changes
from monitor.dashboard.rule_fields import KIND_WORDS
from monitor.dashboard.rule_words import rule_words
from monitor.store.alert_rules import StoredRule
from monitor.store.incidents import Incident
from monitor.topic import Topic

_SHOWN = 50
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule in words, and whether it holds.

    Attributes:
        origin: Where it was made, and by whom.
        place: Where it can be changed; empty for one from a topic's file.
    """

    topic: str
    name: str
    told: str
    origin: str
    is_on: bool
    is_firing: bool
    place: str = ""


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


def add_alerts_page(app: FastAPI, board: Dashboard, changes: Changes) -> None:
    """Adds the page of alerts."""

    @app.get("/alerts")
    def show_alerts() -> Response:
        found = [_line(one) for one in changes.incidents.recent(_SHOWN)]
        rules = [line for topic in board.topics.values() for line in rule_lines(topic, changes)]
        return board.page(
            "alerts.html",
            rules=rules,
            incidents=found,
            kinds=KIND_WORDS,
            is_told=not any(_has_no_address(board, topic) for topic in board.topics),
        )


def _has_no_address(board: Dashboard, topic: str) -> bool:
    """Whether the daemon, which may know others than this process, had nobody to tell."""
    run = board.queries.last_finished(f"alert:{topic}")
    return run is not None and run.counts.get("addresses") == 0


def rule_lines(topic: Topic, changes: Changes) -> list[RuleLine]:
    """Returns a topic's rules: those of its file, then those made on the page."""
    lasting = {one.rule for one in changes.incidents.lasting(topic.name)}
    written = [
        RuleLine(
            topic=topic.name,
            name=rule["name"],
            told=rule_words(rule),
            origin="From the topic's file.",
            is_on=True,
            is_firing=rule["name"] in lasting,
        )
        for rule in topic.alerts
    ]
    names = {one.name for one in written}
    return written + [_made_line(one, lasting, names) for one in changes.rules.of(topic.name)]


def _made_line(one: StoredRule, lasting: Collection[str], written: Collection[str]) -> RuleLine:
    origin = f"Made here, last changed by {one.changed_by}, {words.moment(one.changed_at, _UTC)}."
    if one.name in written:
        origin += " The topic's file has a rule of this name: that one is judged, not this."
    return RuleLine(
        topic=one.topic,
        name=one.name,
        told=rule_words(one.rule),
        origin=origin,
        is_on=one.enabled and one.name not in written,
        is_firing=one.enabled and one.name in lasting and one.name not in written,
        place=f"/alerts/rules/{one.topic}/{one.name}",
    )


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
