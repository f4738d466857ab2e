"""The program's own counts as pages and programs may see them: no few people's posts in them.

How many posts a source has brought and a run has stored would tell, hour by hour, of groups that
no figure shows. So counts of posts are rounded down to whole multiples of the topic's smallest
group, and a newest post, and for how long there has been none, to the hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.dashboard import words
from monitor.privacy import whole_groups
from monitor.store.values import JobRun, SourceState
from monitor.topic import Topic

_USUAL = 10
_HANDLE_POSTS = ("collect", "compliance", "classify", "retention")
"""Kinds of jobs whose counts are of posts."""


def told_source(state: SourceState, minimum: int) -> SourceState:
    """A source's state without what few posts would tell."""
    return replace(
        state,
        posts=whole_groups(state.posts, minimum),
        rejections={
            reason: whole_groups(count, minimum) for reason, count in state.rejections.items()
        },
        last_post_at=told_moment(state.last_post_at),
    )


def told_run(run: JobRun, minimum: int) -> JobRun:
    """A run without what few posts would tell; a job of days or messages as it is."""
    if run.job.partition(":")[0] not in _HANDLE_POSTS:
        return run
    return replace(
        run, counts={name: whole_groups(count, minimum) for name, count in run.counts.items()}
    )


def smallest_group(topics: Mapping[str, Topic], name: str) -> int:
    """The named topic's; of what belongs to none of them, the largest of all topics'."""
    if name in topics:
        return topics[name].minimum_authors
    return max((one.minimum_authors for one in topics.values()), default=_USUAL)


def counts_in_words(run: JobRun, minimum: int) -> str:
    """What a run did, `1,500 posts scored, fewer than 10 reused`."""
    told = told_run(run, minimum).counts
    parts = [
        f"{told_count(told[name], minimum)} {name.replace('_', ' ')}"
        for name, count in run.counts.items()
        if count
    ]
    return ", ".join(parts)


def told_count(told: int, minimum: int) -> str:
    """A count of whole groups in words; none of them is fewer than one."""
    return words.number(told) if told else f"fewer than {minimum}"


def told_moment(at: datetime | None) -> datetime | None:
    """The hour in which a post was posted."""
    return at and at.replace(minute=0, second=0, microsecond=0)


def told_silence(silent: timedelta | None) -> timedelta:
    """For how many whole hours a source has been unusually silent; none where it is usual."""
    hour = timedelta(hours=1)
    return (silent or timedelta()) // hour * hour
