"""`/api/v1`: the pages' figures for programs, from the same queries under the same rules."""

from __future__ import annotations

import hashlib
from importlib import metadata
from typing import Annotated, Any

from fastapi import FastAPI, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import StreamingResponse

from monitor.dashboard.api_models import (
    AskedChanges,
    AskedDays,
    AskedFigures,
    AskedPart,
    AskedWhole,
    DaysPart,
    Listed,
    Problem,
    SeriesModel,
    SwitchModel,
    TopicModel,
    VersionModel,
    topic_model,
)
from monitor.dashboard.board import Dashboard
from monitor.dashboard.selection import PageError, Selection
from monitor.dashboard.shield import CallNext
from monitor.dashboard.topic_data import gather_turnover
from monitor.errors import MonitorError
from monitor.figure import Figure, Volume
from monitor.shares.changes import Change
from monitor.shares.rollup import Unit
from monitor.store.values import JobRun, SourceState
from monitor.validation import Validation

PLACE = "/api/v1"
_RUNS_TOLD = 1000
_ABOUT = """The released figures of the dashboard, for programs.

Values that may not be shown are null, and `withheld` says why. Lists come in parts (`limit`,
`offset`, `next`). Answers carry an ETag: ask again with `If-None-Match` and get 304 as long as
nothing has changed. Where users are set up, send `Authorization: Bearer TOKEN`
(`monitor tokens add`)."""
_WORDS = {404: "There is no such address in the API.", 405: "This address can only be read."}

Name = Annotated[str, Path(description="The topic's name.", max_length=200)]


def create_api(board: Dashboard) -> FastAPI:
    """Builds the API, to be mounted at `PLACE`."""
    told = (401, 403, 404, 422, 429, 503)
    api = FastAPI(
        title="Employee sentiment monitor",
        version=metadata.version("employee-sentiment-monitor"),
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        responses={
            304: {"description": "Nothing has changed (If-None-Match)"},
            **{status: {"model": Problem} for status in told},
        },
    )
    _add_lists(api, board)
    _add_topic(api, board)
    _add_origin(api, board)
    _add_problems(api)
    api.add_middleware(BaseHTTPMiddleware, dispatch=_tag)
    return api


def _add_lists(api: FastAPI, board: Dashboard) -> None:
    @api.get("/topics", summary="The topics")
    def list_topics(part: AskedPart, request: Request) -> Listed[TopicModel]:
        return part.cut([topic_model(one) for one in board.topics.values()], _address(request))

    @api.get("/runs", summary="The last runs of jobs, newest first")
    def list_runs(part: AskedPart, request: Request) -> Listed[JobRun]:
        return part.cut(board.runs(_RUNS_TOLD), _address(request))


def _add_topic(api: FastAPI, board: Dashboard) -> None:
    @api.get("/topics/{name}", summary="A topic")
    def show_topic(name: Name, _: AskedWhole) -> TopicModel:
        return topic_model(board.topic(name))

    @api.get("/topics/{name}/figures", summary="Released shares by day")
    def list_figures(name: Name, part: AskedFigures, request: Request) -> Listed[Figure]:
        selection = _selection(part, preview=part.include_unvalidated, unit=part.unit)
        found = board.released(board.topic(name), selection, selection.by)
        return part.cut(found, _address(request))

    @api.get("/topics/{name}/changes", summary="Differences between days, and change points")
    def list_changes(name: Name, part: AskedChanges, request: Request) -> Listed[Change]:
        selection = _selection(part, unit=part.unit)
        return part.cut(
            board.changes(board.topic(name), selection, selection.by), _address(request)
        )

    @api.get("/topics/{name}/volumes", summary="Released volume by day")
    def list_volumes(name: Name, part: AskedDays, request: Request) -> Listed[Volume]:
        selection = _selection(part)
        return part.cut(
            board.volumes(board.topic(name), selection, selection.by), _address(request)
        )

    @api.get("/topics/{name}/validation", summary="How far people have checked each question")
    def list_validation(name: Name, part: AskedPart, request: Request) -> Listed[Validation]:
        return part.cut(board.figures.validation(board.topic(name)), _address(request))


