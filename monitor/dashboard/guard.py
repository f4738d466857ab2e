"""Who is asking, and whether they may: stands before every route."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from urllib.parse import SplitResult, quote, urlsplit

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import Scope

from monitor.access import LOOPBACK
from monitor.dashboard.forms import read_form
from monitor.dashboard.roles import may, needed_role
from monitor.dashboard.selection import PageError
from monitor.dashboard.shield import CallNext
from monitor.dashboard.visitor import NOBODY, VISITOR, Visitor
from monitor.errors import MonitorError
from monitor.passwords import digest_of
from monitor.settings import AccessSettings
from monitor.store.accounts import ROLES, Accounts, Role

COOKIE = "monitor_session"
_SAFE = {"GET", "HEAD", "OPTIONS"}

Explain = Callable[[Request, PageError | MonitorError], Response]


class Guard:
    """Lets requests pass or not.

    Without users, whoever reaches a loopback address is an admin: it is their own machine. As
    soon as there is a user, everybody logs in. Anywhere else, nobody gets in without a login.

    Args:
        accounts: None where nobody can be given a login (then only loopback is served).
        settings: `[access]`.
        host: The address that the dashboard listens on.
        clock: Tells the time.
        explain: Makes an error into an answer.
        routes: What there is; a change that nothing handles need not be guarded.
    """

    def __init__(
        self,
        accounts: Accounts | None,
        settings: AccessSettings,
        host: str,
        *,
        clock: Callable[[], datetime],
        explain: Explain,
        routes: Sequence[BaseRoute],
    ) -> None:
        self._accounts = accounts
        self._settings = settings
        self._host = host
        self._clock = clock
        self._explain = explain
        self._routes = routes
        self._secret = secrets.token_bytes(32)

    async def check(self, request: Request, call_next: CallNext) -> Response:
        """Stands before every route."""
        try:
            visitor = await self._visitor(request)
            VISITOR.set(visitor)
            refusal = self._refusal(request, visitor)
            if refusal is None:
                await self._check_intent(request, visitor)
        except (PageError, MonitorError) as error:
            return self._explain(request, error)
        return await call_next(request) if refusal is None else refusal

    # Who

    async def _visitor(self, request: Request) -> Visitor:
        if needed_role(request.method, request.url.path) != "nobody":
            return await run_in_threadpool(self._identified, request)
        if request.url.path.startswith(("/static/", "/healthz")):
            return NOBODY  # Assets and the probe of life ask nothing of the database.
        try:
            return await run_in_threadpool(self._identified, request)
        except (MonitorError, PageError):
            return NOBODY

    def _identified(self, request: Request) -> Visitor:
        bearer = request.headers.get("authorization", "")
        if bearer.lower().startswith("bearer "):
            return self._of_token(bearer[7:].strip())
        return (
            self._of_proxy(request)
            or self._of_session(request.cookies.get(COOKIE))
            or self._local(request)
            or NOBODY
        )

    def _of_token(self, secret: str) -> Visitor:
        found = self._accounts and self._accounts.token(digest_of(secret), at=self._clock())
        if not found:
            raise PageError(401, "This token is not known or has been revoked.")
        return Visitor(f"token {found.id}", found.role, "token", "")

    def _of_proxy(self, request: Request) -> Visitor | None:
        """The name that a trusted proxy has checked; from any other address it means nothing."""
        header = self._settings.proxy_header
        address = request.client.host if request.client else ""
        if not header or address not in self._settings.proxy_addresses:
            return None
        name = request.headers.get(header, "").strip()
        if not name:
            return None
        known = self._accounts.user(name) if self._accounts else None
        role = known.role if known else _role(self._settings.proxy_role)
        if role is None:
            raise PageError(403, "You are logged in, but have no role here.", hint="Ask an admin.")
        return Visitor(name, role, "proxy", self._sign(f"proxy {name}"))

    def _of_session(self, secret: str | None) -> Visitor | None:
        if not secret or self._accounts is None:
            return None
        user = self._accounts.session_user(digest_of(secret), at=self._clock())
        if user is None:
            return None
        # From the secret alone, so that a form outlives a restart of this process.
        return Visitor(user.name, user.role, "session", digest_of(f"csrf {secret}"))

    def _local(self, request: Request) -> Visitor | None:
        if self._host not in LOOPBACK or self._settings.proxy_header or self._settings.https:
            return None  # Through a proxy on this machine, everybody comes from here.
        if self._accounts is not None and self._accounts.has_users():
            return None
        if _parts(f"//{request.headers.get('host', '')}").hostname not in LOOPBACK:
            # A page elsewhere whose name was made to point at this machine.
            raise PageError(
                421,
                "This dashboard answers to this machine's own name only.",
                hint="Open it as http://127.0.0.1, with its port.",
            )
        return Visitor("local", "admin", "local", self._sign("local"))

    def _sign(self, what: str) -> str:
        return hmac.new(self._secret, what.encode(), hashlib.sha256).hexdigest()

    # Whether

    def _refusal(self, request: Request, visitor: Visitor) -> Response | None:
        needed = needed_role(request.method, request.url.path)
        if may(visitor.role, needed):
            return None
        if visitor.role is not None:
            raise PageError(
                403, f"This takes the role {needed}; yours is {visitor.role}.", hint="Ask an admin."
            )
        if request.method == "GET" and _wants_page(request):
            where = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(_login(where), status_code=303)
        if _wants_page(request) and _is_from_here(request):
            hint, back = "What was sent has not been kept.", _login(_sent_from(request))
            raise PageError(401, "You are not logged in any more.", hint=hint, login=back)
        raise PageError(
            401, "Log in first, or send a token.", hint="`monitor tokens add` makes one."
        )

    async def _check_intent(self, request: Request, visitor: Visitor) -> None:
        """Makes sure that a change comes from a form of these pages."""
        if request.method in _SAFE or visitor.how == "token":
            return
        if not _is_handled(self._routes, request.scope):
            return  # to the answer that there is no such address, or no such method
        if not _is_from_here(request):
            raise PageError(403, "This was not sent from these pages.")
        if visitor.how == "none" or request.url.path == "/login":
            return  # Who logs in may have been logged in by another tab: that form has no token.
        sent = request.headers.get("x-csrf-token") or (await read_form(request)).get("csrf", "")
        if not hmac.compare_digest(sent.encode(), visitor.csrf.encode()):
            raise PageError(403, "This form is out of date.", hint="Load the page again.")


def _is_handled(routes: Sequence[BaseRoute], scope: Scope) -> bool:
    for route in routes:
        match, inner = route.matches(scope)
        if match is Match.FULL:
            mounted = getattr(route, "app", None) if isinstance(route, Mount) else None
            return mounted is None or _is_handled(mounted.routes, {**scope, **inner})
    return False


def _role(name: str) -> Role | None:
    return next((role for role in ROLES if role == name), None)


def _wants_page(request: Request) -> bool:
    return not request.url.path.startswith(("/api/", "/metrics")) and not request.url.path.endswith(
        (".json", ".csv")
    )


def inside(where: str) -> str:
    """An address on these pages; anything that leads elsewhere becomes the first page."""
    is_inside = where.startswith("/") and not where.startswith(("//", "/\\"))
    return where if is_inside and where.isprintable() and "\\" not in where else "/"


def _login(where: str) -> str:
    return f"/login?next={quote(where, safe='')}"


def _sent_from(request: Request) -> str:
    """The page with the form that was sent, as the browser tells it."""
    page = _parts(request.headers.get("referer", ""))
    if page.netloc != request.headers.get("host"):
        return "/"
    return inside(page.path + (f"?{page.query}" if page.query else ""))


def _is_from_here(request: Request) -> bool:
    """Whether the browser says that the request comes from one of our pages."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is not None and _parts(origin).netloc == request.headers.get("host")


def _parts(address: str) -> SplitResult:
    """The parts of an address; of one that makes no sense, none."""
    try:
        return urlsplit(address)
    except ValueError:
        return SplitResult("", "", "", "", "")
