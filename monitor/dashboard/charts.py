"""Vega-Lite specifications of the charts; colours are the style sheet's variables.

Altair takes a tenth of a second to write a specification, so each kind of chart is laid out once
and gets its data afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

import altair as alt

from monitor.dashboard import words
from monitor.dashboard.records import (
    Record,
    event_records,
    preview_records,
    share_records,
    truth_records,
    volume_records,
)
from monitor.dashboard.series import SharesSeries, VolumeSeries
from monitor.dashboard.shifts import Shift, change_records
from monitor.dashboard.truth import Known

Spec = dict[str, Any]
_COLOURS = ("var(--first)", "var(--second)", "var(--third)")
_HATCHES = ("url(#hatch-first)", "url(#hatch-second)", "url(#hatch-third)")
_SHAPES = ("circle", "triangle-down", "square")
_VOLUMES = ("posts", "reposts")
_VOLUME_COLOURS = ("var(--posts)", "var(--reposts)")
_HALF_DAY = timedelta(hours=12)
DAY_LABELS = "utcFormat(datum.value, dayFormat)"


@dataclass(frozen=True, slots=True)
class Frame:
    """What all charts of a page share.

    Attributes:
        first, last: The days at both ends of the time axis.
        events: Numbers of the dated events by day, `2, 3` where two fall on one day.
        today: Figures of this day and later ones are provisional.
    """

    first: date
    last: date
    events: Mapping[date, str]
    today: date

    @property
    def has_years(self) -> bool:
        """Whether days are told with their year, as they are of several."""
        return self.first.year != self.last.year


def shares_chart(
    series: SharesSeries, frame: Frame, known: Known, shifts: Sequence[Shift] = ()
) -> Spec:
    """Draws each label's share by day with its 95% band; days withheld leave a gap.

    What is known to be true, if anything, is drawn as dashed lines, and where the series took
    another level as a line between two days.
    """
    layout = _shares_layout(_label_words(series))
    return _filled(
        layout,
        frame,
        figures=share_records(series, frame.today),
        truth=truth_records(known),
        changes=change_records(shifts, series.labels),
    )


def preview_chart(series: SharesSeries, frame: Frame) -> Spec:
    """Draws the uncorrected trend as hatched bars without a scale: no figure, only a hint."""
    return _filled(_preview_layout(_label_words(series)), frame, figures=preview_records(series))


def volume_chart(series: VolumeSeries, frame: Frame) -> Spec:
    """Draws posts and reposts by day as stacked bars; days withheld leave a gap."""
    return _filled(_volume_layout(), frame, figures=volume_records(series, frame.today))


def _label_words(series: SharesSeries) -> tuple[str, ...]:
    return tuple(words.label_word(label) for label in series.labels)


def _filled(layout: Spec, frame: Frame, **data: list[Record]) -> Spec:
    """Gives a layout its data and the ends of its time axis."""
    events = event_records(frame.events, frame.first, frame.last)
    ends = {"first": frame.first, "last": frame.last + timedelta(days=1)}
    params = [day_format(with_year=frame.has_years)]
    params += [{"name": name, "value": _noon_before(day)} for name, day in ends.items()]
    return layout | {"datasets": data | {"events": events}, "params": params}


def day_format(*, with_year: bool) -> Record:
    """The parameter by which `DAY_LABELS` writes the days of a time axis."""
    return {"name": "dayFormat", "value": "%-d %b %Y" if with_year else "%-d %b"}


def _noon_before(day: date) -> float:
    return 1000 * (datetime.combine(day, time(), UTC) - _HALF_DAY).timestamp()


@lru_cache(maxsize=64)
def _shares_layout(labels: tuple[str, ...]) -> Spec:
    colour = _by_label(alt.Color, labels, _COLOURS)
    days = alt.Chart(alt.NamedData("figures")).encode(x=_time_axis())
    share = alt.Y(
        "share:Q",
        title=None,
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format=".0%", values=[0, 0.25, 0.5, 0.75, 1]),
    )
    truth = alt.Chart(alt.NamedData("truth")).encode(x=_time_axis(), y=share, color=colour)
    return finished(
        *_event_layers(),
        *_change_layers(),
        days.mark_area(opacity=0.16).encode(
            y=alt.Y("low:Q", title=None), y2="high:Q", color=colour
        ),
        # An area is nothing where a day stands alone.
        days.mark_rule(strokeWidth=2, opacity=0.3).encode(y="low:Q", y2="high:Q", color=colour),
        days.mark_line(strokeWidth=2).encode(y=share, color=colour),
        days.mark_point(filled=True, size=45, opacity=1).encode(
            y=share,
            shape=_by_label(alt.Shape, labels, _SHAPES),
            stroke=_by_label(alt.Stroke, labels, _COLOURS),
            # A day that is not whole is hollow.
            fill=alt.condition(
                "datum.partial",
                alt.value("var(--card)"),
                _by_label(alt.Fill, labels, _COLOURS),
            ),
            tooltip=tooltips("day", "label", "shown", "posts", "authors"),
        ),
        truth.mark_line(
            strokeDash=[3, 3],
            strokeWidth=2,
            point={"shape": "diamond", "filled": False, "size": 30},
        ),
        height=260,
    )


@lru_cache(maxsize=64)
def _preview_layout(labels: tuple[str, ...]) -> Spec:
    bars = _bars().encode(
        y=alt.Y("bottom:Q", axis=None, scale=alt.Scale(domain=[0, 1])),
        y2="top:Q",
        fill=_by_label(alt.Fill, labels, _HATCHES),
        stroke=_by_label(alt.Stroke, labels, _COLOURS),
    )
    return finished(*_event_layers(), bars, height=160)


@lru_cache(maxsize=1)
def _volume_layout() -> Spec:
    bars = _bars().encode(
        y=alt.Y("bottom:Q", title=None, axis=alt.Axis(tickCount=4, format="~s")),
        y2="top:Q",
        stroke=_by_label(alt.Stroke, _VOLUMES, _VOLUME_COLOURS),
        # As above: paler, a bar of posts would look like one of reposts.
        fill=alt.condition(
            "datum.partial",
            alt.value("var(--card)"),
            _by_label(alt.Fill, _VOLUMES, _VOLUME_COLOURS),
        ),
        tooltip=tooltips("day", "posts", "reposts", "authors"),
    )
    return finished(*_event_layers(), bars, height=160)


def _bars() -> alt.Chart:
    figures = alt.Chart(alt.NamedData("figures"))
    day_width = alt.ExprRef("0.8 * width * 86400000 / (last - first)")
    bars: alt.Chart = figures.mark_bar(width=day_width).encode(x=_time_axis())
    return bars


def _event_layers() -> list[alt.Chart]:
    """A thin line with the event's number on top; the page lists what the numbers mean."""
    events = alt.Chart(alt.NamedData("events")).encode(x=_time_axis())
    number = events.mark_text(y=-8, color="var(--muted)", fontSize=11, fontWeight="bold")
    rule = events.mark_rule(color="var(--muted)", strokeDash=[2, 3])
    return [rule, number.encode(text="number:N")]


