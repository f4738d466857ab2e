"""Figures remembered for as long as nothing that they are made of has changed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol, TypeVar

from fastapi import Request, Response

from monitor.alarms.evidence import DriftedDay
from monitor.dashboard.selection import PageError
from monitor.dashboard.shield import CallNext
from monitor.figure import Figure, Volume
from monitor.figures import Figures, has_come, is_within
from monitor.shares.changes import Change
from monitor.shares.rollup import Unit
from monitor.shares.whole import WholeShare
from monitor.store.values import Question
from monitor.topic import Topic
from monitor.validation import Validation

_MOST_ANSWERS = 64
_MOST_ITEMS = 200_000
"""Of all answers together: some 100 MB."""
_MOST_CUTS = 16
PATIENCE_SECONDS = 1.0
"""How long a reader waits for new figures where there are earlier ones to show."""
_MOST_WAITING = 20
"""Readers who wait where there are none: each keeps one of 40 threads, which every page needs."""


LOOK: ContextVar[dict[str, Hashable] | None] = ContextVar("look", default=None)
"""The states of topics as the request that is being answered has found them, if one is."""


async def one_look(request: Request, call_next: CallNext) -> Response:
    """Lets all that is read for one page be of one moment, and that be looked up once."""
    if request.method in {"GET", "HEAD"}:
        LOOK.set({})
    return await call_next(request)


class _OfDay(Protocol):
    @property
    def day(self) -> date: ...


Dated = TypeVar("Dated", bound=_OfDay)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was made in which state of the topic, and when time alone may change it.

    Attributes:
        cuts: The items of ranges of days asked for: the same range gives the same object, by
            which is seen that nothing has changed.
    """

    state: Hashable
    items: Any
    due: datetime | None
    cuts: dict[tuple[date | None, date | None], Any] = field(default_factory=dict)

    def within(self, since: date | None, until: date | None) -> Any:
        """Gives the items of some days."""
        cut = self.cuts.get((since, until))
        if cut is None:
            if len(self.cuts) >= _MOST_CUTS:
                self.cuts.clear()
            cut = _within(self.items, since, until)
            self.cuts[since, until] = cut
        return cut


@dataclass(frozen=True, slots=True)
class _Question:
    """A method of `Figures` and what it is asked, days left out."""

    topic: Topic
    what: str
    asked: Mapping[str, Any]

    @property
    def key(self) -> Hashable:
        return (self.topic.name, self.what, *self.asked.values())


_FIRST_ASKED = {"by": (), "unit": "posts", "include_unvalidated": False}


