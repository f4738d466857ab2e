"""The figures of a chart as a table, for everybody who cannot or will not see the chart."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sized
from dataclasses import dataclass
from datetime import date

from monitor.dashboard import words
from monitor.dashboard.series import SharesDay, SharesSeries, VolumeSeries, partial_word
from monitor.dashboard.truth import Known
from monitor.figure import Figure, Volume
from monitor.topic import Topic

_NOT_KNOWN = "not known"
MOST_ROWS = 200
"""Years of days make a table that nobody reads and a page that loads slowly."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table.

    Attributes:
        detail: Smaller, after the text.
        span: Over how many columns it reaches.
        is_reason: Whether it tells why something is withheld.
    """

    text: str
    detail: str = ""
    span: int = 1
    is_reason: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Column heads and rows; the first cell of a row is its head.

    Attributes:
        left_out: How many earlier rows there would be.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left_out: int = 0


def shares_table(
    series: SharesSeries,
    topic: Topic,
    known: Known,
    *,
    today: date,
    turns: Collection[date] = (),
    with_year: bool = False,
) -> Table:
    """Lists every day's shares with intervals, and in words why one is withheld.

    What is known to be true, if anything, stands beside the estimates; the first days of new
    levels, `turns`, are marked.
    """
    labels = tuple(words.label_word(label) for label in series.labels)
    return Table(
        columns=("Day", *labels, "Scored posts", "Authors", "Coverage"),
        rows=tuple(
            (
                _day_cell(one, today, is_turn=one.day in turns, with_year=with_year),
                *_shares_cells(one, topic, known.get(one.day, {})),
            )
            for one in series.days[-MOST_ROWS:]
        ),
        left_out=left_out(series.days),
    )


def left_out(rows: Sized) -> int:
    """Returns how many rows are too many."""
    return max(0, len(rows) - MOST_ROWS)


def volume_table(
    series: VolumeSeries, topic: Topic, *, today: date, with_year: bool = False
) -> Table:
    """Lists every day's posts, how many of them repeat others, reposts and authors."""
    return Table(
        columns=("Day", "Posts", "Of them copies", "Reposts", "Authors", "Not scored", "Coverage"),
        rows=tuple(
            _volume_row(one, topic, _day_cell(one, today, with_year=with_year))
            for one in series.days[-MOST_ROWS:]
        ),
        left_out=left_out(series.days),
    )


def _shares_cells(one: SharesDay, topic: Topic, known: Mapping[str, float]) -> tuple[Cell, ...]:
    shares: tuple[Cell, ...] = tuple(
        _share_cell(figure, topic, known.get(figure.label)) for figure in one.figures
    )
    if one.withheld is not None:
        shares = (_withheld_cell(one.figures[0], topic, span=len(one.figures)),)
    return (
        *shares,
        _count_cell(one.posts),
        _count_cell(one.authors),
        _coverage_cell(one.coverage),
    )


def _volume_row(one: Volume, topic: Topic, day: Cell) -> tuple[Cell, ...]:
    counts: tuple[Cell, ...] = (
        _count_cell(one.posts),
        _copies_cell(one),
        *(_count_cell(count) for count in (one.reposts, one.authors, one.unscored)),
    )
    if one.posts is None:
        counts = (_withheld_cell(one, topic, span=len(counts)),)
    return (day, *counts, _coverage_cell(one.coverage))


def _day_cell(
    one: SharesDay | Volume, today: date, *, with_year: bool, is_turn: bool = False
) -> Cell:
    marks = (partial_word(one, today), "change point" if is_turn else "")
    return Cell(words.day_short(one.day, with_year=with_year), ", ".join(filter(None, marks)))


def _share_cell(figure: Figure, topic: Topic, true: float | None) -> Cell:
    if figure.share is None or figure.low is None or figure.high is None:
        return _withheld_cell(figure, topic, span=1)
    detail = words.interval(figure.low, figure.high)
    if true is not None:
        detail += f", truth {words.percent(true)}"
    return Cell(words.percent(figure.share), detail)


def _withheld_cell(figure: Figure | Volume, topic: Topic, *, span: int) -> Cell:
    reason = figure.withheld or "too_uncertain"
    why = words.why_withheld(reason, topic.minimum_authors)
    return Cell("withheld", f"because {why}", span=span, is_reason=True)


def _count_cell(count: int | None) -> Cell:
    return Cell("withheld" if count is None else words.number(count))


def _copies_cell(one: Volume) -> Cell:
    if one.copies is None or not one.posts:
        return Cell(_NOT_KNOWN)
    return Cell(words.number(one.copies), words.percent(one.copies / one.posts))


def _coverage_cell(coverage: float | None) -> Cell:
    return Cell(_NOT_KNOWN if coverage is None else words.percent(coverage))