def _change_layers() -> list[alt.Chart]:
    """A solid line before the first day of a new level, with a triangle to point at below."""
    changes = alt.Chart(alt.NamedData("changes"))
    placed = changes.encode(x=_time_axis("between:T"))
    mark = placed.mark_point(
        shape="triangle-up", filled=True, size=110, opacity=1, color="var(--ink)", yOffset=-5
    )
    told = mark.encode(y=alt.datum(0), tooltip=tooltips("when", "moved"))
    return [placed.mark_rule(color="var(--ink)", strokeWidth=1.5), told]


def _time_axis(field: str = "day:T") -> alt.X:
    ends = [alt.ExprRef("first"), alt.ExprRef("last")]
    return alt.X(
        field,
        title=None,
        scale=alt.Scale(type="utc", domain=ends, nice=False),
        axis=alt.Axis(
            labelExpr=DAY_LABELS,
            tickMinStep=86_400_000,
            grid=False,
            labelOverlap=True,
            tickCount=8,
        ),
    )


def _by_label(channel: Any, labels: tuple[str, ...], values: tuple[str, ...]) -> Any:
    """An encoding of the label; equal legends of several channels become one."""
    return channel(
        "label:N",
        scale=alt.Scale(domain=list(labels), range=list(values[: len(labels)])),
        legend=alt.Legend(orient="top", title=None, offset=18, symbolOpacity=1),
    )


def tooltips(*fields: str) -> list[alt.Tooltip]:
    """What a mark tells when it is pointed at; the browser writes the day."""
    titles = {"when": "day", "label": "answer", "shown": "share", "moved": "change point"}
    day = alt.Tooltip("utcyearmonthdate(day):T", title="day", format="%A %-d %B %Y")
    return [
        day if field == "day" else alt.Tooltip(f"{field}:N", title=titles.get(field, field))
        for field in fields
    ]


def finished(*layers: alt.Chart, height: int) -> Spec:
    """Gives a chart its size and calm looks; it takes the width of its place on the page."""
    chart = (
        alt.layer(*layers)
        .properties(width="container", height=height, background="transparent")
        .configure(
            font="system-ui, sans-serif",
            aria=False,
            autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
            padding={"left": 0, "right": 8, "top": 4, "bottom": 6},
        )
        .configure_view(stroke=None)
        .configure_axis(
            labelColor="var(--muted)",
            domainColor="var(--line)",
            tickColor="var(--line)",
            gridColor="var(--line)",
            titleColor="var(--muted)",
            labelFontSize=12,
        )
        .configure_legend(labelColor="var(--ink)", labelFontSize=13)
    )
    spec: Spec = chart.to_dict()
    return spec
