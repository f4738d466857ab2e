"""Released figures put in the order in which a page shows them: one series per chart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from monitor.dashboard import words
from monitor.figure import ALL, Figure, Volume, Withheld
from monitor.shares.changes import Change

COMPLETE = 0.995
"""A day of which this part was collected counts as whole."""


@dataclass(frozen=True, slots=True)
class SharesDay:
    """One day of one question.

    Attributes:
        figures: One per label, in the labels' order.
    """

    day: date
    figures: tuple[Figure, ...]

    @property
    def posts(self) -> int | None:
        """Scored posts, the denominator of every share; None where withheld."""
        return self.figures[0].posts

    @property
    def version(self) -> str:
        """The model version that tells of the day."""
        return self.figures[0].version

    @property
    def authors(self) -> int | None:
        """Their distinct authors; None where withheld."""
        return self.figures[0].authors

    @property
    def coverage(self) -> float | None:
        """Part of the day that collection covered; None where unknown."""
        return self.figures[0].coverage

    @property
    def withheld(self) -> Withheld | None:
        """Why no label's share is shown; None where at least one is."""
        if any(figure.share is not None for figure in self.figures):
            return None
        return self.figures[0].withheld

    @property
    def is_whole(self) -> bool:
        """Whether every label's share is shown."""
        return all(figure.share is not None for figure in self.figures)


@dataclass(frozen=True, slots=True)
class SharesSeries:
    """The answers to one question by day, for everybody or one group.

    Attributes:
        group: `employees`, `x · employees`; empty where the figures are not split.
    """

    head: str
    target: str
    group: str
    labels: tuple[str, ...]
    days: tuple[SharesDay, ...]


@dataclass(frozen=True, slots=True)
class VolumeSeries:
    """How much was said by day, by everybody or one group."""

    group: str
    days: tuple[Volume, ...]


def group_of(figure: Figure | Volume | Change) -> str:
    """Returns the name of the group that a figure is about, empty for everybody."""
    parts = (figure.platform, figure.cohort, figure.language)
    return " · ".join(part for part in parts if part != ALL)


def shares_series(
    figures: Iterable[Figure], questions: Sequence[tuple[str, str]]
) -> list[SharesSeries]:
    """Groups figures by question (in the order given) and group (by name)."""
    found: dict[tuple[str, str, str], dict[date, dict[str, Figure]]] = {}
    for figure in figures:
        key = (figure.head, figure.target, group_of(figure))
        found.setdefault(key, {}).setdefault(figure.day, {})[figure.label] = figure
    return [
        _one_series(key, found[key])
        for question in questions
        for key in sorted(found)
        if key[:2] == question
    ]


def _one_series(key: tuple[str, str, str], by_day: dict[date, dict[str, Figure]]) -> SharesSeries:
    head, target, group = key
    present = {label for cells in by_day.values() for label in cells}
    labels = tuple(label for label in words.ordered_labels(head) if label in present)
    days = tuple(
        SharesDay(day, tuple(cells[label] for label in labels if label in cells))
        for day, cells in sorted(by_day.items())
    )
    return SharesSeries(head, target, group, labels, days)


def volume_series(volumes: Iterable[Volume]) -> list[VolumeSeries]:
    """Groups volumes by group (by name)."""
    found: dict[str, list[Volume]] = {}
    for volume in volumes:
        found.setdefault(group_of(volume), []).append(volume)
    return [
        VolumeSeries(group, tuple(sorted(found[group], key=lambda volume: volume.day)))
        for group in sorted(found)
    ]


def withheld_notes(series: SharesSeries | VolumeSeries, minimum_authors: int) -> list[str]:
    """Tells for every reason which days have nothing to show, or not all of it."""
    days: dict[tuple[Withheld, str], list[date]] = {}
    for one in series.days:
        for reason, label in _withheld(one):
            days.setdefault((reason, label), []).append(one.day)
    return [
        f"{words.days_listed(found)}{label and ', ' + label}: withheld because "
        f"{words.why_withheld(reason, minimum_authors)}."
        for (reason, label), found in days.items()
    ]


def partial_word(one: SharesDay | Volume, today: date) -> str:
    """Returns `provisional` for a day that is not over, `incomplete` for one with gaps."""
    if one.day >= today:
        return "provisional"
    if one.coverage is not None and one.coverage < COMPLETE:
        return "incomplete"
    return ""


def partial_notes(series: SharesSeries | VolumeSeries, today: date) -> list[str]:
    """Tells which of the shown days are provisional or incomplete."""
    reasons = {
        "provisional": "provisional, as posts still come in.",
        "incomplete": "incomplete, as collection has gaps.",
    }
    days: dict[str, list[date]] = {}
    for one in series.days:
        word = partial_word(one, today)
        if word and one.withheld is None:
            days.setdefault(word, []).append(one.day)
    return [f"{words.days_listed(found)}: {reasons[word]}" for word, found in days.items()]


def version_notes(series: SharesSeries, shown: str | None) -> list[str]:
    """Tells which days' shares are those of an earlier version than the shown one."""
    days: dict[str, list[date]] = {}
    for one in series.days:
        if one.withheld is None and one.version != shown:
            days.setdefault(one.version, []).append(one.day)
    return [
        f"{words.days_listed(found)}: figures of version {words.short_version(version)}, as the "
        "shown one has not answered enough of these posts (nor can it, once their texts are taken "
        "out). No change is told from one version to another."
        for version, found in days.items()
    ]


def _withheld(one: SharesDay | Volume) -> list[tuple[Withheld, str]]:
    """Reasons with the label they are about, empty for the whole day."""
    if one.withheld is not None:
        return [(one.withheld, "")]
    if isinstance(one, Volume):
        return []
    return [
        (figure.withheld, words.label_word(figure.label))
        for figure in one.figures
        if figure.withheld is not None
    ]


def every_day(first: date, last: date) -> list[date]:
    """Returns the days from the first to the last, both included."""
    return [first + timedelta(n) for n in range((last - first).days + 1)]
