"""The routes of the dashboard; read only, no cookies, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware

from monitor.dashboard import api
from monitor.dashboard.access_page import LOG_SHOWN, add_access_page, log_lines
from monitor.dashboard.alerts_page import add_alerts_page
from monitor.dashboard.assets import asset
from monitor.dashboard.board import Dashboard, page_templates
from monitor.dashboard.changes import Changes
from monitor.dashboard.collection_page import add_collection_page
from monitor.dashboard.downloads import add_downloads
from monitor.dashboard.guard import Guard
from monitor.dashboard.kept_pages import KeptPages
from monitor.dashboard.labelling import add_labelling
from monitor.dashboard.login import add_login
from monitor.dashboard.metrics import Metrics
from monitor.dashboard.model_page import add_model_page
from monitor.dashboard.rule_pages import add_rule_pages
from monitor.dashboard.selection import PageError, Selection, read_selection, with_default_range
from monitor.dashboard.settling import add_settling
from monitor.dashboard.shield import NoteAccess, access_keeper, log_access, secure
from monitor.dashboard.status import status_page
from monitor.dashboard.steady import one_look
from monitor.dashboard.task_pages import add_tasks
from monitor.dashboard.truth import load_truth
from monitor.dashboard.visitor import VISITOR
from monitor.errors import MonitorError, StoreError
from monitor.figures import Figures
from monitor.settings import Settings
from monitor.store.queries import Queries
from monitor.store.values import Lease
from monitor.topic import Topic

_LOOKED_WITHIN = timedelta(days=30)
_YEAR = "public, max-age=31536000, immutable"


def make_board(
    topics: Mapping[str, Topic],
    figures: Figures,
    queries: Queries,
    *,
    settings: Settings,
    clock: Callable[[], datetime],
    heartbeat: Callable[[], datetime | None] | None = None,
    lease: Callable[[], Lease | None] = lambda: None,
    champion: Callable[[str], str | None] = lambda _: None,
) -> Dashboard:
    """Puts together what pages, API and reports are made from.

    `clock` tells the time in aware UTC, `heartbeat` when the scheduler of this process was last
    heard of (None without one), `lease` who holds the daemons' lease, `champion` which version a
    topic's posts are scored with.
    """
    samples = settings.config / "samples"
    return Dashboard(
        topics=topics,
        figures=figures,
        queries=queries,
        settings=settings,
        clock=clock,
        heartbeat=heartbeat or (lambda: None),
        lease=lease,
        champion=champion,
        truths={name: load_truth(samples, topic) for name, topic in topics.items()},
        templates=page_templates(),
    )


def create_app(
    board: Dashboard,
    *,
    changes: Changes | None = None,
    note_access: NoteAccess = lambda _who, _what, _topic: None,
) -> FastAPI:
    """Builds the dashboard.

    `note_access` is told who looked at figures. Without `changes` nobody can be given a login:
    only this machine is served, and only to read.
    """
    settings = board.settings
    app = FastAPI(title="Monitor", docs_url=None, redoc_url=None, openapi_url=None)
    _add_topic_routes(app, board)
    add_collection_page(app, board)
    add_downloads(app, board, changes.note if changes else lambda *_: None)
    _add_operation_routes(app, board)
    metrics = Metrics(board)
    _add_probes(app, board, metrics)
    app.mount(api.PLACE, api.create_api(board))
    _add_error_pages(app, board)
    if changes is not None:
        _add_pages_that_change(app, board, changes)
    guard = Guard(
        changes.accounts if changes else None,
        settings.access,
        settings.dashboard.host,
        clock=board.clock,
        explain=lambda request, error: _refuse(board, metrics, request, error),
        routes=app.routes,
    )
    # Within the guard, which says who is asking.
    app.add_middleware(BaseHTTPMiddleware, dispatch=access_keeper(note_access))
    app.add_middleware(BaseHTTPMiddleware, dispatch=one_look)
    app.add_middleware(BaseHTTPMiddleware, dispatch=guard.check)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(BaseHTTPMiddleware, dispatch=secure)
    app.add_middleware(BaseHTTPMiddleware, dispatch=metrics.count)
    app.add_middleware(BaseHTTPMiddleware, dispatch=log_access)
    return app


def _add_pages_that_change(app: FastAPI, board: Dashboard, changes: Changes) -> None:
    """Adds the pages on which people log in, label, and ask for work."""
    add_login(app, board, changes.accounts, board.settings.access, changes.note)
    add_access_page(app, board, changes.accounts, changes.note)
    add_labelling(app, board, changes.desk, changes.note)
    add_settling(app, board, changes)
    add_tasks(app, board, changes)
    add_model_page(app, board, changes)
    add_alerts_page(app, board, changes)
    add_rule_pages(app, board, changes)


def _selection(request: Request) -> Selection:
    return read_selection(request.query_params)


Asked = Annotated[Selection, Depends(_selection)]


def _add_topic_routes(app: FastAPI, board: Dashboard) -> None:
    pages = KeptPages(board)

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
        end = min(topic.end, topic.day_of(board.clock()) + timedelta(days=1))
        shown = with_default_range(selection, topic.start, end)
        drawn = pages.page(topic, shown)
        if drawn.page.volume is None and shown != selection:
            drawn = pages.page(topic, selection)  # nothing in the last days, which nobody chose
        return board.page("topic.html", page=drawn.page, blocks=drawn.blocks)

    @app.get("/topics/{name}/figures.json")
    def list_figures(name: str, selection: Asked) -> Response:
        figures = board.released(board.topic(name), selection, selection.by)
        return JSONResponse([asdict(one) | {"day": one.day.isoformat()} for one in figures])


def _add_operation_routes(app: FastAPI, board: Dashboard) -> None:
    @app.get("/status")
    def show_status() -> Response:
        page = status_page(
            board.topics,
            board.queries,
            board.health(),
            settings=board.settings,
            lease=board.lease,
            clock=board.clock,
            answered=board.figures.answered,
        )
        return board.page("status.html", page=page)

    @app.get("/health")
    def show_health() -> Response:
        health = board.health()
        status = 503 if health.reasons else 200
        word = "failing" if health.reasons else "ok"
        told = asdict(health) | {"reasons": _for_visitors(health.reasons)}
        return JSONResponse({"status": word} | told, status_code=status)

    @app.get("/privacy")
    def show_privacy() -> Response:
        is_admin = VISITOR.get().role == "admin"
        log = log_lines(board.queries.log_entries(LOG_SHOWN)) if is_admin else None
        looked = board.queries.accesses((board.clock() - _LOOKED_WITHIN).date())
        return board.page("privacy.html", settings=board.settings, log=log, looked=looked)

    @app.get("/static/{name}")
    def send_asset(name: str) -> Response:
        found = asset(name)
        if found is None:
            raise PageError(404, "There is no such file.")
        return Response(
            found.content, media_type=found.media_type, headers={"Cache-Control": _YEAR}
        )


def _for_visitors(reasons: Sequence[str]) -> list[str]:
    """Reasons name the database; who is not logged in learns only that there are some."""
    return list(reasons) if VISITOR.get().role else ["log in to see why"] * bool(reasons)


def _add_probes(app: FastAPI, board: Dashboard, metrics: Metrics) -> None:
    @app.head("/healthz")  # As some balancers ask.
    @app.get("/healthz")
    async def show_alive() -> Response:
        """Whether this process answers at all; asks nothing of the database, needs no thread."""
        return JSONResponse({"status": "ok"})

    @app.head("/readyz")
    @app.get("/readyz")
    def show_ready() -> Response:
        """Whether this process can serve: its database and its scheduler answer."""
        reasons = board.health().reasons
        told = {"status": "failing" if reasons else "ok", "reasons": _for_visitors(reasons)}
        return JSONResponse(told, status_code=503 if reasons else 200)

    @app.get("/metrics")
    def show_metrics() -> Response:
        return metrics.answer()


def _refuse(
    board: Dashboard, metrics: Metrics, request: Request, error: PageError | MonitorError
) -> Response:
    """Answers who is not let in; that nobody can be known is told as metrics too."""
    if isinstance(error, StoreError) and (request.method, request.url.path) == ("GET", "/metrics"):
        return metrics.without_database(error)
    return _explain(board, request, error)


def _explain(board: Dashboard, request: Request, error: PageError | MonitorError) -> Response:
    """Tells an error as a page, to a program as the API does."""
    answer: Response
    if isinstance(error, MonitorError):
        error = _unavailable(error)
    if request.url.path.startswith(f"{api.PLACE}/"):
        answer = api.problem(error.status, str(error), error.hint)
    else:
        answer = board.page("error.html", status=error.status, error=error)
    if error.status == HTTPStatus.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _unavailable(error: MonitorError) -> PageError:
    """Errors name the database; who is not logged in learns only that there is one."""
    if VISITOR.get().role:
        return PageError(503, str(error), hint=error.hint)
    hint = "Try again later; `monitor doctor` says why."
    return PageError(503, "This cannot be answered at the moment.", hint=hint)


def _add_error_pages(app: FastAPI, board: Dashboard) -> None:
    @app.exception_handler(PageError)
    def page_error(request: Request, error: PageError) -> Response:
        return _explain(board, request, error)

    @app.exception_handler(HTTPException)
    def http_error(request: Request, error: HTTPException) -> Response:
        message = {404: "There is no such page.", 405: "These pages can only be read."}
        text = message.get(error.status_code, HTTPStatus(error.status_code).phrase)
        hint = "Start from the first page."
        response = _explain(board, request, PageError(error.status_code, text, hint=hint))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(MonitorError)
    def monitor_error(request: Request, error: MonitorError) -> Response:
        return _explain(board, request, error)
