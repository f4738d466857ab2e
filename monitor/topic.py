"""A topic: what is watched, towards which targets, in whose days."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from collectors.languages import stored_codes
from collectors.post import Window
from monitor.alert_rule import completed
from monitor.errors import ConfigurationError, UsageError
from monitor.problem import Problem
from monitor.topic_file import TopicFile, read_topic_file

PUBLIC = "public"
"""The cohort of everybody who fits no other."""
PORTABLE = ""
"""The key of the query for sources that have none of their own."""
_LONGEST_DESCRIPTION = 1000  # characters looked at: an author chooses them, a pattern pays for them


@dataclass(frozen=True, slots=True)
class Target:
    """What stance is asked towards: `text` is what the classifier reads."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Cohort:
    """Authors who put themselves into a group: any pattern, found anywhere, in any case."""

    name: str
    patterns: tuple[re.Pattern[str], ...]


@dataclass(frozen=True, slots=True)
class Event:
    """Something to annotate; `at` is aware UTC."""

    at: datetime
    title: str


@dataclass(frozen=True, slots=True)
class Query:
    """What a source is asked for; `options` belong to the source's collector."""

    terms: tuple[str, ...]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Topic:
    """What is watched.

    Attributes:
        start, end: First day, and first day left out, in `timezone`.
        languages: Primary subtags of the languages that are scored, former ones of posts included.
        targets: At least one; the first is the headline.
        queries: By source; `PORTABLE` is the key of what all others use.
        minimum_authors: Groups of fewer distinct authors are never shown.
        alerts: Rules as written.
        sample: Folder in `config/samples` whose posts stand in until real ones come.
    """

    name: str
    title: str
    timezone: ZoneInfo
    start: date
    end: date
    languages: tuple[str, ...]
    targets: tuple[Target, ...]
    queries: Mapping[str, Query]
    cohorts: tuple[Cohort, ...] = ()
    events: tuple[Event, ...] = ()
    minimum_authors: int = 10
    alerts: tuple[Mapping[str, Any], ...] = ()
    sample: str | None = None

    @property
    def target_texts(self) -> dict[str, str]:
        """What people are asked about, by the targets' names."""
        return {target.name: target.text for target in self.targets}

    @property
    def span(self) -> tuple[date, date]:
        """The first day, and the first one left out."""
        return self.start, self.end

    @property
    def window(self) -> Window:
        """From the local midnight that starts `start` to the one that starts `end`."""
        return self.window_of(None, None)

    def window_of(self, since: date | None, until: date | None) -> Window:
        """From one day (or time) to another that is left out; the window's own ends where None."""
        return Window(
            _instant(since or self.start, self.timezone),
            _instant(until or self.end, self.timezone),
        )

    def day_of(self, moment: datetime) -> date:
        """The calendar day of an aware moment in the topic's time zone."""
        return moment.astimezone(self.timezone).date()

    def days(self) -> list[date]:
        """Every day of the window, in order, but for one that the time zone skipped."""
        days = [self.start + timedelta(n) for n in range((self.end - self.start).days)]
        return [day for day in days if self.day_of(_instant(day, self.timezone)) == day]

    def cohort_of(self, self_description: str | None) -> str:
        """The first cohort that fits what an author says of themselves, else `PUBLIC`."""
        text = (self_description or "")[:_LONGEST_DESCRIPTION]
        for cohort in self.cohorts:
            if any(pattern.search(text) for pattern in cohort.patterns):
                return cohort.name
        return PUBLIC

    def query_for(self, source: str) -> Query:
        """The source's own query, else the portable one."""
        return self.queries.get(source, self.queries[PORTABLE])


def check_topic_file(path: Path) -> list[Problem]:
    """Every mistake in a topic file, in the order of its lines; none for a valid one."""
    return read_topic_file(Path(path))[1]


def load_topic(path: Path) -> Topic:
    """Reads one topic file.

    Raises:
        ConfigurationError: Names every mistake with its place.
    """
    content, problems = read_topic_file(Path(path))
    if content is None:
        listed = "\n".join(f"  {one}" for one in problems)
        raise ConfigurationError(
            f"{Path(path).name} has {len(problems)} mistake(s):\n{listed}",
            hint="mend them; `monitor topics check` looks again",
        )
    return _topic(content)


def load_topics(folder: Path) -> dict[str, Topic]:
    """Every `*.toml` in a folder, by name, in the order of the names.

    Raises:
        ConfigurationError: As `load_topic`, or the folder is not there.
    """
    if not Path(folder).is_dir():
        raise ConfigurationError(
            f"there is no folder {folder}", hint="create it, or set MONITOR_CONFIG"
        )
    topics = [load_topic(path) for path in sorted(Path(folder).glob("*.toml"))]
    return {topic.name: topic for topic in topics}


def _topic(content: TopicFile) -> Topic:
    zone = ZoneInfo(content.timezone)
    return Topic(
        name=content.name,
        title=content.title,
        timezone=zone,
        start=content.start,
        end=content.end,
        languages=stored_codes(content.languages),
        targets=tuple(Target(one.name, one.text) for one in content.targets),
        queries=_queries(content),
        cohorts=tuple(Cohort(one.name, _compiled(one.patterns)) for one in content.cohorts),
        events=tuple(
            sorted((Event(_instant(e.at, zone), e.title) for e in content.events), key=_when)
        ),
        minimum_authors=content.privacy.minimum_authors,
        alerts=tuple(
            completed(one, [target.name for target in content.targets]) for one in content.alerts
        ),
        sample=content.sample,
    )


def _queries(content: TopicFile) -> dict[str, Query]:
    portable = tuple(content.queries.terms)
    queries = {PORTABLE: Query(portable, {})}
    for source, table in content.queries.by_platform.items():
        queries[source] = Query(tuple(table.terms or portable), dict(table.model_extra or {}))
    return queries


def _compiled(patterns: list[str]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)


def _instant(at: date, zone: ZoneInfo) -> datetime:
    """A date (its first moment), a local time or a time with an offset, as aware UTC."""
    moment = at if isinstance(at, datetime) else datetime.combine(at, time())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    try:
        return moment.astimezone(UTC)
    except OverflowError as exc:
        raise UsageError(
            f"{moment.isoformat()} is no time of the years 1 to 9999 in UTC",
            hint="choose a time within them",
        ) from exc


def _when(event: Event) -> datetime:
    return event.at
