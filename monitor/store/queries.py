"""What only reads the database; every method sees one state of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine

from collectors.post import Window
from monitor.kept import PlatformId
from monitor.languages import scored_languages
from monitor.store import (
    accesses,
    audit,
    chosen,
    coverage,
    days,
    draw,
    erasure,
    incidents,
    jobs,
    labels,
    predictions,
    reads,
    removals,
    sources,
    unscored,
    versions,
)
from monitor.store.chosen import Answered
from monitor.store.draw import Days
from monitor.store.engine import reading
from monitor.store.values import (
    Access,
    AnsweredPost,
    AuditLabel,
    Candidate,
    CellKey,
    Conflict,
    Counts,
    CoverageSpan,
    DailyAggregate,
    DayPost,
    DayTotal,
    JobRun,
    LabelledPost,
    LabelSample,
    LogEntry,
    PendingPost,
    Posted,
    Question,
    RecordedVersion,
    SeriesSwitch,
    SourceState,
    StoredLabel,
    Totals,
    UnlabelledPost,
)


class Queries:
    """Reads.

    Args:
        engine: From `open_engine`, migrated.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # What is to be scored

    def pending(
        self,
        topic: str,
        version: str,
        questions: Sequence[Question],
        *,
        languages: Sequence[str],
        limit: int,
    ) -> list[PendingPost]:
        """Gives posts that lack the version's answer to any of the questions, newest first.

        After `Store.begin_scoring` with the same arguments the cost is that of what is given.

        Args:
            topic: The topic.
            version: The model version.
            questions: Pairs of head and target name.
            languages: Of the posts; posts of undetermined language come along.
            limit: How many posts at most.
        """
        wanted = unscored.Wanted(topic, version, tuple(questions), tuple(languages))
        with reading(self._engine) as connection:
            return predictions.pending(connection, wanted, limit)

    def pending_count(
        self, topic: str, version: str, questions: Sequence[Question], *, languages: Sequence[str]
    ) -> int:
        """Counts what `pending` would give without a limit."""
        wanted = unscored.Wanted(topic, version, tuple(questions), tuple(languages))
        with reading(self._engine) as connection:
            return predictions.pending_count(connection, wanted)

    def is_behind(
        self,
        topic: str,
        version: str,
        questions: Sequence[Question],
        *,
        languages: Sequence[str],
        shown: str,
    ) -> bool:
        """Tells whether `pending` would give a post that the shown version has answered."""
        wanted = unscored.Wanted(topic, version, tuple(questions), tuple(languages))
        with reading(self._engine) as connection:
            return predictions.is_behind(connection, wanted, shown)

    def is_pending(
        self,
        topic: str,
        version: str,
        questions: Sequence[Question],
        *,
        languages: Sequence[str],
        among: tuple[int, int] | None = None,
    ) -> bool:
        """Tells whether `pending` would give anything (of the post ids [first, end))."""
        wanted = unscored.Wanted(topic, version, tuple(questions), tuple(languages))
        with reading(self._engine) as connection:
            return predictions.is_pending(connection, wanted, among)

    def queued_ranges(self, topic: str, posts: int) -> list[tuple[int, int]]:
        """Cuts the queue of `Store.begin_scoring` into ranges [first, end) of post ids.

        Args:
            topic: The topic.
            posts: How many queued posts a range holds at most.
        """
        with reading(self._engine) as connection:
            return unscored.ranges(connection, topic, posts)

    def known_predictions(
        self, topic: str, version: str, digests: Sequence[str]
    ) -> dict[tuple[str, str, str], tuple[str, tuple[int, ...]]]:
        """Gives label and scores by (text digest, head, target), for texts answered before."""
        with reading(self._engine) as connection:
            return predictions.known(connection, topic, version, digests)

    # Days and their figures

    def topics(self) -> list[str]:
        """Lists the topics that have, or ever had, posts; some may have no file any more."""
        with reading(self._engine) as connection:
            return days.topics(connection)

    def cohorts(self, topic: str) -> list[str]:
        """Lists the cohorts that counted posts are in, by name."""
        with reading(self._engine) as connection:
            return days.cohorts(connection, topic)

    def day_rows(self, topic: str, day: date) -> Iterator[DayPost]:
        """Streams the day's posts with every version's predictions, in the order of their ids."""
        with reading(self._engine) as connection:
            yield from days.posts(connection, topic, day)

    def day_cells(self, topic: str, day: date) -> dict[CellKey, DailyAggregate]:
        """Gives a day's stored cells of every version; nothing else tells of purged authors."""
        with reading(self._engine) as connection:
            return days.counted(connection, topic, day)

    def cells(
        self, topic: str, versions: Sequence[str], since: date, until: date
    ) -> list[DailyAggregate]:
        """Gives the cells of [since, until) of these versions, and the volume cells.

        Sorted by day, platform, cohort, language, head, target, version.
        """
        with reading(self._engine) as connection:
            return days.cells(connection, topic, versions, (since, until))

    def day_totals(
        self,
        topic: str,
        versions: Sequence[str],
        languages: Collection[str],
        since: date,
        until: date,
    ) -> list[DayTotal]:
        """Gives how much these versions have answered of [since, until), and all opinions.

        Of posts in these languages; in no order.
        """
        with reading(self._engine) as connection:
            return days.totals(connection, topic, versions, languages, (since, until))

    # Model versions

    def shown_version(self, topic: str) -> str | None:
        """Tells the version whose figures are shown, None before the first."""
        with reading(self._engine) as connection:
            return next(iter(versions.shown(connection, topic)), None)

    def shown_versions(self, topic: str) -> list[str]:
        """Gives the shown version, then those that were shown before it, the last one first.

        They tell of the days that the shown one cannot answer.
        """
        with reading(self._engine) as connection:
            return versions.shown(connection, topic)

    def series_switches(self, topic: str) -> list[SeriesSwitch]:
        """Tells when which version's series was first shown, the newest first.

        Of the last thousand switches of all topics; a switch to what is shown already is none.
        """
        with reading(self._engine) as connection:
            entries = jobs.log_entries(connection, 1000, action="version_shown")
        return [
            SeriesSwitch(str(entry.details["version"]), entry.at)
            for entry in entries
            if entry.details.get("topic") == topic
        ]

    def retrained_versions(self, topic: str) -> set[str]:
        """Gives the versions whose retraining came to its end, whatever was decided.

        Of the last thousand retrainings of all topics.
        """
        with reading(self._engine) as connection:
            return {str(each["version"]) for each in _retrainings(connection, topic)}

    def recorded_versions(self, topic: str) -> list[RecordedVersion]:
        """Lists the recorded versions, oldest first."""
        with reading(self._engine) as connection:
            return versions.recorded(connection, topic)

    # Labels

    def audit_labels(
        self,
        topic: str,
        head: str,
        target: str,
        version: str,
        *,
        languages: Iterable[str] | None = None,
    ) -> list[AuditLabel]:
        """Gives the randomly drawn posts that people and the version have answered.

        The annotators' majority is the truth; where they are even, the post is left out. What
        was said of posts that were removed since stays until `Store.let_go_removed_answers`.
        Of the topic's languages alone where these are given: no figure tells of others.
        Sorted by day, platform, cohort, language and what was said.
        """
        with reading(self._engine) as connection:
            found = audit.labels(connection, topic, (head, target), version)
        counted = None if languages is None else scored_languages(languages)
        return [one for one in found if counted is None or one.language in counted]

    def examples(self, topic: str) -> list[LabelledPost]:
        """Gives every labelled post that still has its text, with the annotators' majority.

        Where some labels of an answer are random, those alone decide. Sorted by head, target,
        platform, native id.
        """
        with reading(self._engine) as connection:
            return labels.examples(connection, topic)

    def answered_posts(self, topic: str, texts: Mapping[str, str]) -> list[AnsweredPost]:
        """Gives every labelled post that still has its text, once a question.

        Also where annotators are even, and for targets' former texts; in no order.

        Args:
            topic: The topic.
            texts: By name, of targets about whose text nothing was noted yet.
        """
        with reading(self._engine) as connection:
            known = {**texts, **predictions.target_texts(connection, topic)}
            return labels.answered(connection, topic, known)

    def conflicts(self, topic: str) -> list[Conflict]:
        """Gives what annotators disagree about and nobody has settled, even splits first.

        Of copies of a text the first alone.
        """
        with reading(self._engine) as connection:
            return labels.conflicts(connection, topic)

    def answers_by_text(
        self, topic: str, since: date, until: date
    ) -> dict[Question, list[dict[str, str]]]:
        """Gives what each annotator said of each text of the days [since, until), by question.

        Copies of a text count once; what settles is no annotator's answer.
        """
        with reading(self._engine) as connection:
            return labels.answers_by_text(connection, topic, since, until)

    def label_count(
        self, topic: str, head: str, target: str, sample: LabelSample = "random"
    ) -> int:
        """Counts the posts that people have answered for this sample."""
        with reading(self._engine) as connection:
            return labels.count(connection, topic, (head, target), sample)

    def labels(self, topic: str, since: date, until: date) -> list[StoredLabel]:
        """Gives the labels of posts of the days [since, until), every annotator's.

        Sorted by day, platform, native id, head, target, annotator.
        """
        with reading(self._engine) as connection:
            return labels.stored(connection, topic, since, until)

    def posts_by_id(self, topic: str, post_ids: Sequence[int]) -> dict[int, UnlabelledPost]:
        """Gives those of the posts that are there and have their text."""
        with reading(self._engine) as connection:
            return draw.by_id(connection, topic, post_ids)

    def chosen_posts(self, topic: str, *, days: Days | None = None) -> list[int]:
        """Gives the posts that were chosen for labelling and wait for it, best first."""
        with reading(self._engine) as connection:
            return chosen.waiting(connection, topic, days=days)

    def candidates(self, answered: Answered, *, limit: int) -> list[Candidate]:
        """Gives unlabelled opinions with the version's answers, the newest first."""
        with reading(self._engine) as connection:
            return chosen.candidates(connection, answered, limit=limit)

    def newest_answered(self, answered: Answered, *, limit: int) -> list[Candidate]:
        """Gives opinions with the version's answers, labelled or not, the newest first."""
        with reading(self._engine) as connection:
            return chosen.newest_answered(connection, answered, limit=limit)

    def labels_since(self, topic: str, since: datetime | None) -> int:
        """Counts the answers that came after a moment; all of them where it is None.

        One that a text's copies have taken counts once.
        """
        with reading(self._engine) as connection:
            return labels.count_since(connection, topic, since)

    def labels_new_to(self, topic: str, version: str, made_at: datetime) -> int:
        """Counts the answers that a version was made without.

        Those that carry a later time; or what there are more of than when its training began,
        because some were imported later, or given during the training.
        """
        with reading(self._engine) as connection:
            since = labels.count_since(connection, topic, made_at)
            of_version = (
                each.get("answers")
                for each in _retrainings(connection, topic)
                if each["version"] == version
            )
            known = next(of_version, None)
            if known is None:
                return since
            return max(since, labels.count_since(connection, topic, None) - int(known))

    def unlabelled(
        self,
        topic: str,
        questions: Sequence[Question],
        languages: Sequence[str],
        *,
        limit: int,
        days: Days | None = None,
    ) -> list[UnlabelledPost]:
        """Draws opinions at random that lack a random label for any of the questions.

        The draw is a fixed shuffle of the topic's posts that depends on their ids alone: it is
        the same until they are labelled, and goes on behind them afterwards. Of posts with the
        same text the first alone is drawn; the others take its labels (`Store.echo_labels`).
        """
        wanted = draw.Wanted(topic, tuple(questions), tuple(languages), days)
        with reading(self._engine) as connection:
            return draw.unlabelled(connection, wanted, limit)

    # Removals

    def buried_marks(self, topic: str, marks: Collection[str]) -> dict[str, datetime | None]:
        """Tells which marks belong to authors and posts that were removed, here or everywhere.

        With the time at which the platform closed an account, None where the removal is for good.
        """
        with reading(self._engine) as connection:
            return removals.buried_marks(connection, topic, marks)

    def buried_posts(self, topic: str, posts: Collection[PlatformId]) -> list[PlatformId]:
        """Tells which posts have been removed, by the ids given."""
        with reading(self._engine) as connection:
            return removals.buried_posts(connection, topic, posts)

    def models_on_removed(self, topic: str) -> dict[str, int]:
        """Counts by model version the posts it was trained on that were removed since."""
        with reading(self._engine) as connection:
            return erasure.models_on_removed(connection, topic)

    def days_with_pseudonyms(self, topic: str) -> list[date]:
        """Lists the days whose posts still carry pseudonyms."""
        with reading(self._engine) as connection:
            return erasure.days_with_pseudonyms(connection, topic)

    # Sources

    def coverage(self, topic: str, since: datetime, until: datetime) -> list[CoverageSpan]:
        """Gives the spans that overlap [since, until), uncut, by source, start and end."""
        with reading(self._engine) as connection:
            return coverage.overlapping(connection, topic, since, until)

    def reads(self, source: str, at: datetime) -> int:
        """Counts the posts that a source was billed for in the calendar month (UTC) of `at`."""
        with reading(self._engine) as connection:
            return reads.of_month(connection, source, at)

    def arrivals(self, topic: str, source: str, window: Window, *, limit: int) -> list[datetime]:
        """Gives when the source's newest posts of a window were posted, the newest first."""
        with reading(self._engine) as connection:
            return sources.arrivals(connection, topic, source, window, limit)

    def posted(self, topic: str, windows: Sequence[Window]) -> list[Posted]:
        """Counts opinions and their known authors in each window; never to be shown as it is."""
        with reading(self._engine) as connection:
            return sources.posted(connection, topic, windows)

    def to_check(
        self, topic: str, platform: str, *, after: int, limit: int
    ) -> list[tuple[int, str]]:
        """Gives id and native id of the posts that still have their text, by id, after an id."""
        with reading(self._engine) as connection:
            return sources.to_check(connection, topic, platform, after, limit)

    def sources(self, topic: str, *, until: datetime | None = None) -> list[SourceState]:
        """Tells how far each source has come, by name; its newest post is the last until then."""
        with reading(self._engine) as connection:
            return sources.states(connection, topic, until)

    def has_posts(
        self,
        topic: str,
        *,
        source: str | None = None,
        besides: str | None = None,
        platform: str | None = None,
    ) -> bool:
        """Tells whether the topic has a post.

        Args:
            topic: The topic.
            source: Only of that source.
            besides: Only of other sources than that one.
            platform: Only of that platform.
        """
        with reading(self._engine) as connection:
            return sources.has_posts(
                connection, topic, source=source, besides=besides, platform=platform
            )

    def sample_only(self, topic: str) -> bool:
        """Tells whether the topic has posts, and all are bundled sample posts."""
        with reading(self._engine) as connection:
            return sources.sample_only(connection, topic)

    def counts(self, topic: str) -> Counts:
        """Counts what can be counted at once, however many posts there are."""
        with reading(self._engine) as connection:
            return sources.counts(connection, topic)

    def totals(self, topic: str) -> Totals:
        """Counts what is stored."""
        with reading(self._engine) as connection:
            return sources.totals(connection, topic)

    # Jobs and log

    def job_runs(self, limit: int) -> list[JobRun]:
        """Gives the last runs, newest first."""
        with reading(self._engine) as connection:
            return jobs.runs(connection, limit)

    def last_runs(self, each: int) -> list[JobRun]:
        """Gives that many last runs of every job, newest first."""
        with reading(self._engine) as connection:
            return jobs.last_runs(connection, each)

    def untold_alerts(self, topic: str) -> int:
        """Counts the incidents of which a message was tried and has not gone out."""
        with reading(self._engine) as connection:
            return incidents.count_untold(connection, topic)

    def last_run(self, job: str) -> JobRun | None:
        """Gives a job's last run, None before the first."""
        with reading(self._engine) as connection:
            return jobs.last_run(connection, job)

    def last_finished(self, job: str) -> JobRun | None:
        """Gives a job's last run that is over, None before the first."""
        with reading(self._engine) as connection:
            return jobs.last_finished(connection, job)

    def newest_start(self, until: datetime) -> datetime | None:
        """Tells when the last of all runs began that began until then, None before the first."""
        with reading(self._engine) as connection:
            return jobs.newest_start(connection, until)

    def last_success(self, job: str) -> JobRun | None:
        """Gives a job's last run that went well, None before the first."""
        with reading(self._engine) as connection:
            return jobs.last_success(connection, job)

    def log_entries(self, limit: int) -> list[LogEntry]:
        """Gives the last lines of the audit log, newest first."""
        with reading(self._engine) as connection:
            return jobs.log_entries(connection, limit)

    def accesses(self, since: date) -> list[Access]:
        """Gives who looked at what since a day, the newest first."""
        with reading(self._engine) as connection:
            return accesses.since(connection, since)


def _retrainings(connection: Connection, topic: str) -> list[Mapping[str, Any]]:
    """What the audit log says of a topic's retrainings, newest first."""
    entries = jobs.log_entries(connection, 1000, action="retrained")
    return [entry.details for entry in entries if entry.details.get("topic") == topic]
