"""The routes of the dashboard; read only, no cookies, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware

from monitor.dashboard import words
from monitor.dashboard.assets import asset, asset_address
from monitor.dashboard.pages import TopicData, topic_page
from monitor.dashboard.selection import PageError, Selection, read_selection
from monitor.dashboard.shield import NoteAccess, access_keeper, log_access, secure
from monitor.dashboard.status import check_health, status_page
from monitor.dashboard.truth import Truth, load_truth
from monitor.errors import MonitorError
from monitor.figure import Figure, Volume
from monitor.figures import Figures
from monitor.settings import Settings
from monitor.store.queries import Queries
from monitor.store.values import Lease
from monitor.topic import Topic

_LOOKED_WITHIN = timedelta(days=30)
_YEAR = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Dashboard:
    """What the routes answer from.

    Attributes:
        heartbeat: When the scheduler of this process was last heard of; None without one.
        lease: Who holds the daemons' lease.
    """

    topics: Mapping[str, Topic]
    figures: Figures
    queries: Queries
    settings: Settings
    clock: Callable[[], datetime]
    heartbeat: Callable[[], datetime | None]
    lease: Callable[[], Lease | None]
    truths: Mapping[str, Truth | None]
    templates: Environment

    def topic(self, name: str) -> Topic:
        """Returns a topic.

        Raises:
            PageError: There is none of that name.
        """
        try:
            return self.topics[name]
        except KeyError as exc:
            known = ", ".join(self.topics) or "none yet"
            raise PageError(
                404, f"There is no topic {name[:60]!r}.", hint=f"Topics: {known}."
            ) from exc

    def page(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """Renders a template."""
        topics = list(self.topics.values())
        body = self.templates.get_template(template).render(topics=topics, **values)
        return HTMLResponse(body, status_code=status)


def create_app(
    topics: Mapping[str, Topic],
    figures: Figures,
    queries: Queries,
    *,
    settings: Settings,
    clock: Callable[[], datetime],
    heartbeat: Callable[[], datetime | None] | None = None,
    lease: Callable[[], Lease | None] = lambda: None,
    note_access: NoteAccess = lambda _who, _what, _topic: None,
) -> FastAPI:
    """Builds the dashboard.

    `clock` tells the time in aware UTC, `heartbeat` when the scheduler of this process was last
    heard of (None without one), `lease` who holds the daemons' lease; `note_access` is told who
    looked at figures.
    """
    samples = settings.config / "samples"
    board = Dashboard(
        topics=topics,
        figures=figures,
        queries=queries,
        settings=settings,
        clock=clock,
        heartbeat=heartbeat or (lambda: None),
        lease=lease,
        truths={name: load_truth(samples, topic) for name, topic in topics.items()},
        templates=_templates(),
    )
    app = FastAPI(title="Monitor", docs_url=None, redoc_url=None, openapi_url=None)
    _add_topic_routes(app, board)
    _add_operation_routes(app, board)
    _add_error_pages(app, board)
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    keeper = access_keeper(note_access, settings.dashboard.user_header)
    app.add_middleware(BaseHTTPMiddleware, dispatch=keeper)
    app.add_middleware(BaseHTTPMiddleware, dispatch=secure)
    app.add_middleware(BaseHTTPMiddleware, dispatch=log_access)
    return app


def _templates() -> Environment:
    folder = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = asset_address
    environment.filters["number"] = words.number
    return environment


def _selection(request: Request) -> Selection:
    return read_selection(request.query_params)


Asked = Annotated[Selection, Depends(_selection)]


def _add_topic_routes(app: FastAPI, board: Dashboard) -> None:
    @app.get("/")
    def start() -> Response:
        name = next(iter(board.topics), "") if len(board.topics) == 1 else ""
        name = name or board.settings.default_topic
        where = f"/topics/{name}" if name in board.topics else "/topics"
        return RedirectResponse(where, status_code=HTTPStatus.TEMPORARY_REDIRECT)

    @app.get("/topics")
    def list_topics() -> Response:
        return board.page("topics.html")

    @app.get("/topics/{name}")
    def show_topic(name: str, selection: Asked) -> Response:
        topic = board.topic(name)
        if len(selection.by) > 1:
            raise PageError(
                422,
                "A page splits by one dimension at a time.",
                hint="figures.json takes several: by=platform,cohort.",
            )
        page = topic_page(_topic_data(board, topic, selection), board.clock())
        return board.page("topic.html", page=page)

    @app.get("/topics/{name}/figures.json")
    def list_figures(name: str, selection: Asked) -> Response:
        figures = _figures(board, board.topic(name), selection, selection.by)
        return JSONResponse([asdict(one) | {"day": one.day.isoformat()} for one in figures])


def _figures(
    board: Dashboard, topic: Topic, selection: Selection, by: Sequence[str]
) -> list[Figure]:
    return board.figures.released(
        topic,
        since=selection.since,
        until=selection.until,
        by=by,
        include_unvalidated=selection.preview,
    )


def _volumes(
    board: Dashboard, topic: Topic, selection: Selection, by: Sequence[str]
) -> list[Volume]:
    return board.figures.volumes(topic, since=selection.since, until=selection.until, by=by)


def _topic_data(board: Dashboard, topic: Topic, selection: Selection) -> TopicData:
    overall = split = _figures(board, topic, selection, ())
    volumes = split_volumes = _volumes(board, topic, selection, ())
    if selection.by:
        split = _figures(board, topic, selection, selection.by)
        split_volumes = _volumes(board, topic, selection, selection.by)
    is_sample = any(volume.sample for volume in volumes)
    return TopicData(
        topic=topic,
        selection=selection,
        overall=overall,
        volumes=volumes,
        split=split,
        split_volumes=split_volumes,
        validations=board.figures.validation(topic),
        sources=board.queries.sources(topic.name),
        version=board.queries.shown_version(topic.name),
        has_posts=board.queries.has_posts(topic.name),
        truth=board.truths[topic.name] if is_sample else None,
    )


def _add_operation_routes(app: FastAPI, board: Dashboard) -> None:
    @app.get("/status")
    def show_status() -> Response:
        page = status_page(
            board.topics,
            board.queries,
            _health(board),
            settings=board.settings,
            lease=board.lease,
        )
        return board.page("status.html", page=page)

    @app.get("/health")
    def show_health() -> Response:
        health = _health(board)
        status = 503 if health.reasons else 200
        word = "failing" if health.reasons else "ok"
        return JSONResponse({"status": word} | asdict(health), status_code=status)

    @app.get("/privacy")
    def show_privacy() -> Response:
        since = (board.clock() - _LOOKED_WITHIN).date()
        looked = board.queries.accesses(since)
        return board.page("privacy.html", settings=board.settings, looked=looked)

    @app.get("/static/{name}")
    def send_asset(name: str) -> Response:
        found = asset(name)
        if found is None:
            raise PageError(404, "There is no such file.")
        return Response(
            found.content, media_type=found.media_type, headers={"Cache-Control": _YEAR}
        )


def _health(board: Dashboard) -> Any:
    return check_health(
        board.queries, board.settings, now=board.clock(), heartbeat=board.heartbeat()
    )


def _add_error_pages(app: FastAPI, board: Dashboard) -> None:
    def explain(error: PageError) -> Response:
        return board.page("error.html", status=error.status, error=error)

    @app.exception_handler(PageError)
    def page_error(_: Request, error: PageError) -> Response:
        return explain(error)

    @app.exception_handler(HTTPException)
    def http_error(_: Request, error: HTTPException) -> Response:
        message = {404: "There is no such page.", 405: "These pages can only be read."}
        text = message.get(error.status_code, HTTPStatus(error.status_code).phrase)
        response = explain(PageError(error.status_code, text, hint="Start from the first page."))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(MonitorError)
    def monitor_error(_: Request, error: MonitorError) -> Response:
        return explain(PageError(503, str(error), hint=error.hint))
