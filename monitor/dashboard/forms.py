"""What a page's form sends: a few short fields."""

from __future__ import annotations

from urllib.parse import parse_qsl

from fastapi import Request

from monitor.dashboard.selection import PageError

LARGEST_FORM = 64 * 1024


async def read_form(request: Request) -> dict[str, str]:
    """Reads the fields of a form.

    Raises:
        PageError: It is too large, or no form.
    """
    length = request.headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length) > LARGEST_FORM:
        raise PageError(413, "That is more than a form of these pages sends.")
    body = await request.body()
    if len(body) > LARGEST_FORM:
        raise PageError(413, "That is more than a form of these pages sends.")
    try:
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=50))
    except (UnicodeDecodeError, ValueError) as exc:
        raise PageError(400, "That is not a form of these pages.") from exc
