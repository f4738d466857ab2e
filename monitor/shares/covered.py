"""How much of each day collection covered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from collectors import platforms
from monitor.figure import ALL, DIGITS
from monitor.store.values import OTHER_TERMS, CoverageSpan
from monitor.topic import Topic

FILES = ""
"""Stands for every platform that is not collected live."""


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
            parts[day] = round(covered / (window.end - window.start), DIGITS)
    return parts


def covered_part(spans: Sequence[CoverageSpan], start: datetime, end: datetime) -> float:
    """The part of [start, end) that any source was asked for and answered, 0 to 1."""
    answered = [(span.start, span.end) for span in spans if span.status != "gap"]
    return _union(answered, start, end) / (end - start)


def covered_by_platform(
    topic: Topic, spans: Sequence[CoverageSpan]
) -> dict[tuple[date, str], float]:
    """The same for the posts of single platforms, by day and platform.

    A live source is named after its platform; all platforms that are not collected live, of which
    there are posts from files alone, are `FILES`.
    """
    found: dict[tuple[date, str], float] = {}
    for platform in {FILES, *(span.source for span in spans if _is_live(span))}:
        parts = covered_parts(topic, counting(spans, platform))
        found |= {(day, platform): part for day, part in parts.items()}
    return found


def counting(spans: Sequence[CoverageSpan], platform: str = ALL) -> list[CoverageSpan]:
    """The spans that count for the posts of a platform, or of all.

    A file covers every day of which it has a post, of whatever platform. That is all there is to
    know where nothing is collected live, but it must not close a gap of live collection: a file
    counts up to the first moment of which a live source (the platform's own) ever told something.
    """
    live = [span for span in spans if _is_live(span) and platform in (ALL, span.source)]
    told = (span.start for span in live if span.status != "gap" or span.reason == OTHER_TERMS)
    until = min(told, default=None)
    for span in spans:
        if not _is_live(span) and (until is None or span.start < until):
            live.append(replace(span, end=min(span.end, until or span.end)))
    return live


def _is_live(span: CoverageSpan) -> bool:
    return span.source in platforms.names()


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
