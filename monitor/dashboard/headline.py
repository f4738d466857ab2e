"""What is being said, in plain words, from released daily figures only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TypeVar

from monitor.dashboard import words
from monitor.dashboard.series import COMPLETE, SharesDay, SharesSeries, VolumeSeries
from monitor.figure import Figure, Volume
from monitor.shares.rollup import Unit
from monitor.topic import Topic

N = TypeVar("N", int, float)
_OF_UNIT: Mapping[Unit, str] = {
    "posts": "of the posts, ",
    "authors": "of the authors' voices, ",
    "texts": "of the different texts, ",
}
_NOUN = {"sentiment": "mood"}
_WEEK = 7
_PAST_TENSE = {"favor": "supported it", "against": "opposed it", "none": "did neither"}


@dataclass(frozen=True, slots=True)
class Card:
    """A few sentences about a day or a week.

    Attributes:
        when: What it is about, `Latest complete day`.
        title: The day or days.
        lead: The answer in one sentence.
        facts: Share by share, with intervals.
        basis: What the answer rests on, or why there is none.
    """

    when: str
    title: str
    lead: str
    facts: tuple[str, ...] = ()
    basis: str = ""


def answer_sentence(
    series: SharesSeries, topic: Topic, today: date, *, unit: Unit = "posts"
) -> str:
    """Tells the latest shown day in one sentence, with intervals and what it rests on.

    Empty while nothing is shown.
    """
    shown = [one for one in series.days if one.is_whole]
    if not shown:
        return ""
    one = shown[-1]
    when = "So far today" if one.day >= today else f"On {words.day_long(one.day)}"
    wanted = [figure for figure in one.figures if series.head != "stance" or figure.label != "none"]
    parts = []
    for figure in wanted:
        interval = words.interval(figure.low or 0.0, figure.high or 0.0)
        said = _said(figure.head, figure.label)
        parts.append(f"{words.percent(figure.share or 0.0)} ({interval}) {said}")
    if series.head == "stance":
        parts[0] = parts[0].removesuffix("it") + _target_text(series, topic)
    # Of posts a mood is said without more; other units are always named.
    about = _OF_UNIT[unit] if series.head == "stance" or unit != "posts" else ""
    listed = f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]
    basis = (
        f"{words.counted(one.posts or 0, 'scored post')} by "
        f"{words.counted(one.authors or 0, 'author')}"
    )
    if one.coverage is not None and one.coverage < COMPLETE:
        basis += f", {words.percent(one.coverage)} of the day collected"
    return f"{when}, {about}{listed}: {basis}."


def latest_day_card(series: SharesSeries, topic: Topic, today: date) -> Card | None:
    """Tells the last day that is over, or the last one with figures where that one lacks some."""
    complete = [one for one in series.days if one.day < today]
    if not complete:
        return None
    latest = complete[-1]
    shown = [one for one in complete if one.is_whole] or [
        one for one in complete if one.withheld is None
    ]
    if not shown:
        return Card(
            "Latest complete day",
            words.day_long(latest.day),
            "No figure yet.",
            (),
            _lack(latest, topic),
        )
    when = "Latest complete day" if shown[-1] is latest else "Latest day with figures"
    card = _day_card(when, shown[-1], series, topic)
    return (
        card if shown[-1] is latest else replace(card, basis=f"{card.basis} {_lack(latest, topic)}")
    )


def _lack(one: SharesDay, topic: Topic) -> str:
    """Says why a day has no figures, or not all of them."""
    reasons = [figure.withheld for figure in one.figures if figure.withheld is not None]
    subject = words.day_long(one.day)
    subject = f"Part of {subject}" if one.withheld is None else subject
    return f"{subject} is withheld because {words.why_withheld(reasons[0], topic.minimum_authors)}."


def busiest_week_card(
    series: SharesSeries, volume: VolumeSeries, days: tuple[date, date]
) -> Card | None:
    """Tells the calendar week with the most posts, from the lowest to the highest daily share.

    Of a week that reaches beyond `days`, the first and the last that may be told, it tells those
    within.
    """
    monday = _busiest_monday(volume)
    if monday is None:
        return None
    sunday = monday + timedelta(days=6)
    counted = [one for one in volume.days if monday <= one.day <= sunday]
    first, last = max(monday, days[0]), min(sunday, days[1])
    week = [one for one in series.days if monday <= one.day <= sunday]
    shown = [one for one in week if one.withheld is None]
    return Card(
        when="Busiest week",
        title=words.days_between(first, last),
        lead=_week_lead(shown, series.head),
        facts=tuple(_week_fact(series.head, label, shown) for label in series.labels if shown),
        basis=f"{_posts_of(counted, (last - first).days + 1)}; "
        f"figures on {len(shown)} of {words.counted(len(week), 'day')}{_rests_on(shown)}",
    )


def _posts_of(week: Sequence[Volume], days: int) -> str:
    posts = sum(one.posts or 0 for one in week)
    hidden = sum(one.posts is None for one in week)
    without = f", without those of {words.counted(hidden, 'withheld day')}" if hidden else ""
    where = "the week" if days == _WEEK else f"{words.counted(days, 'day')} of the week"
    return f"{words.counted(posts, 'post')} in {where}{without}"


def _rests_on(shown: Sequence[SharesDay]) -> str:
    """The end of a sentence: from the least to the most that the shares of some days rest on."""
    if not shown:
        return "."
    posts = _span([one.posts or 0 for one in shown], words.number)
    authors = _span([one.authors or 0 for one in shown], words.number)
    told = f", each of {posts} scored posts by {authors} authors, with 95% intervals."
    covered = [one.coverage for one in shown if one.coverage is not None]
    if covered:
        told += f" Collection covered {_span(covered, words.percent)} of each of these days."
    return told


def _span(values: Sequence[N], word: Callable[[N], str]) -> str:
    least, most = word(min(values)), word(max(values))
    return least if least == most else f"{least} to {most}"


def _day_card(when: str, one: SharesDay, series: SharesSeries, topic: Topic) -> Card:
    facts = tuple(_day_fact(figure, topic) for figure in one.figures)
    basis = (
        f"{words.counted(one.posts or 0, 'scored post')} by "
        f"{words.counted(one.authors or 0, 'author')}, with 95% intervals."
    )
    if one.coverage is not None:
        basis += f" Collection covered {words.percent(one.coverage)} of the day."
    return Card(when, words.day_long(one.day), _day_lead(one, series, topic), facts, basis)


def _said(head: str, label: str) -> str:
    """What posts with a label did, as the end of a sentence."""
    if head == "stance":
        return _PAST_TENSE[label]
    word = words.label_word(label)
    return f"were {word}" if head == "sentiment" else f'were "{word}"'


def _day_fact(figure: Figure, topic: Topic) -> str:
    said = _said(figure.head, figure.label)
    if figure.share is None or figure.low is None or figure.high is None:
        why = words.why_withheld(figure.withheld or "too_uncertain", topic.minimum_authors)
        return f"How many {said} is withheld because {why}."
    return f"{words.percent(figure.share)} {said} ({words.interval(figure.low, figure.high)})."


def _day_lead(one: SharesDay, series: SharesSeries, topic: Topic) -> str:
    leader = _clear_leader(one, series.head)
    if series.head == "stance":
        return _stance_sentence(leader, _target_text(series, topic))
    if leader is None:
        return f"No {_NOUN.get(series.head, 'answer')} clearly leads."
    return f"More posts {_said(series.head, leader)} than anything else."


def _stance_sentence(leader: str | None, target: str) -> str:
    if leader == "favor":
        return f"More posts supported {target} than opposed it."
    if leader == "against":
        return f"More posts opposed {target} than supported it."
    return f"Neither support for {target} nor opposition to it clearly leads."


def _clear_leader(one: SharesDay, head: str) -> str | None:
    """The label whose interval lies above all others'; for stance only the two sides compete."""
    rivals = [figure for figure in one.figures if head != "stance" or figure.label != "none"]
    if any(figure.low is None or figure.high is None for figure in rivals):
        return None
    for figure in rivals:
        others = [other.high or 0.0 for other in rivals if other is not figure]
        if all((figure.low or 0.0) > high for high in others):
            return figure.label
    return None


