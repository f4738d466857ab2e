"""A search over Hacker News on loopback, in the shape of Algolia's answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from servers.faults import LocalServer, Reply, Request, json_reply

MOST_HITS = 1000


@dataclass
class HackerNews:
    """Items that can be searched by date, newest first.

    Attributes:
        now: Posts later than this are not there yet.
        quirk: One of the suite's `QUIRKS`.
        underestimated: By how much too few hits are counted, which the answer says is a guess.
    """

    now: Callable[[], datetime]
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    quirk: str | None = None
    underestimated: int = 0

    def __post_init__(self) -> None:
        self.server = LocalServer(self._answer)

    def add(self, text: str, author: str, created_at: datetime, **more: Any) -> str:
        """Adds a comment, or a story where `title` is given; returns its id."""
        number = str(23_000_000 + len(self.items))
        self.items[number] = {
            "objectID": number,
            "author": author,
            "created_at": f"{created_at:%Y-%m-%dT%H:%M:%SZ}",
            "created_at_i": int(created_at.timestamp()),
            "comment_text": None if "title" in more else text,
            "story_text": text if "title" in more else None,
            "title": None,
            "parent_id": None if "title" in more else 22_999_999,
            "story_id": 22_999_999,
            "_tags": ["story" if "title" in more else "comment", f"author_{author}"],
            **more,
        }
        return number

    def _answer(self, request: Request) -> Reply:
        if request.path != "/api/v1/search_by_date":
            return json_reply({"status": 404, "error": "Not Found"}, 404)
        found = self._found(request)
        size = int(request.query["hitsPerPage"])
        page = int(request.query["page"])
        if self.quirk == "repeat_page":
            page = 0
        hits = found[:MOST_HITS][page * size : (page + 1) * size]
        if self.quirk == "shrunk_page":
            hits = hits[: max(1, len(hits) // 2)]
        if self.quirk == "repeated_records":
            hits = [hit for hit in hits for _ in range(2)]
        return json_reply(
            {
                "hits": hits,
                "nbHits": len(found) - self.underestimated,
                "page": page,
                "nbPages": -(-len(found) // size),
                "hitsPerPage": size,
                "exhaustiveNbHits": not self.underestimated,
            }
        )

    def _found(self, request: Request) -> list[dict[str, Any]]:
        bounds = re.fullmatch(
            r"created_at_i>=(\d+),created_at_i<(\d+)", request.query["numericFilters"]
        )
        assert bounds is not None
        since, until = int(bounds[1]), int(bounds[2])
        words = request.query["query"].lower().replace('"', "").split()
        found = [
            item
            for item in self.items.values()
            if since <= item["created_at_i"] < until
            and item["created_at_i"] <= self.now().timestamp()
            and all(word in str(item).lower() for word in words)
        ]
        return sorted(found, key=lambda item: -item["created_at_i"])
