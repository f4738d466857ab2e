"""How much of each day collection covered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from collectors import platforms
from monitor.store.values import CoverageSpan
from monitor.topic import Topic


def covered_parts(topic: Topic, spans: Sequence[CoverageSpan]) -> dict[date, float]:
    """The covered part of each day, 0 to 1; a day of which no source tells anything is left out.

    A moment counts as covered if any source was asked for it and answered: `complete`, or
    `partial` (a source that only ever hands out a part would otherwise never cover anything;
    the status stands in the coverage export). A `gap` covers nothing. Days have the length
    that they have in the topic's time zone, 23 or 25 hours when the clocks change.
    """
    answered = [(span.start, span.end) for span in spans if span.status != "gap"]
    parts: dict[date, float] = {}
    for day in topic.days():
        window = topic.window_of(day, day + timedelta(1))
        if any(span.start < window.end and window.start < span.end for span in spans):
            covered = _union(answered, window.start, window.end)
            parts[day] = round(covered / (window.end - window.start), 4)
    return parts


def covered_part(spans: Sequence[CoverageSpan], start: datetime, end: datetime) -> float:
    """The part of [start, end) that any source was asked for and answered, 0 to 1."""
    answered = [(span.start, span.end) for span in spans if span.status != "gap"]
    return _union(answered, start, end) / (end - start)


def covered_by_platform(
    topic: Topic, spans: Sequence[CoverageSpan]
) -> dict[tuple[date, str], float]:
    """The same for the posts of single platforms, by day and platform.

    A live source is named after its platform. What came from files may be of any platform, so it
    counts for each; a platform that is not collected live is not among the results.
    """
    of_files = [span for span in spans if span.source not in platforms.names()]
    found: dict[tuple[date, str], float] = {}
    for platform in {span.source for span in spans} & set(platforms.names()):
        own = [span for span in spans if span.source == platform]
        parts = covered_parts(topic, own + of_files)
        found |= {(day, platform): part for day, part in parts.items()}
    return found


def _union(spans: Iterable[tuple[datetime, datetime]], start: datetime, end: datetime) -> timedelta:
    """How long the spans cover [start, end), overlaps counted once."""
    covered = timedelta()
    reached = start
    for span in sorted(spans):
        begins, ends = max(span[0], reached), min(span[1], end)
        if begins < ends:
            covered += ends - begins
            reached = ends
    return covered
