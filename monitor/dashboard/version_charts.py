"""The charts of the models page: how far confidence can be trusted, and drift by day."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import altair as alt

from classifiers.drift import THRESHOLD
from classifiers.reliability import ReliabilityBin
from monitor.alarms.evidence import DriftedDay
from monitor.dashboard import words
from monitor.dashboard.charts import DAY_LABELS, Spec, day_format, finished, tooltips

_EVEN = [{"confidence": 0.0, "right": 0.0}, {"confidence": 1.0, "right": 1.0}]


def reliability_chart(bins: Sequence[ReliabilityBin]) -> Spec:
    """Draws how often answers of similar confidence are right; on the line both agree."""
    records = [
        {
            "confidence": one.confidence,
            "right": one.right,
            "low": one.low,
            "high": one.high,
            "sure": words.percent(one.confidence),
            "shown": f"{words.percent(one.right)} ({words.interval(one.low, one.high)})",
            "posts": one.rows,
        }
        for one in bins
    ]
    return _reliability_layout() | {"datasets": {"bins": records, "even": _EVEN}}


def drift_chart(days: Sequence[DriftedDay], *, with_year: bool) -> Spec:
    """Draws each day's deviation from what the audit labels explain, and the line of drift."""
    records = [
        {
            "day": one.day.isoformat(),
            "deviation": round(one.deviation, 2),
        }
        | ({"drifted": True} if one.deviation >= THRESHOLD else {})
        for one in days
    ]
    data = {"days": records, "line": [{"deviation": THRESHOLD}]}
    return _drift_layout() | {"datasets": data, "params": [day_format(with_year=with_year)]}


@lru_cache(maxsize=1)
def _reliability_layout() -> Spec:
    x = alt.X("confidence:Q", title="confidence", scale=alt.Scale(domain=[0, 1]), axis=_percent())
    y = alt.Y("right:Q", title="right", scale=alt.Scale(domain=[0, 1]), axis=_percent())
    even = alt.Chart(alt.NamedData("even")).mark_line(
        color="var(--muted)", strokeDash=[4, 3], strokeWidth=1.5
    )
    bins = alt.Chart(alt.NamedData("bins")).encode(x=x)
    tooltip = [
        alt.Tooltip("sure:N", title="confidence"),
        alt.Tooltip("shown:N", title="right"),
        alt.Tooltip("posts:N", title="checked posts"),
    ]
    return finished(
        even.encode(x=x, y=y),
        bins.mark_rule(color="var(--first)", strokeWidth=2, opacity=0.5).encode(
            y=alt.Y("low:Q", title="right"), y2="high:Q"
        ),
        bins.mark_point(color="var(--first)", filled=True, size=60, opacity=1).encode(
            y=y, tooltip=tooltip
        ),
        height=260,
    )


@lru_cache(maxsize=1)
def _drift_layout() -> Spec:
    days = alt.Chart(alt.NamedData("days"))
    axis = alt.Axis(labelExpr=DAY_LABELS, grid=False, labelOverlap=True)
    x = alt.X("day:T", title=None, scale=alt.Scale(type="utc"), axis=axis)
    y = alt.Y("deviation:Q", title=None, axis=alt.Axis(tickCount=4))
    tooltip = tooltips("day", "deviation")
    colour = alt.condition("datum.drifted", alt.value("var(--second)"), alt.value("var(--third)"))
    line = alt.Chart(alt.NamedData("line"))
    return finished(
        days.mark_point(filled=True, size=45, opacity=1).encode(
            x=x, y=y, color=colour, tooltip=tooltip
        ),
        line.mark_rule(color="var(--ink)", strokeDash=[4, 3]).encode(y="deviation:Q"),
        height=140,
    )


def _percent() -> alt.Axis:
    return alt.Axis(format=".0%", values=[0, 0.25, 0.5, 0.75, 1])
