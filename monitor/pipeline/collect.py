"""From a collector's pages to stored posts, one transaction a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta

from collectors import platforms
from collectors.errors import StoppedError
from collectors.post import Checkpoint, Collector, Window
from monitor.kept import KeptPage, PageOutcome
from monitor.pipeline.admission import Admission
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import SAMPLE_SOURCE, Errand

UNMET_DEMANDS_KEPT = timedelta(days=2)
"""A live stream tells of every deletion on its platform; those of posts that are not here are
remembered for so long, which is longer than any stream's replay."""


@dataclass(slots=True)
class Collected:
    """What one pass over a source came to.

    Attributes:
        counts: The sums of `PageOutcome`'s fields over all pages.
        reasons: Rejections by reason.
        finished: False when the pass was asked to stop before its end.
    """

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    finished: bool = True

    def add(self, page: KeptPage, outcome: PageOutcome) -> None:
        """Adds one stored page."""
        self.counts.update({f.name: getattr(outcome, f.name) for f in fields(outcome)})
        self.reasons.update(rejection.reason for rejection in page.rejections)

    @property
    def sample_removed(self) -> int:
        """How many bundled sample posts made way for real ones."""
        return self.counts["sample_removed"]

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
        admit: Callable[[Checkpoint | None], Generator[KeptPage]] | None = None,
    ) -> Collected:
        """Runs one pass; whatever ends it, every page stored so far is complete.

        Args:
            collector: Where the posts come from.
            window: A backfill of this time. It keeps a checkpoint of its own until it has come
                to its end, and its coverage is recorded as asked for later.
            resume: Go on at the stored checkpoint instead of from the start.
            should_stop: Asked after every page.
            progress: Told the number of records read so far.
            admit: Gives what may be kept of the collector's pages, where that is not done here.

        Raises:
            CollectorError: The source could not be read (further).
            StoreError: A page could not be stored.
        """
        topic = self.admission.topic
        collected = Collected()
        if collector.source == SAMPLE_SOURCE and self._has_real_posts(topic.name):
            return collected
        errand = _errand(collector.source, window)
        since = self._since(topic.name, errand) if resume else None
        asked = self._asked(window)
        fetched = (self.admission.page(page) for page in collector.fetch(since, asked))
        try:
            with closing(admit(since) if admit else fetched) as pages:
                for page in pages:
                    collected.add(page, self._save(collector, page, errand))
                    progress(collected.records)
                    if should_stop():
                        collected.finished = False
                        break
        except StoppedError:
            collected.finished = False
        if window is not None and collected.finished and not should_stop():
            self.store.drop_checkpoint(topic.name, errand.checkpoint)
        return collected

    def _since(self, topic: str, errand: Errand) -> Checkpoint | None:
        stored = self.store.checkpoint(topic, errand.checkpoint)
        return stored and Checkpoint(self.admission.ids.open_state(stored.state))

    def _asked(self, window: Window | None) -> Window:
        """The time to ask for: a backfill ends now at the latest, so that no stream is awaited."""
        if window is None:
            return self.admission.topic.window
        return Window(window.start, max(window.start, min(window.end, self.clock())))

    def _save(self, collector: Collector, kept: KeptPage, errand: Errand) -> PageOutcome:
        topic = self.admission.topic.name
        return self.store.save_page(topic, collector.source, kept, at=self.clock(), errand=errand)

    def _has_real_posts(self, topic: str) -> bool:
        return self.queries.has_posts(topic) and not self.queries.sample_only(topic)


def _errand(source: str, window: Window | None) -> Errand:
    """A backfill has a name of its own: it never moves the checkpoint of live collection."""
    is_platform = source in platforms.names()
    keep_unmet = UNMET_DEMANDS_KEPT if is_platform else None
    if window is None:
        return Errand(source, keep_unmet=keep_unmet, is_live=is_platform)
    name = f"backfill:{source}:{window.start.isoformat()}:{window.end.isoformat()}"
    return Errand(name, backfill=True, keep_unmet=keep_unmet)
