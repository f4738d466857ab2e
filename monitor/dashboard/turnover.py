"""Which version's series is shown, which one is to take over, and since when, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.dashboard import words
from monitor.store.values import SeriesSwitch
from monitor.topic import Topic

_NEWS = timedelta(days=7)
"""So long a switch is told above the figures; afterwards only below them."""


@dataclass(frozen=True, slots=True)
class Turnover:
    """What is known of a topic's series of figures.

    Attributes:
        shown: The version that figures are of, where it could read the texts; None before the
            first.
        champion: The version that posts are scored with, None where nobody can tell.
        waiting: Posts that the champion has not answered yet.
        switches: When which version's series was shown first, newest first.
    """

    shown: str | None
    champion: str | None = None
    waiting: int = 0
    switches: Sequence[SeriesSwitch] = ()

    @property
    def is_open(self) -> bool:
        """Whether another version's series is in the making."""
        return self.shown is not None and self.champion not in (None, self.shown)


def notices(turnover: Turnover, topic: Topic, now: datetime) -> tuple[str, ...]:
    """Returns what to say above the figures: a switch that is to come, or one just made."""
    if turnover.is_open:
        return (_coming(turnover),)
    if len(turnover.switches) > 1 and now - turnover.switches[0].at < _NEWS:
        return (_made(turnover.switches[0], turnover.switches[1], topic),)
    return ()


def history(turnover: Turnover, topic: Topic) -> tuple[str, ...]:
    """Returns a line for every switch from one version to another, newest first."""
    after = turnover.switches[:-1]
    return tuple(
        _made(new, old, topic) for new, old in zip(after, turnover.switches[1:], strict=True)
    )


def _coming(turnover: Turnover) -> str:
    left = (
        f"{words.counted(turnover.waiting, 'post')} left to score"
        if turnover.waiting
        else "all posts are scored, the days are being counted"
    )
    return (
        f"These are still the figures of version {words.short_version(turnover.shown)}. "
        f"Version {words.short_version(turnover.champion)} has taken over and scores all posts "
        f"again ({left}). Its figures replace these all at once when it is done, on all days whose "
        "texts are still there; on no day are the two mixed."
    )


def _made(new: SeriesSwitch, old: SeriesSwitch, topic: Topic) -> str:
    when = words.moment(new.at, topic.timezone)
    return (
        f"Since {when} figures are those of version {words.short_version(new.version)}, "
        "on all days of which it has answered enough posts; "
        f"before, they were those of {words.short_version(old.version)}. "
        "Figures noted down earlier can differ from these."
    )
