"""The data of a topic's page: pure values, ready for the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TypedDict

from monitor.dashboard import words
from monitor.dashboard.blocks import (
    Block,
    asked_by,
    key_from,
    question_title,
    shares_block,
    volume_blocks,
)
from monitor.dashboard.charts import Frame
from monitor.dashboard.headline import (
    Card,
    answer_sentence,
    busiest_week_card,
    latest_day_card,
)
from monitor.dashboard.selection import Selection
from monitor.dashboard.series import SharesSeries, VolumeSeries, shares_series, volume_series
from monitor.dashboard.topic_data import TopicData
from monitor.dashboard.turnover import history, notices
from monitor.figure import Volume
from monitor.pipeline.classify import questions_of
from monitor.shares.rollup import Unit
from monitor.store.values import Question, SourceState
from monitor.topic import Topic
from monitor.validation import Validation

_OF_UNIT: Mapping[Unit, str] = {
    "posts": "Shares are of scored posts",
    "authors": "Shares are of the authors of scored posts, each with one voice a day, spread over "
    "what they wrote",
    "texts": "Shares are of different texts among the scored posts, copies counted once",
}


@dataclass(frozen=True, slots=True)
class EventLine:
    """A numbered event of the time line."""

    number: int
    when: str
    title: str


@dataclass(frozen=True, slots=True)
class Section:
    """One question with its answers.

    Attributes:
        audit: What is missing before its shares may be shown, empty where nothing is.
        labels, needed: How many posts people have checked, and how many it takes.
        answered: Whether a classifier answers it at all.
        withheld: Which shares are withheld without them, and until when; empty where none is.
    """

    key: str
    title: str
    blocks: tuple[Block, ...]
    cards: tuple[Card, ...] = ()
    audit: str = ""
    labels: int = 0
    needed: int = 0
    answered: bool = True
    withheld: str = ""


class _Audit(TypedDict):
    audit: str
    labels: int
    needed: int
    answered: bool
    withheld: str


@dataclass(frozen=True, slots=True)
class AuditLine:
    """How many posts people have checked for a question.

    Attributes:
        missing: What is missing before its shares may be shown, empty where nothing is.
    """

    question: str
    labels: int
    missing: str


@dataclass(frozen=True, slots=True)
class SourceLine:
    """When a source was last collected."""

    source: str
    collected: str
    newest_post: str
    rejected: int


@dataclass(frozen=True, slots=True)
class RangeLink:
    """A range of days to choose with one click."""

    title: str
    address: str
    is_chosen: bool


@dataclass(frozen=True)
class TopicPage:
    """Everything that the topic template shows.

    Attributes:
        unit_told: The beginning of a sentence: what shares are shares of.
        answer: What the headline question has to say, in one sentence; empty without figures.
        notices: What to know of the version that the figures are of.
        versions: Which tell of the days, the shown one first; before any share is shown, that one.
        switches: When the figures became those of another version.
    """

    topic: Topic
    selection: Selection
    is_sample: bool
    has_posts: bool
    sections: tuple[Section, ...]
    volume: Section | None
    events: tuple[EventLine, ...]
    sources: tuple[SourceLine, ...]
    audit: tuple[AuditLine, ...]
    versions: tuple[str, ...]
    notices: tuple[str, ...]
    switches: tuple[str, ...]
    has_truth: bool
    days: str
    answer: str
    ranges: tuple[RangeLink, ...]
    unit_told: str


def ordered_questions(topic: Topic) -> list[Question]:
    """Returns what is asked about every post, the headline first."""
    return sorted(questions_of(topic), key=lambda question: question[0] != "stance")


def topic_page(data: TopicData, now: datetime) -> TopicPage:
    """Puts a topic's released figures together for its page."""
    topic = data.topic
    frame = _frame(topic, data.volumes, topic.day_of(now))
    page = TopicPage(
        topic=topic,
        selection=data.selection,
        is_sample=any(volume.sample for volume in data.volumes),
        has_posts=False,
        sections=_sections(data, frame, topic.day_of(now)) if frame else (),
        volume=_volume_section(data, frame) if frame else None,
        events=_event_lines(topic),
        sources=(),
        audit=_audit_lines(topic, data.validations),
        versions=(),
        notices=(),
        switches=(),
        has_truth=data.truth is not None,
        days=words.days_between(frame.first, frame.last) if frame else "",
        answer=_answer(data, topic.day_of(now)),
        ranges=_ranges(topic, data.selection, topic.day_of(now)),
        unit_told=_OF_UNIT[data.selection.unit],
    )
    return refreshed(page, data, now)


def refreshed(page: TopicPage, data: TopicData, now: datetime) -> TopicPage:
    """Returns a page with what it tells besides figures as it is now."""
    topic = data.topic
    return replace(
        page,
        has_posts=data.has_posts,
        sources=tuple(_source_line(source, topic) for source in data.sources),
        versions=_versions(data),
        notices=notices(data.turnover, topic, now),
        switches=history(data.turnover, topic),
    )


def _versions(data: TopicData) -> tuple[str, ...]:
    shown = data.turnover.shown
    told = {figure.version for figure in data.overall if figure.share is not None}
    told = told or {*filter(None, [shown])}
    return tuple(sorted(told, key=lambda version: (version != shown, version)))


