"""Who may look, and who did: users and tokens for admins, the access log on the privacy page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from monitor.dashboard import words
from monitor.dashboard.board import Dashboard
from monitor.dashboard.forms import read_form
from monitor.dashboard.selection import PageError
from monitor.dashboard.visitor import VISITOR, Note
from monitor.store.accounts import Accounts
from monitor.store.values import LogEntry

LOG_SHOWN = 100
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the access log, in words."""

    when: str
    who: str
    what: str
    details: str


def log_lines(entries: Sequence[LogEntry]) -> tuple[LogLine, ...]:
    """Returns the access log for the privacy page; it holds no text of a post and no author."""
    return tuple(
        LogLine(
            when=words.moment(entry.at, _UTC),
            who=entry.actor,
            what=entry.action.replace("_", " "),
            details=", ".join(f"{name} {value}" for name, value in entry.details.items()),
        )
        for entry in entries
    )


def add_access_page(app: FastAPI, board: Dashboard, accounts: Accounts, note: Note) -> None:
    """Adds the admins' page of users and tokens."""

    @app.get("/access")
    def show_access() -> Response:
        return board.page("access.html", users=accounts.users(), tokens=accounts.tokens())

    @app.post("/access/revoke")
    async def revoke(request: Request) -> Response:
        number = (await read_form(request)).get("token", "")
        if not (number.isascii() and number.isdigit()) or len(number) > 9:
            raise PageError(422, "That is no token's number.")
        revoked = await run_in_threadpool(accounts.revoke_token, int(number), at=board.clock())
        if not revoked:
            raise PageError(404, f"There is no token {number} in force.")
        who = VISITOR.get().name
        await run_in_threadpool(note, who, "token_revoked", {"token": int(number)})
        return RedirectResponse("/access", status_code=303)
