"""Who is looking, while their request is answered."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

from monitor.dashboard.roles import may, needed_role
from monitor.store.accounts import Role

Note = Callable[[str, str, dict[str, Any]], None]
"""Writes a line into the access log: who, what, details."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is asking.

    Attributes:
        role: None for somebody who has not logged in.
        how: `local` is whoever sits at this machine while nobody has been given a login.
        csrf: What a form of theirs has to send along.
    """

    name: str
    role: Role | None
    how: Literal["local", "session", "token", "proxy", "none"]
    csrf: str

    def may(self, method: str, path: str) -> bool:
        """Tells whether they may send such a request."""
        return may(self.role, needed_role(method, path))


NOBODY = Visitor("", None, "none", "")
VISITOR: ContextVar[Visitor] = ContextVar("visitor", default=NOBODY)
"""Whose request is being answered; set before every route."""
