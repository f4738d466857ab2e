"""The covered part of a day."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from monitor.shares.covered import covered_parts
from monitor.store.values import CoverageSpan
from monitor.topic import Query, Target, Topic

MIDNIGHT = datetime(2020, 6, 1, 7, tzinfo=UTC)
DAY = date(2020, 6, 1)


def topic(start=DAY, end=date(2020, 6, 3), zone="America/Los_Angeles"):
    return Topic(
        name="walkout",
        title="Walkout",
        timezone=ZoneInfo(zone),
        start=start,
        end=end,
        languages=("en",),
        targets=(Target("walkout", "the walkout"),),
        queries={"": Query(("walkout",), {})},
    )


def span(begins, hours, status="complete", source="x"):
    start = MIDNIGHT + timedelta(hours=begins)
    return CoverageSpan(source, start, start + timedelta(hours=hours), status, "")


@pytest.mark.parametrize(
    ("spans", "part"),
    [
        pytest.param([span(0, 24)], 1.0, id="whole day"),
        pytest.param([span(-5, 17)], 0.5, id="reaches in from the day before"),
        pytest.param([span(0, 6), span(3, 6, source="bluesky")], 0.375, id="overlap counts once"),
        pytest.param([span(0, 12), span(12, 12, "gap")], 0.5, id="gap covers nothing"),
        pytest.param([span(0, 24, "gap"), span(0, 24)], 1.0, id="asked again later"),
        pytest.param([span(0, 12, "partial")], 0.5, id="partial is covered"),
        pytest.param([span(0, 24, "gap")], 0.0, id="only a gap"),
    ],
)
def test_a_day_is_covered_where_any_source_answered(spans, part):
    assert covered_parts(topic(), spans)[DAY] == part


def test_a_day_that_no_source_tells_of_is_left_out():
    assert covered_parts(topic(), [span(0, 24)]) == {DAY: 1.0}


def test_a_day_that_its_zone_skipped_is_left_out():
    samoa = topic(date(2011, 12, 29), date(2012, 1, 1), "Pacific/Apia")
    asked = CoverageSpan("x", samoa.window.start, samoa.window.end, "complete", "")
    assert covered_parts(samoa, [asked]) == {date(2011, 12, 29): 1.0, date(2011, 12, 31): 1.0}


def test_the_day_the_clocks_change_has_its_own_length():
    spring = date(2020, 3, 8)  # 23 hours
    local = datetime(2020, 3, 8, 8, tzinfo=UTC)
    spans = [CoverageSpan("x", local, local + timedelta(hours=23), "complete", "")]
    assert covered_parts(topic(spring, spring + timedelta(2)), spans) == {spring: 1.0}
