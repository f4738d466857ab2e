"""What surrounds every answer: security headers and an access log without anything personal."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from fastapi import Request, Response

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


async def secure(request: Request, call_next: CallNext) -> Response:
    """Adds the security headers; what is not an asset is never stored by a cache."""
    response = await call_next(request)
    for name, value in _HEADERS.items():
        response.headers[name] = value
    response.headers.setdefault("Cache-Control", "no-store")
    return response


async def log_access(request: Request, call_next: CallNext) -> Response:
    """Logs which page was answered how fast: no address, no browser, no query, no raw path."""
    started = time.perf_counter()
    response = await call_next(request)
    route = request.scope.get("route")
    get_logger().debug(
        "page_answered",
        page=getattr(route, "path", "none"),
        status=response.status_code,
        milliseconds=round(1000 * (time.perf_counter() - started)),
    )
    return response
