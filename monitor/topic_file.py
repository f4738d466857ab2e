"""Reads and checks a topic file: every mistake in it at once, each with its line."""

from __future__ import annotations

import difflib
import re
import tomllib
import zoneinfo
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Self, TypeGuard

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from collectors import platforms
from collectors.hashtags import hashtag
from collectors.source import HASHTAGS
from monitor import problem, toml_places
from monitor.alert_rule import AlertTable, misfits
from monitor.languages import LANGUAGES
from monitor.pattern import runs_away
from monitor.problem import Problem, mistake, nearest
from monitor.toml_table import Name, Table

LEAST_MINIMUM_AUTHORS = 5
MANUAL = "docs/topics.md"

_FORMER_NAMES = {"rss": "feed"}
"""What platforms were called in topic files before; still read."""
_RESERVED_COHORTS = ("all", "public")


def _said(value: str) -> str:
    if any(character.isprintable() and not character.isspace() for character in value):
        return value
    raise mistake("the text is empty", "write something in it")


def _zone(value: str) -> str:
    zones = zoneinfo.available_timezones()
    if value in zones:
        return value
    close = difflib.get_close_matches(value, sorted(zones), n=1, cutoff=0.5)
    hint = f'did you mean "{close[0]}"?' if close else 'use an IANA name such as "Europe/Berlin"'
    raise mistake(f'"{value}" is not a known time zone', hint)


def _language(value: str) -> str:
    if value in LANGUAGES:
        return value
    primary = re.split(r"[-_]", value.strip().lower())[0]
    hint = f'use "{primary}"' if primary in LANGUAGES else 'use a code such as "en" or "de"'
    raise mistake(f'"{value}" is not a known language code', hint)


def _cohort(value: str) -> str:
    if value not in _RESERVED_COHORTS:
        return value
    raise mistake(f'a cohort cannot be called "{value}"', '"public" is everybody who fits no other')


def _pattern(value: str) -> str:
    try:
        compiled = re.compile(value)
    except re.error as exc:
        hint = "see https://docs.python.org/3/library/re.html; a literal ( is written \\("
        raise mistake(f"'{value}' is not a regular expression: {exc}", hint) from exc
    if compiled.search(""):
        raise mistake(f"'{value}' fits everybody", "a pattern must not match an empty text")
    if runs_away(value):
        hint = "leave one of the repeats out, or end each round with what every round must have"
        raise mistake(f"'{value}' repeats a repeat: some texts would keep it busy for ever", hint)
    return value


def _moment(value: object) -> date:
    if isinstance(value, date):
        return value
    raise mistake(f"{value!r} is no date or time", "write 2020-06-01 or 2020-06-01T10:30:00")


def _enough_authors(value: int) -> int:
    if value >= LEAST_MINIMUM_AUTHORS:
        return value
    message = f"{value} would show groups of fewer than {LEAST_MINIMUM_AUTHORS} people"
    raise mistake(message, f"use {LEAST_MINIMUM_AUTHORS} or more; 10 is the default")


def _some(value: list[Any]) -> list[Any]:
    if value:
        return value
    raise mistake("the list is empty", "give at least one")


