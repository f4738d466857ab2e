"""Statuses as Mastodon's API returns them."""

from __future__ import annotations

import html
import re

from collectors.formats.fields import (
    BadRecordError,
    Outcome,
    Record,
    attempt,
    edit_revision,
    mapping,
    take_id,
    take_language,
    take_optional_id,
    take_optional_text,
    take_text,
    take_time,
)
from collectors.post import Kind, Post

PLATFORM = "mastodon"
PUBLIC = ("public", "unlisted")

# Servers repeat a quoted post as a link for readers that know no quotes.
_QUOTE_LINK = re.compile(r'<(p|span) class="quote-inline">[^\0]{0,4000}?</\1>')
# Blocks that Mastodon leaves in what other servers send; several at once are one break.
_BREAK = re.compile(r"<br ?/?>|(?:</?(?:p|div|[ou]l|li|blockquote|pre|h[1-6])\b[^<>]*>)+")
_TAG = re.compile(r"<[^<>]*>")
# How authors say in their profile that no program shall read them.
_NO_BOTS = re.compile(
    r"#no(?:bots?|index|search|archive|scrap(?:e|ing)|research)(?!\w)", re.IGNORECASE
)


def recognises(value: Record) -> bool:
    """Tells whether an object looks like a status."""
    return "uri" in value and "account" in value and "content" in value


def read(value: Record) -> Outcome:
    """Returns the one outcome of a status."""
    return attempt(_read, value)


def _read(status: Record) -> Post:
    boosted = mapping(status.get("reblog"))
    for part in (status, boosted) if boosted else (status,):
        _check_public(part)
    kind, reference = _reference(status, boosted)
    account = mapping(status.get("account"))
    return Post(
        platform=PLATFORM,
        native_id=take_id(status, "uri"),
        created_at=take_time(status, "created_at"),
        text=_text(boosted or status),
        language=take_language(boosted or status, "language"),
        author=take_optional_id(account, "url") or take_optional_id(account, "acct"),
        self_description=plain_text(take_optional_text(account, "note") or "") or None,
        kind=kind,
        reference=reference,
        revision=_revision(status),
    )


def _check_public(status: Record) -> None:
    """Refuses posts that not everybody may read, and authors who do not want to be searched."""
    if (take_optional_text(status, "visibility") or "public") not in PUBLIC:
        raise BadRecordError("not_public", "visibility is not public")
    account = mapping(status.get("account"))
    if account.get("noindex") is True or _is_undiscoverable(account):
        raise BadRecordError("author_opted_out", "noindex, or not discoverable")
    if _NO_BOTS.search(plain_text(take_optional_text(account, "note") or "")):
        raise BadRecordError("author_opted_out", "the profile says so by a hashtag")


def _is_undiscoverable(account: Record) -> bool:
    """Of other servers' authors Mastodon says false, too, where they have stated nothing."""
    is_local = "@" not in str(account.get("acct"))
    return account.get("discoverable") is False and is_local


def _reference(status: Record, boosted: Record) -> tuple[Kind, str | None]:
    """A reply names its parent by an id that holds on one server only, so it has no reference."""
    if boosted:
        return "repost", take_id(boosted, "uri")
    quote = mapping(status.get("quote")) or mapping(mapping(status.get("pleroma")).get("quote"))
    if quote:
        # Forks have the quoted status itself there.
        return "quote", take_optional_id(mapping(quote.get("quoted_status")) or quote, "uri")
    return ("reply" if status.get("in_reply_to_id") is not None else "original"), None


def _text(status: Record) -> str:
    warning = take_optional_text(status, "spoiler_text")
    content = plain_text(take_text(status, "content"))
    return f"{warning}\n{content}" if warning else content


def plain_text(content: str) -> str:
    """Returns what a reader sees of a status's HTML."""
    without_quote = _QUOTE_LINK.sub("", content)
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", without_quote))).strip()


def _revision(status: Record) -> int:
    edited = status.get("edited_at") is not None
    return edit_revision(take_time(status, "edited_at")) if edited else 0
