"""Bluesky in miniature: one Jetstream server."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from servers.jetstream import FAILURES, POST, Jetstream
from world import Capabilities, Draft, WorldClock, query, surroundings

from collectors.bluesky import SOURCE
from collectors.post import Collector


class BlueskyWorld:
    """A network of which Jetstream tells at once."""

    platform = "bluesky"
    capabilities = Capabilities(
        failures=FAILURES,
        quirks=frozenset({"repeated_records", "cursor_back"}),
        sees_deletions=True,
        lateness=timedelta(days=1),
    )

    def __init__(self) -> None:
        self.clock = WorldClock()
        self._server = Jetstream(self.clock)
        self._published: dict[str, tuple[str, str]] = {}
        self._posts = 0

    def publish(self, draft: Draft) -> str:
        self._posts += 1
        did, rkey = f"did:plc:{draft.author}", f"3kpost{self._posts:07}"
        uri = self._server.post(did, rkey, draft.text, draft.created_at)
        self._server.post(did, f"3kelse{self._posts:07}", "nothing to do with it", self.clock())
        self._published[uri] = did, rkey
        return uri

    def delete(self, native_id: str) -> None:
        did, rkey = self._published.pop(native_id)
        self._server.commit("delete", did, f"{POST}/{rkey}")

    def published(self) -> set[str]:
        return set(self._published)

    def fail_next(self, kind: str, times: int = 1) -> None:
        self._server.fail_next(kind, times)

    def quirk(self, kind: str | None) -> None:
        self._server.quirk = kind

    def restart(self) -> None:
        self._server.restart()

    def collector(self, **settings: Any) -> Collector:
        own = {
            **SOURCE.defaults(),
            "hosts": [self._server.url],
            "linger": 0.0,
            "page_records": self.capabilities.page_posts,
        }
        return SOURCE.make(query(), surroundings(self.clock, {**own, **settings}))

    def close(self) -> None:
        self._server.close()


def make() -> BlueskyWorld:
    return BlueskyWorld()