Said = Annotated[str, AfterValidator(_said)]
Language = Annotated[str, AfterValidator(_language)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Some = AfterValidator(_some)


class TargetTable(Table):
    """`[[targets]]`: what stance is asked towards."""

    name: Name
    text: Said


class QueryTable(Table):
    """`[queries.<source>]`: terms, and options that the source's collector understands."""

    model_config = ConfigDict(extra="allow")

    terms: Annotated[list[Said], Some] | None = None


class QueriesTable(Table):
    """`[queries]`: portable terms, and what platforms are asked instead, by their names."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, QueryTable] = Field(init=False)

    terms: Annotated[list[Said], Some]

    @model_validator(mode="wrap")
    @classmethod
    def _names_platforms(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        known = ("terms", *platforms.names(), *_FORMER_NAMES)
        for key in data if isinstance(data, dict) else ():
            if key not in known:
                raise mistake(f'unknown key "{key}"', nearest(key, known), at=(key,))
        return handler(data)

    @property
    def by_platform(self) -> Mapping[str, QueryTable]:
        """The platforms' own tables."""
        tables = self.__pydantic_extra__
        former = {new: tables[old] for old, new in _FORMER_NAMES.items() if old in tables}
        return {**former, **{k: v for k, v in tables.items() if k not in _FORMER_NAMES}}


class CohortTable(Table):
    """`[[cohorts]]`: a group that authors put themselves into by their self-description."""

    name: Annotated[Name, AfterValidator(_cohort)]
    patterns: Annotated[list[Pattern], Some]


class EventTable(Table):
    """`[[events]]`: something to annotate on the charts."""

    at: Annotated[Any, AfterValidator(_moment)]
    title: Said


class PrivacyTable(Table):
    """`[privacy]`."""

    minimum_authors: Annotated[int, AfterValidator(_enough_authors)] = 10


class TopicFile(Table):
    """A topic file as it is written."""

    name: Name
    title: Said
    timezone: Annotated[str, AfterValidator(_zone)]
    start: date
    end: date
    languages: Annotated[list[Language], Some]
    targets: Annotated[list[TargetTable], Some]
    queries: QueriesTable
    cohorts: list[CohortTable] = Field(default_factory=list)
    events: list[EventTable] = Field(default_factory=list)
    privacy: PrivacyTable = Field(default_factory=PrivacyTable)
    alerts: list[AlertTable] = Field(default_factory=list)
    sample: Name | None = None


def read_topic_file(path: Path) -> tuple[TopicFile | None, list[Problem]]:
    """Reads a topic file.

    Returns:
        The file's content and no problem, or None and every problem in the order of the file.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8"
        return None, [Problem(path.name, f"cannot be read: {reason}", "save it as UTF-8 text")]
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        return None, [_syntax_problem(exc, text)]
    return _checked(raw, toml_places.find_lines(text), path.stem)


def _syntax_problem(error: tomllib.TOMLDecodeError, text: str) -> Problem:
    message, _, place = str(error).partition(" (at ")
    place = place.rstrip(")")
    if not place.startswith("line"):
        place = f"line {text.count(chr(10)) + 1}, end of the file"
    return Problem(place, f"not TOML: {message}", "strings stand in quotes, dates do not")


def _checked(
    raw: dict[str, Any], lines: Mapping[problem.Path, int], stem: str
) -> tuple[TopicFile | None, list[Problem]]:
    def place(path: problem.Path) -> str:
        known = next(path[:n] for n in range(len(path), -1, -1) if path[:n] in lines or n == 0)
        return f"line {lines.get(known, 1)}, {problem.dotted(path)}".removesuffix(", ")

    content, problems = None, list[Problem]()
    try:
        content = TopicFile.model_validate(raw)
    except ValidationError as exc:
        problems = problem.problems_of(exc, TopicFile, place, manual=MANUAL)
    problems += [
        Problem(place(path), message, hint) for path, message, hint in _contradictions(raw, stem)
    ]
    problems.sort(key=lambda one: int(one.place.split(",")[0].removeprefix("line ")))
    return (None if problems else content), problems


Contradiction = tuple[problem.Path, str, str]


def _contradictions(raw: Mapping[str, Any], stem: str) -> Iterator[Contradiction]:
    """What is wrong between keys; looks only at keys whose own type is right."""
    name = raw.get("name")
    if isinstance(name, str) and name != stem:
        yield ("name",), f'"{name}" is not the file\'s name', f'use "{stem}" or rename the file'
    yield from _window_contradictions(raw)
    for table, key in (("targets", "name"), ("cohorts", "name"), ("alerts", "name")):
        yield from _repeated([(table, i, key) for i in range(len(_tables(raw, table)))], raw)
    yield from _alert_contradictions(raw)
    yield from _twice_told_platforms(raw)
    yield from _misfitting_options(raw)
    if isinstance(raw.get("languages"), list):
        yield from _repeated([("languages", i) for i in range(len(raw["languages"]))], raw)


def _alert_contradictions(raw: Mapping[str, Any]) -> Iterator[Contradiction]:
    targets = [str(one.get("name")) for one in _tables(raw, "targets")]
    cohorts = [str(one.get("name")) for one in _tables(raw, "cohorts")]
    for index, rule in enumerate(_tables(raw, "alerts")):
        for key, message, hint in misfits(rule, targets, cohorts):
            yield ("alerts", index, key), message, hint


def _twice_told_platforms(raw: Mapping[str, Any]) -> Iterator[Contradiction]:
    queries = raw.get("queries")
    for old, new in _FORMER_NAMES.items():
        if isinstance(queries, dict) and old in queries and new in queries:
            hint = f"put everything into [queries.{new}]"
            yield ("queries", old), f"{old} and {new} are one platform", hint


def _misfitting_options(raw: Mapping[str, Any]) -> Iterator[Contradiction]:
    """What platforms do not understand in their queries."""
    queries = raw.get("queries")
    for name, query in queries.items() if isinstance(queries, dict) else ():
        platform = _FORMER_NAMES.get(name, name)
        given = query.keys() - {"terms"} if isinstance(query, dict) else ()
        if not given or platform not in platforms.names():
            continue
        known = {option.name: option for option in platforms.query_options(platform)}
        for key in sorted(given):
            if key not in known:
                hint = nearest(key, ["terms", *known])
                yield ("queries", name, key), f'unknown key "{key}"', hint
            elif wanted := _misfit(query[key], known[key].default):
                hint = f"{known[key].explanation.rstrip('.')}; see docs/{platform}.md"
                yield ("queries", name, key), f"{problem.shown(query[key])} {wanted}", hint
            elif known[key].unit == HASHTAGS:
                yield from _empty_hashtags(("queries", name, key), query[key])


def _empty_hashtags(path: problem.Path, terms: list[str]) -> Iterator[Contradiction]:
    for index, term in enumerate(terms):
        if not hashtag(term):
            hint = "a hashtag has a letter or a digit"
            yield (*path, index), f"{problem.shown(term)} leaves no hashtag", hint


def _misfit(value: object, default: object) -> str:
    """What a value should be to have its default's type, "" where it has it."""
    kind: Any = list[str] if isinstance(default, list) else type(default)
    try:
        TypeAdapter(kind).validate_python(value, strict=True)
    except ValidationError as exc:
        return exc.errors()[0]["msg"].replace("Input should be", "should be")
    return ""


def _window_contradictions(raw: Mapping[str, Any]) -> Iterator[Contradiction]:
    start, end = raw.get("start"), raw.get("end")
    if not _is_day(start) or not _is_day(end):
        return
    if end <= start:
        yield ("end",), f"{end} is not after start {start}", "end is the first day left out"
        return
    zone = _known_zone(raw.get("timezone"))
    for index, event in enumerate(_tables(raw, "events")):
        at = event.get("at")
        day = _day(at, zone) if isinstance(at, datetime) else at
        if _is_day(day) and not start <= day < end:
            message = f"{day} is outside the window {start} to {end} (left out)"
            yield ("events", index, "at"), message, "such an event is on no chart"


def _known_zone(name: object) -> zoneinfo.ZoneInfo | None:
    if isinstance(name, str) and name in zoneinfo.available_timezones():
        return zoneinfo.ZoneInfo(name)
    return None


def _day(at: datetime, zone: zoneinfo.ZoneInfo | None) -> date:
    """A moment's day; of one with an offset the day in the topic's zone, where that is known."""
    if at.tzinfo is None or zone is None:
        return at.date()
    try:
        return at.astimezone(zone).date()
    except OverflowError:
        return at.date()


def _repeated(paths: list[problem.Path], raw: Mapping[str, Any]) -> Iterator[Contradiction]:
    seen = set[str]()
    for path in paths:
        value: Any = raw
        for part in path:
            value = value[part] if not isinstance(part, str) else value.get(part)
        if isinstance(value, str) and value in seen:
            yield path, f'"{value}" is there twice', "give each its own, or take one out"
        seen.add(str(value))


def _tables(raw: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    found = raw.get(key)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        return []
    return found


def _is_day(value: object) -> TypeGuard[date]:
    return isinstance(value, date) and not isinstance(value, datetime)
