"""A chart with its notes and tables, of one question or of how much was said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.dashboard import charts, tables, words
from monitor.dashboard.charts import Frame, Spec
from monitor.dashboard.selection import Selection
from monitor.dashboard.series import (
    SharesSeries,
    VolumeSeries,
    group_of,
    partial_notes,
    version_notes,
    volume_series,
    withheld_notes,
)
from monitor.dashboard.shifts import change_points_told, change_table, shifts_of
from monitor.dashboard.tables import Table
from monitor.dashboard.topic_data import TopicData
from monitor.dashboard.truth import Known, Truth
from monitor.figure import ALL, Figure, Volume
from monitor.shares.changes import Change
from monitor.shares.rollup import Unit
from monitor.store.values import Question
from monitor.topic import Topic

CHANGES = "-changes"
UNIT_WORDS: Mapping[Unit, str] = {
    "posts": "",
    "authors": "one voice per author and day",
    "texts": "copies counted once",
}
"""What the shares of a chart are shares of, where it is not simply posts."""


@dataclass(frozen=True, slots=True)
class Block:
    """One chart with its notes and the table of the same figures.

    Attributes:
        key: Unique on the page, fit for an `id`.
        group: Whom it is about, empty for everybody.
        spec: None where there is nothing that may be drawn.
        is_preview: Whether the drawing is an uncorrected trend.
        turns: A sentence for each of its change points.
        changes: Every day against the day before, and the change points; None without any.
    """

    key: str
    group: str
    label: str
    spec: Spec | None
    is_preview: bool
    notes: tuple[str, ...]
    table: Table
    turns: tuple[str, ...] = ()
    changes: Table | None = None


def question_title(question: Question, topic: Topic) -> str:
    """Returns a question as a heading."""
    head, target = question
    title = words.head_word(head).capitalize()
    if not target:
        return title
    texts = topic.target_texts
    return f"{title} towards {texts.get(target, target)}"


def asked_by(series: SharesSeries) -> Question:
    """Returns the question that a series answers."""
    return (series.head, series.target)


def shares_block(series: SharesSeries, data: TopicData, frame: Frame) -> Block:
    """Puts one question's answers of one group into a chart, notes and tables."""
    topic, selection = data.topic, data.selection
    drawn = any(one.withheld is None for one in series.days)
    preview = selection.preview and not drawn and _has_raw(series)
    known = _known(series, data.truth, selection)
    shifts = shifts_of(series, data.changes)
    spec: Spec | None = None
    if drawn:
        spec = charts.shares_chart(series, frame, known, shifts)
    elif preview:
        spec = charts.preview_chart(series, frame)
    title = question_title(asked_by(series), topic)
    return Block(
        key=key_from(series.head, series.target, series.group),
        group=series.group,
        label=", ".join(filter(None, (title, series.group, UNIT_WORDS[selection.unit], "by day"))),
        spec=spec,
        is_preview=preview,
        notes=(
            *withheld_notes(series, topic.minimum_authors),
            *partial_notes(series, frame.today),
            *version_notes(series, data.turnover.shown),
        ),
        table=tables.shares_table(
            series,
            topic,
            known,
            today=frame.today,
            turns=[one.day for one in shifts if one.is_level],
            with_year=frame.has_years,
        ),
        turns=change_points_told(shifts, series.labels),
        changes=change_table(shifts, series.labels, with_year=frame.has_years),
    )


def _has_raw(series: SharesSeries) -> bool:
    return any(figure.share_raw is not None for one in series.days for figure in one.figures)


def _known(series: SharesSeries, truth: Truth | None, selection: Selection) -> Known:
    """The truth beside what is shown; none is known of platforms and languages."""
    if truth is None or not selection.truth or selection.by not in ((), ("cohort",)):
        return {}
    cohort = series.group or ALL
    return {
        one.day: truth.of(one.day, series.head, series.target, cohort=cohort)
        for one in series.days
        if one.withheld is None
    }


def volume_blocks(data: TopicData, frame: Frame) -> tuple[Block, ...]:
    """Puts how much was said into a chart for each group."""
    topic = data.topic
    return tuple(
        Block(
            key=key_from("volume", series.group),
            group=series.group,
            label=f"Posts and reposts{', ' if series.group else ''}{series.group}, by day",
            spec=charts.volume_chart(series, frame) if _has_volume(series) else None,
            is_preview=False,
            notes=(
                *withheld_notes(series, topic.minimum_authors),
                *partial_notes(series, frame.today),
            ),
            table=tables.volume_table(series, topic, today=frame.today, with_year=frame.has_years),
        )
        for series in volume_series(data.split_volumes)
    )


def _has_volume(series: VolumeSeries) -> bool:
    return any(one.posts is not None for one in series.days)


def key_of(one: Figure | Volume | Change) -> str:
    """Returns the key of the chart that a figure belongs to; that of changes ends in `CHANGES`."""
    if isinstance(one, Volume):
        return key_from("volume", group_of(one))
    key = key_from(one.head, one.target, group_of(one))
    return f"{key}{CHANGES}" if isinstance(one, Change) else key


def key_from(*parts: str) -> str:
    """Returns an `id` from names that may hold anything."""
    written = "-".join(part for part in parts if part)
    return "".join(letter if letter.isalnum() else "-" for letter in written)
