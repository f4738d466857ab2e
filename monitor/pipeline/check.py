"""Asks after stored posts where a platform does not tell by itself what was deleted or edited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from collectors.errors import StoppedError
from collectors.post import Checkpoint, Page
from collectors.source import Checker
from monitor.pipeline.admission import Admission
from monitor.pipeline.collect import Collected
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import Errand


def errand_of(source: str) -> Errand:
    """Its checkpoint is its own: it never moves that of live collection."""
    return Errand(checkpoint=f"compliance:{source}")


@dataclass(frozen=True, slots=True)
class CheckStep:
    """Goes through a topic's stored posts of one platform, the longest stored first."""

    store: Store
    queries: Queries
    admission: Admission
    clock: Callable[[], datetime]

    def check(
        self, checker: Checker, source: str, *, should_stop: Callable[[], bool] = lambda: False
    ) -> Collected:
        """Makes a round, or goes on with one that was interrupted.

        Args:
            checker: Asks the platform.
            source: Its name, which is its posts' platform.
            should_stop: Asked after every batch.

        Raises:
            CollectorError: The platform could not be asked (further).
        """
        topic, found = self.admission.topic.name, Collected()
        errand = errand_of(source)
        since = self.store.checkpoint(topic, errand.checkpoint)
        after = int(since.state["after"]) if since else 0
        while batch := self.queries.to_check(topic, source, after=after, limit=checker.at_once):
            try:
                for page in checker.check([self.admission.ids.open(kept) for _, kept in batch]):
                    self._save(page, source, after, found)
            except StoppedError:
                found.finished = False
                return found
            after = batch[-1][0]
            self._save(Page(Checkpoint({})), source, after, found)
            if should_stop():
                found.finished = False
                return found
        self.store.drop_checkpoint(topic, errand.checkpoint)
        return found

    def _save(self, page: Page, source: str, after: int, found: Collected) -> None:
        kept = replace(self.admission.page(page), checkpoint=Checkpoint({"after": after}))
        outcome = self.store.save_page(
            self.admission.topic.name, source, kept, at=self.clock(), errand=errand_of(source)
        )
        found.add(kept, outcome)
