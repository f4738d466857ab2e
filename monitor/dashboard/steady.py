"""Figures remembered for as long as nothing that they are made of has changed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from datetime import date
from typing import Any, TypeVar

from monitor.figure import Figure, Volume
from monitor.figures import Figures
from monitor.topic import Topic
from monitor.validation import Validation

_KEPT = 64
T = TypeVar("T")


class SteadyFigures(Figures):
    """Answers as `Figures` does, and asks it again only after a change.

    Reading a topic's evidence takes seconds once it has years of days; telling whether it has
    changed takes a millisecond.

    Args:
        figures: What releases them.
        stamp: Gives a topic's stamp; equal ones mean equal figures.
    """

    def __init__(self, figures: Figures, stamp: Callable[[str], Hashable]) -> None:
        self._source = figures
        self._stamp = stamp
        self._known: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def released(
        self,
        topic: Topic,
        *,
        since: date | None = None,
        until: date | None = None,
        by: Sequence[str] = (),
        include_unvalidated: bool = False,
    ) -> list[Figure]:
        """As `Figures.released`."""
        key = ("released", since, until, tuple(by), include_unvalidated)
        return self._remembered(
            topic,
            key,
            lambda: self._source.released(
                topic,
                since=since,
                until=until,
                by=by,
                include_unvalidated=include_unvalidated,
            ),
        )

    def volumes(
        self,
        topic: Topic,
        *,
        since: date | None = None,
        until: date | None = None,
        by: Sequence[str] = (),
    ) -> list[Volume]:
        """As `Figures.volumes`."""
        key = ("volumes", since, until, tuple(by))
        return self._remembered(
            topic, key, lambda: self._source.volumes(topic, since=since, until=until, by=by)
        )

    def validation(self, topic: Topic) -> list[Validation]:
        """As `Figures.validation`."""
        return self._remembered(topic, ("validation",), lambda: self._source.validation(topic))

    def _remembered(self, topic: Topic, asked: Hashable, make: Callable[[], list[T]]) -> list[T]:
        key = (topic.name, self._stamp(topic.name), asked)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return list(self._known[key])
        # The stamp is older than what is read now: at worst the figures are made once more.
        made = make()
        with self._lock:
            self._known[key] = made
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return list(made)
