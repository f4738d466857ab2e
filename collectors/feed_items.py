"""Entries of RSS and Atom feeds, as feedparser reads them, to posts."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any
from urllib.parse import urljoin, urlsplit

import feedparser

from collectors.errors import MalformedAnswerError
from collectors.feed_dates import read_date
from collectors.formats.fields import (
    BadRecordError,
    Record,
    edit_revision,
    mapping,
    sequence,
    take_language,
    take_optional_id,
    take_optional_text,
)
from collectors.http import Answer
from collectors.markup import plain_text
from collectors.post import Post

PLATFORM = "feed"
_FUTURE = timedelta(days=1)
_TOMBSTONES = "http://purl.org/atompub/tombstones/1.0"
# Bounded, so that a document of nothing but beginnings is read in no more than its length.
_TOMBSTONE = re.compile(
    rb"""<(?:[\w.-]{1,99}:)?deleted-entry\b[^<>]{0,2000}?\bref\s{0,9}=\s{0,9}(["'])([^<]{0,2000}?)\1""",
    re.S,
)
# A character that needs more than 16 bits, written as its two halves: the parser takes neither.
_HALF = rb"&#(?:5(?:5[2-9]|6\d|7[0-3])\d\d|[xX][dD][89a-fA-F][0-9a-fA-F]{2});"
_HALVES = re.compile(rb"(?:" + _HALF + rb")+")
_POSTED = ("published", "created")
_CHANGED = ("updated",)
Name = Callable[[str], str]
"""Gives the native id of the entry with an id."""
_HTML = ("text/html", "application/xhtml+xml")
_FEED_TYPES = ("application/atom+xml", "application/rss+xml", "application/xml", "text/xml")


@dataclass(frozen=True, slots=True)
class Document:
    """A feed's document, read.

    Attributes:
        url: Where it came from in the end.
        following: Address of the document with older entries, on the same host.
        deleted: Ids of entries that the feed says are gone (RFC 6721).
        broken: Whether it is no well-formed XML: what could be read of it is here.
    """

    url: str
    entries: tuple[Record, ...]
    language: str | None
    following: str | None
    deleted: tuple[str, ...]
    broken: bool


@dataclass(slots=True)
class Seen:
    """What is remembered of an entry between readings.

    Attributes:
        text: Digest of its text.
        first: What counts as the time of posting, where it does not tell it: when it was last
            changed as it was first seen, or when that was.
        revision: The last one that it was handed over with.
    """

    text: str = ""
    first: datetime | None = None
    revision: int = 0

    @classmethod
    def of(cls, state: Any) -> Seen:
        """Reads it from a checkpoint."""
        text, first, revision = state
        return cls(text, datetime.fromtimestamp(first, UTC) if first else None, revision)

    def state(self) -> list[Any]:
        """What the checkpoint holds of it."""
        return [self.text, int(self.first.timestamp()) if self.first else 0, self.revision]


def read_document(answer: Answer) -> Document:
    """Reads a feed.

    Raises:
        MalformedAnswerError: It is none.
    """
    found = _parsed(answer)
    if not found.get("version") and not found.get("entries"):
        raise _no_feed(answer)
    declared = _TOMBSTONES in found.namespaces.values()
    encoding_only = isinstance(
        found.get("bozo_exception"),
        feedparser.CharacterEncodingOverride | feedparser.NonXMLContentType,
    )
    return Document(
        url=answer.url,
        entries=tuple(dict(entry) for entry in found.entries),  # Its own kind warns of itself.
        language=_feed_language(mapping(found.feed)),
        following=_link(found.feed, answer.url, "next", None),
        deleted=_tombstones(answer.content) if declared else (),
        broken=bool(found.bozo) and not encoding_only,
    )


def _parsed(answer: Answer) -> Any:
    try:
        # Bytes alone: a text would be taken for an address or a file's name.
        return feedparser.parse(
            io.BytesIO(_HALVES.sub(_joined, answer.content)),
            response_headers={"content-type": answer.headers.get("content-type", "")},
            resolve_relative_uris=False,
            sanitize_html=False,
        )
    except Exception:  # noqa: BLE001 - the parser stumbles over what is broken in odd ways
        raise _no_feed(answer) from None  # Its messages hold parts of texts.


def _no_feed(answer: Answer) -> MalformedAnswerError:
    return MalformedAnswerError(
        f"{site_of(answer.url)} answered with something that is no feed",
        hint="Check the address in [queries.feed] feeds.",
    )


def site_of(url: str) -> str:
    """The host in an address, without the name and password that may stand before it."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _joined(halves: re.Match[bytes]) -> bytes:
    codes = (one.strip(b"&#;").lower() for one in re.findall(_HALF, halves[0]))
    text = "".join(chr(int(one.lstrip(b"x"), 16 if one[:1] == b"x" else 10)) for one in codes)
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.encode("ascii", "xmlcharrefreplace")


def _feed_language(feed: Record) -> str | None:
    try:
        return take_language(feed, "language")
    except BadRecordError:
        return None


def _tombstones(content: bytes) -> tuple[str, ...]:
    """The parser keeps only the last of them."""
    found = (match[2].decode("utf-8", "replace") for match in _TOMBSTONE.finditer(content))
    return tuple(html.unescape(ref).strip() for ref in found)


def comments_of(entry: Record, url: str) -> str | None:
    """Address of an entry's own comments feed, on the same host, None without one."""
    if address := entry.get("wfw_commentrss"):
        return _same_host(url, str(address))
    return _link(entry, url, "replies", _FEED_TYPES)


def _link(holder: Any, url: str, rel: str, types: tuple[str, ...] | None) -> str | None:
    for link in map(mapping, sequence(mapping(holder).get("links"))):
        fits = types is None or link.get("type") in types
        if link.get("rel") == rel and fits and (found := _same_host(url, str(link.get("href")))):
            return found
    return None


def _same_host(url: str, reference: str) -> str | None:
    """A feed leads nowhere else than to its own host."""
    try:
        address = urljoin(url, reference.strip())
        return address if urlsplit(address).netloc == urlsplit(url).netloc else None
    except ValueError:
        return None


def entry_id(entry: Record) -> str | None:
    """The id of an entry as the feed gives it, its address where it has none."""
    return take_optional_id(entry, "id") or take_optional_id(entry, "link")


def native_id(identifier: str, host: str) -> str:
    """The id that an entry is stored under: a digest, since addresses may name their authors.

    Args:
        identifier: The entry's `id`, `guid` or `link`.
        host: The feed's; it tells apart ids that are no URIs (`17`). Where another feed's entry
            has the id of one, `<host> <id>` is this one's.
    """
    whole = identifier if ":" in identifier else f"{host} {identifier}"
    return blake2b(whole.encode("utf-8", "replace"), digest_size=16).hexdigest()


def name_of(entry: Record, name: Name) -> str:
    """The id that an entry is stored under, made from its text where it tells none."""
    for identify in (entry_id, _by_text):
        with suppress(BadRecordError):
            if identifier := identify(entry):
                return name(identifier)
    return name(str(entry.get("title")))


def _by_text(entry: Record) -> str:
    return f"{entry.get('title')}\n{_body(entry)}"


def time_of(entry: Record) -> datetime | None:
    """When an entry was published, else when it was last changed; None without a date.

    Raises:
        BadRecordError: Its dates cannot be read.
    """
    dates = (*_POSTED, *_CHANGED)
    found = _date_in(entry, dates)
    told = [field for field in dates if take_optional_text(entry, field)]
    if told and found is None:
        raise BadRecordError("bad_date", f"{told[0]} is no date that can be read")
    return found


def _date_in(entry: Record, fields: Sequence[str]) -> datetime | None:
    """The first of some dates that can be read, None without one."""
    told = (field for field in fields if take_optional_text(entry, field))
    read = (read_date(entry, field) for field in told)
    return next((found for found in read if found is not None), None)


@dataclass(frozen=True, slots=True)
class Setting:
    """What an entry's feed says of it.

    Attributes:
        host: The feed's.
        name: Gives native ids.
        language: The feed's.
        comments: Whether the feed is one of comments; their titles only name author and article.
        parent: Native id of the entry that they are comments on.
        now: When it was read.
    """

    host: str
    name: Name
    language: str | None
    comments: bool
    parent: str | None
    now: datetime


def read_entry(entry: Record, setting: Setting, seen: Seen) -> Post:
    """Reads an entry, and notes in `seen` what the next reading must know.

    Raises:
        BadRecordError: It cannot become a post.
    """
    text = _text(entry, setting)
    if not text:
        raise BadRecordError("empty_text", "neither a title nor a text")
    told, posted = time_of(entry), _date_in(entry, _POSTED)
    created = posted or seen.first or told or setting.now
    if created > setting.now + _FUTURE:
        raise BadRecordError("bad_date", "the time is more than a day in the future")
    if posted is None:
        seen.first = created
    answered = take_optional_id(mapping(entry.get("thr_in-reply-to")), "ref")
    reference = setting.name(answered) if answered else setting.parent
    return Post(
        platform=PLATFORM,
        native_id=name_of(entry, setting.name),
        created_at=created,
        text=text,
        language=_language(entry) or setting.language,
        author=_author(entry, setting.host),
        kind="reply" if setting.comments or answered else "original",
        reference=reference,
        revision=_revision(_changed_at(entry, created, setting.now), text, seen, setting.now),
    )


def _text(entry: Record, setting: Setting) -> str:
    body = _body(entry)
    title = mapping(entry.get("title_detail"))
    if setting.comments or entry.get("thr_in-reply-to") or not title:
        return body
    head = _plain(title)
    return "\n".join(part for part in (head, body) if part)


def _language(entry: Record) -> str | None:
    """The language that an entry's texts are marked with."""
    details = [*sequence(entry.get("content")), entry.get("summary_detail")]
    details.append(entry.get("title_detail"))
    found = (take_language(mapping(detail), "language") for detail in details)
    return next((language for language in found if language), None)


def _body(entry: Record) -> str:
    contents = [mapping(one) for one in sequence(entry.get("content"))]
    contents.append(mapping(entry.get("summary_detail")))
    return next((text for text in map(_plain, contents) if text), "")


def _plain(detail: Record) -> str:
    value = take_optional_text(detail, "value") or ""
    return plain_text(value) if detail.get("type") in _HTML else value.strip()


def _author(entry: Record, host: str) -> str | None:
    """A profile's or mail address where there is one; a name means something on its host alone."""
    detail = mapping(entry.get("author_detail"))
    for field in ("href", "email"):
        if address := take_optional_id(detail, field):
            return address
    name = take_optional_id(detail, "name") or take_optional_id(entry, "author")
    return f"{host} {name}" if name else None


def _changed_at(entry: Record, created: datetime, now: datetime) -> datetime | None:
    """When an entry was changed after it was posted, None where it does not tell a time till now.

    One in the far future would be above all changes to come.
    """
    with suppress(BadRecordError):
        changed = _date_in(entry, _CHANGED)
        return changed if changed and created < changed <= now + _FUTURE else None
    return None


def _revision(changed: datetime | None, text: str, seen: Seen, now: datetime) -> int:
    """By the time of the last change; where a text changed without one, by that of the reading."""
    digest = blake2b(text.encode("utf-8", "replace"), digest_size=4).hexdigest()
    revision = max(edit_revision(changed) if changed else 0, seen.revision)
    if seen.text and seen.text != digest and revision == seen.revision:
        revision = max(edit_revision(now), revision + 1)
    seen.text, seen.revision = digest, revision
    return revision


def seen_of(state: Mapping[str, Any]) -> dict[str, Seen]:
    """Reads what is remembered of a feed's entries from a checkpoint."""
    return {name: Seen.of(one) for name, one in state.items()}
