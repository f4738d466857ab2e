"""X's batch compliance jobs, and the storage that their lists of ids go to and come from.

A result is written once, when its job is complete, and stays what it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from servers.faults import Reply, Request, json_reply
from servers.x_posts import Posts, told


@dataclass
class Jobs:
    """The app's jobs.

    Attributes:
        url: Of the storage.
        polls: How often a job is asked for until it is complete.
        extra_lines: Added to every result.
    """

    now: Callable[[], datetime]
    posts: Posts
    url: str = ""
    polls: int = 2
    extra_lines: list[bytes] = field(default_factory=list)
    by_id: dict[str, dict[str, Any]] = field(default_factory=dict)
    _ids: dict[str, list[str]] = field(default_factory=dict)
    _asked: dict[str, int] = field(default_factory=dict)
    _results: dict[str, bytes] = field(default_factory=dict)

    def answer(self, request: Request) -> Reply:
        number = request.path.removeprefix("/2/compliance/jobs").strip("/")
        if request.method == "POST":
            return json_reply({"data": self._create(json.loads(request.body))})
        if not number:
            jobs = list(self.by_id.values())
            data = {"data": jobs} if jobs else {}
            return json_reply({**data, "meta": {"result_count": len(jobs)}})
        return json_reply({"data": self._polled(number)})

    def storage(self, request: Request) -> Reply:
        _, _, action, number = request.path.split("/")
        if action == "upload":
            assert request.method == "PUT"
            assert request.headers["content-type"] == "text/plain"
            self._ids[number] = request.body.decode().split()
            self.by_id[number]["status"] = "in_progress"
            return Reply(type="text/html")
        return Reply(self._results[number], type="application/octet-stream")

    def finish(self) -> None:
        """Completes every job that is in progress."""
        for number, job in self.by_id.items():
            if job["status"] == "in_progress":
                self._complete(number)

    def _create(self, asked: dict[str, Any]) -> dict[str, Any]:
        number = str(1_446_017_776_678_801_409 + len(self.by_id))
        self.by_id[number] = {
            "id": number,
            "type": asked["type"],
            "status": "created",
            "resumable": False,
            "created_at": told(self.now()),
            "upload_url": f"{self.url}/storage/upload/{number}",
            "upload_expires_at": told(self.now() + timedelta(minutes=15)),
            "download_url": f"{self.url}/storage/download/{number}",
            "download_expires_at": told(self.now() + timedelta(days=7)),
        }
        if "name" in asked:
            self.by_id[number]["name"] = asked["name"]
        return self.by_id[number]

    def _polled(self, number: str) -> dict[str, Any]:
        job = self.by_id[number]
        if job["status"] == "in_progress":
            self._asked[number] = self._asked.get(number, 0) + 1
            if self._asked[number] >= self.polls:
                self._complete(number)
        return job

    def _complete(self, number: str) -> None:
        self.by_id[number]["status"] = "complete"
        self._results[number] = self._result(number)

    def _result(self, number: str) -> bytes:
        lines = list(self.extra_lines)
        for one in self._ids[number]:
            post = self.posts.by_id.get(one)
            reason = "deleted" if post is None else post.gone
            if reason is not None:
                lines.append(self._line(one, "delete", reason))
            elif post is not None and not post.is_last:
                lines.append(self._line(one, "tweet_edit", "edited"))
        return b"".join(line + b"\n" for line in lines)

    def _line(self, number: str, action: str, reason: str) -> bytes:
        at = told(self.now())
        return json.dumps(
            {"id": number, "action": action, "created_at": at, "redacted_at": at, "reason": reason}
        ).encode()
