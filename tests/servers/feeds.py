"""A site on loopback with Atom feeds: in documents of a few entries, newest first, with ETags."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from xml.sax.saxutils import escape, quoteattr

from servers.faults import LocalServer, Reply, Request

ATOM = "application/atom+xml; charset=utf-8"


@dataclass
class Entry:
    """An entry of a feed."""

    id: str
    text: str
    author: str
    created_at: datetime


@dataclass
class Site:
    """A blog.

    Attributes:
        now: Entries later than this are not there yet.
        quirk: One of the suite's `QUIRKS`.
        robots: What robots.txt says, None where there is none.
        pages: What else is there, by path.
    """

    now: Callable[[], datetime]
    page_posts: int = 3
    entries: dict[str, Entry] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    quirk: str | None = None
    robots: str | None = None
    pages: dict[str, Reply] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.server = LocalServer(self._answer)

    @property
    def url(self) -> str:
        """The feed's address."""
        return f"{self.server.url}/feed"

    def add(self, text: str, author: str, created_at: datetime) -> str:
        """Adds an entry; returns its id."""
        number = len(self.entries) + len(self.deleted) + 1
        identifier = f"tag:blog.example,2020:{number}"
        self.entries[identifier] = Entry(identifier, text, author, created_at)
        return identifier

    def delete(self, identifier: str) -> None:
        """Takes an entry away, and says so in the feed."""
        del self.entries[identifier]
        self.deleted.append(identifier)

    def _answer(self, request: Request) -> Reply:
        if request.path == "/robots.txt" and self.robots is not None:
            return Reply(self.robots.encode(), 200, "text/plain")
        if request.path in self.pages:
            return self.pages[request.path]
        if request.path != "/feed":
            return Reply(b"nothing here", 404, "text/plain")
        reply = Reply(self._document(int(request.query.get("page", "0"))), 200, ATOM)
        tag = f'"{blake2b(reply.body, digest_size=8).hexdigest()}"'
        if request.headers.get("if-none-match") == tag:
            return Reply(b"", 304, ATOM, {"ETag": tag})
        return Reply(reply.body, 200, ATOM, {"ETag": tag})

    def _document(self, page: int) -> bytes:
        there = [one for one in self.entries.values() if one.created_at <= self.now()]
        newest_first = sorted(there, key=lambda one: one.created_at, reverse=True)
        size, position, following = self.page_posts, page, page + 1
        if self.quirk == "repeat_page":
            position, following = 0, 1
        if self.quirk == "empty_page":  # Every second document is empty.
            position = page // 2
        if self.quirk == "shrunk_page":
            size = max(1, size // 2)
        shown = newest_first[position * size : (position + 1) * size]
        if self.quirk == "empty_page" and page % 2:
            shown = []
        more = (position + 1) * size < len(newest_first)
        if self.quirk == "cursor_back" and page == 2:
            following, more = 1, True
        if self.quirk == "repeated_records":
            shown = [one for one in shown for _ in range(2)]
        if self.quirk in ("no_last_page", "repeat_page") or (
            self.quirk == "empty_page" and page % 2 == 0 and len(newest_first) > 0
        ):
            more = True
        return self._atom(shown, following if more else None).encode()

    def _atom(self, entries: list[Entry], following: int | None) -> str:
        link = f'<link rel="next" href="/feed?page={following}"/>' if following else ""
        gone = "".join(
            f'<at:deleted-entry ref={quoteattr(one)} when="2020-06-01T00:00:00Z"/>'
            for one in self.deleted
        )
        return (
            '<?xml version="1.0" encoding="utf-8"?>\n'
            '<feed xmlns="http://www.w3.org/2005/Atom"'
            ' xmlns:at="http://purl.org/atompub/tombstones/1.0" xml:lang="en">'
            f"<title>Invented blog</title><id>tag:blog.example,2020:feed</id>{link}{gone}"
            + "".join(map(_entry, entries))
            + "</feed>"
        )


def _entry(entry: Entry) -> str:
    return (
        f"<entry><id>{escape(entry.id)}</id><title>{escape(entry.text)}</title>"
        f"<author><name>{escape(entry.author)}</name></author>"
        f"<published>{entry.created_at:%Y-%m-%dT%H:%M:%SZ}</published>"
        f"<content type='html'>&lt;p&gt;{escape(escape(entry.text))}&lt;/p&gt;</content></entry>"
    )
