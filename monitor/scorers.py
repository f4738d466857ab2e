"""The classifier's fast path, loaded when there is something to score."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from classifiers.registry import ModelVersion, Registry
from monitor.settings import Settings

if TYPE_CHECKING:
    from classifiers.runtime import Scorer, Scores


class Scorers:
    """One loaded model a version, shared by all who score with it.

    Loading takes seconds and hundreds of megabytes, so it waits for the first text; the last
    used version alone is kept.
    """

    def __init__(self, registry: Registry, settings: Settings) -> None:
        self._registry = registry
        self._settings = settings
        self._lock = threading.Lock()
        self._loaded: Scorer | None = None

    def lazy(self, version: str) -> LazyScorer:
        """A scorer of a version that is loaded when it is first asked.

        Raises:
            UnknownVersionError: It is not on disk.
        """
        return LazyScorer(self, version, self._registry.get(version))

    def score(
        self,
        version: str,
        texts: Sequence[str],
        targets: Mapping[str, str],
        heads: Sequence[str] | None,
    ) -> list[Scores]:
        """Scores with a version; one call at a time, for the model uses every core."""
        with self._lock:
            return self._scorer(version).score(texts, targets, heads=heads)

    def score_pairs(
        self,
        version: str,
        texts: Sequence[str],
        targets: Sequence[str],
        heads: Sequence[str] | None,
    ) -> list[Scores]:
        """Scores each text towards its own target with a version; one call at a time."""
        with self._lock:
            return self._scorer(version).score_pairs(texts, targets, heads=heads)

    def loaded(self, version: str) -> Scorer:
        """A version's fast path, ready to score; for one caller at a time."""
        with self._lock:
            return self._scorer(version)

    def _scorer(self, version: str) -> Scorer:
        if self._loaded is None or self._loaded.version != version:
            # The runtime brings the model's libraries, which no other command needs.
            runtime = importlib.import_module("classifiers.runtime")
            self._loaded = runtime.load_scorer(
                self._registry.path(version),
                threads=self._settings.classify.threads or None,
                cache=self._settings.home / "cache",
            )
        return self._loaded


@dataclass(frozen=True, slots=True)
class LazyScorer:
    """A version's fast path that is not loaded before it is asked."""

    scorers: Scorers
    version: str
    described: ModelVersion

    def answers(self, head: str, target: str) -> bool:
        """As `ModelVersion.answers`."""
        return self.described.answers(head, target)

    def score(
        self, texts: Sequence[str], targets: Mapping[str, str], *, heads: Sequence[str] | None
    ) -> list[Scores]:
        """As `classifiers.runtime.Scorer.score`."""
        return self.scorers.score(self.version, texts, targets, heads)

    def score_pairs(
        self, texts: Sequence[str], targets: Sequence[str], *, heads: Sequence[str] | None
    ) -> list[Scores]:
        """As `classifiers.runtime.Scorer.score_pairs`."""
        return self.scorers.score_pairs(self.version, texts, targets, heads)
