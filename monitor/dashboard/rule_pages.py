"""Alert rules made, changed, switched off and removed on the page; for admins alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from monitor.alert_rule import KINDS, AlertTable, Kind
from monitor.dashboard.board import Dashboard
from monitor.dashboard.changes import Changes
from monitor.dashboard.forms import read_form
from monitor.dashboard.rule_fields import KIND_WORDS, defaults, read_rule, rule_fields
from monitor.dashboard.selection import PageError
from monitor.dashboard.visitor import VISITOR
from monitor.problem import Problem
from monitor.store.alert_rules import StoredRule
from monitor.topic import Topic

_BACK = "/alerts"
MOST_RULES = 100
"""Of one topic: each is judged every few minutes."""


def add_rule_pages(app: FastAPI, board: Dashboard, changes: Changes) -> None:
    """Adds the forms that rules are made and changed with."""
    _add_forms(app, board, changes)
    _add_making(app, board, changes)
    _add_switching(app, board, changes)


def _add_forms(app: FastAPI, board: Dashboard, changes: Changes) -> None:
    @app.get("/alerts/rules")
    def new_rule(topic: str = "", kind: str = "") -> Response:
        of, chosen = board.topic(topic), _kind(kind)
        return _form(board, of, defaults(chosen, of))

    @app.get("/alerts/rules/{topic}/{name}")
    def edit_rule(topic: str, name: str) -> Response:
        found = _stored(board.topic(topic), name, changes)
        return _form(board, board.topic(topic), found.rule, stored=found)


def _add_making(app: FastAPI, board: Dashboard, changes: Changes) -> None:
    @app.post("/alerts/rules/{topic}")
    async def make_rule(topic: str, request: Request) -> Response:
        typed = await read_form(request)
        return await run_in_threadpool(make, board.topic(topic), typed)

    @app.post("/alerts/rules/{topic}/{name}")
    async def change_rule(topic: str, name: str, request: Request) -> Response:
        typed = await read_form(request)
        return await run_in_threadpool(change, board.topic(topic), name, typed)

    def make(topic: Topic, typed: Mapping[str, str]) -> Response:
        rule, problems = read_rule(_rule_of(typed), topic)
        if rule is not None:
            problems = _refused(topic, rule["name"], changes)
        if rule is None or problems:
            return _form(board, topic, _typed(typed), problems=problems)
        who = VISITOR.get().name
        if not changes.rules.create(topic.name, rule, who=who, at=board.clock()):
            raise PageError(409, f"There is a rule {rule['name']} already.", hint=_OWN_NAME)
        changes.note(who, "alert_rule_made", {"topic": topic.name, "rule": rule["name"]})
        return RedirectResponse(_BACK, status_code=303)

    def change(topic: Topic, name: str, typed: Mapping[str, str]) -> Response:
        stored = _stored(topic, name, changes)
        rule, problems = read_rule(_rule_of(typed) | {"name": name}, topic)
        if rule is None:
            filled = _typed(typed) | {"name": name}
            return _form(board, topic, filled, problems=problems, stored=stored)
        who = VISITOR.get().name
        changes.rules.change(topic.name, rule, who=who, at=board.clock())
        changes.note(who, "alert_rule_changed", {"topic": topic.name, "rule": name})
        return RedirectResponse(_BACK, status_code=303)


def _add_switching(app: FastAPI, board: Dashboard, changes: Changes) -> None:
    def done(topic: str, name: str, what: str) -> Response:
        changes.note(VISITOR.get().name, what, {"topic": topic, "rule": name})
        return RedirectResponse(_BACK, status_code=303)

    def switch(topic: str, name: str, *, enabled: bool) -> Response:
        found = _stored(board.topic(topic), name, changes)
        who, at = VISITOR.get().name, board.clock()
        changes.rules.switch(found.topic, found.name, enabled=enabled, who=who, at=at)
        return done(topic, name, "alert_rule_on" if enabled else "alert_rule_off")

    @app.post("/alerts/rules/{topic}/{name}/on")
    def switch_on(topic: str, name: str) -> Response:
        return switch(topic, name, enabled=True)

    @app.post("/alerts/rules/{topic}/{name}/off")
    def switch_off(topic: str, name: str) -> Response:
        return switch(topic, name, enabled=False)

    @app.post("/alerts/rules/{topic}/{name}/remove")
    async def remove(topic: str, name: str, request: Request) -> Response:
        form = await read_form(request)
        found = await run_in_threadpool(_stored, board.topic(topic), name, changes)
        if form.get("sure") != "yes":
            raise PageError(422, "Say that you are sure: a removed rule does not come back.")
        await run_in_threadpool(changes.rules.remove, found.topic, found.name)
        return await run_in_threadpool(done, topic, name, "alert_rule_removed")


_OWN_NAME = "Give each rule of a topic its own name."


def _refused(topic: Topic, name: str, changes: Changes) -> list[Problem]:
    stored = changes.rules.of(topic.name)
    if name in {rule["name"] for rule in topic.alerts} | {one.name for one in stored}:
        return [Problem("name", f'there is a rule "{name}" already', _OWN_NAME)]
    if len(stored) >= MOST_RULES:
        return [Problem("name", f"{len(stored)} rules are enough", "remove one first")]
    return []


def _kind(value: str) -> Kind:
    if value not in KINDS:
        raise PageError(422, f"There is no kind of rule {value[:40]!r}.", hint="Choose one.")
    return value


def _stored(topic: Topic, name: str, changes: Changes) -> StoredRule:
    found = {one.name: one for one in changes.rules.of(topic.name)}
    if name in found:
        return found[name]
    if name in {rule["name"] for rule in topic.alerts}:
        hint = "It stands in the topic's file: change it there."
        raise PageError(409, f"The rule {name[:60]!r} was not made on this page.", hint=hint)
    raise PageError(404, f"There is no rule {name[:60]!r}.", hint="It may have been removed.")


def _rule_of(typed: Mapping[str, str]) -> dict[str, str]:
    """What was typed, without what else a form sends."""
    return {name: value for name, value in typed.items() if name in AlertTable.model_fields}


def _typed(typed: Mapping[str, str]) -> dict[str, Any]:
    return {"name": "", **_rule_of(typed)}


def _form(
    board: Dashboard,
    topic: Topic,
    values: Mapping[str, Any],
    *,
    problems: list[Problem] | None = None,
    stored: StoredRule | None = None,
) -> Response:
    kind = _kind(str(values.get("kind", "")))
    return board.page(
        "alert_rule.html",
        status=422 if problems else 200,
        topic=topic,
        kind=kind,
        told=KIND_WORDS[kind],
        name=str(values.get("name", "")),
        fields=rule_fields(kind, topic, values),
        problems=problems or [],
        stored=stored,
    )
