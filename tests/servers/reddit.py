"""Reddit's API on loopback, in the shapes of the recordings: listings, search, info, comments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from servers.faults import LocalServer, Reply, Request, json_reply

LISTING_LIMIT = 1000
TOKEN = "invented-token"


@dataclass
class Reddit:
    """Things of subreddits, newest first.

    Attributes:
        now: Things later than this are not there yet.
        quirk: One of the suite's `QUIRKS`.
        limit: How many things a listing gives.
        forbidden: Subreddits that answer 403.
        closed: Submissions whose comments do.
        headers: What every answer says, rate limits for example.
    """

    now: Callable[[], datetime]
    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    quirk: str | None = None
    limit: int = LISTING_LIMIT
    forbidden: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.server = LocalServer(self._answer)

    def submit(self, text: str, author: str, at: datetime, **more: Any) -> str:
        """Adds a submission; returns its full name."""
        return self._add("t3", {"title": text, "selftext": "", "num_comments": 0}, author, at, more)

    def comment(self, text: str, author: str, at: datetime, **more: Any) -> str:
        """Adds a comment; returns its full name."""
        content = {"body": text, "parent_id": "t3_0", "link_id": "t3_0", "link_title": "a title"}
        name = self._add("t1", content, author, at, more)
        on = self.things.get(more.get("link_id", ""))
        if on is not None:
            on["data"]["num_comments"] += 1
        return name

    def remove(self, name: str, by: str = "author") -> None:
        """Marks a thing as deleted by its author, or removed by a moderator."""
        data = self.things[name]["data"]
        on = self.things.get(data.get("link_id", ""))
        if on is not None:
            on["data"]["num_comments"] -= 1
        mark = "[deleted]" if by == "author" else "[removed]"
        data |= {"author": "[deleted]", "body" if "body" in data else "selftext": mark}
        data.pop("author_fullname", None)
        self.things[name]["gone"] = True

    def _add(
        self, kind: str, content: dict[str, Any], author: str, at: datetime, more: dict[str, Any]
    ) -> str:
        name = f"{kind}_{len(self.things) + 36**4:x}"
        data = {
            "name": name,
            "author": author,
            "author_fullname": f"t2_{author}",
            "subreddit": "walkout",
            "created_utc": at.timestamp(),
            "edited": False,
            **content,
            **more,
        }
        self.things[name] = {"kind": kind, "data": data}
        return name

    def _answer(self, request: Request) -> Reply:
        if request.path == "/api/v1/access_token":
            token = {"access_token": TOKEN, "token_type": "bearer", "expires_in": 86400}
            return json_reply({**token, "scope": "*"})
        if request.headers.get("authorization") != f"bearer {TOKEN}":
            return json_reply({"message": "Unauthorized", "error": 401}, 401)
        reply = self._data(request)
        return Reply(reply.body, reply.status, reply.type, {**reply.headers, **self.headers})

    def _data(self, request: Request) -> Reply:
        parts = request.path.strip("/").split("/")
        if parts[:2] == ["api", "info"]:
            names = request.query["id"].split(",")
            return _listing([self.things[name] for name in names if name in self.things], None)
        if parts[0] == "comments":
            return self._thread(f"t3_{parts[1]}")
        if parts[0] != "r" or len(parts) != 3:
            return json_reply({"message": "Not Found", "error": 404}, 404)
        if parts[1] in self.forbidden:
            return json_reply({"reason": "private", "message": "Forbidden", "error": 403}, 403)
        return self._page(self._of(parts[1], parts[2], request.query.get("q", "")), request)

    def _thread(self, name: str) -> Reply:
        if name in self.closed:
            return json_reply({"reason": "quarantined", "message": "Forbidden", "error": 403}, 403)
        comments = [one for one in self._there() if one["data"].get("link_id") == name]
        parts = ([self.things[name]], [_with_replies(one) for one in comments])
        return json_reply([_value(things, None) for things in parts])

    def _of(self, subreddit: str, listing: str, words: str) -> list[dict[str, Any]]:
        kind = "t1" if listing == "comments" else "t3"
        found = [
            thing
            for thing in self._there()
            if thing["kind"] == kind
            and subreddit in ("all", thing["data"]["subreddit"])
            and all(word in str(thing["data"]).lower() for word in words.lower().split())
        ]
        return found[: self.limit]

    def _there(self) -> list[dict[str, Any]]:
        now = self.now().timestamp()
        there = [
            thing
            for thing in self.things.values()
            if thing["data"]["created_utc"] <= now and not thing.get("gone")
        ]
        return sorted(there, key=lambda thing: -thing["data"]["created_utc"])

    def _page(self, things: list[dict[str, Any]], request: Request) -> Reply:
        """Cursors are full names, with the page's number where a quirk needs it."""
        after, _, turn = request.query.get("after", "").partition("+")
        names = [thing["data"]["name"] for thing in things]
        number, size = int(turn or 0), int(request.query["limit"])
        if after and after not in names:
            return _listing([], None)
        start = names.index(after) + 1 if after else 0
        if self.quirk == "repeat_page":
            return _listing(things[:size], f"{names[0]}+1" if names else None)
        if self.quirk == "empty_page" and number % 2 == 0 and things[start:]:
            return _listing([], f"{after or ''}+{number + 1}") if after else self._first(things)
        if self.quirk == "shrunk_page":
            size = max(1, size // 2)
        shown = things[start : start + size]
        last = shown[-1]["data"]["name"] if shown else after
        more = start + size < len(things)
        if self.quirk == "cursor_back" and number == 2:
            return _listing(shown, f"{names[0]}+1")
        if self.quirk == "no_last_page":
            more = bool(last)
        if self.quirk == "repeated_records":
            shown = [thing for thing in shown for _ in range(2)]
        return _listing(shown, f"{last}+{number + 1}" if more else None)

    def _first(self, things: list[dict[str, Any]]) -> Reply:
        return _listing(things[:1], f"{things[0]['data']['name']}+2")


def _with_replies(thing: dict[str, Any]) -> dict[str, Any]:
    return {"kind": thing["kind"], "data": {**thing["data"], "replies": ""}}


def _value(things: list[dict[str, Any]], after: str | None) -> dict[str, Any]:
    children = [{"kind": one["kind"], "data": one["data"]} for one in things]
    data = {"modhash": None, "children": children, "after": after, "before": None}
    return {"kind": "Listing", "data": data}


def _listing(things: list[dict[str, Any]], after: str | None) -> Reply:
    return json_reply(_value(things, after))