def _answer(data: TopicData, today: date) -> str:
    headline = ordered_questions(data.topic)[:1]
    series = shares_series(data.overall, headline)
    return answer_sentence(series[0], data.topic, today, unit=data.selection.unit) if series else ""


def _ranges(topic: Topic, selection: Selection, today: date) -> tuple[RangeLink, ...]:
    """The last days of the topic (so far), and all of them."""
    end = min(topic.end, today + timedelta(days=1))
    found = []
    for days, title in ((7, "7 days"), (30, "30 days"), (90, "90 days")):
        since = end - timedelta(days=days)
        if since > topic.start:
            chosen = (selection.since, selection.until) == (since, end)
            found.append(RangeLink(title, selection.address(since=since, until=end), chosen))
    whole = selection.since in (None, topic.start) and selection.until is None
    # Named, as a long topic's page shows its last days where no range is.
    found.append(RangeLink("all days", selection.address(since=topic.start, until=None), whole))
    return tuple(found)


def _frame(topic: Topic, volumes: Sequence[Volume], today: date) -> Frame | None:
    if not volumes:
        return None
    days = [volume.day for volume in volumes]
    numbers: dict[date, str] = {}
    for line, event in enumerate(topic.events, start=1):
        day = topic.day_of(event.at)
        numbers[day] = f"{numbers[day]}, {line}" if day in numbers else str(line)
    return Frame(min(days), max(days), numbers, today)


def _event_lines(topic: Topic) -> tuple[EventLine, ...]:
    return tuple(
        EventLine(number, words.day_long(topic.day_of(event.at)), event.title)
        for number, event in enumerate(topic.events, start=1)
    )


def _sections(data: TopicData, frame: Frame, today: date) -> tuple[Section, ...]:
    topic = data.topic
    questions = ordered_questions(topic)
    overall = {asked_by(one): one for one in shares_series(data.overall, questions)}
    split = shares_series(data.split, questions)
    volume = volume_series(data.volumes)[0]
    checked = {(one.head, one.target): one for one in data.validations}
    return tuple(
        Section(
            key=key_from(*question),
            title=question_title(question, topic),
            blocks=tuple(
                shares_block(one, data, frame) for one in split if asked_by(one) == question
            ),
            cards=_cards(overall.get(question), volume, data, today),
            **_audit(checked.get(question), overall.get(question), data.turnover.shown),
        )
        for question in questions
    )


def _audit(validation: Validation | None, series: SharesSeries | None, shown: str | None) -> _Audit:
    if validation is None:
        return {"audit": "", "labels": 0, "needed": 0, "answered": True, "withheld": ""}
    missing = _missing(validation)
    has_shares = series is not None and any(one.withheld is None for one in series.days)
    whose = (
        f"Shares of days that version {words.short_version(shown)} tells of are"
        if has_shares
        else "Its shares are"
    )
    return {
        "withheld": f"{whose} withheld until people have checked the model: {missing}."
        if missing
        else "",
        "audit": missing,
        "labels": validation.audit_labels,
        "needed": validation.needed,
        "answered": validation.answered,
    }


def _cards(
    series: SharesSeries | None, volume: VolumeSeries, data: TopicData, today: date
) -> tuple[Card, ...]:
    if series is None or all(one.withheld for one in series.days):
        return ()
    cards = (
        latest_day_card(series, data.topic, today),
        busiest_week_card(series, volume, _days(data, today)),
    )
    return tuple(card for card in cards if card is not None)


def _days(data: TopicData, today: date) -> tuple[date, date]:
    """The first and the last selected day; of days to come only those that have posts already."""
    topic, asked = data.topic, data.selection
    until = min(asked.until or topic.end, topic.end)
    newest = max([today, *(one.day for one in data.volumes)])
    return max(asked.since or topic.start, topic.start), min(until - timedelta(days=1), newest)


def _missing(validation: Validation) -> str:
    if validation.validated:
        return ""
    more = validation.needed - validation.audit_labels
    if not validation.answered:
        labels = f"{words.counted(more, 'more checked post')} needed, then " if more > 0 else ""
        return f"no classifier yet, {labels}training on them"
    if more > 0:
        return f"{words.counted(more, 'more checked post')} needed"
    days = words.counted(validation.days, "day")
    return f"checked posts of {days} are too few, {validation.days_needed} needed"


def _volume_section(data: TopicData, frame: Frame) -> Section:
    return Section("volume", "How much was said", volume_blocks(data, frame))


def _source_line(source: SourceState, topic: Topic) -> SourceLine:
    at = source.checkpoint_at
    newest = source.last_post_at
    return SourceLine(
        source=source.source,
        collected=words.moment(at, topic.timezone) if at else "never",
        newest_post=words.day_long(topic.day_of(newest)) if newest else "none",
        rejected=sum(source.rejections.values()),
    )


def _audit_lines(topic: Topic, validations: Sequence[Validation]) -> tuple[AuditLine, ...]:
    by_question = {(one.head, one.target): one for one in validations}
    return tuple(
        AuditLine(
            question=question_title(question, topic),
            labels=by_question[question].audit_labels,
            missing=_missing(by_question[question]),
        )
        for question in ordered_questions(topic)
        if question in by_question
    )
