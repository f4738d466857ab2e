"""Which role each address takes; the rest may be read by viewers and changed by admins."""

from __future__ import annotations

import re
from typing import Literal

from monitor.store.accounts import ROLES, Role

Needed = Literal["nobody"] | Role

_SAFE = {"GET", "HEAD", "OPTIONS"}
_RULES: tuple[tuple[str, str, Needed], ...] = (
    ("*", r"/static/[^/]+", "nobody"),
    ("*", r"/login", "nobody"),
    ("GET", r"/health|/healthz|/readyz", "nobody"),
    ("POST", r"/logout", "viewer"),
    # The labelling page is the one place where a post's text is shown.
    ("*", r"/topics/[^/]+/label(/.*)?", "annotator"),
    ("POST", r"/topics/[^/]+/retrain", "annotator"),
    ("GET", r"/access", "admin"),
    ("GET", r"/alerts/rules(/.*)?", "admin"),
)
_COMPILED = [(method, re.compile(pattern), role) for method, pattern, role in _RULES]


def needed_role(method: str, path: str) -> Needed:
    """Returns the least role that may send a request there; `nobody` needs no login."""
    asked = "GET" if method == "HEAD" else method
    for known, pattern, role in _COMPILED:
        if known in ("*", asked) and pattern.fullmatch(path):
            return role
    return "viewer" if method in _SAFE else "admin"


def may(role: Role | None, needed: Needed) -> bool:
    """Tells whether a visitor's role is enough; None is somebody who is not logged in."""
    if needed == "nobody":
        return True
    return role is not None and ROLES.index(role) >= ROLES.index(needed)
