"""Hacker News in miniature."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from servers.hackernews import HackerNews
from world import FAILURES, Capabilities, Draft, WorldClock, query, surroundings

from collectors.hackernews import HackerNewsCollector
from collectors.post import Collector


class HackerNewsWorld:
    """A search that indexes at once."""

    platform = "hackernews"
    capabilities = Capabilities(
        failures=FAILURES,
        quirks=frozenset({"shrunk_page", "repeated_records", "repeat_page"}),
        lateness=timedelta(minutes=50),
    )

    def __init__(self) -> None:
        self.clock = WorldClock()
        self._site = HackerNews(self.clock)

    def publish(self, draft: Draft) -> str:
        return self._site.add(draft.text, draft.author, draft.created_at)

    def delete(self, native_id: str) -> None:
        del self._site.items[native_id]

    def published(self) -> set[str]:
        return set(self._site.items)

    def fail_next(self, kind: str, times: int = 1) -> None:
        self._site.server.fail_next(kind, times)

    def quirk(self, kind: str | None) -> None:
        self._site.quirk = kind

    def restart(self) -> None:
        self._site.server.restart()

    def collector(self, **settings: Any) -> Collector:
        own = {"base_url": self._site.server.url, "page_posts": self.capabilities.page_posts}
        return HackerNewsCollector(query(), surroundings(self.clock, {**own, **settings}))

    def close(self) -> None:
        self._site.server.close()


def make() -> HackerNewsWorld:
    return HackerNewsWorld()
