"""Coverage by the hour: what a source was asked for, and what came back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from typing import Literal

from collectors.post import Window
from monitor.figure import DIGITS
from monitor.store.values import CoverageSpan

NOT_ASKED = "not_asked"
HourStatus = Literal["complete", "partial", "gap", "not_asked"]
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class CoveredHour:
    """One hour (or the part of it that lies in what was asked for) of one source.

    Attributes:
        status: `complete`; `gap`: nothing of it came; `not_asked`; `partial`: anything else.
        reason: Why it is not complete: fixed words, comma-separated.
        complete, partial, gap, not_asked: Parts of the hour, together 1.
        backfilled: Whether some of what came was asked for later, by a backfill.
    """

    topic: str
    source: str
    hour: datetime
    status: HourStatus
    reason: str
    complete: float
    partial: float
    gap: float
    not_asked: float
    backfilled: bool


def covered_hours(
    topic: str, sources: Iterable[str], spans: Sequence[CoverageSpan], window: Window
) -> Iterator[CoveredHour]:
    """Gives every hour (UTC) of a time, by source and time.

    Args:
        topic: Its name.
        sources: Those to tell of, besides those that the spans are of.
        spans: What is known; a source's do not overlap.
        window: The time to tell of; hours that have not come yet are the caller's to leave out.
    """
    by_source: dict[str, list[CoverageSpan]] = defaultdict(list)
    for span in sorted(spans, key=lambda one: one.start):
        by_source[span.source].append(span)
    for source in sorted({*sources, *by_source}):
        own, first = by_source[source], 0
        for hour in _hours(window):
            here = Window(max(hour, window.start), min(hour + _HOUR, window.end))
            while first < len(own) and own[first].end <= here.start:
                first += 1
            inside = []
            for span in own[first:]:
                if span.start >= here.end:
                    break
                inside.append(span)
            yield _hour(topic, source, here, inside)


def _hours(window: Window) -> Iterator[datetime]:
    hour = window.start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour < window.end:
        yield hour
        hour += _HOUR


def _hour(topic: str, source: str, here: Window, spans: Sequence[CoverageSpan]) -> CoveredHour:
    length = here.end - here.start
    parts = {"complete": 0.0, "partial": 0.0, "gap": 0.0}
    reasons = set()
    for span in spans:
        parts[span.status] += (min(span.end, here.end) - max(span.start, here.start)) / length
        reasons |= {span.reason} if span.status != "complete" and span.reason else set()
    parts, missing = _rounded(parts)
    if 0 < missing < 1:
        reasons.add(NOT_ASKED)
    return CoveredHour(
        topic=topic,
        source=source,
        hour=here.start,
        status=_status(parts, missing),
        reason=", ".join(sorted(reasons)),
        **parts,
        not_asked=missing,
        backfilled=any(span.backfilled and span.status != "gap" for span in spans),
    )


def _rounded(parts: Mapping[str, float]) -> tuple[dict[str, float], float]:
    """The parts, and what is missing: rounded where one ends, so that together they are 1."""
    ends = [0.0, *(round(min(end, 1.0), DIGITS) for end in accumulate(parts.values())), 1.0]
    *rounded, missing = (round(end - start, DIGITS) for start, end in pairwise(ends))
    return dict(zip(parts, rounded, strict=True)), missing


def _status(parts: dict[str, float], missing: float) -> HourStatus:
    if missing == 1:
        return "not_asked"
    if parts["complete"] == 1:
        return "complete"
    return "gap" if parts["gap"] == 1 else "partial"
