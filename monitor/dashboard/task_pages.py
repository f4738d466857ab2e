"""Long work: asked for by a button, seen with its progress, stopped by another button."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from monitor.dashboard import words
from monitor.dashboard.board import Dashboard
from monitor.dashboard.changes import Changes
from monitor.dashboard.forms import read_form
from monitor.dashboard.selection import PageError
from monitor.dashboard.visitor import VISITOR
from monitor.store.tasks import Task
from monitor.topic import Topic

_SHOWN = 30
_UTC = ZoneInfo("UTC")
_VERSION = re.compile(r"[0-9a-f]{6,64}", re.ASCII)
_WORDS = {
    "retrain": "Train on the labels",
    "promote": "Promote a version",
    "rollback": "Roll back",
    "backfill": "Collect days again",
}


@dataclass(frozen=True, slots=True)
class TaskLine:
    """A task in words.

    Attributes:
        percent: How much of its stage is done; None where it does not run.
    """

    id: int
    what: str
    topic: str
    who: str
    when: str
    status: str
    stage: str
    percent: int | None
    outcome: str
    can_stop: bool
    stopping: bool


def task_lines(tasks: Sequence[Task]) -> tuple[TaskLine, ...]:
    """Returns tasks in words, in their order."""
    return tuple(
        TaskLine(
            id=task.id,
            what=" ".join([_WORDS.get(task.kind, task.kind), *_told(task.arguments)]),
            topic=task.topic,
            who=task.requested_by,
            when=words.moment(task.requested_at, _UTC),
            status=task.status,
            stage=task.stage,
            percent=round(100 * task.part) if task.status == "running" else None,
            outcome=task.outcome,
            can_stop=task.is_open and not task.stop_requested,
            stopping=task.is_open and task.stop_requested,
        )
        for task in tasks
    )


def add_tasks(app: FastAPI, board: Dashboard, changes: Changes) -> None:
    """Adds the page of tasks, and the addresses that ask for them."""
    _add_list(app, board, changes)

    def ask(topic: Topic, kind: str, arguments: Mapping[str, Any]) -> Response:
        who = VISITOR.get().name
        number = changes.tasks.request(kind, topic.name, arguments, who=who, at=board.clock())
        changes.note(who, "asked_for", {"topic": topic.name, "task": number, "what": kind})
        return RedirectResponse("/tasks", status_code=303)

    @app.post("/topics/{name}/retrain")
    def retrain(name: str) -> Response:
        return ask(board.topic(name), "retrain", {})

    @app.post("/topics/{name}/rollback")
    async def roll_back(name: str, request: Request) -> Response:
        version = _confirmed_version(await read_form(request))
        return await run_in_threadpool(ask, board.topic(name), "rollback", {"version": version})

    @app.post("/topics/{name}/promote")
    async def promote(name: str, request: Request) -> Response:
        version = _confirmed_version(await read_form(request))
        return await run_in_threadpool(ask, board.topic(name), "promote", {"version": version})

    @app.post("/topics/{name}/backfill")
    async def backfill(name: str, request: Request) -> Response:
        form, topic = await read_form(request), board.topic(name)
        since, until = _days(form, topic)
        source = form.get("source", "")
        known = [one.source for one in await run_in_threadpool(board.queries.sources, topic.name)]
        if source not in known:
            raise PageError(422, f"There is no source {source[:40]!r}.")
        days = {"since": since.isoformat(), "until": until.isoformat()}
        return await run_in_threadpool(ask, topic, "backfill", {"source": source} | days)


def _add_list(app: FastAPI, board: Dashboard, changes: Changes) -> None:
    @app.get("/tasks")
    def show_tasks() -> Response:
        lines = task_lines(changes.tasks.recent(_SHOWN))
        is_busy = any(line.percent is not None or line.can_stop for line in lines)
        return board.page("tasks.html", lines=lines, is_busy=is_busy)

    @app.get("/tasks.json")
    def list_tasks() -> Response:
        lines = task_lines(changes.tasks.recent(_SHOWN))
        return JSONResponse(
            [{n: getattr(one, n) for n in ("id", "status", "stage", "percent")} for one in lines]
        )

    @app.post("/tasks/{number}/stop")
    def stop_task(number: int) -> Response:
        if not changes.tasks.stop(number, at=board.clock()):
            raise PageError(404, f"There is no task {number} that waits or runs.")
        changes.note(VISITOR.get().name, "stopped", {"task": number})
        return RedirectResponse("/tasks", status_code=303)


def _told(arguments: Mapping[str, Any]) -> list[str]:
    return [str(value)[:40] for value in arguments.values()]


def _confirmed_version(form: Mapping[str, str]) -> str:
    if form.get("sure") != "yes":
        raise PageError(
            422,
            "This changes every figure of the topic: say that you are sure.",
            hint="Tick the box beside the button.",
        )
    version = form.get("version", "")
    if not _VERSION.fullmatch(version):
        raise PageError(422, "That is no version.", hint="Load the page again.")
    return version


def _days(form: Mapping[str, str], topic: Topic) -> tuple[date, date]:
    try:
        since, until = (date.fromisoformat(form.get(name, "")) for name in ("since", "until"))
    except ValueError as exc:
        raise PageError(422, "A backfill needs two days, such as 2020-06-01.") from exc
    if not topic.start <= since < until <= topic.end:
        raise PageError(
            422,
            f"{since} to {until} is no range of days inside the topic's.",
            hint=f"From {topic.start}, before {topic.end}.",
        )
    return since, until
