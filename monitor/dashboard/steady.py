"""Figures remembered for as long as nothing that they are made of has changed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol, TypeVar

from monitor.alarms.evidence import DriftedDay
from monitor.figure import Figure, Volume
from monitor.figures import Figures
from monitor.shares.changes import Change
from monitor.shares.rollup import Unit
from monitor.shares.whole import WholeShare
from monitor.store.values import Question
from monitor.topic import Topic
from monitor.validation import Validation

_MOST_ANSWERS = 64
_MOST_ITEMS = 200_000
"""Of all answers together: some 100 MB."""


class _OfDay(Protocol):
    @property
    def day(self) -> date: ...


Dated = TypeVar("Dated", bound=_OfDay)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was made, and when time alone may change it."""

    items: Any
    due: datetime | None


class SteadyFigures(Figures):
    """Answers as `Figures` does, and asks it again only after a change.

    Reading a topic's evidence takes seconds once it has years of days; telling whether it has
    changed takes milliseconds. Time alone changes figures too: a day ends, and a change that was
    kept back becomes due. Whole series are remembered, and cut to the days asked for.

    Args:
        figures: What releases them.
        stamp: Gives a topic's stamp; equal ones mean equal figures until they are due.
        clock: Tells the time, aware UTC.
    """

    def __init__(
        self, figures: Figures, stamp: Callable[[str], Hashable], clock: Callable[[], datetime]
    ) -> None:
        self._source = figures
        self._state_of = stamp
        self._clock = clock
        self._known: OrderedDict[Hashable, _Answer] = OrderedDict()
        self._lock = threading.Lock()

    def released(
        self,
        topic: Topic,
        *,
        since: date | None = None,
        until: date | None = None,
        by: Sequence[str] = (),
        unit: Unit = "posts",
        include_unvalidated: bool = False,
    ) -> list[Figure]:
        """As `Figures.released`."""
        asked = {"by": _in_order(by), "unit": unit, "include_unvalidated": include_unvalidated}
        whole = self._remembered(topic, "released", asked, self._source.released)
        return _within(whole, since, until)

    def volumes(
        self,
        topic: Topic,
        *,
        since: date | None = None,
        until: date | None = None,
        by: Sequence[str] = (),
    ) -> list[Volume]:
        """As `Figures.volumes`."""
        asked = {"by": _in_order(by)}
        whole = self._remembered(topic, "volumes", asked, self._source.volumes)
        return _within(whole, since, until)

    def changes(
        self,
        topic: Topic,
        *,
        since: date | None = None,
        until: date | None = None,
        by: Sequence[str] = (),
        unit: Unit = "posts",
    ) -> list[Change]:
        """As `Figures.changes`."""
        asked = {"by": _in_order(by), "unit": unit}
        whole = self._remembered(topic, "changes", asked, self._source.changes)
        return _within(whole, since, until)

    def whole(self, topic: Topic) -> list[WholeShare]:
        """As `Figures.whole`."""
        return list(self._remembered(topic, "whole", {}, self._source.whole))

    def drift(self, topic: Topic) -> list[DriftedDay]:
        """As `Figures.drift`."""
        return list(self._remembered(topic, "drift", {}, self._source.drift))

    def due(self, topic: Topic) -> datetime | None:
        """As `Figures.due`."""
        return self._source.due(topic)

    def whole_days(self, topic: Topic) -> dict[tuple[date, Question], Mapping[str, int] | None]:
        """As `Figures.whole_days`."""
        return dict(self._remembered(topic, "whole_days", {}, self._source.whole_days))

    def validation(self, topic: Topic) -> list[Validation]:
        """As `Figures.validation`."""
        return list(self._remembered(topic, "validation", {}, self._source.validation))

    def _remembered(
        self, topic: Topic, what: str, asked: Mapping[str, Any], make: Callable[..., Any]
    ) -> Any:
        now = self._clock()
        key = (topic.name, self._state_of(topic.name), topic.day_of(now), what, *asked.values())
        with self._lock:
            known = self._known.get(key)
            if known is not None and (known.due is None or now < known.due):
                self._known.move_to_end(key)
                return known.items
        # The stamp is older than what is read now: at worst the figures are made once more.
        made = _Answer(make(topic, **asked), self._source.due(topic))
        with self._lock:
            self._known[key] = made
            self._known.move_to_end(key)
            self._forget_oldest()
        return made.items

    def _forget_oldest(self) -> None:
        items = sum(len(one.items) for one in self._known.values())
        while len(self._known) > 1 and (len(self._known) > _MOST_ANSWERS or items > _MOST_ITEMS):
            items -= len(self._known.popitem(last=False)[1].items)


def _in_order(by: Sequence[str]) -> tuple[str, ...]:
    """Dimensions make the same split in any order."""
    return tuple(sorted(by))


def _within(items: Sequence[Dated], since: date | None, until: date | None) -> list[Dated]:
    return [
        one
        for one in items
        if (since is None or since <= one.day) and (until is None or one.day < until)
    ]
