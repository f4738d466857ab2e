"""What changed: from one day to the next, and the days on which a series took another level."""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from classifiers.prevalence import REACH, Floats
from monitor.figure import DIGITS, Figure

FEWEST_DAYS = 8
"""A series of fewer shown days is too short to speak of levels."""
LEVEL_DAYS = 2
"""Fewest days of a level."""
PENALTY = 3.0
"""What a change point has to explain, times the logarithm of the days: as much as three numbers
fitted to noise do (a modified BIC; Zhang and Siegmund 2007)."""

Place = tuple[str, ...]
Draws = Mapping[tuple[date, Place], Floats]


@dataclass(frozen=True, slots=True)
class Change:
    """How one label's share differs between two days of a cell, or two levels.

    Attributes:
        day: The later day, or the first one of the later level.
        since: The earlier day, or the last one of the earlier level.
        difference, low, high: Later minus earlier, with its 95 % interval.
        level: Whether it is a change point: then the difference is that of the levels' means.
        version: That all of these days were scored with: days of two versions are not compared.
    """

    topic: str
    day: date
    since: date
    platform: str
    cohort: str
    language: str
    head: str
    target: str
    label: str
    version: str
    difference: float
    low: float
    high: float
    level: bool = False


def daily_changes(figures: Iterable[Figure], draws: Draws) -> list[Change]:
    """Gives the differences of consecutive days whose shares are both shown, told by one version.

    Args:
        figures: Released ones; what is withheld takes no part.
        draws: By day and place (see `place_of`), joint draws of the share.
    """
    shown = {(one.day, place_of(one)): one for one in figures if one.share is not None}
    return [
        _change(shown[before, place], figure, draws[day, place] - draws[before, place])
        for (day, place), figure in sorted(shown.items(), key=lambda item: item[0])
        if (before := day - timedelta(1), place) in shown
        and shown[before, place].version == figure.version
    ]


def level_changes(figures: Iterable[Figure], draws: Draws) -> list[Change]:
    """Gives the change points of every version's series: all labels of a question move at once.

    Days whose shares are withheld are left out: no change point lies on one, and one that was
    found behind them says since when nothing was known. None is told across shown days of another
    version, on any of which the level may have moved.
    """
    shown: dict[Place, dict[date, str]] = defaultdict(dict)
    series: dict[Place, dict[date, dict[str, Figure]]] = defaultdict(lambda: defaultdict(dict))
    for figure in figures:
        if figure.share is not None:
            of_version = (figure.version, *place_of(figure)[:-1])
            series[of_version][figure.day][figure.label] = figure
            shown[place_of(figure)][figure.day] = figure.version
    found = [change for days in series.values() for change in _of_series(days, draws)]
    return [one for one in found if not _crosses(one, shown[place_of(one)])]


def _crosses(change: Change, versions: Mapping[date, str]) -> bool:
    """Whether a day that another version tells of lies between the two days of a change."""
    return any(
        change.since < day < change.day and version != change.version
        for day, version in versions.items()
    )


def place_of(figure: Figure | Change) -> Place:
    """Cell, question and label of a figure, or of a change."""
    cell = (figure.platform, figure.cohort, figure.language)
    return (*cell, figure.head, figure.target, figure.label)


def _of_series(days: Mapping[date, Mapping[str, Figure]], draws: Draws) -> list[Change]:
    labels = sorted({label for one in days.values() for label in one})
    whole = sorted(day for day, one in days.items() if len(one) == len(labels))
    if len(whole) < FEWEST_DAYS:
        return []
    columns = [
        np.stack([draws[day, place_of(days[day][label])] for day in whole]) for label in labels
    ]
    means = np.stack([column.mean(axis=1) for column in columns], axis=1)
    points = change_points(means, np.stack([column.std(axis=1) for column in columns], axis=1))
    found = []
    for before, point, after in zip([0, *points], points, [*points[1:], len(whole)], strict=False):
        for label, column in zip(labels, columns, strict=True):
            step = column[point:after].mean(axis=0) - column[before:point].mean(axis=0)
            pair = days[whole[point - 1]][label], days[whole[point]][label]
            found.append(_change(*pair, step, level=True))
    return found


def change_points(shares: Floats, spreads: Floats) -> list[int]:
    """Finds the rows at which a series took another level (PELT, squared distances).

    Args:
        shares: (days, labels).
        spreads: Their standard deviations: a column is measured in its typical one.

    Returns:
        Ascending; the first row of each later level.
    """
    if len(shares) < 2 * LEVEL_DAYS:
        return []
    scaled = shares / np.maximum(np.median(spreads, axis=0), 1e-4)
    independent = scaled[:, :-1] if scaled.shape[1] > 1 else scaled  # shares sum to 1
    ruptures = importlib.import_module("ruptures")  # brings half a second of scipy with it
    # With this kernel the cost is that of squared distances, and compiled: the same points as of
    # ruptures.Pelt(model="l2", jump=1), for three years of days in the hundredth of the time.
    search = ruptures.KernelCPD(kernel="linear", min_size=LEVEL_DAYS).fit(independent)
    penalty = PENALTY * independent.shape[1] * float(np.log(len(shares)))
    return [int(end) for end in search.predict(pen=penalty)[:-1]]


def _change(before: Figure, after: Figure, step: Floats, *, level: bool = False) -> Change:
    difference, reach = float(step.mean()), REACH * float(step.std())
    return Change(
        topic=after.topic,
        day=after.day,
        since=before.day,
        platform=after.platform,
        cohort=after.cohort,
        language=after.language,
        head=after.head,
        target=after.target,
        label=after.label,
        version=after.version,
        difference=round(difference, DIGITS),
        low=round(max(difference - reach, -1.0), DIGITS),
        high=round(min(difference + reach, 1.0), DIGITS),
        level=level,
    )


def in_order(changes: Sequence[Change]) -> list[Change]:
    """Sorted as figures are, days before levels."""
    return sorted(
        changes,
        key=lambda one: (
            one.day,
            one.platform,
            one.cohort,
            one.language,
            one.head,
            one.target,
            one.label,
            one.level,
        ),
    )
