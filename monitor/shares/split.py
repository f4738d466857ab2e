"""A topic's days split by some dimensions: every figure complete, with what decides its release."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import cast

from classifiers.heads import head as head_named
from classifiers.prevalence import Estimate, Floats
from monitor.figure import DIGITS, Figure, Volume, Withheld
from monitor.languages import scored_languages
from monitor.privacy import Cell, Standing, coarsen
from monitor.releases import Decision
from monitor.settings import ReleaseSettings
from monitor.shares.apart import kept_apart
from monitor.shares.changes import place_of
from monitor.shares.corrected import corrected_shares, deviating
from monitor.shares.door import Asked, Door
from monitor.shares.evidence import Evidence
from monitor.shares.rollup import NONE, NOTHING, CellCounts, Unit, by_question, roll_up
from monitor.store.releases import ReleaseKey
from monitor.store.values import VOLUME, DailyAggregate, Question
from monitor.topic import Topic

UnreleasedFigure = tuple[Figure, Standing]
UnreleasedVolume = tuple[Volume, Withheld | None]
Place = tuple[date, Cell]


class Split:
    """Nothing in here may be shown before it went through `monitor.privacy`.

    Args:
        topic: The topic.
        evidence: Of all its days.
        by: Dimensions to split by.
        door: Which cells may be shown, and in which state.
        unit: What shares are shares of.
    """

    def __init__(
        self,
        topic: Topic,
        evidence: Evidence,
        by: Collection[str],
        door: Door,
        *,
        unit: Unit = "posts",
    ) -> None:
        self._unit = unit
        self._topic = topic
        self._evidence = evidence
        self._by = by
        self.draws: dict[tuple[date, tuple[str, ...]], Floats] = {}
        """Joint draws of the estimated shares, by day and `place_of` the figure."""
        self._questions = by_question(evidence.aggregates)
        self._volume = self._questions.pop((VOLUME, ""), {})
        volume = {
            ReleaseKey(day, VOLUME, "", ""): Asked(base) for day, base in self._volume.items()
        }
        self._volume_decided = {key.day: one for key, one in door.decide_all(volume).items()}
        answers = {
            ReleaseKey(day, *question, evidence.version_of(day, question)): Asked(
                base, self._shown(day)
            )
            for question in evidence.questions
            for day, base in self._questions.get(question, {}).items()
        }
        self._decided: dict[Question, dict[date, Mapping[Cell, Decision]]] = {
            question: {} for question in evidence.questions
        }
        for key, decisions in door.decide_all(answers).items():
            self._decided[key.head, key.target][key.day] = decisions
        self._rolled_volume = self._roll_up(self._volume, self._volume_decided)
        self._rolled = {
            question: self._roll_up(self._questions.get(question, {}), self._decided[question])
            for question in evidence.questions
        }

    def _shown(self, day: date) -> frozenset[Cell]:
        """The cells whose volume is shown: a question's cells are chosen among them."""
        volume = self._volume_decided.get(day, {})
        return frozenset(cell for cell, one in volume.items() if one.hidden is None)

    def counts(self, question: Question) -> dict[date, CellCounts]:
        """A question's counts by day, everybody together; only in a split by nothing."""
        return {day: counts for (day, _), counts in self._rolled[question].items()}

    def drift(self, question: Question) -> dict[date, float]:
        """How badly the audit labels explain each shown day; only in a split by nothing."""
        labels = head_named(question[0]).labels
        found: dict[Place, float] = {}
        for version, shown in self._shown_by_version(question).items():
            found |= deviating(shown, self._evidence.audit(question, version), labels)
        return {day: one for (day, _), one in found.items()}

    def _shown_by_version(self, question: Question) -> dict[str, dict[Place, CellCounts]]:
        """The counts of what may be shown, by the version that tells of it: each errs its way."""
        found: dict[str, dict[Place, CellCounts]] = defaultdict(dict)
        for place, why in self._hidden(question).items():
            if why is None:
                version = self._evidence.version_of(place[0], question)
                found[version][place] = self._rolled[question][place]
        return found

    def volumes(self) -> list[UnreleasedVolume]:
        """Every cell's volume, sorted by day and cell."""
        return [
            (self._volume_of(place, counts), self._volume_decided[place[0]][place[1]].hidden)
            for place, counts in sorted(self._rolled_volume.items())
        ]

    def figures(
        self, validated: Mapping[Question, Collection[str]], rules: ReleaseSettings
    ) -> list[UnreleasedFigure]:
        """Every figure, sorted by day, cell, head, target and label.

        Args:
            validated: The versions that have an audit sample, by question; only what they tell is
                estimated.
            rules: Handed on in each figure's standing.
        """
        figures: list[UnreleasedFigure] = []
        for question in self._evidence.questions:
            figures += self._question_figures(question, rules, validated=validated[question])
        return sorted(figures, key=lambda pair: _order(pair[0]))

    def _question_figures(
        self, question: Question, rules: ReleaseSettings, *, validated: Collection[str]
    ) -> Iterator[UnreleasedFigure]:
        rolled = self._rolled[question]
        hidden = self._hidden(question)
        labels = head_named(question[0]).labels
        estimates: dict[Place, dict[str, Estimate]] = {}
        for version, shown in self._shown_by_version(question).items():
            if version in validated:
                audit = self._evidence.audit(question, version)
                estimates |= corrected_shares(shown, audit, labels, by=self._by, unit=self._unit)
        # Both as they are now: what is kept back of a day does not wait for the classifier.
        scored = self._live_posts(self._questions.get(question, {}))
        for place, eligible in self._eligible().items():
            counts = rolled.get(place, NOTHING)
            standing = Standing(
                hidden=hidden.get(place, "small_group"),
                scored=min(scored[place] / eligible, 1.0),
                rules=rules,
            )
            for label in labels:
                estimate = estimates.get(place, {}).get(label)
                figure = self._figure(question, place, label, counts)
                if estimate is not None and estimate.draws is not None:
                    self.draws[place[0], place_of(figure)] = estimate.draws
                figure = replace(figure, validated=figure.version in validated)
                yield _with_estimate(figure, estimate), standing

    def _hidden(self, question: Question) -> dict[Place, Withheld | None]:
        """What the release rules say about this split's cells, by place."""
        rolled = self._rolled[question]
        found = {
            (day, cell): one.hidden
            for day, decided in self._decided[question].items()
            for cell, one in decided.items()
            if (day, cell) in rolled
        }
        if self._unit == "posts":
            return found
        return {place: why or self._apart(question, place) for place, why in found.items()}

    def _apart(self, question: Question, place: Place) -> Withheld | None:
        """Why a shown cell may not be told by this unit beside posts, None where it may."""
        day, cell = place
        decided = self._decided[question][day]
        shown = frozenset(cell for cell, one in decided.items() if one.hidden is None)
        state = cast(Mapping[Cell, DailyAggregate], decided[cell].base)
        return kept_apart(state, self._unit, shown, self._topic.minimum_authors).get(cell)

    def _eligible(self) -> Counter[Place]:
        """Opinions in a language that is scored, by place; places without any are left out."""
        languages = scored_languages(self._topic.languages)
        scored = {
            day: {cell: one for cell, one in base.items() if cell[2] in languages}
            for day, base in self._volume.items()
        }
        return +self._live_posts(scored)

    def _live_posts(self, days: Mapping[date, Mapping[Cell, DailyAggregate]]) -> Counter[Place]:
        found: Counter[Place] = Counter()
        for day, base in days.items():
            for cell, one in base.items():
                found[day, coarsen(cell, self._by)] += one.posts
        return found

    def _roll_up(
        self,
        days: Mapping[date, Mapping[Cell, DailyAggregate]],
        decided: Mapping[date, Mapping[Cell, Decision]] | None = None,
    ) -> dict[Place, CellCounts]:
        """Adds the cells up: shown ones in the state to be shown, others as they are now."""
        found: dict[Place, CellCounts] = {}
        for day, base in days.items():
            now = roll_up(base, self._by)
            shown = (decided or {}).get(day, {})
            for cell, counts in now.items():
                state = shown[cell].base if cell in shown else None
                if state is None or state == base:
                    found[day, cell] = counts
                else:
                    earlier = cast(Mapping[Cell, DailyAggregate], state)
                    found[day, cell] = roll_up(earlier, self._by).get(cell, NOTHING)
        return found

    def _volume_of(self, place: Place, counts: CellCounts) -> Volume:
        day, (platform, cohort, language) = place
        texts = counts.in_unit("texts").count
        return Volume(
            topic=self._topic.name,
            day=day,
            platform=platform,
            cohort=cohort,
            language=language,
            posts=counts.posts,
            reposts=counts.reposts,
            authors=counts.authors,
            unscored=self._unscored(place, counts),
            coverage=self._evidence.covered(day, platform),
            withheld=None,
            sample=self._evidence.sample,
            copies=max(counts.posts - texts, 0) if texts else None,
        )

    def _unscored(self, place: Place, volume: CellCounts) -> int | None:
        """Opinions that lack an answer; None where a question hides how many have one.

        A hidden cell is counted as it is now: beside the volume as it was shown last it would
        tell of every post that has gone since.
        """
        day, cell = place
        decided = [of_day.get(day, {}).get(cell) for of_day in self._decided.values()]
        if any(one is not None and one.hidden is not None for one in decided):
            return None
        answered = [counts.get(place, NOTHING).posts for counts in self._rolled.values()]
        return max(volume.posts - min(answered, default=0), 0)

    def _figure(self, question: Question, place: Place, label: str, counts: CellCounts) -> Figure:
        """The figure as far as it is counted; by other units than posts, no count leaves."""
        day, (platform, cohort, language) = place
        unit = counts.in_unit(self._unit) if self._unit == "posts" else NONE
        raw = unit.labels.get(label, 0) / unit.count if unit.count else None
        return Figure(
            topic=self._topic.name,
            day=day,
            platform=platform,
            cohort=cohort,
            language=language,
            head=question[0],
            target=question[1],
            label=label,
            version=self._evidence.version_of(day, question),
            posts=counts.posts,
            authors=counts.authors,
            share_raw=None if raw is None else round(raw, DIGITS),
            share=None,
            low=None,
            high=None,
            coverage=self._evidence.covered(day, platform),
            validated=False,
            withheld=None,
            sample=self._evidence.sample,
        )


def _with_estimate(figure: Figure, estimate: Estimate | None) -> Figure:
    if estimate is None:
        return figure
    return replace(figure, share=estimate.share, low=estimate.low, high=estimate.high)


def _order(figure: Figure) -> tuple[object, ...]:
    return (
        figure.day,
        figure.platform,
        figure.cohort,
        figure.language,
        figure.head,
        figure.target,
        figure.label,
    )
