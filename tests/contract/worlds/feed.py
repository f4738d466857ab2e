"""A blog in miniature."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from servers.feeds import Site
from world import FAILURES, QUIRKS, Capabilities, Draft, WorldClock, query, surroundings

from collectors.feed import FeedCollector
from collectors.feed_items import native_id
from collectors.post import Collector


class FeedWorld:
    """A feed in documents of three entries."""

    platform = "feed"
    capabilities = Capabilities(
        failures=FAILURES, quirks=QUIRKS, sees_deletions=True, lateness=timedelta(minutes=50)
    )

    def __init__(self) -> None:
        self.clock = WorldClock()
        self._site = Site(self.clock, self.capabilities.page_posts)
        self._ids: dict[str, str] = {}

    def publish(self, draft: Draft) -> str:
        identifier = self._site.add(draft.text, draft.author, draft.created_at)
        name = native_id(identifier, "127.0.0.1")
        self._ids[name] = identifier
        return name

    def delete(self, native_id: str) -> None:
        self._site.delete(self._ids.pop(native_id))

    def published(self) -> set[str]:
        return set(self._ids)

    def fail_next(self, kind: str, times: int = 1) -> None:
        self._site.server.fail_next(kind, times)

    def quirk(self, kind: str | None) -> None:
        self._site.quirk = kind

    def restart(self) -> None:
        self._site.server.restart()

    def collector(self, **settings: Any) -> Collector:
        own = {"allow_private": ["127.0.0.1"]}
        asked = query(feeds=[self._site.url])
        return FeedCollector(asked, surroundings(self.clock, {**own, **settings}))

    def close(self) -> None:
        self._site.server.close()


def make() -> FeedWorld:
    return FeedWorld()