class SteadyFigures(Figures):
    """Answers as `Figures` does, and asks it again only after a change.

    Reading a topic's evidence takes seconds once it has years of days; telling whether it has
    changed takes milliseconds. Time alone changes figures too: a day ends, and a change that was
    kept back becomes due. Whole series are remembered, and cut to the days asked for.

    After a change figures are made once, however many ask. Who asks meanwhile waits for
    `PATIENCE_SECONDS` and is then shown the earlier ones, if there are any; without them, some
    may wait until there are figures, and the others are told to come again.

    Args:
        figures: What releases them.
        stamp: Gives a topic's stamp; equal ones mean equal figures until they are due.
        clock: Tells the time, aware UTC.
    """

    def __init__(
        self, figures: Figures, stamp: Callable[[str], Hashable], clock: Callable[[], datetime]
    ) -> None:
        self._source = figures
        self.answered = figures.answered
        self._state_of = stamp
        self._clock = clock
        self._known: OrderedDict[Hashable, _Answer] = OrderedDict()
        self._making: dict[Hashable, Future[_Answer]] = {}
        self._lock = threading.Lock()
        self._one_at_a_time = threading.Lock()
        self._places = threading.BoundedSemaphore(_MOST_WAITING)

    def warm(self, topics: Iterable[Topic]) -> None:
        """Begins to make what pages show first, so that the first reader waits less."""
        for topic in topics:
            self._begin(_Question(topic, "released", _FIRST_ASKED))

    def released(
        self,
        topic: Topic,
        *,
        since: date | None = None,
        until: date | None = None,
        by: Sequence[str] = (),
        unit: Unit = "posts",
        include_unvalidated: bool = False,
    ) -> Sequence[Figure]:
        """As `Figures.released`."""
        asked = {"by": _in_order(by), "unit": unit, "include_unvalidated": include_unvalidated}
        found: Sequence[Figure] = self._answer(topic, "released", asked).within(since, until)
        return found

    def volumes(
        self,
        topic: Topic,
        *,
        since: date | None = None,
        until: date | None = None,
        by: Sequence[str] = (),
    ) -> Sequence[Volume]:
        """As `Figures.volumes`."""
        asked = {"by": _in_order(by)}
        found: Sequence[Volume] = self._answer(topic, "volumes", asked).within(since, until)
        return found

    def changes(
        self,
        topic: Topic,
        *,
        since: date | None = None,
        until: date | None = None,
        by: Sequence[str] = (),
        unit: Unit = "posts",
    ) -> Sequence[Change]:
        """As `Figures.changes`."""
        asked = {"by": _in_order(by), "unit": unit}
        found: Sequence[Change] = self._answer(topic, "changes", asked).within(since, until)
        return found

    def whole(self, topic: Topic) -> list[WholeShare]:
        """As `Figures.whole`."""
        return list(self._remembered(topic, "whole"))

    def drift(self, topic: Topic) -> list[DriftedDay]:
        """As `Figures.drift`."""
        return list(self._remembered(topic, "drift"))

    def due(self, topic: Topic) -> datetime | None:
        """As `Figures.due`."""
        return self._source.due(topic)

    def whole_days(self, topic: Topic) -> dict[tuple[date, Question], Mapping[str, int]]:
        """As `Figures.whole_days`."""
        return dict(self._remembered(topic, "whole_days"))

    def validation(self, topic: Topic) -> list[Validation]:
        """As `Figures.validation`."""
        return list(self._remembered(topic, "validation"))

    def _remembered(self, topic: Topic, what: str) -> Any:
        return self._answer(topic, what, {}).items

    def _answer(self, topic: Topic, what: str, asked: Mapping[str, Any]) -> _Answer:
        known, future = self._begin(_Question(topic, what, asked))
        if known is None:
            return self._first(future)
        try:
            return future.result(PATIENCE_SECONDS)
        except TimeoutError:
            if future.done():  # what was asked has timed out itself
                raise
            return known

    def _first(self, future: Future[_Answer]) -> _Answer:
        if not self._places.acquire(blocking=False):
            hint = "Try again in a few seconds."
            raise PageError(503, "Many wait for figures that are being made.", hint=hint)
        try:
            return future.result()
        finally:
            self._places.release()

    def _begin(self, question: _Question) -> tuple[_Answer | None, Future[_Answer]]:
        """Gives what is remembered, if anything, and what is, or will be, up to date."""
        now = self._clock()
        state = (self._looked_up(question.topic.name), question.topic.day_of(now))
        with self._lock:
            known = self._known.get(question.key)
            if known is not None and known.state == state and not has_come(known.due, now):
                self._known.move_to_end(question.key)
                return known, _fulfilled(known)
            future = self._making.get((question.key, state))
            if future is None:
                future = self._making[question.key, state] = Future()
                work = (question, state, future)
                threading.Thread(target=self._fulfil, args=work, daemon=True).start()
        return known, future

    def _looked_up(self, topic: str) -> Hashable:
        look = LOOK.get()
        if look is None:
            return self._state_of(topic)
        if topic not in look:
            look[topic] = self._state_of(topic)
        return look[topic]

    def _fulfil(self, question: _Question, state: Hashable, future: Future[_Answer]) -> None:
        try:
            with self._one_at_a_time:
                # The state is older than what is read now: at worst that is read once more.
                items = getattr(self._source, question.what)(question.topic, **question.asked)
                made = _Answer(state, items, self._source.due(question.topic))
        except BaseException as error:  # noqa: BLE001 (raised where it is waited for)
            self._finish(question, state)
            future.set_exception(error)
            return
        self._finish(question, state, made)
        future.set_result(made)

    def _finish(self, question: _Question, state: Hashable, made: _Answer | None = None) -> None:
        with self._lock:
            del self._making[question.key, state]
            if made is not None:
                self._known[question.key] = made
                self._known.move_to_end(question.key)
                self._forget_oldest()

    def _forget_oldest(self) -> None:
        items = sum(len(one.items) for one in self._known.values())
        while len(self._known) > 1 and (len(self._known) > _MOST_ANSWERS or items > _MOST_ITEMS):
            items -= len(self._known.popitem(last=False)[1].items)


def _fulfilled(answer: _Answer) -> Future[_Answer]:
    future: Future[_Answer] = Future()
    future.set_result(answer)
    return future


def _in_order(by: Sequence[str]) -> tuple[str, ...]:
    """Dimensions make the same split in any order."""
    return tuple(sorted(by))


def _within(items: Sequence[Dated], since: date | None, until: date | None) -> tuple[Dated, ...]:
    return tuple(one for one in items if is_within(one.day, since, until))
