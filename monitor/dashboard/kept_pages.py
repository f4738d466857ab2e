"""Topics' pages as they were last drawn, for as long as they are made of the same figures."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from markupsafe import Markup

from monitor.dashboard.board import Dashboard
from monitor.dashboard.pages import TopicPage, refreshed, topic_page
from monitor.dashboard.selection import Selection
from monitor.dashboard.topic_data import TopicData, gather_topic
from monitor.topic import Topic

_MOST_PAGES = 32
"""At up to some megabytes each."""


@dataclass(frozen=True, slots=True)
class DrawnPage:
    """A topic's page with its charts and tables rendered.

    Attributes:
        page: Its sections have no blocks any more.
        blocks: By section, what there is to show of it as HTML; empty where there is nothing.
    """

    page: TopicPage
    blocks: Mapping[str, Markup]


@dataclass(frozen=True, slots=True)
class _Kept:
    """A page, and what it was made of."""

    data: TopicData
    today: date
    drawn: DrawnPage


class KeptPages:
    """Draws topics' pages, each once for the same figures.

    Most of a page's cost is its charts and tables. They are drawn again when the figures are
    other objects than before, which `SteadyFigures` sees to; what else a page tells, of sources
    and versions, is always read anew.

    Args:
        board: What pages are made from.
    """

    def __init__(self, board: Dashboard) -> None:
        self._board = board
        self._kept: OrderedDict[tuple[str, Selection], _Kept] = OrderedDict()
        self._drawing = threading.Lock()

    def page(self, topic: Topic, selection: Selection) -> DrawnPage:
        """Gives the page of the selected days.

        Raises:
            PageError: More than one dimension is to be split by.
        """
        data, now = gather_topic(self._board, topic, selection), self._board.clock()
        kept = self._kept.get((topic.name, selection))
        if kept is None or not _is_of(kept, data, topic.day_of(now)):
            with self._drawing:  # where many ask for it at once, the first one draws
                kept = self._kept.get((topic.name, selection))
                if kept is None or not _is_of(kept, data, topic.day_of(now)):
                    drawn = self._drawn(topic_page(data, now))
                    kept = _Kept(data, topic.day_of(now), drawn)
                    self._keep((topic.name, selection), kept)
        return replace(kept.drawn, page=refreshed(kept.drawn.page, data, now))

    def _drawn(self, page: TopicPage) -> DrawnPage:
        # A macro of a template that escapes gives HTML that is known to be escaped.
        draw: Any = self._board.templates.get_template("blocks.html").module
        place, query = f"/topics/{page.topic.name}", page.selection.address()
        sections = (*page.sections, page.volume) if page.volume else page.sections
        blocks = {
            section.key: draw.drawn(section.blocks, place, query) if section.blocks else Markup()
            for section in sections
        }
        bare = replace(
            page,
            sections=tuple(replace(section, blocks=()) for section in page.sections),
            volume=replace(page.volume, blocks=()) if page.volume else None,
        )
        return DrawnPage(bare, blocks)

    def _keep(self, key: tuple[str, Selection], kept: _Kept) -> None:
        self._kept[key] = kept
        self._kept.move_to_end(key)
        while len(self._kept) > _MOST_PAGES:
            self._kept.popitem(last=False)


def _is_of(kept: _Kept, data: TopicData, today: date) -> bool:
    """Tells whether a kept page is still what these data would make."""
    old = kept.data
    pairs = (
        (old.topic, data.topic),
        (old.overall, data.overall),
        (old.volumes, data.volumes),
        (old.split, data.split),
        (old.split_volumes, data.split_volumes),
        (old.changes, data.changes),
        (old.truth, data.truth),
    )
    return (
        kept.today == today
        and all(one is other for one, other in pairs)
        and list(old.validations) == list(data.validations)
    )
