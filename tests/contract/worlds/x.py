"""X in miniature, read by its searches."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from servers.x import TOKEN, X
from world import FAILURES, QUIRKS, Capabilities, Draft, WorldClock, query, surroundings

from collectors.post import Collector
from collectors.x import XCollector


class XWorld:
    """A search that indexes at once, with the full archive for runs after a long time."""

    platform = "x"
    capabilities = Capabilities(
        failures=FAILURES, quirks=QUIRKS, lateness=timedelta(minutes=50), page_posts=3
    )

    def __init__(self, **settings: Any) -> None:
        self.clock = WorldClock()
        self._site = X(self.clock, page_posts=self.capabilities.page_posts)
        self._settings = settings

    def publish(self, draft: Draft) -> str:
        return self._site.posts.add(draft.text, draft.created_at, draft.author)

    def delete(self, native_id: str) -> None:
        self._site.posts.remove(native_id)

    def published(self) -> set[str]:
        return {one.id for one in self._site.posts.by_id.values() if one.gone is None}

    def fail_next(self, kind: str, times: int = 1) -> None:
        self._site.server.fail_next(kind, times)

    def quirk(self, kind: str | None) -> None:
        self._site.quirk = kind

    def restart(self) -> None:
        self._site.restart()

    def collector(self, **settings: Any) -> Collector:
        own = {
            "approval_reference": "none needed in a test",
            "base_url": self._site.url,
            "full_archive": True,
            "monthly_reads": 1_000_000,
            "overlap": 3600,
            **self._settings,
        }
        here = surroundings(self.clock, {**own, **settings}, secrets={"bearer_token": TOKEN})
        return XCollector(query(), here)

    def close(self) -> None:
        self._site.close()


def make() -> XWorld:
    return XWorld()
