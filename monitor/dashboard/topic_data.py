"""What a topic's page, its downloads and its report are made of: read once, in one way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.dashboard.board import Dashboard
from monitor.dashboard.selection import PageError, Selection
from monitor.dashboard.truth import Truth
from monitor.dashboard.turnover import Turnover
from monitor.figure import Figure, Volume
from monitor.shares.changes import Change
from monitor.store.values import SourceState
from monitor.topic import Topic
from monitor.validation import Validation


@dataclass(frozen=True)
class TopicData:
    """What the page is made of, as released.

    Attributes:
        selection: What was asked for.
        overall, volumes: Not split, of the selected days.
        split, split_volumes: Split as selected; the same as above where nothing is split.
        changes: Between the days of `split`, and its change points.
        has_posts: Whether anything is stored for the topic.
        truth: Known truth of the sample, None where there is none.
    """

    topic: Topic
    selection: Selection
    overall: Sequence[Figure]
    volumes: Sequence[Volume]
    split: Sequence[Figure]
    split_volumes: Sequence[Volume]
    changes: Sequence[Change]
    validations: Sequence[Validation]
    sources: Sequence[SourceState]
    turnover: Turnover
    has_posts: bool
    truth: Truth | None


def gather_topic(board: Dashboard, topic: Topic, selection: Selection) -> TopicData:
    """Reads what was released about the selected days.

    Raises:
        PageError: More than one dimension is to be split by.
    """
    if len(selection.by) > 1:
        raise PageError(
            422,
            "A page splits by one dimension at a time.",
            hint="figures.json takes several: by=platform,cohort.",
        )
    overall = split = board.released(topic, selection, ())
    volumes = split_volumes = board.volumes(topic, selection, ())
    if selection.by:
        split = board.released(topic, selection, selection.by)
        split_volumes = board.volumes(topic, selection, selection.by)
    is_sample = any(volume.sample for volume in volumes)
    return TopicData(
        topic=topic,
        selection=selection,
        overall=overall,
        volumes=volumes,
        split=split,
        split_volumes=split_volumes,
        changes=board.changes(topic, selection, selection.by),
        validations=board.figures.validation(topic),
        sources=board.sources(topic),
        turnover=gather_turnover(board, topic),
        has_posts=board.queries.has_posts(topic.name),
        truth=board.truths[topic.name] if is_sample and selection.unit == "posts" else None,
    )


def gather_turnover(board: Dashboard, topic: Topic) -> Turnover:
    """Reads which version's series is shown, and which is to come."""
    shown, champion = board.queries.shown_version(topic.name), board.champion(topic.name)
    waiting = 0
    if champion is not None and champion != shown:
        waiting = board.queries.pending_count(
            topic.name, champion, board.figures.answered(topic, champion), languages=topic.languages
        )
    return Turnover(shown, champion, waiting, board.queries.series_switches(topic.name))
