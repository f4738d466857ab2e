"""Logging in and out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from monitor.access import LOOPBACK
from monitor.dashboard.board import Dashboard
from monitor.dashboard.forms import read_form
from monitor.dashboard.guard import COOKIE, inside
from monitor.dashboard.selection import PageError
from monitor.dashboard.throttle import Throttle
from monitor.dashboard.visitor import VISITOR, Note
from monitor.passwords import digest_of, is_password, new_secret
from monitor.settings import AccessSettings
from monitor.store.accounts import Accounts

_LONGEST_ADDRESS = 100
_AT_ONCE = 2
"""So many passwords are looked at at a time: each takes 64 MB and a thread that pages need."""
_MOST_WAITING = 40
"""With those whose turn it is; beyond, a login would take seconds."""
_WRONG = "That name and password do not fit together."


def add_login(
    app: FastAPI, board: Dashboard, accounts: Accounts, settings: AccessSettings, note: Note
) -> None:
    """Adds the routes of logging in and out."""
    throttle = Throttle(settings.login_attempts, settings.login_minutes, board.clock)
    places, waiting = asyncio.Semaphore(_AT_ONCE), set[object]()

    @app.get("/login")
    def show_login(request: Request) -> Response:
        where = inside(request.query_params.get("next", "/"))
        return board.page("login.html", where=where, name="", wrong="")

    @app.post("/login")
    async def log_in(request: Request) -> Response:
        form = await read_form(request)
        name, where = _name(form), inside(form.get("next", "/"))
        address = _address(request, settings)
        wait = throttle.seconds_to_wait(name, address)
        if wait:
            wrong = f"Too many failed logins. Try again in {wait // 60 + 1} minutes."
            again = board.page("login.html", status=429, where=where, name=name, wrong=wrong)
            again.headers["Retry-After"] = str(wait)
            return again
        if len(waiting) >= _MOST_WAITING:
            raise PageError(503, "Many are logging in.", hint="Try again in a few seconds.")
        throttle.tried(name, address)
        secret = await opened(name, form.get("password", ""))
        if secret is None:
            await run_in_threadpool(note, "nobody", "login_failed", {})
            return board.page("login.html", status=401, where=where, name=name, wrong=_WRONG)
        throttle.succeeded(name, address)
        await run_in_threadpool(note, name, "login", {})
        return _with_cookie(RedirectResponse(where, status_code=303), secret, settings)

    async def opened(name: str, password: str) -> str | None:
        waiting.add(turn := object())
        try:
            async with places:
                now = board.clock()
                return await run_in_threadpool(_open, accounts, settings, now, name, password)
        finally:
            waiting.discard(turn)

    @app.post("/logout")
    def log_out(request: Request) -> Response:
        secret = request.cookies.get(COOKIE)
        if secret:
            accounts.close_session(digest_of(secret))
        note(VISITOR.get().name, "logout", {})
        answer = RedirectResponse("/login", status_code=303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=settings.https)
        return answer


def _name(form: Mapping[str, str]) -> str:
    """The name typed in; empty, which is nobody's, where it is none that a database holds."""
    name = form.get("name", "").strip()[:200]
    return name if name.isprintable() else ""


def _address(request: Request, settings: AccessSettings) -> str:
    """Where a reader is: their own address, or what a proxy here, or a trusted one, says of it."""
    peer = request.client.host if request.client else ""
    if peer in LOOPBACK or peer in settings.proxy_addresses:
        told = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
        return told[:_LONGEST_ADDRESS] or peer
    return peer


def _open(
    accounts: Accounts, settings: AccessSettings, now: datetime, name: str, password: str
) -> str | None:
    """Opens a session and returns its secret, None where the password is wrong."""
    if not is_password(accounts.password_hash(name), password):
        return None
    secret = new_secret()
    until = now + timedelta(hours=settings.session_hours)
    accounts.open_session(name, digest_of(secret), at=now, until=until)
    return secret


def _with_cookie(answer: Response, secret: str, settings: AccessSettings) -> Response:
    answer.set_cookie(
        COOKIE,
        secret,
        max_age=int(settings.session_hours * 3600),
        httponly=True,
        samesite="lax",
        secure=settings.https,
    )
    return answer
