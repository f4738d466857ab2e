"""X in miniature on loopback: searches, lookup, filtered stream, rules and compliance jobs.

It answers in the shapes of the recordings (checked in `tests/integration/test_x_server.py`) and
refuses what X refuses. State lives here: posts are published, edited and removed while it runs.
"""

from __future__ import annotations

import json
import queue
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from servers.faults import LocalServer, Reply, Request, json_reply
from servers.x_jobs import Jobs
from servers.x_posts import GONE, Posts, Rendering, Revision, fits, problem, snowflake

TOKEN = "AAAA%2Ftoken"
MOST = {"recent": 100, "all": 500}
LIMITS = {"recent": 450, "all": 300, "lookup": 300, "rules": 450, "jobs": 150, "stream": 50}
RECENT = timedelta(days=7)
KEEP_ALIVE = b"\r\n"
_END = object()


@dataclass
class Allowance:
    """What is left of a rate limit's window."""

    limit: int
    left: int
    reset: datetime


@dataclass
class X:
    """A server.

    Attributes:
        now: The time.
        page_posts: It puts no more than these on a page, whatever is asked.
        quirk: One of the suite's `QUIRKS`.
        generation: Which names of fields it takes: `tweet` or `post`.
        limits: Requests in 15 minutes, by endpoint.
        forbidden: Endpoints that the token may not use.
        keep_alive: Seconds between the stream's signs of life.
        connections: How many streams may be open at once.
        capped: Whether the plan's reads are used up.
        reads: Posts handed over, as X bills them.
        by_time: Whether ids hold their time, as X's do.
        ignores_unknown: Whether names of fields that it does not know are no error.
    """

    now: Callable[[], datetime]
    page_posts: int = 500
    quirk: str | None = None
    generation: str = "tweet"
    limits: dict[str, int] = field(default_factory=lambda: dict(LIMITS))
    forbidden: set[str] = field(default_factory=set)
    keep_alive: float = 0.1
    connections: int = 1
    capped: bool = False
    reads: int = 0
    rules: dict[str, dict[str, str]] = field(default_factory=dict)
    by_time: bool = True
    ignores_unknown: bool = False

    def __post_init__(self) -> None:
        self.posts = Posts(self.now, self.by_time)
        self.posts.heard_by.append(self._push)
        self.jobs = Jobs(self.now, self.posts)
        self._allowances: dict[str, Allowance] = {}
        self._streams: list[queue.Queue[Any]] = []
        self.server = LocalServer(self._answer)
        self.jobs.url = self.server.url

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def open_streams(self) -> int:
        return len(self._streams)

    def asked(self, path: str) -> list[Request]:
        """The requests of an endpoint, in order."""
        return [one for one in self.server.requests if one.path == path]

    def close(self) -> None:
        self.drop_streams()
        self.server.close()

    def drop_streams(self) -> None:
        """Ends every open stream, as X does now and then."""
        for stream in self._streams:
            stream.put(_END)

    def restart(self) -> None:
        self.drop_streams()
        self.server.restart()

    # Routes

    def _answer(self, request: Request) -> Reply:
        if request.path.startswith("/storage/"):
            assert "authorization" not in request.headers, "the token went to the storage"
            return self.jobs.storage(request)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _refusal(401, "Unauthorized", "Unauthorized")
        for pattern, name, answer in self._routes():
            if re.fullmatch(pattern, request.path):
                return self._limited(name, request, answer)
        return _refusal(404, "Not Found Error", "no such endpoint")

    def _routes(self) -> tuple[tuple[str, str, Callable[[Request], Reply]], ...]:
        return (
            ("/2/tweets/search/recent", "recent", self._search),
            ("/2/tweets/search/all", "all", self._search),
            ("/2/tweets", "lookup", self._lookup),
            ("/2/tweets/search/stream/rules", "rules", self._rules),
            ("/2/tweets/search/stream", "stream", self._stream),
            ("/2/compliance/jobs(/[0-9]+)?", "jobs", self.jobs.answer),
        )

    def _limited(self, name: str, request: Request, answer: Callable[[Request], Reply]) -> Reply:
        if name in self.forbidden:
            return _refusal(403, "Client Forbidden", "your access level does not include this")
        allowance = self._allowance(name)
        headers = {
            "x-rate-limit-limit": str(allowance.limit),
            "x-rate-limit-remaining": str(max(0, allowance.left - 1)),
            "x-rate-limit-reset": str(int(allowance.reset.timestamp())),
        }
        if allowance.left <= 0:
            refusal = _refusal(429, "Too Many Requests", "Too Many Requests")
            return Reply(refusal.body, 429, refusal.type, headers)
        allowance.left -= 1
        reply = answer(request)
        return Reply(
            reply.body, reply.status, reply.type, {**headers, **reply.headers}, reply.chunks
        )

    def _allowance(self, name: str) -> Allowance:
        """The window of 15 minutes that now lies in."""
        found = self._allowances.get(name)
        if found is None or not self.now() < found.reset <= self.now() + timedelta(minutes=15):
            limit = self.limits[name]
            found = Allowance(limit, limit, self.now() + timedelta(minutes=15))
            self._allowances[name] = found
        return found

    # Searches

    def _search(self, request: Request) -> Reply:
        name = request.path.rpartition("/")[2]
        if self.capped:
            return _usage_capped()
        wrong = self._wrong(request, name) or self._wrong_fields(request)
        if wrong is not None:
            return wrong
        found = [one for one in self._within(request.query) if fits(request.query["query"], one)]
        page, token = self._paged(found, request.query)
        self.reads += len(page)
        return json_reply(self._page(page, token, request.query))

    def _within(self, query: Mapping[str, str]) -> Iterator[Revision]:
        since, until = _bounds(query)
        start, end = _moment(query.get("start_time")), _moment(query.get("end_time"))
        for one in self.posts.standing():
            if not since < int(one.id) < until:
                continue
            if (start is None or one.created_at >= start) and (end is None or one.created_at < end):
                yield one

    def _paged(
        self, found: list[Revision], query: Mapping[str, str]
    ) -> tuple[list[Revision], str | None]:
        size = min(int(query.get("max_results", 10)), self.page_posts)
        start = int(query["next_token"][1:]) if "next_token" in query else 0
        if self.quirk == "empty_page" and start % 2 == 0 and found:
            return [], f"t{start + 1}"  # Every other page is an empty one.
        at = start // 2 if self.quirk == "empty_page" else start
        if self.quirk == "repeat_page":
            at = 0
        if self.quirk == "shrunk_page":
            size = max(1, size // 2)
        page, after = found[at : at + size], at + size
        if self.quirk == "no_last_page":
            return page, f"t{after}"
        if self.quirk == "cursor_back" and at >= 2 * size and after < len(found):
            return page, "t0"
        following = after * 2 if self.quirk == "empty_page" else after
        return page, f"t{following}" if after < len(found) else None

    def _page(
        self, page: list[Revision], token: str | None, query: Mapping[str, str]
    ) -> dict[str, Any]:
        rendering = Rendering(query, self.posts, self.generation)
        shown = [one for one in page for _ in range(2 if self.quirk == "repeated_records" else 1)]
        meta: dict[str, Any] = {"result_count": len(shown)}
        if page:
            meta |= {"newest_id": page[0].id, "oldest_id": page[-1].id}
        if token is not None:
            meta["next_token"] = token
        data = {"data": [rendering.record(one) for one in shown]} if shown else {}
        return {**data, **rendering.includes(page), "meta": meta}

    def _wrong(self, request: Request, name: str) -> Reply | None:
        """What X refuses in a search's parameters."""
        query = request.query
        times = {"start_time", "end_time"} & query.keys()
        ids = {"since_id", "until_id"} & query.keys()
        if len(query.get("query", "")) > 512:
            return _invalid("query", "The query length must be at most 512 characters.")
        if not 10 <= int(query.get("max_results", 10)) <= MOST[name]:
            return _invalid("max_results", "The `max_results` query parameter value is not valid.")
        if times and ids:
            return _invalid(min(ids), "ids and times cannot be used together")
        return self._wrong_bounds(query, name)

    def _wrong_bounds(self, query: Mapping[str, str], name: str) -> Reply | None:
        oldest = self.now() - RECENT
        start, end = _moment(query.get("start_time")), _moment(query.get("end_time"))
        since = query.get("since_id")
        if name == "recent" and start is not None and start < oldest:
            return _invalid("start_time", "'start_time' must be after 7 days ago")
        if name == "recent" and since and self.by_time and int(since) < snowflake(oldest):
            return _invalid("since_id", "'since_id' must be a tweet id created after 7 days ago")
        if end is not None and (
            end > self.now() - timedelta(seconds=10) or (start and start >= end)
        ):
            return _invalid("end_time", "'end_time' must be a minimum of 10 seconds prior")
        return None

    def _wrong_fields(self, request: Request) -> Reply | None:
        other = "post" if self.generation == "tweet" else "tweet"
        if f"{other}.fields" in request.query and not self.ignores_unknown:
            known = f"[expansions,query,{self.generation}.fields,user.fields]"
            message = f"The query parameter [{other}.fields] is not one of {known}"
            return _invalid(f"{other}.fields", message)
        return None

    def _lookup(self, request: Request) -> Reply:
        if (wrong := self._wrong_fields(request)) is not None:
            return wrong
        ids = request.query["ids"].split(",")
        assert len(ids) <= 100
        there = [self.posts.by_id[one] for one in ids if one in self.posts.by_id]
        standing = [one for one in there if one.gone is None]
        gone = {one.id: one.gone for one in there if one.gone is not None}
        gone |= {one: "deleted" for one in ids if one not in self.posts.by_id}
        rendering = Rendering(request.query, self.posts, self.generation)
        self.reads += len(standing)
        answer: dict[str, Any] = {}
        if standing:
            answer = {"data": [rendering.record(one) for one in standing]}
            answer |= rendering.includes(standing)
        if gone:
            answer["errors"] = [problem(one, reason) for one, reason in gone.items()]
        return json_reply(answer)

    # The stream

    def _rules(self, request: Request) -> Reply:
        if request.method == "GET":
            listed = list(self.rules.values())
            data = {"data": listed} if listed else {}
            return json_reply({**data, "meta": {"result_count": len(listed)}})
        change = json.loads(request.body)
        for number in change.get("delete", {}).get("ids", []):
            self.rules.pop(str(number))
        values = {rule["value"] for rule in self.rules.values()}
        errors = []
        for rule in change.get("add", []):
            if len(rule["value"]) > 512 or rule["value"] in values:
                title = "DuplicateRule" if rule["value"] in values else "InvalidRule"
                errors.append({"value": rule["value"], "title": title})
                continue
            number = str(1_700_000_000 + len(self.server.requests) + len(self.rules))
            self.rules[number] = {"id": number, **rule}
        shown = {"errors": errors} if errors else {}
        return json_reply({**shown, "meta": {"summary": {}}}, 201 if "add" in change else 200)

    def _stream(self, request: Request) -> Reply:
        if (wrong := self._wrong_fields(request)) is not None:
            return wrong
        if len(self._streams) >= self.connections:
            body = {
                "title": "ConnectionException",
                "detail": "This stream is currently at the maximum allowed connection limit.",
                "connection_issue": "TooManyConnections",
                "type": "https://api.twitter.com/2/problems/streaming-connection",
            }
            return json_reply(body, 429)
        lines: queue.Queue[Any] = queue.Queue()
        self._streams.append(lines)
        return Reply(chunks=self._lines(lines, request.query))

    def _lines(self, lines: queue.Queue[Any], query: Mapping[str, str]) -> Iterator[bytes]:
        rendering = Rendering(query, self.posts, self.generation)
        try:
            yield KEEP_ALIVE
            while True:
                try:
                    heard = lines.get(timeout=self.keep_alive)
                except queue.Empty:
                    yield KEEP_ALIVE
                    continue
                if heard is _END:
                    return
                yield heard if isinstance(heard, bytes) else self._line(heard, rendering)
        finally:
            self._streams.remove(lines)

    def send_line(self, line: bytes) -> None:
        """Sends any bytes down every stream."""
        for stream in self._streams:
            stream.put(line)

    def _line(self, one: Revision, rendering: Rendering) -> bytes:
        matching = [rule for rule in self.rules.values() if fits(rule["value"], one)]
        if not matching:
            return KEEP_ALIVE
        self.reads += 1
        rules = [{"id": rule["id"], "tag": rule.get("tag", "")} for rule in matching]
        line = {"data": rendering.record(one), **rendering.includes([one]), "matching_rules": rules}
        return json.dumps(line).encode() + b"\r\n"

    def _push(self, revision: Revision) -> None:
        for stream in self._streams:
            stream.put(revision)


def _bounds(query: Mapping[str, str]) -> tuple[int, int]:
    return int(query.get("since_id", -1)), int(query.get("until_id", 1 << 63))


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _refusal(status: int, title: str, detail: str) -> Reply:
    body = {"title": title, "detail": detail, "type": "about:blank", "status": status}
    return Reply(json.dumps(body).encode(), status, "application/problem+json")


def _invalid(parameter: str, message: str) -> Reply:
    body = {
        "errors": [{"parameters": {parameter: ["..."]}, "message": message}],
        "title": "Invalid Request",
        "detail": "One or more parameters to your request was invalid.",
        "type": "https://api.twitter.com/2/problems/invalid-request",
    }
    return json_reply(body, 400)


def _usage_capped() -> Reply:
    body = {
        "title": "UsageCapExceeded",
        "detail": "Usage cap exceeded: Monthly product cap",
        "type": "https://api.twitter.com/2/problems/usage-capped",
        "period": "Monthly",
        "scope": "Product",
    }
    return json_reply(body, 429)


__all__ = ["GONE", "TOKEN", "X"]
