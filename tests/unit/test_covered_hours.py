"""Coverage by the hour adds up, and says why something is lacking."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.post import Window
from monitor.shares.covered import FILES, counting, covered_by_platform, covered_parts
from monitor.shares.hours import covered_hours
from monitor.store.values import OTHER_TERMS, CoverageSpan
from monitor.topic import load_topic

TOPICS = Path(__file__).parents[2] / "config" / "topics"
START = datetime(2020, 6, 1, tzinfo=UTC)
Stretch = tuple[float, float]


def _span(
    begins: float, ends: float, status: str = "complete", reason: str = "", source: str = "x"
) -> CoverageSpan:
    hour = timedelta(hours=1)
    return CoverageSpan(source, START + begins * hour, START + ends * hour, status, reason)


def _hours(spans: list[CoverageSpan], hours: float = 4, sources: tuple[str, ...] = ("x",)):
    window = Window(START, START + timedelta(hours=hours))
    return list(covered_hours("strike", sources, spans, window))


@pytest.mark.parametrize(
    ("spans", "status", "reason"),
    [
        pytest.param([_span(0, 4)], "complete", "", id="complete"),
        pytest.param([_span(0, 4, "gap", "refused")], "gap", "refused", id="gap"),
        pytest.param([_span(0, 4, "partial", "limit")], "partial", "limit", id="partial"),
        pytest.param([], "not_asked", "", id="not asked"),
        pytest.param(
            [_span(0, 1.5), _span(1.5, 4, "gap", "refused")], "partial", "refused", id="half a gap"
        ),
        pytest.param([_span(0, 1.5)], "partial", "not_asked", id="half not asked"),
    ],
)
def test_an_hour_says_how_complete_it_is_and_why(
    spans: list[CoverageSpan], status: str, reason: str
) -> None:
    second = _hours(spans)[1]
    assert (second.status, second.reason) == (status, reason)


def test_a_source_that_is_on_is_told_of_before_it_was_ever_asked() -> None:
    hours = _hours([_span(0, 4)], sources=("bluesky", "x"))
    assert [h.status for h in hours] == ["not_asked"] * 4 + ["complete"] * 4
    assert {h.source for h in hours[:4]} == {"bluesky"}


@given(st.lists(st.floats(0, 6, allow_nan=False), min_size=2, max_size=12, unique=True), st.data())
def test_the_parts_of_an_hour_are_a_whole(edges: list[float], data: st.DataObject) -> None:
    ordered = sorted(edges)
    status = st.sampled_from(["complete", "partial", "gap", None])
    spans = [
        _span(begins, ends, chosen)
        for begins, ends in pairwise(ordered)
        if (chosen := data.draw(status))
    ]
    for hour in _hours(spans, 3.5):
        parts = hour.complete + hour.partial + hour.gap + hour.not_asked
        assert round(parts, 10) == 1


@pytest.mark.parametrize(
    "minutes",
    [
        pytest.param({"complete": 20, "partial": 20, "gap": 20}, id="thirds"),
        pytest.param({"complete": 10, "partial": 10, "gap": 40}, id="sixths"),
        pytest.param({"complete": 35, "partial": 10, "gap": 15}, id="twelfths"),
    ],
)
def test_an_hour_that_was_asked_for_wholly_lacks_nothing(minutes: dict[str, int]) -> None:
    begins, spans = 0.0, []
    for status, length in minutes.items():
        spans.append(_span(begins / 60, (begins + length) / 60, status, ""))
        begins += length
    (hour,) = _hours(spans, 1)
    assert (hour.not_asked, hour.reason, hour.status) == (0, "", "partial")
    assert round(hour.complete + hour.partial + hour.gap, 10) == 1


def test_an_instant_that_was_not_asked_for_has_its_reason() -> None:
    (hour,) = _hours([_span(0, 1 - 1 / 3600)], 1)
    assert (hour.complete, hour.not_asked, hour.reason) == (0.9997, 0.0003, "not_asked")


DAY = load_topic(TOPICS / "facebook-walkout-2020.toml").start + timedelta(days=6)


def _of_day(source: str, hours: tuple[float, float], status: str = "complete") -> CoverageSpan:
    begin = load_topic(TOPICS / "facebook-walkout-2020.toml").window_of(DAY, None).start
    start, end = (begin + timedelta(hours=hour) for hour in hours)
    return CoverageSpan(source, start, end, status, "")


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        pytest.param([_of_day("file", (0, 24))], (1.0, 1.0, 1.0), id="a file alone"),
        pytest.param(
            [_of_day("bluesky", (0, 2)), _of_day("file", (0, 24))],
            (0.0833, 0.0833, 1.0),
            id="a file beside live collection",
        ),
        pytest.param(
            [
                _of_day("bluesky", (-24, -22)),
                _of_day("bluesky", (-22, 24), "gap"),
                _of_day("file", (0, 24)),
            ],
            (0.0, 0.0, 1.0),
            id="a file of a day on which live collection failed",
        ),
        pytest.param(
            [
                _of_day("bluesky", (0, 12), "gap"),
                _of_day("bluesky", (12, 18)),
                _of_day("file", (-24, 24)),
            ],
            (0.75, 0.75, 1.0),
            id="a file of before anything was collected live",
        ),
        pytest.param(
            [
                replace(_of_day("bluesky", (-24, 24), "gap"), reason=OTHER_TERMS),
                _of_day("file", (0, 24)),
            ],
            (0.0, 0.0, 1.0),
            id="a file beside what was collected for other terms",
        ),
        pytest.param(
            [_of_day("mastodon", (0, 24)), _of_day("bluesky", (0, 2)), _of_day("file", (0, 24))],
            (1.0, 0.0833, 1.0),
            id="another platform is collected live",
        ),
    ],
)
def test_a_file_closes_no_gap_of_live_collection(
    spans: list[CoverageSpan], expected: tuple[float, float, float]
) -> None:
    topic = load_topic(TOPICS / "facebook-walkout-2020.toml")
    counted = covered_by_platform(topic, spans)
    total = covered_parts(topic, counting(spans))
    assert (total[DAY], counted.get((DAY, "bluesky"), 1.0), counted[DAY, FILES]) == expected


def test_a_platform_s_figures_tell_of_its_own_coverage() -> None:
    topic = load_topic(TOPICS / "facebook-walkout-2020.toml")
    day = topic.start + timedelta(days=6)
    begin = topic.window_of(day, None).start
    half = begin + timedelta(hours=12)
    spans = [
        CoverageSpan("x", begin, half, "complete", ""),
        CoverageSpan("mastodon", begin, begin + timedelta(hours=24), "complete", ""),
        CoverageSpan("file", half, half + timedelta(hours=6), "complete", ""),
    ]
    assert covered_by_platform(topic, spans) == {
        (day, "x"): 0.5,
        (day, "mastodon"): 1.0,
        (day, FILES): 0.25,
    }