def _week_lead(shown: Sequence[SharesDay], head: str) -> str:
    if not shown:
        return "No figure can be shown for this week."
    leaders = [_clear_leader(one, head) for one in shown]
    if head != "stance":
        return _leaders_of_week(leaders, head)
    counts = {
        "support": leaders.count("favor"),
        "opposition": leaders.count("against"),
        "neither side": leaders.count(None),
    }
    parts = [f"{side} led on {words.counted(n, 'day')}" for side, n in counts.items() if n]
    return _sentence(parts)


def _leaders_of_week(leaders: Sequence[str | None], head: str) -> str:
    counts = {leader: leaders.count(leader) for leader in leaders if leader}
    if not counts:
        return f"On no day did one {_NOUN.get(head, 'answer')} clearly lead."
    parts = [
        f"{_leaders(head, leader)} led on {words.counted(days, 'day')}"
        for leader, days in counts.items()
    ]
    return _sentence(parts)


def _leaders(head: str, label: str) -> str:
    word = words.label_word(label)
    return f"{word} posts" if head == "sentiment" else f'"{word}"'


def _sentence(parts: Sequence[str]) -> str:
    joined = ", ".join(parts)
    return f"{joined[0].upper()}{joined[1:]}."


def _week_fact(head: str, label: str, shown: Sequence[SharesDay]) -> str:
    said = _said(head, label)
    found = [
        (figure.share, figure.day, words.interval(figure.low, figure.high))
        for one in shown
        for figure in one.figures
        if figure.label == label
        if figure.share is not None and figure.low is not None and figure.high is not None
    ]
    if not found:
        return f"How many {said} is withheld on every day."
    ends = dict.fromkeys((min(found), max(found)))
    told = (
        f"{words.percent(share)} ({interval}, {words.day_short(day)})"
        for share, day, interval in ends
    )
    return f"{' to '.join(told)} {said}."


def _busiest_monday(volume: VolumeSeries) -> date | None:
    weeks: dict[date, int] = {}
    for one in volume.days:
        monday = one.day - timedelta(days=one.day.weekday())
        weeks[monday] = weeks.get(monday, 0) + (one.posts or 0)
    if not any(weeks.values()):
        return None
    return max(sorted(weeks), key=weeks.__getitem__)


def _target_text(series: SharesSeries, topic: Topic) -> str:
    texts = topic.target_texts
    return texts.get(series.target, series.target)
