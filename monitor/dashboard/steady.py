"""Figures remembered for as long as nothing that they are made of has changed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

from monitor.figure import Figure, Volume
from monitor.figures import Figures
from monitor.shares.changes import Change
from monitor.shares.rollup import Unit
from monitor.shares.whole import WholeShare
from monitor.store.values import Question
from monitor.topic import Topic
from monitor.validation import Validation

_KEPT = 64
T = TypeVar("T")


class SteadyFigures(Figures):
    """Answers as `Figures` does, and asks it again only after a change.

    Reading a topic's evidence takes seconds once it has years of days; telling whether it has
    changed takes a millisecond. Time alone changes figures too: a day ends, and a change that was
    kept back becomes due within an hour.

    Args:
        figures: What releases them.
        stamp: Gives a topic's stamp; equal ones mean equal figures, within an hour of a day.
        clock: Tells the time, aware UTC.
    """

    def __init__(
        self, figures: Figures, stamp: Callable[[str], Hashable], clock: Callable[[], datetime]
    ) -> None:
        self._source = figures
        self._stamp = stamp
        self._clock = clock
        self._known: OrderedDict[Hashable, Any] = OrderedDict()
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
        asked: dict[str, Any] = {"since": since, "until": until, "by": tuple(by), "unit": unit}
        asked["include_unvalidated"] = include_unvalidated
        return list(self._remembered(topic, "released", asked, self._source.released))

    def volumes(
        self,
        topic: Topic,
        *,
        since: date | None = None,
        until: date | None = None,
        by: Sequence[str] = (),
    ) -> list[Volume]:
        """As `Figures.volumes`."""
        asked = {"since": since, "until": until, "by": tuple(by)}
        return list(self._remembered(topic, "volumes", asked, self._source.volumes))

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
        asked = {"since": since, "until": until, "by": tuple(by), "unit": unit}
        return list(self._remembered(topic, "changes", asked, self._source.changes))

    def whole(self, topic: Topic) -> list[WholeShare]:
        """As `Figures.whole`."""
        return list(self._remembered(topic, "whole", {}, self._source.whole))

    def whole_days(self, topic: Topic) -> dict[tuple[date, Question], Mapping[str, int] | None]:
        """As `Figures.whole_days`."""
        return dict(self._remembered(topic, "whole_days", {}, self._source.whole_days))

    def drift(self, topic: Topic) -> dict[Question, float]:
        """As `Figures.drift`."""
        return dict(self._remembered(topic, "drift", {}, self._source.drift))

    def validation(self, topic: Topic) -> list[Validation]:
        """As `Figures.validation`."""
        return list(self._remembered(topic, "validation", {}, self._source.validation))

    def _remembered(
        self, topic: Topic, what: str, asked: Mapping[str, Any], make: Callable[..., T]
    ) -> T:
        now = self._clock()
        moment = (int(now.timestamp() // 3600), topic.day_of(now))
        key = (topic.name, self._stamp(topic.name), moment, what, *asked.values())
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                found: T = self._known[key]
                return found
        # The stamp is older than what is read now: at worst the figures are made once more.
        made = make(topic, **asked)
        with self._lock:
            self._known[key] = made
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return made
