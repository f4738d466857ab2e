"""Scoring and counting spread over the processes of a Dask cluster.

What is done is cut into partitions: ranges of post ids for scoring, days for counting. A partition
is done by the same steps as on one machine, in a worker process that opens the database and loads
the model once, from its own environment: no text, key or address travels through the scheduler.
Every write can be repeated, so a partition whose worker died is simply done again by another one,
and a job that was stopped goes on with what is left.

Dask distributed, because of three that were tried (Ray and Spark besides) it alone finished every
run in which a worker was killed, and used the least memory.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache
from threading import Lock
from typing import Any

from distributed import Client, LocalCluster, Nanny, Scheduler, wait
from distributed.scheduler import KilledWorker

from monitor.bootstrap.application import Application, open_application
from monitor.bootstrap.counting import covers, settle
from monitor.errors import ClusterError, MonitorError
from monitor.pipeline.aggregate import AggregateStep
from monitor.pipeline.archive import ArchiveStep
from monitor.pipeline.classify import ClassifyStep, answered_questions
from monitor.store.values import DirtyDay
from monitor.topic import Topic

PARTITION_POSTS = 2_000
"""A worker that dies costs at most this many posts; a partition of them takes tens of seconds."""
_THREADS = "MONITOR_CLASSIFY__THREADS"
_ATTEMPTS = 3
_LOOK_SECONDS = 0.5

Opener = Callable[[], Application]
Progress = Callable[[int], None]
ShouldStop = Callable[[], bool]


def from_environment() -> Application:
    """The application of a worker's own environment."""
    return open_application(os.environ)


_opening = Lock()


def _opened(opener: Opener) -> Application:
    """One application a worker process: one pool of connections, one loaded model."""
    with _opening:  # threads of one process that both opened one would drop one's connections
        return _made(opener)


@cache
def _made(opener: Opener) -> Application:
    return opener()


def classify_range(
    opener: Opener, topic_name: str, version: str, among: tuple[int, int]
) -> tuple[int, int]:
    """Scores the pending posts of an id range, in a worker; returns how many, and how many reused.

    Raises:
        MonitorError: As `ClassifyStep.classify`.
    """
    app = _opened(opener)
    step = ClassifyStep(
        app.store,
        app.queries,
        app.scorers.lazy(version),
        app.settings.classify.batch_posts,
        among=among,
    )
    done = step.classify(app.topic(topic_name))
    return done.posts, done.reused


def rebuild_day(opener: Opener, topic_name: str, day: date, revision: int) -> int:
    """Rebuilds one marked day, in a worker; returns 1."""
    app = _opened(opener)
    AggregateStep(app.store, app.queries).rebuild(app.topic(topic_name), DirtyDay(day, revision))
    return 1


def answer_file(
    opener: Opener, topic_name: str, version: str, archive: ArchiveStep, file: str
) -> int:
    """Scores one file of posts, in a worker; returns how many posts.

    Raises:
        MonitorError: As `ArchiveStep.answer`.
    """
    app = _opened(opener)
    return archive.answer(file, app.topic(topic_name), app.scorers.lazy(version))


