"""How collection goes: what each source delivered of each day, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from fastapi import FastAPI, Response

from monitor.dashboard import words
from monitor.dashboard.board import Dashboard
from monitor.dashboard.operations import told_count
from monitor.dashboard.permit import Permit, permits
from monitor.dashboard.series import COMPLETE
from monitor.shares.covered import covered_parts
from monitor.store.values import CoverageSpan, JobRun, SourceState
from monitor.topic import Topic

_GAPS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class DayMark:
    """One day of a source: a sign, and the same in words."""

    sign: str
    kind: str
    told: str


@dataclass(frozen=True, slots=True)
class Month:
    """A row of the calendar; None where the topic has no such day."""

    title: str
    days: tuple[DayMark | None, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """Days [since, until) that are not wholly collected, and why, where the source tells."""

    since: date
    until: date
    told: str
    why: str


@dataclass(frozen=True, slots=True)
class SourceBlock:
    """One source.

    Attributes:
        more_gaps: How many gaps there are besides those listed.
        tells: Whether it tells what it was asked for; without that no gap is known.
        is_on: Whether it is switched on, so that it can be asked again.
        permit: What its terms say and what it costs; None for what comes from files.
    """

    source: str
    posts: int
    newest_post: str
    last_success: str
    last_run: str
    next_run: str
    rejections: tuple[str, ...]
    months: tuple[Month, ...]
    gaps: tuple[Gap, ...]
    more_gaps: int
    tells: bool
    is_on: bool
    permit: Permit | None


@dataclass(frozen=True, slots=True)
class CollectionPage:
    """Everything that the collection template shows."""

    topic: Topic
    sources: tuple[SourceBlock, ...]


def add_collection_page(app: FastAPI, board: Dashboard) -> None:
    """Adds the page of a topic's collection."""

    @app.get("/topics/{name}/collection")
    def show_collection(name: str) -> Response:
        topic = board.topic(name)
        window = topic.window
        spans = board.queries.coverage(topic.name, window.start, window.end)
        today = topic.day_of(board.clock())
        permitted = permits(board, topic)
        blocks = tuple(
            _block(board, topic, source, [s for s in spans if s.source == source.source], today)
            for source in _sources(board, topic, permitted)
        )
        blocks = tuple(replace(one, permit=permitted.get(one.source)) for one in blocks)
        return board.page("collection.html", page=CollectionPage(topic, blocks))


def _sources(board: Dashboard, topic: Topic, on: Iterable[str]) -> list[SourceState]:
    """Those that have delivered something, and those that are switched on."""
    known = {one.source: one for one in board.sources(topic)}
    silent = {name: SourceState(name, 0, None, None, {}) for name in on}
    return [source for _, source in sorted((silent | known).items())]


def _block(
    board: Dashboard, topic: Topic, source: SourceState, spans: Sequence[CoverageSpan], today: date
) -> SourceBlock:
    parts = covered_parts(topic, spans)
    job = f"collect:{source.source}:{topic.name}"
    run = board.queries.last_run(job)
    gaps = _gaps(topic, parts, spans, today) if parts else []
    newest = source.last_post_at
    at = source.checkpoint_at
    return SourceBlock(
        source=source.source,
        posts=source.posts,
        newest_post=words.moment(newest, topic.timezone) if newest else "none",
        last_success=words.moment(at, topic.timezone) if at else "never",
        last_run=_run_words(run, topic),
        next_run=_next_run(board, topic, run),
        rejections=_rejections(source, topic),
        months=_months(topic, parts, today),
        gaps=tuple(gaps[:_GAPS_SHOWN]),
        more_gaps=max(len(gaps) - _GAPS_SHOWN, 0),
        tells=bool(parts),
        is_on=source.source in board.settings.sources.enabled(),
        permit=None,
    )


def _rejections(source: SourceState, topic: Topic) -> tuple[str, ...]:
    """How many by reason, most first, as `Dashboard.sources` tells them."""
    found = sorted(source.rejections.items(), key=lambda one: (-one[1], one[0]))
    return tuple(
        f"{told_count(times, topic.minimum_authors)} {reason.replace('_', ' ')}"
        for reason, times in found
    )


def _run_words(run: JobRun | None, topic: Topic) -> str:
    if run is None:
        return "not by the daemon yet"
    told = f"{run.status}, {words.moment(run.started_at, topic.timezone)}"
    return f"{told}: {run.error}" if run.error else told


def _next_run(board: Dashboard, topic: Topic, run: JobRun | None) -> str:
    schedule = board.settings.jobs.collect
    if not schedule.enabled:
        return "collecting is switched off"
    if run is None:
        return "when the daemon runs"
    if schedule.every is None:
        return f"by crontab {schedule.cron} (UTC)"
    return words.moment(run.started_at + timedelta(seconds=schedule.every), topic.timezone)


def _last_day(topic: Topic, today: date) -> date:
    return min(today, topic.end - timedelta(days=1))


def _months(topic: Topic, parts: Mapping[date, float], today: date) -> tuple[Month, ...]:
    first, last = topic.start, _last_day(topic, today)
    months: dict[tuple[int, int], list[DayMark | None]] = {}
    day = first
    while day <= last:
        row = months.setdefault((day.year, day.month), [None] * 31)
        row[day.day - 1] = _mark(day, parts)
        day += timedelta(days=1)
    return tuple(
        Month(f"{date(year, month, 1):%B} {year}", tuple(row))
        for (year, month), row in months.items()
    )


def _mark(day: date, parts: Mapping[date, float]) -> DayMark:
    part = parts.get(day)
    when = words.day_short(day)
    if part is None:
        return DayMark("·", "unknown", f"{when}: not asked for")
    if part >= COMPLETE:
        return DayMark("●", "whole", f"{when}: whole")
    if part == 0:
        return DayMark("○", "none", f"{when}: nothing")
    return DayMark("◐", "part", f"{when}: {words.percent(part)}")


def _gaps(
    topic: Topic, parts: Mapping[date, float], spans: Sequence[CoverageSpan], today: date
) -> list[Gap]:
    """Neighbouring days that are over and not whole, as one gap each."""
    over = min(today, topic.end)
    missing = [day for day in topic.days() if day < over and parts.get(day, 0.0) < COMPLETE]
    runs: list[list[date]] = []
    for day in missing:
        if runs and runs[-1][-1] + timedelta(days=1) == day:
            runs[-1].append(day)
        else:
            runs.append([day])
    return [_gap(topic, run[0], run[-1], spans) for run in runs]


def _gap(topic: Topic, first: date, last: date, spans: Sequence[CoverageSpan]) -> Gap:
    until = last + timedelta(days=1)
    window = topic.window_of(first, until)
    inside = (one for one in spans if one.start < window.end and window.start < one.end)
    why = words.why_lacking(one.reason for one in inside if one.status != "complete")
    return Gap(first, until, words.days_between(first, last), why)
