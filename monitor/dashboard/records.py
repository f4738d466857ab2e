"""The rows that charts are drawn from; what is withheld is not among them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from monitor.dashboard import words
from monitor.dashboard.series import SharesDay, SharesSeries, VolumeSeries, every_day, partial_word
from monitor.dashboard.truth import Known
from monitor.figure import Figure

Record = dict[str, Any]
_DIGITS = 4
"""Of a share that is drawn: finer than any screen."""


def share_records(series: SharesSeries, today: date) -> list[Record]:
    """Returns a record per day and label; one without a share makes the line break off."""
    by_day = {one.day: one for one in series.days}
    days = every_day(series.days[0].day, series.days[-1].day)
    return [record for day in days for record in _day_records(day, by_day.get(day), series, today)]


def preview_records(series: SharesSeries) -> list[Record]:
    """Returns the uncorrected shares as parts of a bar per day."""
    records: list[Record] = []
    for one in series.days:
        bottom = 0.0
        for figure in one.figures:
            if figure.share_raw is None:
                continue
            told = {"day": one.day.isoformat(), "label": words.label_word(figure.label)}
            records.append(told | {"bottom": bottom, "top": bottom + figure.share_raw})
            bottom += figure.share_raw
    return records


def volume_records(series: VolumeSeries, today: date) -> list[Record]:
    """Returns posts and, on top of them, reposts as parts of a bar per day."""
    records: list[Record] = []
    for one in series.days:
        if one.posts is None or one.reposts is None:
            continue
        told: Record = {"day": one.day.isoformat()}
        told |= {"posts": one.posts, "reposts": one.reposts, "authors": one.authors}
        told |= _partial(bool(partial_word(one, today)))
        top = one.posts + one.reposts
        records.append({"label": "posts", "bottom": 0, "top": one.posts} | told)
        records.append({"label": "reposts", "bottom": one.posts, "top": top} | told)
    return records


def truth_records(known: Known) -> list[Record]:
    """Returns the true share of each day and label; a day without makes the line break off."""
    if not known:
        return []
    labels = sorted({label for shares in known.values() for label in shares})
    return [
        {
            "day": day.isoformat(),
            "label": words.label_word(label),
            "share": known.get(day, {}).get(label),
        }
        for day in every_day(min(known), max(known))
        for label in labels
    ]


def event_records(events: Mapping[date, str], first: date, last: date) -> list[Record]:
    """Returns the events of the days from the first to the last."""
    return [
        {"day": day.isoformat(), "number": number}
        for day, number in events.items()
        if first <= day <= last
    ]


def _day_records(
    day: date, shown: SharesDay | None, series: SharesSeries, today: date
) -> list[Record]:
    figures = {figure.label: figure for figure in shown.figures} if shown else {}
    partial = bool(shown and partial_word(shown, today))
    return [
        _share_record(day, label, figures.get(label)) | _partial(partial) for label in series.labels
    ]


def _partial(is_partial: bool) -> Record:
    """What a record says of a day that is not whole; of others nothing, as most are."""
    return {"partial": True} if is_partial else {}


def _share_record(day: date, label: str, figure: Figure | None) -> Record:
    record: Record = {"day": day.isoformat(), "label": words.label_word(label)}
    if figure is None or figure.share is None or figure.low is None or figure.high is None:
        return record | {"share": None, "low": None, "high": None}
    shown = f"{words.percent(figure.share)} ({words.interval(figure.low, figure.high)})"
    drawn = {"share": figure.share, "low": figure.low, "high": figure.high}
    record |= {name: round(value, _DIGITS) for name, value in drawn.items()}
    return record | {"shown": shown, "posts": figure.posts, "authors": figure.authors}
