"""Everything that a topic's figures are made of, read from the store at one time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from monitor.figure import ALL
from monitor.shares.covered import FILES, counting, covered_by_platform, covered_parts
from monitor.store.queries import Queries
from monitor.store.values import SAMPLE_SOURCE, AuditLabel, DailyAggregate, Question
from monitor.topic import Topic


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two equal ones give the same figures, to the byte.

    Attributes:
        version: The shown model version, None before the first.
        questions: What it answers; nothing before the first.
        aggregates: Its cells of all days of the topic, and the volume cells.
        coverage: Covered part of the days that a source tells of.
        platform_coverage: The same of single platforms; `FILES` are those not collected live.
        audits: The audit labels of each question, with that version's predictions.
        sample: Whether bundled sample posts are among the posts.
    """

    version: str | None
    questions: tuple[Question, ...]
    aggregates: tuple[DailyAggregate, ...]
    coverage: Mapping[date, float]
    platform_coverage: Mapping[tuple[date, str], float]
    audits: Mapping[Question, tuple[AuditLabel, ...]]
    sample: bool

    def covered(self, day: date, platform: str) -> float | None:
        """The covered part of a day for a cell: its platform's own, if that is known."""
        total, parts = self.coverage.get(day), self.platform_coverage
        if platform == ALL:
            return total
        return parts.get((day, platform), parts.get((day, FILES), total))


def gather(
    queries: Queries, topic: Topic, answered: Callable[[Topic, str], Sequence[Question]]
) -> Evidence:
    """Reads a topic's evidence; `answered` tells what a version answers."""
    version = queries.shown_version(topic.name)
    questions = tuple(answered(topic, version)) if version else ()
    window = topic.window
    spans = queries.coverage(topic.name, window.start, window.end)
    return Evidence(
        version=version,
        questions=questions,
        aggregates=tuple(
            queries.cells(topic.name, [version] if version else [], topic.start, topic.end)
        ),
        coverage=covered_parts(topic, counting(spans)),
        platform_coverage=covered_by_platform(topic, spans),
        audits={
            question: tuple(queries.audit_labels(topic.name, *question, version))
            for question in questions
            if version
        },
        sample=queries.has_posts(topic.name, source=SAMPLE_SOURCE),
    )
