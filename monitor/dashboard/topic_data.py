"""What a topic's page, its downloads and its report are made of: read once, in one way."""

from __future__ import annotations

from monitor.dashboard.board import Dashboard
from monitor.dashboard.pages import TopicData
from monitor.dashboard.selection import PageError, Selection
from monitor.dashboard.turnover import Turnover
from monitor.pipeline.classify import questions_of
from monitor.topic import Topic


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
        validations=board.figures.validation(topic),
        sources=board.sources(topic),
        turnover=gather_turnover(board, topic),
        has_posts=board.queries.has_posts(topic.name),
        truth=board.truths[topic.name] if is_sample else None,
    )


def gather_turnover(board: Dashboard, topic: Topic) -> Turnover:
    """Reads which version's series is shown, and which is to come."""
    shown, champion = board.queries.shown_version(topic.name), board.champion(topic.name)
    waiting = 0
    if champion is not None and champion != shown:
        waiting = board.queries.pending_count(
            topic.name, champion, questions_of(topic), languages=topic.languages
        )
    return Turnover(shown, champion, waiting, board.queries.series_switches(topic.name))
