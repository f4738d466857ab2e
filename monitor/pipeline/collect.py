"""From a collector's pages to stored posts, one transaction a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import datetime

from collectors.post import Collector, Window
from monitor.kept import KeptPage, PageOutcome
from monitor.pipeline.admission import Admission
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import SAMPLE_SOURCE


@dataclass(slots=True)
class Collected:
    """What one pass over a source came to.

    Attributes:
        counts: The sums of `PageOutcome`'s fields over all pages.
        reasons: Rejections by reason.
        sample_removed: Bundled sample posts that made way for real ones.
        finished: False when the pass was asked to stop before its end.
    """

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    sample_removed: int = 0
    finished: bool = True

    def add(self, page: KeptPage, outcome: PageOutcome) -> None:
        """Adds one stored page."""
        self.counts.update({f.name: getattr(outcome, f.name) for f in fields(outcome)})
        self.reasons.update(rejection.reason for rejection in page.rejections)

    @property
    def records(self) -> int:
        """How many records of the source were read, each in exactly one of these counts."""
        kinds = ("stored", "edited", "repeated", "refused", "rejected", "deletions")
        return sum(self.counts[kind] for kind in kinds)


@dataclass(frozen=True, slots=True)
class CollectStep:
    """Stores what collectors hand over for one topic."""

    store: Store
    queries: Queries
    admission: Admission
    clock: Callable[[], datetime]

    def collect(
        self,
        collector: Collector,
        *,
        window: Window | None = None,
        resume: bool = True,
        should_stop: Callable[[], bool] = lambda: False,
        progress: Callable[[int], None] = lambda _: None,
    ) -> Collected:
        """Runs one pass; whatever ends it, every page stored so far is complete.

        Args:
            collector: Where the posts come from.
            window: The time asked for, the topic's whole window unless told.
            resume: Go on at the stored checkpoint instead of from the start.
            should_stop: Asked after every page.
            progress: Told the number of records read so far.

        Raises:
            CollectorError: The source could not be read (further).
            StoreError: A page could not be stored.
        """
        topic = self.admission.topic
        collected = Collected()
        if collector.source == SAMPLE_SOURCE and self._has_real_posts(topic.name):
            return collected
        since = self.store.checkpoint(topic.name, collector.source) if resume else None
        for page in collector.fetch(since, window or topic.window):
            kept = self.admission.page(page)
            if kept.posts and collector.source != SAMPLE_SOURCE:
                collected.sample_removed += self._remove_sample(topic.name)
            outcome = self.store.save_page(topic.name, collector.source, kept, at=self.clock())
            collected.add(kept, outcome)
            progress(collected.records)
            if should_stop():
                collected.finished = False
                break
        return collected

    def _has_real_posts(self, topic: str) -> bool:
        return self.queries.has_posts(topic) and not self.queries.sample_only(topic)

    def _remove_sample(self, topic: str) -> int:
        """Bundled sample posts make way for real ones: the two are never mixed."""
        if not self.queries.has_posts(topic, source=SAMPLE_SOURCE):
            return 0
        return self.store.remove_source(topic, SAMPLE_SOURCE)
