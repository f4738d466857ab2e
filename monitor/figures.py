"""Released figures: what pages, exports and reports show of a topic's days."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from monitor.alarms.evidence import DriftedDay
from monitor.errors import UsageError
from monitor.figure import Figure, Volume
from monitor.languages import scored_languages
from monitor.pipeline.classify import questions_of
from monitor.privacy import DIMENSIONS, release, release_volume, rounded
from monitor.settings import Settings
from monitor.shares.changes import Change, daily_changes, in_order, level_changes
from monitor.shares.door import Door, Ledger
from monitor.shares.evidence import Evidence, gather
from monitor.shares.rollup import Unit
from monitor.shares.split import Split, UnreleasedFigure
from monitor.shares.whole import WholeShare, shown_days, whole_shares
from monitor.store.queries import Queries
from monitor.store.values import VOLUME, Question
from monitor.topic import Topic
from monitor.validation import Validation, validate

Answered = Callable[[Topic, str], Sequence[Question]]
"""Tells which of a topic's questions a version answers."""


def _now() -> datetime:
    return datetime.now(UTC)


def every_question(topic: Topic, version: str) -> Sequence[Question]:
    """Takes any version to answer all of a topic's questions."""
    del version
    return questions_of(topic)


@dataclass
class _Made:
    """A topic's figures by dimensions, as long as what they are made of stays the same.

    Attributes:
        stamp: What told that the evidence was up to date; None where it has to be read each time.
    """

    topic: Topic
    evidence: Evidence
    stamp: Hashable
    door: Door
    splits: dict[tuple[frozenset[str], Unit], Split] = field(default_factory=dict)
    figures: dict[tuple[frozenset[str], Unit], list[UnreleasedFigure]] = field(default_factory=dict)

    def split(self, by: frozenset[str], unit: Unit = "posts") -> Split:
        if (by, unit) not in self.splits:
            split = Split(self.topic, self.evidence, by, self.door, unit=unit)
            self.splits[by, unit] = split
        return self.splits[by, unit]


