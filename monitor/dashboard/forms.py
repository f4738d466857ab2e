"""What a page's form sends: a few short fields."""

from __future__ import annotations

from urllib.parse import parse_qsl

from fastapi import Request

from monitor.dashboard.selection import PageError

LARGEST_FORM = 64 * 1024


async def read_form(request: Request) -> dict[str, str]:
    """Reads the fields of a form, once: the guard and the page after it are given the same.

    Raises:
        PageError: It is too large, or no form.
    """
    if not hasattr(request.state, "form"):
        request.state.form = _fields(await _body(request))
    return dict(request.state.form)


async def _body(request: Request) -> bytes:
    """Reads a body no further than a form is long, whatever length it tells, or none."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_FORM:
            raise PageError(413, "That is more than a form of these pages sends.")
    return bytes(body)


def _fields(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=50))
    except (UnicodeDecodeError, ValueError) as exc:
        raise PageError(400, "That is not a form of these pages.") from exc