@dataclass(frozen=True)
class Cluster:
    """The workers of a scheduler.

    Attributes:
        client: Connected.
        opener: How a worker opens its application.
    """

    client: Client
    opener: Opener = from_environment

    def classify(
        self,
        app: Application,
        topic: Topic,
        *,
        should_stop: ShouldStop = lambda: False,
        progress: Progress = lambda _: None,
        partition_posts: int = PARTITION_POSTS,
    ) -> Mapping[str, int]:
        """Scores what the champion has not answered.

        Raises:
            ClusterError: A partition failed on every attempt; the others are done.
        """
        champion = app.champion(topic)
        version, languages = champion.id, topic.languages
        questions = answered_questions(topic, champion)
        app.store.sync_targets(topic.name, topic.target_texts)
        app.store.begin_scoring(topic.name, version, questions, languages=languages)
        ranges = app.queries.queued_ranges(topic.name, partition_posts)
        calls = [(classify_range, self.opener, topic.name, version, among) for among in ranges]
        posts = reused = 0
        for scored, alike in self._results(calls, should_stop):
            posts, reused = posts + scored, reused + alike
            progress(posts)
        return {"posts": posts, "reused": reused, "partitions": len(ranges)}

    def aggregate(
        self,
        app: Application,
        topic: Topic,
        *,
        rebuild: bool = False,
        should_stop: ShouldStop = lambda: False,
    ) -> Mapping[str, int]:
        """Rebuilds changed days; afterwards as `monitor.bootstrap.counting.aggregate`.

        Raises:
            ClusterError: A day failed on every attempt; the others are done.
        """
        is_covered = covers(app, topic)
        app.store.keep_days(topic.name, topic.timezone.key, topic.day_of)
        if rebuild:
            app.store.mark_days(topic.name)
        dirty = app.store.dirty_days(topic.name)
        calls = [(rebuild_day, self.opener, topic.name, each.day, each.revision) for each in dirty]
        days = sum(self._results(calls, should_stop))
        return settle(app, topic, days, switch=is_covered and not should_stop())

    def classify_archive(
        self,
        app: Application,
        topic: Topic,
        archive: ArchiveStep,
        *,
        progress: Progress = lambda _: None,
    ) -> Mapping[str, int]:
        """Scores files of posts that have no answers yet.

        Raises:
            ClusterError: A file failed on every attempt; the others are done.
        """
        version, files = app.champion(topic).id, archive.files()
        calls = [(answer_file, self.opener, topic.name, version, archive, file) for file in files]
        posts = 0
        for scored in self._results(calls, lambda: False):
            posts += scored
            progress(posts)
        return {"posts": posts, "files": len(files)}

    def _results(self, calls: Iterable[tuple[Any, ...]], should_stop: ShouldStop) -> Iterator[Any]:
        """Yields results as they come; on a stop those that have not begun are taken back."""
        futures = [self.client.submit(*call, pure=False, retries=_ATTEMPTS - 1) for call in calls]
        waiting, failed = set(futures), list[BaseException]()
        try:
            while waiting and not should_stop():
                try:
                    ready, waiting = wait(waiting, _LOOK_SECONDS, "FIRST_COMPLETED")
                except TimeoutError:
                    continue
                for future in ready:
                    if future.status == "finished":
                        yield future.result()
                    elif future.status == "error":
                        failed.append(future.exception())
                    elif future.status == "cancelled":
                        failed.append(CancelledError())
                    else:  # its result went with the worker that held it: it is done once more
                        waiting.add(future)
        finally:
            self.client.cancel(futures)
        if failed:
            raise _failure(len(failed), len(futures), failed[0])


def _failure(failed: int, of: int, why: BaseException) -> ClusterError:
    reason = "its workers died" if isinstance(why, KilledWorker) else _in_words(why)
    return ClusterError(
        f"{failed} of {of} partitions failed on {_ATTEMPTS} attempts: {reason}",
        hint="the other partitions are stored; mend the cause and run it again",
        retryable=True,
    )


def _in_words(why: BaseException) -> str:
    """Our own errors say what happened; others' words may hold anything."""
    return str(why) if isinstance(why, MonitorError) else type(why).__name__


@contextmanager
def connected(scheduler: str, workers: int, opener: Opener = from_environment) -> Iterator[Cluster]:
    """A cluster: that of a scheduler's address, or worker processes of this machine's own.

    Args:
        scheduler: `tcp://host:8786`, empty for this machine's own.
        workers: Of this machine's own, how many processes.
        opener: How a worker opens its application.

    Raises:
        ClusterError: Nothing answers at the address.
    """
    if scheduler:
        with _client(scheduler) as client:
            yield Cluster(client, opener)
        return
    # Workers that each took every core would be in each other's way.
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    with (
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            silence_logs="CRITICAL",
            env={_THREADS: os.environ.get(_THREADS, threads)},
        ) as local,
        Client(local) as client,
    ):
        yield Cluster(client, opener)


def _client(scheduler: str) -> Client:
    try:
        return Client(scheduler, timeout="10s")
    except (OSError, ValueError) as exc:
        raise _silent(scheduler, exc) from exc


def schedule(port: int) -> None:
    """Runs a scheduler until SIGTERM or SIGINT; workers and `--scheduler` connect to its port."""

    async def run() -> None:
        async with Scheduler(port=port, dashboard=False) as scheduler:
            await _until_told(scheduler)

    asyncio.run(run())


def work(scheduler: str) -> None:
    """Runs one worker process for a scheduler until SIGTERM or SIGINT; a dead one is replaced.

    Raises:
        ClusterError: Nothing answers at the address.
    """

    async def run() -> None:
        async with Nanny(scheduler, nthreads=1, dashboard=False, death_timeout="60s") as nanny:
            await _until_told(nanny)

    try:
        asyncio.run(run())
    except (OSError, TimeoutError, RuntimeError) as exc:
        raise _silent(scheduler, exc) from exc


async def _until_told(server: Any) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    waiting = [asyncio.ensure_future(each) for each in (told.wait(), server.finished())]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)


def _silent(scheduler: str, why: Exception) -> ClusterError:
    return ClusterError(
        f"no Dask scheduler answers at {scheduler} ({type(why).__name__})",
        hint="start one (`monitor work --serve`) and its workers, or leave --scheduler out",
        retryable=True,
    )
