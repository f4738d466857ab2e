"""Rebuilds the daily counts of the days that changed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from classifiers.heads import head
from monitor.authors import AuthorSketch
from monitor.copies import CopyFinder
from monitor.pipeline.units import Units
from monitor.store.queries import Queries
from monitor.store.store import Store
from monitor.store.values import VOLUME, CellKey, DailyAggregate, DayPost, DirtyDay
from monitor.topic import Topic


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class _Tally:
    posts: int = 0
    reposts: int = 0
    authors: set[str] = field(default_factory=set)
    label_counts: Counter[str] = field(default_factory=Counter)
    soft_sums: Counter[str] = field(default_factory=Counter)
    units: Units = field(default_factory=Units)
    has_purged: bool = False

    def add_author(self, post: DayPost) -> None:
        if post.author is not None:
            self.authors.add(post.author)


def tally_day(posts: Iterable[DayPost]) -> dict[CellKey, _Tally]:
    """Counts one day's posts by cell; the order of the posts makes no difference.

    Reposts count for the volume alone, not for its authors either: they would hide how few have
    written the opinions, which are counted apart from them.
    """
    posts = list(posts)
    copies = _copies(posts)
    tallies: dict[CellKey, _Tally] = defaultdict(_Tally)
    for post in posts:
        dimensions = (post.platform, post.cohort, post.language)
        volume = tallies[CellKey(*dimensions, head=VOLUME, target="", version="")]
        volume.has_purged |= post.is_purged
        if post.kind == "repost":
            volume.reposts += 1
            continue
        volume.posts += 1
        volume.add_author(post)
        is_copy = post.id in copies
        volume.units.add_volume(is_copy=is_copy)
        for answer in post.predictions:
            key = CellKey(*dimensions, answer.head, answer.target, answer.version)
            tally = tallies[key]
            tally.posts += 1
            tally.has_purged |= post.is_purged
            tally.add_author(post)
            tally.units.add(post, answer, is_copy=is_copy)
            tally.label_counts[answer.label] += 1
            for label, score in zip(head(answer.head).labels, answer.scores, strict=True):
                tally.soft_sums[label] += score
    return tallies


def _copies(posts: Iterable[DayPost]) -> set[int]:
    """The opinions that are copies. Which is the first is decided by what they say and where.

    Ids would tell in which order the posts came in, and the same posts come in any order.
    """
    finder = CopyFinder()
    opinions = (post for post in posts if post.kind != "repost")
    return {post.id for post in sorted(opinions, key=_by_text) if finder.is_copy(post.text)}


def _by_text(post: DayPost) -> tuple[str, ...]:
    return (post.text, post.platform, post.cohort, post.language, post.author or "")


@dataclass(frozen=True, slots=True)
class AggregateStep:
    """Brings the daily aggregates up to date, one transaction a day.

    A day is provisional until it is over; what comes in afterwards revises it, and the log says
    that it did (how much came says the volume; the log would tell it of small groups too).
    """

    store: Store
    queries: Queries
    clock: Callable[[], datetime] = _now

    def aggregate(
        self,
        topic: Topic,
        *,
        rebuild: bool = False,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> int:
        """Rebuilds the marked days.

        Args:
            topic: Whose days.
            rebuild: Every day, not only the marked ones.
            should_stop: Asked after every day.

        Returns:
            How many days were rebuilt.
        """
        self.store.keep_days(topic.name, topic.timezone.key, topic.day_of)
        if rebuild:
            self.store.mark_days(topic.name)
        rebuilt = 0
        for dirty in self.store.dirty_days(topic.name):
            self.rebuild(topic, dirty)
            rebuilt += 1
            if should_stop():
                return rebuilt
        return rebuilt

    def rebuild(self, topic: Topic, dirty: DirtyDay) -> None:
        """Rebuilds one day, as `Store.dirty_days` gave it before its posts are read."""
        cells = self._cells(topic.name, dirty)
        before = self.queries.cells(topic.name, [], dirty.day, dirty.day + timedelta(1))
        self.store.replace_day(topic.name, dirty, cells)
        if before and _counted(before) != _counted(cells) and self._is_over(topic, dirty.day):
            details = {"topic": topic.name, "day": dirty.day.isoformat()}
            self.store.log("pipeline", "day_revised", details)

    def _is_over(self, topic: Topic, day: date) -> bool:
        return topic.window_of(day, day + timedelta(1)).end <= self.clock()

    def _cells(self, topic: str, dirty: DirtyDay) -> list[DailyAggregate]:
        tallies = tally_day(self.queries.day_rows(topic, dirty.day))
        # Purged posts have lost their pseudonyms: the authors counted while they had them stay.
        # The posts themselves say that they are purged: a purge from here on changes nothing.
        has_purged = any(tally.has_purged for tally in tallies.values())
        earlier = self.queries.day_cells(topic, dirty.day) if has_purged else {}
        return [
            _cell(topic, dirty, key, tally, earlier.get(key))
            for key, tally in sorted(tallies.items(), key=lambda item: _order(item[0]))
        ]


def _counted(cells: Iterable[DailyAggregate]) -> tuple[int, int]:
    """A day's opinions and repetitions."""
    volume = [cell for cell in cells if cell.head == VOLUME]
    return sum(cell.posts for cell in volume), sum(cell.reposts for cell in volume)


def _order(key: CellKey) -> tuple[str, ...]:
    return (key.platform, key.cohort, key.language, key.head, key.target, key.version)


def _cell(
    topic: str, dirty: DirtyDay, key: CellKey, tally: _Tally, earlier: DailyAggregate | None
) -> DailyAggregate:
    sketch = AuthorSketch.of(tally.authors)
    if earlier is not None:
        sketch = AuthorSketch.union([sketch, earlier.authors_sketch])
    cell = DailyAggregate(
        topic=topic,
        day=dirty.day,
        platform=key.platform,
        cohort=key.cohort,
        language=key.language,
        head=key.head,
        target=key.target,
        version=key.version,
        posts=tally.posts,
        reposts=tally.reposts,
        authors=AuthorSketch.count(sketch),
        authors_sketch=sketch,
        label_counts=dict(sorted(tally.label_counts.items())),
        soft_sums=dict(sorted(tally.soft_sums.items())),
    )
    return replace(cell, units=_units(cell, tally, earlier))


def _units(
    cell: DailyAggregate, tally: _Tally, earlier: DailyAggregate | None
) -> Mapping[str, Mapping[str, Any]]:
    """The counts by author and by text, of which purged posts tell nothing any more.

    Those from before the purge stay where the same is counted again. Otherwise nobody knows them:
    whether what has come repeats a purged text, or is by an author who had written already.
    """
    if earlier is not None and earlier.units and _sums(earlier) == _sums(cell):
        return earlier.units
    return {} if tally.has_purged else tally.units.as_counts()


def _sums(cell: DailyAggregate) -> tuple[object, ...]:
    """What purged posts are counted by as others are."""
    return cell.posts, cell.label_counts, cell.soft_sums