def _add_origin(api: FastAPI, board: Dashboard) -> None:
    """Where a topic's figures come from: sources and versions."""

    @api.get("/topics/{name}/sources", summary="How far each source has come")
    def list_sources(name: Name, part: AskedPart, request: Request) -> Listed[SourceState]:
        return part.cut(board.sources(board.topic(name)), _address(request))

    @api.get("/topics/{name}/series", summary="Which version the figures are of, and since when")
    def show_series(name: Name, _: AskedWhole) -> SeriesModel:
        found = gather_turnover(board, board.topic(name))
        return SeriesModel(
            version=found.shown,
            champion=found.champion,
            waiting=found.waiting,
            switches=[SwitchModel(version=one.version, at=one.at) for one in found.switches],
        )

    @api.get("/topics/{name}/versions", summary="The recorded model versions, oldest first")
    def list_versions(name: Name, part: AskedPart, request: Request) -> Listed[VersionModel]:
        topic = board.topic(name)
        shown = board.queries.shown_version(topic.name)
        found = [
            VersionModel(
                version=one.version,
                stage=one.stage,
                recorded_at=one.recorded_at,
                metrics=dict(one.metrics),
                shown=one.version == shown,
            )
            for one in board.queries.recorded_versions(topic.name)
        ]
        return part.cut(found, _address(request))


def _selection(part: DaysPart, *, preview: bool = False, unit: Unit = "posts") -> Selection:
    """The same selection as a page's.

    Raises:
        PageError: The range holds no day, or a dimension is named twice.
    """
    if part.since and part.until and part.since >= part.until:
        raise PageError(422, f"since ({part.since}) is not before until ({part.until}).")
    if len(set(part.by)) < len(part.by):
        raise PageError(422, "by names a dimension twice.")
    return Selection(tuple(part.by), part.since, part.until, preview, unit=unit)


def _address(request: Request) -> str:
    return request.url.path


def problem(status: int, error: str, hint: str = "") -> JSONResponse:
    """Returns an error as the API tells it."""
    return JSONResponse(Problem(status=status, error=error, hint=hint).model_dump(), status)


def _add_problems(api: FastAPI) -> None:
    @api.exception_handler(PageError)
    def page_error(_: Request, error: PageError) -> Response:
        return problem(error.status, str(error), error.hint)

    @api.exception_handler(MonitorError)
    def monitor_error(_: Request, error: MonitorError) -> Response:
        return problem(503, str(error), error.hint)

    @api.exception_handler(RequestValidationError)
    def validation_error(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:])[:80]
        return problem(422, f"{place}: {first['msg']}", f"{PLACE}/openapi.json describes each.")

    @api.exception_handler(HTTPException)
    def http_error(_: Request, error: HTTPException) -> Response:
        answer = problem(error.status_code, _WORDS.get(error.status_code, error.detail))
        answer.headers.update(error.headers or {})
        return answer


async def _tag(request: Request, call_next: CallNext) -> Response:
    """Gives an answer its ETag, and no body to whoever has it already."""
    response: Any = await call_next(request)
    if request.method != "GET" or response.status_code != 200:
        return response  # type: ignore[no-any-return]
    body = await _body(response)
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if _is_known(tag, request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=response.headers["content-type"])


async def _body(response: StreamingResponse) -> bytes:
    parts = [part async for part in response.body_iterator]
    return b"".join(part.encode() if isinstance(part, str) else bytes(part) for part in parts)


def _is_known(tag: str, known: str) -> bool:
    offered = {one.strip().removeprefix("W/") for one in known.split(",")}
    return "*" in offered or tag.removeprefix("W/") in offered
