"""Deletes texts, pseudonyms and records of runs after their time; figures stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.store.store import Store


@dataclass(frozen=True, slots=True)
class RetentionStep:
    """Keeps the promise of how long a text is held.

    Attributes:
        text_days: Days after which a stored post loses its text and its author's pseudonym.
    """

    store: Store
    text_days: int
    clock: Callable[[], datetime]

    def purge(self, topic: str) -> int:
        """Purges the topic's posts that are past their time; returns how many."""
        before = self.clock() - timedelta(days=self.text_days)
        purged = self.store.purge_texts(topic, before)
        self.store.prune_runs(before)
        self.store.forget_unmet_demands(topic)
        if purged:
            self.store.log("retention", "texts_purged", {"topic": topic, "posts": purged})
        return purged
