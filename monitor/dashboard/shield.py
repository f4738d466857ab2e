"""What surrounds every answer: security headers and an access log without anything personal."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from monitor.dashboard.visitor import VISITOR
from monitor.errors import MonitorError
from monitor.observability import get_logger

CallNext = Callable[[Request], Awaitable[Response]]

# Vega needs no 'unsafe-eval' here: charts.js has it interpret its expressions.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # With none at all, a form would not tell where it comes from.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_AGAIN_SECONDS = "10"


def route_of(request: Request) -> str:
    """The route that answered a request, wherever it is mounted; `none` where none did."""
    route = getattr(request.scope.get("route"), "path", None)
    # What is mounted knows its routes by what follows the place where it is mounted.
    return "none" if route is None else f"{request.scope.get('root_path', '')}{route}"


async def secure(request: Request, call_next: CallNext) -> Response:
    """Adds the security headers; what is not an asset is never stored by a cache.

    What cannot be answered now can be asked for again soon.
    """
    response = await call_next(request)
    for name, value in _HEADERS.items():
        response.headers[name] = value
    response.headers.setdefault("Cache-Control", "no-store")
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers.setdefault("Retry-After", _AGAIN_SECONDS)
    return response


LOOKED_AT = (
    "/topics/{name}",
    "/topics/{name}/figures.json",
    "/topics/{name}/charts/{key}.{kind}",
    "/api/v1/topics/{name}/figures",
    "/api/v1/topics/{name}/volumes",
    "/api/v1/topics/{name}/changes",
)
"""The routes with figures on them; who asks for one has looked."""
_ANSWERED = (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED)

NoteAccess = Callable[[str, str, str], None]
"""Told who looked at what of which topic."""

_LONGEST_NAME = 100


def access_keeper(note: NoteAccess) -> Callable[..., Awaitable[Response]]:
    """Makes what notes who looked at figures, by the name they logged in with, if any."""

    async def keep_access(request: Request, call_next: CallNext) -> Response:
        response = await call_next(request)
        page = route_of(request)
        if page in LOOKED_AT and response.status_code in _ANSWERED:
            name = VISITOR.get().name[:_LONGEST_NAME] or "somebody"
            topic = request.path_params.get("name", "")
            try:
                await run_in_threadpool(note, name, page, topic)
            except MonitorError as error:
                get_logger().warning("access_unrecorded", error=str(error))
        return response

    return keep_access


async def log_access(request: Request, call_next: CallNext) -> Response:
    """Logs which page was answered how fast: no address, no browser, no query, no raw path."""
    started = time.perf_counter()
    response = await call_next(request)
    get_logger().debug(
        "page_answered",
        page=route_of(request),
        status=response.status_code,
        milliseconds=round(1000 * (time.perf_counter() - started)),
    )
    return response