class Figures:
    """Reads the store and releases figures.

    Every split is estimated over all days of the topic and cut to the days asked for
    afterwards, so a day's figures do not depend on the range they are asked with.

    Args:
        queries: The store's reads.
        settings: Its sections `release` and `audit` are used.
        ledger: What was released before, so that no two answers give away what changed between
            them; without one every state stands for itself.
        clock: Tells the time, aware UTC.
        stamp: Gives a topic's stamp; as long as it stays equal, the evidence is not read again.
        answered: Tells what the shown version answers; figures are of these questions alone.
    """

    def __init__(
        self,
        queries: Queries,
        settings: Settings,
        *,
        ledger: Ledger | None = None,
        clock: Callable[[], datetime] = _now,
        stamp: Callable[[str], Hashable] | None = None,
        answered: Answered = every_question,
    ) -> None:
        self._queries = queries
        self._settings = settings
        self._ledger = ledger
        self._clock = clock
        self._stamp = stamp
        self.answered = answered
        self._made: dict[str, _Made] = {}

    def released(
        self,
        topic: Topic,
        *,
        since: date | None = None,
        until: date | None = None,
        by: Sequence[str] = (),
        unit: Unit = "posts",
        include_unvalidated: bool = False,
    ) -> Sequence[Figure]:
        """Gives every label's figure of every cell of [since, until).

        Args:
            topic: The topic.
            since: First day, the topic's first where None.
            until: Day left out, the topic's end where None.
            by: Dimensions to split by, any of `DIMENSIONS`.
            unit: Whether shares are of posts, of authors (each with one voice a day, spread over
                what they wrote) or of texts (copies counted once).
            include_unvalidated: Whether unvalidated figures carry their raw share.

        Returns:
            Sorted by day, platform, cohort, language, head, target, label. Empty before a
            first version has scored the topic's posts.

        Raises:
            UsageError: Unknown dimension.
        """
        made = self._up_to_date(topic)
        found = [
            one
            for one in self._figures(made, _dimensions(by), unit)
            if is_within(one[0].day, since, until)
        ]
        return self._released(topic, found, preview=include_unvalidated)

    def volumes(
        self,
        topic: Topic,
        *,
        since: date | None = None,
        until: date | None = None,
        by: Sequence[str] = (),
    ) -> Sequence[Volume]:
        """Gives how much was said in every cell of [since, until), sorted as figures are.

        Raises:
            UsageError: Unknown dimension.
        """
        split = self._up_to_date(topic).split(_dimensions(by))
        return [
            replace(
                release_volume(volume, hidden, round_to=self._settings.release.round_counts_to),
                provisional=self._is_open(topic, volume.day),
            )
            for volume, hidden in split.volumes()
            if is_within(volume.day, since, until)
        ]

    def changes(
        self,
        topic: Topic,
        *,
        since: date | None = None,
        until: date | None = None,
        by: Sequence[str] = (),
        unit: Unit = "posts",
    ) -> Sequence[Change]:
        """Gives day-over-day differences and change points of [since, until).

        Only of days whose shares are released; change points are those of the topic's whole
        series.

        Raises:
            UsageError: Unknown dimension.
        """
        made = self._up_to_date(topic)
        figures = self._released(topic, self._figures(made, _dimensions(by), unit))
        draws = made.split(_dimensions(by), unit).draws
        found = [*daily_changes(figures, draws), *level_changes(figures, draws)]
        round_to = self._settings.release.round_counts_to
        return in_order(
            [rounded(one, round_to) for one in found if is_within(one.day, since, until)]
        )

    def whole(self, topic: Topic) -> list[WholeShare]:
        """Gives each label's share of all days whose shares are released, taken together."""
        made = self._up_to_date(topic)
        figures = self._released(topic, self._figures(made))
        found: list[WholeShare] = []
        for question in made.evidence.questions:
            days = shown_days(figures, question)
            if days:
                of_day = made.split(frozenset()).counts(question)
                counts = {day: of_day[day] for day in days}
                of_days = [one for one in figures if one.day in counts]
                found += whole_shares(
                    [one for one in of_days if (one.head, one.target) == question],
                    counts,
                    made.evidence.audit_as_told(question),
                    needed=self._settings.audit.minimum_labels,
                    widest=self._settings.release.maximum_interval_width,
                )
        round_to = self._settings.release.round_counts_to
        return [rounded(one, round_to) for one in found]

    def drift(self, topic: Topic) -> list[DriftedDay]:
        """Tells of every day whose shares are released how well the audit labels explain it."""
        made = self._up_to_date(topic)
        figures = self._released(topic, self._figures(made))
        split = made.split(frozenset())
        found = []
        for question in made.evidence.questions:
            days = shown_days(figures, question)
            by_day = split.drift(question) if days else {}
            found += [DriftedDay(day, *question, by_day[day]) for day in days if day in by_day]
        return found

    def due(self, topic: Topic) -> datetime | None:
        """When figures that were asked for may change by time alone, within a day of the topic."""
        return self._up_to_date(topic).door.due()

    def whole_days(self, topic: Topic) -> dict[tuple[date, Question], Mapping[str, int]]:
        """Gives exact label counts of whole days as they are stored, of small days too.

        They leave the program with noise only (`monitor/noise.py`), which protects single authors
        as long as each changes nothing but their own posts' counts. What is withheld or kept back,
        and which version tells of a day, can depend on one author: so nothing is, and all days are
        the shown version's.
        """
        found: dict[tuple[date, Question], Counter[str]] = defaultdict(Counter)
        shown = self._queries.shown_versions(topic.name)[:1]
        languages = scored_languages(topic.languages)
        for cell in self._queries.cells(topic.name, shown, *topic.span):
            if cell.head != VOLUME and cell.language in languages:
                found[cell.day, (cell.head, cell.target)].update(cell.label_counts)
        return dict(found)

    def validation(self, topic: Topic) -> list[Validation]:
        """Tells for every question how far the shown version's audit sample is."""
        evidence = self._up_to_date(topic).evidence
        found = []
        for question in questions_of(topic):
            if question in evidence.questions:
                found.append(self._validate(evidence, question, evidence.version or ""))
            else:
                labels = self._queries.label_count(topic.name, *question)
                needed = self._settings.audit.minimum_labels
                answered = evidence.version is None
                found.append(
                    Validation(*question, labels, needed, validated=False, answered=answered)
                )
        return found

    def _is_open(self, topic: Topic, day: date) -> bool:
        return self._clock() < topic.window_of(day, day + timedelta(1)).end

    def _validate(self, evidence: Evidence, question: Question, version: str) -> Validation:
        """Judges a version's audit sample by the days that it tells of."""
        opinions: Counter[date] = Counter()
        for cell in evidence.aggregates:
            if cell.head == VOLUME and evidence.version_of(cell.day, question) == version:
                opinions[cell.day] += cell.posts
        labelled = [label.day for label in evidence.audit(question, version)]
        needed = self._settings.audit.minimum_labels
        return validate(question, labelled, opinions, needed=needed)

    def _released(
        self, topic: Topic, found: Iterable[UnreleasedFigure], *, preview: bool = False
    ) -> list[Figure]:
        return [
            replace(
                release(figure, standing, preview=preview),
                provisional=self._is_open(topic, figure.day),
            )
            for figure, standing in found
        ]

    def _figures(
        self, made: _Made, by: frozenset[str] = frozenset(), unit: Unit = "posts"
    ) -> list[UnreleasedFigure]:
        if made.evidence.version is None:
            return []
        if (by, unit) not in made.figures:
            validated = {
                question: {
                    version
                    for version in made.evidence.audits[question]
                    if self._validate(made.evidence, question, version).validated
                }
                for question in made.evidence.questions
            }
            figures = made.split(by, unit).figures(validated, self._settings.release)
            made.figures[by, unit] = figures
        return made.figures[by, unit]

    def _up_to_date(self, topic: Topic) -> _Made:
        # The stamp is older than what is read after it: at worst that is read once more.
        stamp = self._stamp(topic.name) if self._stamp else None
        made = self._made.get(topic.name)
        is_due = made is not None and has_come(made.door.due(), self._clock())
        is_known = made is not None and (made.topic, made.stamp) == (topic, stamp)
        if made is not None and stamp is not None and is_known and not is_due:
            return made
        enough = self._settings.release.minimum_scored
        evidence = gather(self._queries, topic, self.answered, enough=enough)
        if made is None or is_due or (made.topic, made.evidence) != (topic, evidence):
            made = self._made[topic.name] = self._make(topic, evidence, stamp, made)
        made.stamp = stamp
        return made

    def _make(
        self, topic: Topic, evidence: Evidence, stamp: Hashable, before: _Made | None
    ) -> _Made:
        # Sample posts are ours and nobody's: whoever compares them learns about no one.
        ledger = None if evidence.sample else self._ledger
        known = before.door if before else None
        door = Door.of(topic.name, topic.minimum_authors, self._clock(), ledger, before=known)
        return _Made(topic, evidence, stamp, door)


def has_come(due: datetime | None, now: datetime) -> bool:
    """Tells whether what falls due at a moment, or never, is due."""
    return due is not None and now >= due


def _dimensions(by: Sequence[str]) -> frozenset[str]:
    unknown = sorted(set(by) - set(DIMENSIONS))
    if unknown:
        raise UsageError(
            f"figures cannot be split by {', '.join(map(repr, unknown))}",
            hint=f"possible: {', '.join(DIMENSIONS)}",
        )
    return frozenset(by)


def is_within(day: date, since: date | None, until: date | None) -> bool:
    """Tells whether a day is one of [since, until), which may be open."""
    return (since is None or since <= day) and (until is None or day < until)
