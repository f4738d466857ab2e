"""Fakes that behave like the real parts, for tests of everything around them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from classifiers.heads import reported_heads
from classifiers.runtime import Scores
from collectors.post import Checkpoint, Page, Window


@dataclass
class FakeClock:
    """A clock that moves when it is told to."""

    now: datetime = datetime(2020, 6, 10, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Tells the time."""
        return self.now

    def forward(self, **duration: float) -> None:
        """Moves on by a `timedelta`'s arguments."""
        self.now += timedelta(**duration)


@dataclass
class FakeCollector:
    """Hands over the pages it is given, from the checkpoint on.

    Attributes:
        fail_after: Raises `error` after that many pages, as a broken source would.
    """

    pages: Sequence[Page]
    source: str = "fake"
    fail_after: int | None = None
    error: Exception = field(default_factory=lambda: RuntimeError("the source broke"))

    def fetch(self, since: Checkpoint | None, window: Window) -> Iterator[Page]:
        """Yields the pages after the checkpoint's."""
        del window
        start = 0 if since is None else int(since.state["page"])
        for number, page in enumerate(self.pages[start:], start):
            if self.fail_after is not None and number >= self.fail_after:
                raise self.error
            yield page


def numbered_pages(pages: Sequence[Page]) -> list[Page]:
    """Gives pages the checkpoints that `FakeCollector` goes on from."""
    return [
        Page(
            checkpoint=Checkpoint({"page": number}),
            posts=page.posts,
            rejections=page.rejections,
            deletions=page.deletions,
            coverage=page.coverage,
        )
        for number, page in enumerate(pages, 1)
    ]


@dataclass
class FakeScorer:
    """Answers by a hash of text and target: always the same, and different for each."""

    version: str = "fake00000001"
    texts_scored: int = 0

    def answers(self, head: str, target: str) -> bool:
        """As `classifiers.runtime.Scorer.answers`: everything."""
        del head, target
        return True

    def score(
        self,
        texts: Sequence[str],
        targets: Mapping[str, str],
        *,
        heads: Sequence[str] | None = None,
    ) -> list[Scores]:
        """As `classifiers.runtime.Scorer.score`."""
        self.texts_scored += len(texts)
        return [
            Scores(
                head=head.name,
                target=name,
                version=self.version,
                labels=head.labels,
                probabilities=self._probabilities(texts, f"{head.name}/{asked}", len(head.labels)),
            )
            for head in reported_heads()
            if heads is None or head.name in heads
            for name, asked in (targets.items() if head.takes_target else [("", "")])
        ]

    def _probabilities(
        self, texts: Sequence[str], question: str, labels: int
    ) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        rows = np.empty((len(texts), labels), dtype=np.float32)
        for number, text in enumerate(texts):
            seed = f"{self.version}/{question}/{text}".encode(errors="surrogatepass")
            digest = hashlib.blake2b(seed, digest_size=labels).digest()
            weights = np.frombuffer(digest, dtype=np.uint8).astype(np.float32) + 1
            rows[number] = weights / weights.sum()
        return rows


@dataclass
class FakeScorers:
    """Stands in for `monitor.scorers.Scorers`: any version answers, by a hash, at once."""

    def lazy(self, version: str) -> FakeScorer:
        """A scorer that answers in the name of a version."""
        return FakeScorer(version)
