"""What changes the database: every method is one transaction or says so, and can be repeated."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Engine

from collectors.post import Checkpoint
from monitor.kept import KeptDeletion, KeptPage, PageOutcome, PlatformId
from monitor.store import (
    accesses,
    audit,
    budgets,
    calendar,
    chosen,
    claims,
    days,
    draw,
    echo,
    erasure,
    jobs,
    labels,
    leases,
    pages,
    predictions,
    releases,
    removals,
    sealing,
    sources,
    steps,
    unscored,
    versions,
)
from monitor.store.claims import Claim
from monitor.store.draw import Days
from monitor.store.engine import claiming, reading, reclaim, writing
from monitor.store.presence import Presence
from monitor.store.releases import ReleaseKey, StoredChain
from monitor.store.rows import POSTS
from monitor.store.sources import LIVE
from monitor.store.steps import Ids
from monitor.store.values import (
    DailyAggregate,
    DirtyDay,
    Errand,
    FinishedStatus,
    HumanLabel,
    LabelOutcome,
    Lease,
    PendingPost,
    Prediction,
    Question,
)


def _now() -> datetime:
    return datetime.now(UTC)


class Store:
    """Writes, and the few reads that a writer needs.

    Args:
        engine: From `open_engine`, migrated.
        clock: Tells the time where a method is not told it.
    """

    def __init__(self, engine: Engine, *, clock: Callable[[], datetime] = _now) -> None:
        self._engine = engine
        self._clock = clock
        self._presence = Presence(engine)

    # Posts

    def save_page(
        self, topic: str, source: str, page: KeptPage, *, at: datetime, errand: Errand = LIVE
    ) -> PageOutcome:
        """Stores a page and its checkpoint, and counts the reads it was billed for.

        What is stored in the end does not depend on the order or repetition of pages: of two
        deliveries of a post the higher revision is kept (of equal ones the same one whichever
        came first), and a removal holds for deliveries before and after it; one that an edit
        made, for those of that edit and earlier ones (reposts that it removed or refused come
        back with a later edit only where they are delivered again). A post whose text retention
        has purged is not taken again. A live page's `earlier` is about what was stored before it.

        Raises:
            StoreError: Nothing of the page is stored.
        """
        with writing(self._engine) as connection:
            return pages.save(connection, sources.Delivery(topic, source, at, errand), page)

    def checkpoint(self, topic: str, name: str) -> Checkpoint | None:
        """Gives the checkpoint of the last stored page, None before the first.

        Args:
            topic: The topic.
            name: The source's, or the name that an errand keeps its checkpoint under.
        """
        with reading(self._engine) as connection:
            return sources.checkpoint(connection, topic, name)

    def save_checkpoint(self, topic: str, name: str, checkpoint: Checkpoint, at: datetime) -> None:
        """Stores the checkpoint of what has no pages; a name with a colon is no source's."""
        with writing(self._engine) as connection:
            sources.save_checkpoint(connection, sources.Delivery(topic, name, at), checkpoint)

    def drop_checkpoint(self, topic: str, name: str) -> None:
        """Forgets a checkpoint: what kept it has come to its end."""
        with writing(self._engine) as connection:
            sources.drop_checkpoint(connection, topic, name)

    def remove_source(self, topic: str, source: str) -> int:
        """Removes all that came from a source, as if it had never been; returns how many posts."""
        with writing(self._engine) as connection:
            return removals.remove_source(connection, topic, source)

    def remove(self, topic: str, demand: KeptDeletion, *, at: datetime) -> int:
        """Obeys a demand to remove a post or an author, as if it had come on a page.

        Returns:
            How many posts were removed.
        """
        with writing(self._engine) as connection:
            delivery = sources.Delivery(topic, "", at)
            return removals.obey(connection, delivery, [demand], arriving=[])

    def record_training(self, topic: str, version: str, posts: Iterable[PlatformId]) -> None:
        """Remembers on which posts (platform and native id) a model version was trained."""
        digests = [removals.post_digest(*post) for post in posts]
        with writing(self._engine) as connection:
            erasure.record_training(connection, topic, version, digests)

    def purge_texts(
        self, topic: str, stored_before: datetime, *, keep_labelled: bool = False
    ) -> int:
        """Empties text and author of the posts stored before; what was answered about them stays.

        Some thousand a transaction; an interrupted purge is gone on with by the next.
        With `keep_labelled` the redacted text of labelled posts stays, to learn from.

        Returns:
            How many posts were purged by this call.
        """
        purge = removals.Purge(topic, stored_before, self._clock(), keep_labelled)

        def empty(connection: Connection, ids: Ids) -> int:
            return removals.purge_texts(connection, purge, ids)

        return steps.in_steps(self._engine, removals.past_time(purge), empty)

    def let_go_removed_answers(self, topic: str, minimum: int) -> int:
        """Takes answers about removed posts out of the audit, where enough people's have come.

        Args:
            topic: The topic.
            minimum: Of how many distinct known authors they must be in each cell that they leave.

        Returns:
            How many went.
        """
        with writing(self._engine) as connection:
            return audit.let_go(connection, topic, minimum)

    def reclaim(self) -> None:
        """Lets the database's files no longer hold what was removed from its tables."""
        reclaim(self._engine)

    def forget_unmet_demands(self, topic: str) -> int:
        """Drops demands to remove what never was here, once their time is over."""
        with writing(self._engine) as connection:
            return removals.forget_unmet(connection, topic, self._clock())

    def drop_rejections(self, topic: str, before: datetime) -> int:
        """Drops what was rejected before a time; it stays counted.

        Returns:
            How many went.
        """
        with writing(self._engine) as connection:
            return sources.drop_rejections(connection, topic, before)

    # Sealed post ids

    def unsealed_topics(self) -> list[str]:
        """Lists the topics with post ids that an earlier program left as they are."""
        with reading(self._engine) as connection:
            return sealing.unsealed_topics(connection)

    def claim_sealing(self, topic: str, fingerprint: str) -> tuple[str, bool]:
        """Notes which key a topic's post ids are sealed with, if none is noted yet.

        Returns:
            The fingerprint of the key that they are sealed with, and whether all are.
        """
        with writing(self._engine) as connection:
            return sealing.claim(connection, topic, fingerprint)

    def seal_posts(
        self, topic: str, seal: Callable[[str], str], *, after: int, limit: int
    ) -> tuple[int | None, int]:
        """Seals ids of posts stored before, the next `limit` above the row `after`.

        Returns:
            The last row looked at, None at the end; and how many were changed.
        """
        with writing(self._engine) as connection:
            return sealing.seal_posts(connection, topic, seal, after, limit)

    def finish_sealing(
        self, topic: str, seal: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    ) -> None:
        """Seals checkpoints, and notes that all of the topic is sealed."""
        with writing(self._engine) as connection:
            sealing.finish(connection, topic, seal, self._clock())

    # Predictions and daily figures

    def begin_scoring(
        self, topic: str, version: str, questions: Sequence[Question], *, languages: Sequence[str]
    ) -> None:
        """Makes `Queries.pending` of exactly these arguments cost what is pending.

        Cheap where nothing has changed; else every post of the topic is looked at once, some
        thousand a transaction. Whoever has to do the same meanwhile takes part in it, and an
        interrupted one is gone on with; where others are wanted meanwhile, it ends.
        """
        wanted = unscored.Wanted(topic, version, tuple(questions), tuple(languages))
        with writing(self._engine) as connection:
            is_left = unscored.begin(connection, wanted)
        while is_left:
            with writing(self._engine) as connection:
                is_left = unscored.fill(connection, wanted)
            steps.pause()

    def claim(
        self,
        topic: str,
        version: str,
        questions: Sequence[Question],
        *,
        languages: Sequence[str],
        claim: Claim,
        limit: int,
    ) -> list[PendingPost]:
        """Gives posts to score that no other worker has, newest first; `save_predictions` ends it.

        A claim lapses at its time, and at once where its worker is known to live no more. What is
        scored twice all the same is stored once.

        Args:
            topic: The topic.
            version: The model version.
            questions: Pairs of head and target name.
            languages: Of the posts; posts of undetermined language come along.
            claim: Who claims, and for how long at most.
            limit: How many posts at most.
        """
        wanted = unscored.Wanted(topic, version, tuple(questions), tuple(languages))
        self._presence.announce(claim.holder)
        with claiming(self._engine) as connection:
            return predictions.claim(connection, wanted, claim, limit)

    def leave(self, holder: str) -> None:
        """Ends a worker's presence: what it has claimed and not answered is free again."""
        with writing(self._engine) as connection:
            claims.let_go_of(connection, holder)
        self._presence.withdraw(holder)

    def sync_targets(self, topic: str, targets: Mapping[str, str]) -> None:
        """Remembers the targets' texts by name; answers asked with another text are put aside.

        So are the counts of these answers, what was shown of them and what people said of the
        target: all of it counts again when the text comes back.
        """
        with writing(self._engine) as connection:
            for name in predictions.sync_targets(connection, topic, targets):
                told = {"topic": topic, "target": name, "text": targets[name]}
                deed = jobs.Deed("pipeline", "target_reworded", told)
                jobs.log(connection, self._clock(), deed)

    def save_predictions(
        self,
        topic: str,
        version: str,
        found: Sequence[Prediction],
        *,
        asked: Mapping[str, str] | None = None,
    ) -> int:
        """Stores answers; those whose post is gone or has another text by now are skipped.

        Args:
            topic: The topic.
            version: The model version.
            found: The answers.
            asked: The targets' texts that the version was asked about, by name.

        Returns:
            How many were new.

        Raises:
            StoreError: A target has another text by now; nothing is stored.
        """
        with writing(self._engine) as connection:
            return predictions.save(connection, topic, version, found, asked or {})

    def dirty_days(self, topic: str) -> list[DirtyDay]:
        """Lists the days whose figures are to be rebuilt, earliest first."""
        with reading(self._engine) as connection:
            return days.dirty_days(connection, topic)

    def mark_days(self, topic: str, which: Iterable[date] | None = None) -> None:
        """Marks days as to be rebuilt: those given, or all that have posts or figures."""
        with writing(self._engine) as connection:
            these = days.known_days(connection, topic) if which is None else which
            days.mark(connection, topic, these)

    def keep_days(self, topic: str, zone: str, day_of: Callable[[datetime], date]) -> int:
        """Sees that stored posts lie in the days of the topic's time zone; returns how many moved.

        Costs one look-up where the zone is the same as ever; the first time, and where it has
        changed, every post is looked at. An interrupted move begins again.
        """
        with reading(self._engine) as connection:
            if calendar.is_kept(connection, topic, zone):
                return 0
        wanted = calendar.Move(topic, zone, day_of, self._clock())
        with writing(self._engine) as connection:
            calendar.begin(connection, wanted)
        posts = 0
        last: int | None = 0
        while last is not None:
            with writing(self._engine) as connection:
                moved = calendar.move(connection, wanted, last)
            posts, last = posts + moved.posts, moved.last
        return posts

    def replace_day(self, topic: str, seen: DirtyDay, cells: Sequence[DailyAggregate]) -> bool:
        """Replaces all cells of a day, so that none is older than its posts.

        Args:
            topic: The topic.
            seen: The day as `dirty_days` gave it before its posts were read.
            cells: All that the day has now, of every version.

        Returns:
            Whether the day is clean now. False when it changed since it was read (it stays
            marked), or when a later state has been stored already (nothing is written then).
        """
        with writing(self._engine) as connection:
            return days.replace(connection, topic, seen, cells)

    # What was released

    def release_chains(
        self, topic: str, known: Mapping[ReleaseKey, StoredChain] | None = None
    ) -> dict[ReleaseKey, StoredChain]:
        """Gives what was released of every day of a topic so far; `known` saves reading again."""
        with reading(self._engine) as connection:
            return releases.chains(connection, topic, known)

    def keep_releases(
        self, topic: str, chains: Mapping[ReleaseKey, StoredChain]
    ) -> set[ReleaseKey]:
        """Writes down what is about to be released, all in one transaction.

        Args:
            topic: The topic.
            chains: Each with the revision that it will be, one more than it was made from.

        Returns:
            Of whom somebody else released a later state since, or which are about a target whose
            text has changed since; nothing is written of them.
        """
        with writing(self._engine) as connection:
            return {
                key
                for key, one in chains.items()
                if (key.target and not releases.is_stored(connection, topic, key))
                or not releases.keep(connection, topic, key, one.chain, expected=one.revision - 1)
            }

    # Model versions

    def record_version(
        self, topic: str, version: str, *, stage: str, metrics: Mapping[str, Any], at: datetime
    ) -> None:
        """Records a model version, or its new stage and metrics."""
        with writing(self._engine) as connection:
            versions.record(connection, topic, version, versions.Record(stage, metrics, at))

    def show_version(self, topic: str, version: str) -> None:
        """Makes a version the one whose figures are shown."""
        with writing(self._engine) as connection:
            versions.show(connection, topic, version)

    def drop_versions(self, topic: str, gone: Collection[str]) -> None:
        """Drops the answers and figures of versions that are no longer on disk.

        The answers about some thousand posts a transaction.
        """

        def drop_answers(connection: Connection, ids: Ids) -> int:
            return versions.drop_answers(connection, topic, gone, ids)

        steps.in_steps(self._engine, POSTS.c.topic == topic, drop_answers)
        with writing(self._engine) as connection:
            versions.drop(connection, topic, gone)

    # Labels

    def save_labels(self, topic: str, given: Sequence[HumanLabel], *, at: datetime) -> LabelOutcome:
        """Stores people's answers; an annotator's later answer replaces their earlier one."""
        with writing(self._engine) as connection:
            return labels.save(connection, topic, given, at)

    def echo_labels(
        self,
        topic: str,
        questions: Sequence[Question],
        languages: Sequence[str],
        days: Days | None = None,
    ) -> int:
        """Labels copies of labelled texts, up to what has still to be asked; returns how many.

        The labelled posts stay a random sample of all posts, and nobody is asked a text twice.
        """
        wanted = draw.Wanted(topic, tuple(questions), tuple(languages), days)
        return echo.echo(self._engine, wanted)

    def choose_posts(
        self, topic: str, post_ids: Sequence[int], *, reason: str, version: str, at: datetime
    ) -> None:
        """Puts posts to label in the place of those chosen earlier, best first."""
        choice = chosen.Choice(tuple(post_ids), reason, version, at)
        with writing(self._engine) as connection:
            chosen.replace(connection, topic, choice)

    # Jobs, leases, log

    def start_run(self, job: str, topic: str, at: datetime) -> int:
        """Notes that a job has started and returns the run's id."""
        with writing(self._engine) as connection:
            return jobs.start(connection, job, topic, at)

    def finish_run(
        self,
        run_id: int,
        at: datetime,
        status: FinishedStatus,
        *,
        counts: Mapping[str, int] | None = None,
        error: str = "",
    ) -> None:
        """Notes how a run ended."""
        with writing(self._engine) as connection:
            jobs.finish(connection, run_id, jobs.Ending(at, status, counts or {}, error))

    def prune_runs(self, before: datetime) -> int:
        """Drops records of runs started before, but each job's last; returns how many."""
        with writing(self._engine) as connection:
            return jobs.prune(connection, before)

    def acquire_lease(self, name: str, holder: str, at: datetime, seconds: float) -> bool:
        """Takes or prolongs a lease if it is free, expired, the holder's own or a dead one's.

        On PostgreSQL whoever acquires a lease is seen alive from then on (`Presence`); a holder
        that is not, and has let half its time pass without renewing, counts as dead.
        """
        self._presence.announce(holder)
        with writing(self._engine) as connection:
            taken = leases.acquire(connection, name, holder, leases.Term(at, seconds))
        if not taken:
            self._presence.withdraw(holder)
        return taken

    def release_lease(self, name: str, holder: str) -> bool:
        """Gives a lease up; returns whether the holder had it."""
        self._presence.withdraw(holder)
        with writing(self._engine) as connection:
            return leases.release(connection, name, holder)

    def break_lease(self, name: str, holder: str) -> bool:
        """Takes a lease from a holder known to be dead, and logs it; returns whether it had it."""
        with writing(self._engine) as connection:
            broken = leases.release(connection, name, holder)
            if broken:
                details = {"name": name, "holder": holder}
                jobs.log(connection, self._clock(), jobs.Deed("monitor", "break_lease", details))
            return broken

    def lease(self, name: str) -> Lease | None:
        """Tells who holds a lease (or held it last, if it has expired), None when it is free."""
        with reading(self._engine) as connection:
            return leases.current(connection, name)

    def spend_budget(self, topic: str, *, epsilon: float, budget: float) -> bool:
        """Takes from today's privacy budget if it suffices; says whether it did."""
        with writing(self._engine) as connection:
            today = self._clock().date()
            return budgets.spend(connection, topic, today, epsilon=epsilon, budget=budget)

    def note_access(self, actor: str, what: str, topic: str = "") -> None:
        """Counts that somebody looked at something today."""
        with writing(self._engine) as connection:
            accesses.note(connection, self._clock().date(), accesses.Look(actor, what, topic))

    def prune_accesses(self, before: date) -> int:
        """Drops who looked before a day."""
        with writing(self._engine) as connection:
            return accesses.prune(connection, before)

    def log(self, actor: str, action: str, details: Mapping[str, Any]) -> None:
        """Writes a line into the audit log; details hold no text and no author."""
        with writing(self._engine) as connection:
            jobs.log(connection, self._clock(), jobs.Deed(actor, action, details))
