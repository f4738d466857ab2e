"""Reddit in miniature."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from servers.reddit import Reddit
from world import FAILURES, QUIRKS, Capabilities, Draft, WorldClock, query, surroundings

from collectors.post import Collector
from collectors.reddit import SOURCE


class RedditWorld:
    """A subreddit of submissions and comments."""

    platform = "reddit"
    capabilities = Capabilities(
        failures=FAILURES, quirks=QUIRKS, sees_deletions=True, lateness=timedelta(minutes=50)
    )

    def __init__(self) -> None:
        self.clock = WorldClock()
        self._site = Reddit(self.clock)
        self._deleted: set[str] = set()

    def publish(self, draft: Draft) -> str:
        add = self._site.comment if len(self._site.things) % 3 else self._site.submit
        return add(draft.text, draft.author, draft.created_at)

    def delete(self, native_id: str) -> None:
        self._site.remove(native_id)
        self._deleted.add(native_id)

    def published(self) -> set[str]:
        return set(self._site.things) - self._deleted

    def fail_next(self, kind: str, times: int = 1) -> None:
        self._site.server.fail_next(kind, times)

    def quirk(self, kind: str | None) -> None:
        self._site.quirk = kind

    def restart(self) -> None:
        self._site.server.restart()

    def collector(self, **settings: Any) -> Collector:
        url = self._site.server.url
        own = {"base_url": url, "login_url": url, "page_posts": self.capabilities.page_posts}
        outside = surroundings(
            self.clock,
            {**SOURCE.defaults(), **own, **settings},
            secrets={"client_id": "invented", "client_secret": "invented"},
        )
        return SOURCE.make(query(subreddits=["walkout"]), outside)

    def close(self) -> None:
        self._site.server.close()


def make() -> RedditWorld:
    return RedditWorld()
