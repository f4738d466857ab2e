"""Incidents, and what the last one of a rule goes by."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine
from store_values import NOW

from monitor.store.incidents import Basis, Incidents
from monitor.store.queries import Queries

LATER = NOW + timedelta(hours=1)


def test_a_rule_s_last_incident_tells_what_it_goes_by(engine: Engine, topic: str) -> None:
    incidents = Incidents(engine)
    assert incidents.basis(topic, "support") is None
    for basis in (Basis("first"), Basis("second")):
        incidents.open(topic, "support", "share", "It holds.", basis=basis, at=NOW)
    assert incidents.basis(topic, "support") == Basis("first")
    for basis in (Basis("first", unknown_since=NOW), Basis("")):
        incidents.keep(topic, "support", basis, at=LATER)
        assert incidents.basis(topic, "support") == basis
    assert incidents.basis(topic, "other") is None


def test_an_incident_that_holds_for_more_is_due_once_more(engine: Engine, topic: str) -> None:
    incidents = Incidents(engine)
    began = Basis("rule", about={"x": None})
    incidents.open(topic, "silent", "silence", "Quiet: x.", basis=began, at=NOW)
    (first,) = incidents.lasting(topic)
    incidents.told(first.id, end=False)
    incidents.failed(first.id, 3, again_at=LATER)
    more = Basis("rule", about={"x": NOW, "bluesky": None})
    for _ in range(2):
        incidents.extend(first, "Quiet: bluesky, x.", basis=more, at=NOW)
    (due,) = [one for one in incidents.due(NOW) if one.topic == topic]
    assert (due.id, due.message, due.attempts) == (first.id, "Quiet: bluesky, x.", 0)
    assert incidents.basis(topic, "silent") == more


def test_messages_that_were_tried_in_vain_are_counted(
    engine: Engine, queries: Queries, topic: str
) -> None:
    incidents, counts = Incidents(engine), [queries.untold_alerts(topic)]
    incidents.open(topic, "silent", "silence", "Quiet.", basis=Basis("a"), at=NOW)
    (one,) = incidents.lasting(topic)
    for step in (
        lambda: incidents.failed(one.id, 1, again_at=LATER),
        lambda: incidents.told(one.id, end=False),
        lambda: incidents.end(one.id, "Over.", at=LATER),
        lambda: incidents.failed(one.id, 1, again_at=LATER),
        lambda: incidents.told(one.id, end=True),
    ):
        step()
        counts.append(queries.untold_alerts(topic))
    assert counts == [0, 1, 0, 0, 1, 0]


def test_what_an_incident_goes_by_is_no_source(
    engine: Engine, queries: Queries, topic: str
) -> None:
    Incidents(engine).open(topic, "silence", "silence", "Quiet.", basis=Basis("a"), at=NOW)
    assert queries.sources(topic) == []
