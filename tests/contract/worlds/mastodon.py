"""Mastodon in miniature: one server."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from servers.mastodon import Mastodon
from world import FAILURES, Capabilities, Draft, WorldClock, query, surroundings

from collectors.mastodon import SOURCE
from collectors.post import Collector


class MastodonWorld:
    """A server that files late statuses under the time of their making, as Mastodon does."""

    platform = "mastodon"
    capabilities = Capabilities(
        failures=FAILURES,
        quirks=frozenset({"shrunk_page", "repeated_records", "repeat_page", "cursor_back"}),
        lateness=timedelta(minutes=50),
    )

    def __init__(self) -> None:
        self.clock = WorldClock()
        self._site = Mastodon(self.clock)

    def publish(self, draft: Draft) -> str:
        return self._site.add(draft.text, draft.author, draft.created_at)

    def delete(self, native_id: str) -> None:
        self._site.delete(native_id)

    def published(self) -> set[str]:
        return set(self._site.statuses)

    def fail_next(self, kind: str, times: int = 1) -> None:
        self._site.server.fail_next(kind, times)

    def quirk(self, kind: str | None) -> None:
        self._site.quirk = kind

    def restart(self) -> None:
        self._site.server.restart()

    def collector(self, **settings: Any) -> Collector:
        own = {
            **SOURCE.defaults(),
            "base_url": self._site.server.url,
            "page_posts": self.capabilities.page_posts,
        }
        return SOURCE.make(query(), surroundings(self.clock, {**own, **settings}))

    def close(self) -> None:
        self._site.close()


def make() -> MastodonWorld:
    return MastodonWorld()
