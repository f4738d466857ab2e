"""Everything that a topic's figures are made of, read from the store at one time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from monitor.figure import ALL
from monitor.languages import scored_languages
from monitor.shares.covered import FILES, counting, covered_by_platform, covered_parts
from monitor.shares.tellers import Asked, told_by
from monitor.store.queries import Queries
from monitor.store.values import SAMPLE_SOURCE, VOLUME, AuditLabel, DailyAggregate, Question
from monitor.topic import Topic


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two equal ones give the same figures, to the byte.

    Attributes:
        version: The shown model version, None before the first.
        questions: What it answers; nothing before the first.
        tellers: The version that tells of a day, by day and question: see `tellers.told_by`. Of a
            day about which no version has answered, the shown one.
        aggregates: The cells of these versions, of all days of the topic, in the languages that
            are scored (not in those that the topic had once), and the volume cells in every one.
        coverage: Covered part of the days that a source tells of.
        platform_coverage: The same of single platforms; `FILES` are those not collected live.
        audits: By question and version that tells of a day, and of the shown version, the audit
            labels with that version's predictions, in these languages.
        sample: Whether bundled sample posts are among the posts.
    """

    version: str | None
    questions: tuple[Question, ...]
    tellers: Mapping[Asked, str]
    aggregates: tuple[DailyAggregate, ...]
    coverage: Mapping[date, float]
    platform_coverage: Mapping[tuple[date, str], float]
    audits: Mapping[Question, Mapping[str, tuple[AuditLabel, ...]]]
    sample: bool

    def covered(self, day: date, platform: str) -> float | None:
        """The covered part of a day for a cell: its platform's own, if that is known."""
        total, parts = self.coverage.get(day), self.platform_coverage
        if platform == ALL:
            return total
        return parts.get((day, platform), parts.get((day, FILES), total))

    def version_of(self, day: date, question: Question) -> str:
        """The version that tells of a day; empty before the first."""
        return self.tellers.get((day, question), self.version or "")

    def audit(self, question: Question, version: str) -> tuple[AuditLabel, ...]:
        """The audit labels of a question with a version's predictions."""
        return self.audits.get(question, {}).get(version, ())

    def audit_as_told(self, question: Question) -> list[AuditLabel]:
        """The audit labels of a question, each with its day's version's prediction."""
        return [
            label
            for version, labels in self.audits.get(question, {}).items()
            for label in labels
            if self.version_of(label.day, question) == version
        ]


def gather(
    queries: Queries,
    topic: Topic,
    answered: Callable[[Topic, str], Sequence[Question]],
    *,
    enough: float,
) -> Evidence:
    """Reads a topic's evidence.

    Args:
        queries: The store's reads.
        topic: The topic.
        answered: Tells what a version answers.
        enough: Part of a day's opinions, answered by which a version tells of the day.
    """
    versions = queries.shown_versions(topic.name)
    version = next(iter(versions), None)
    questions = tuple(answered(topic, version)) if version else ()
    window = topic.window
    spans = queries.coverage(topic.name, window.start, window.end)
    tellers = _tellers(queries, topic, versions, enough=enough)
    told = sorted({*versions[:1], *tellers.values()})
    cells = queries.cells(topic.name, told, *topic.span)
    languages = scored_languages(topic.languages)
    return Evidence(
        version=version,
        questions=questions,
        tellers=tellers,
        aggregates=tuple(
            one
            for one in cells
            if one.head == VOLUME or (one.language in languages and _is_told(one, tellers, version))
        ),
        coverage=covered_parts(topic, counting(spans)),
        platform_coverage=covered_by_platform(topic, spans),
        audits={
            question: {
                each: tuple(
                    queries.audit_labels(topic.name, *question, each, languages=topic.languages)
                )
                for each in versions
                if each == version or _tells(each, question, tellers)
            }
            for question in questions
        },
        sample=queries.has_posts(topic.name, source=SAMPLE_SOURCE),
    )


def _tellers(
    queries: Queries, topic: Topic, versions: Sequence[str], *, enough: float
) -> dict[Asked, str]:
    """Who tells of each day; where only one version was ever shown, nobody has to be asked."""
    if len(versions) < 2:
        return {}
    languages = scored_languages(topic.languages)
    totals = queries.day_totals(topic.name, versions, languages, *topic.span)
    return told_by(totals, versions, enough=enough)


def _is_told(one: DailyAggregate, tellers: Mapping[Asked, str], shown: str | None) -> bool:
    return one.version == tellers.get((one.day, (one.head, one.target)), shown)


def _tells(version: str, question: Question, tellers: Mapping[Asked, str]) -> bool:
    return any(asked == question and each == version for (_, asked), each in tellers.items())
