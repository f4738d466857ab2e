"""Deletes texts, pseudonyms, keys, rejections and records of runs in time; figures stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.pseudonym import KeyRing
from monitor.store.queries import Queries
from monitor.store.store import Store

PUT_OFF = "put_off"
"""What a run counts that left everything to the next one."""
_JUMP = timedelta(days=7)
_SETTLED = timedelta(hours=20)
"""Shorter than from one night to the next: what the clock said then, it has said for a while."""


def is_in_doubt(queries: Queries, job: str, now: datetime) -> bool:
    """Whether the clock is so far ahead of what was recorded that it may be wrong.

    What is purged does not come back. A night later it is no more: then the machine had been off.
    """
    last = queries.last_finished(job)
    was_put_off = last is not None and PUT_OFF in last.counts
    if last is not None and was_put_off and now - last.started_at >= _SETTLED:
        return False
    recorded = queries.newest_start(now - _SETTLED)
    return recorded is not None and recorded < now - _JUMP


@dataclass(frozen=True, slots=True)
class RetentionStep:
    """Keeps the promise of how long a text is held.

    Attributes:
        text_days: Days after which a stored post loses its text and its author's pseudonym.
        keep_labelled: Whether labelled posts keep their redacted text; the pseudonym goes.
        access_days: Days after which the record of who looked is dropped.
    """

    store: Store
    text_days: int
    clock: Callable[[], datetime]
    keep_labelled: bool = False
    access_days: int | None = None

    def purge(self, topic: str) -> int:
        """Purges the topic's posts that are past their time; returns how many.

        What the database freed by it is overwritten and given back.
        """
        now = self.clock()
        before = now - timedelta(days=self.text_days)
        purged = self.store.purge_texts(topic, before, keep_labelled=self.keep_labelled)
        self.store.drop_rejections(topic, before)
        self.store.prune_runs(before)
        self.store.forget_unmet_demands(topic)
        if self.access_days is not None:
            self.store.prune_accesses((now - timedelta(days=self.access_days)).date())
        if purged:
            self.store.log("retention", "texts_purged", {"topic": topic, "posts": purged})
            self.store.reclaim()
        return purged


def destroy_keys(keys: KeyRing, queries: Queries, now: datetime, *, text_days: int) -> int:
    """Destroys the topic's keys of which no pseudonym is left; returns how many."""
    in_use = queries.days_with_pseudonyms(keys.topic)
    return keys.destroy_unused(in_use, now, after=timedelta(days=text_days))
