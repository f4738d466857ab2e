"""Coverage: for every moment the best answer that a source ever gave about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select

from collectors.post import Coverage, CoverageStatus
from monitor.store.chunks import in_chunks
from monitor.store.rows import COVERAGE
from monitor.store.values import OTHER_TERMS, CoverageSpan

_CLOCKS_DIFFER = timedelta(minutes=1)
_BETTER_LAST = ("gap", "partial", "complete")
_SPAN = COVERAGE.c
_COLUMNS = (
    _SPAN.source,
    _SPAN.start_at,
    _SPAN.end_at,
    _SPAN.status,
    _SPAN.reason,
    _SPAN.backfilled,
)


def save(
    connection: Connection,
    topic: str,
    source: str,
    coverage: Sequence[Coverage],
    *,
    backfilled: bool,
) -> None:
    """Lays new spans over the stored ones: what was known better stays."""
    new = [
        CoverageSpan(source, span.start, span.end, span.status, span.reason, backfilled)
        for span in coverage
        if span.start < span.end
    ]
    if not new:
        return
    first, last = min(span.start for span in new), max(span.end for span in new)
    before = _stored(connection, topic, source, _SPAN.start_at <= last, _SPAN.end_at >= first)
    _replace(connection, topic, before, overlaid([*before, *new]))


def lower(connection: Connection, topic: str, source: str, most: CoverageStatus) -> None:
    """Lets what a source has covered count as no more than `most`: it is asked for other things."""
    if most == _BETTER_LAST[-1]:
        return
    before = _stored(connection, topic, source)
    _replace(connection, topic, before, overlaid(_lowered(span, most) for span in before))


def _lowered(span: CoverageSpan, most: CoverageStatus) -> CoverageSpan:
    if _BETTER_LAST.index(span.status) <= _BETTER_LAST.index(most):
        return span
    return replace(span, status=most, reason=OTHER_TERMS, backfilled=False)


def take_back(connection: Connection, topic: str, source: str, after: datetime) -> None:
    """Takes back what a source has covered of the time to come: a clock was ahead."""
    before = _stored(connection, topic, source, _SPAN.end_at > after + _CLOCKS_DIFFER)
    rest = [replace(span, end=after) for span in before if span.start < after]
    _replace(connection, topic, before, rest)


def overlapping(
    connection: Connection, topic: str, since: datetime, until: datetime
) -> list[CoverageSpan]:
    """Gives the spans that overlap [since, until), sorted by source and time."""
    statement = select(*_COLUMNS).where(
        _SPAN.topic == topic, _SPAN.start_at < until, _SPAN.end_at > since
    )
    found = [CoverageSpan(*row) for row in connection.execute(statement)]
    return sorted(found, key=lambda each: (each.source, each.start, each.end))


def overlaid(spans: Iterable[CoverageSpan]) -> list[CoverageSpan]:
    """One source's spans cut where they overlap, the best answer kept, equal neighbours joined.

    The order of the spans makes no difference: at every moment the greatest answer wins, by
    status, then the one that came at its time before a backfill's, then by reason.
    """
    given = sorted(spans, key=lambda span: span.start)
    result: list[CoverageSpan] = []
    for start, end in pairwise(sorted({edge for s in given for edge in (s.start, s.end)})):
        here = [span for span in given if span.start <= start and end <= span.end]
        if not here:
            continue
        best = max(here, key=_goodness)
        last = result[-1] if result else None
        if last and last.end == start and _goodness(last) == _goodness(best):
            start = result.pop().start  # noqa: PLW2901  the stretch goes on
        result.append(
            CoverageSpan(best.source, start, end, best.status, best.reason, best.backfilled)
        )
    return result


def _goodness(span: CoverageSpan) -> tuple[int, bool, str]:
    return (_BETTER_LAST.index(span.status), not span.backfilled, span.reason)


def _stored(
    connection: Connection, topic: str, source: str, *conditions: ColumnElement[bool]
) -> list[CoverageSpan]:
    statement = select(*_COLUMNS).where(_SPAN.topic == topic, _SPAN.source == source, *conditions)
    return [CoverageSpan(*row) for row in connection.execute(statement)]


def _replace(
    connection: Connection, topic: str, before: Iterable[CoverageSpan], after: list[CoverageSpan]
) -> None:
    _delete(connection, topic, set(before) - set(after))
    _insert(connection, topic, set(after) - set(before))


def _delete(connection: Connection, topic: str, spans: Iterable[CoverageSpan]) -> None:
    for chunk in in_chunks(spans):
        these = [(_SPAN.start_at == span.start) & (_SPAN.end_at == span.end) for span in chunk]
        connection.execute(
            delete(COVERAGE).where(
                _SPAN.topic == topic, _SPAN.source == chunk[0].source, or_(*these)
            )
        )


def _insert(connection: Connection, topic: str, spans: Iterable[CoverageSpan]) -> None:
    rows = [
        {
            "topic": topic,
            "source": span.source,
            "start_at": span.start,
            "end_at": span.end,
            "status": span.status,
            "reason": span.reason,
            "backfilled": span.backfilled,
        }
        for span in spans
    ]
    if rows:
        connection.execute(insert(COVERAGE), rows)
