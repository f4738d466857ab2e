"""Processes that read a large file: they turn its records into what may be kept of them.

The process that asked for them writes, page by page and in the file's order; so what is stored
does not depend on how many read. One that is killed costs its work, which is done again here.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from collectors.errors import CollectorError
from collectors.file import FileCollector, Work
from collectors.lines import Flaw, Unit
from collectors.opening import is_compressed
from collectors.post import Checkpoint, Page
from collectors.stretch import Part, Reading, Tally
from monitor.kept import KeptPage, KeptPost
from monitor.pipeline.admission import Admission, Prepared

LARGE = 32 * 1024 * 1024
"""Bytes of a file that is worth the second that processes take to start."""
LARGE_COMPRESSED = LARGE // 8
MOST = 4
"""More readers than that wait for the one that writes."""

Values = tuple[tuple[int, ...], tuple[object, ...]]
Answer = tuple[Tally, Prepared, list[tuple[object, ...]]]
"""A part's tally, its page without posts, and the posts' values: plain ones travel fastest."""


def readers_for(path: Path) -> int:
    """How many processes are worth starting for a file: none where it is small, or one core."""
    try:
        size = path.stat().st_size
        large = LARGE_COMPRESSED if is_compressed(path) else LARGE
    except (OSError, CollectorError):
        return 0  # Who reads it will say why it cannot be read.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(cores or 1, MOST) if size >= large and (cores or 1) > 1 else 0


@dataclass(frozen=True, slots=True)
class Readers:
    """So many processes that read and admit.

    Attributes:
        admission: Of this process, which has the store.
        make: Makes theirs, which asks no store; keys are read where it is called.
        processes: At least one.
    """

    admission: Admission
    make: Callable[[], Admission]
    processes: int

    def pages(self, collector: FileCollector, since: Checkpoint | None) -> Generator[KeptPage]:
        """What may be kept of a file's pages, in their order.

        Raises:
            CollectorError: As `FileCollector.fetch`.
        """
        pool = ProcessPoolExecutor(
            self.processes,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(self.make,),
        )
        try:
            reader = _Reader(self.admission, pool, 2 * self.processes)
            with _garbage_at_times() as take_out:
                for prepared, end in collector.parts(since, reader.read):
                    yield self.admission.finish(prepared, end)
                    take_out()
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _garbage_at_times() -> Iterator[Callable[[], None]]:
    """Looks for garbage every tenth time it is told of a page's end; rows leave none.

    Python would some thirty times a page. Even once a page took a tenth of the writer's time, as
    the rows of all pages under way are looked through.
    """
    enabled = gc.isenabled()
    gc.disable()
    gc.freeze()  # What is loaded now stays: no need to look through it again.
    pages = 0

    def take_out() -> None:
        nonlocal pages
        pages += 1
        if pages % 10 == 0:
            gc.collect()

    try:
        yield take_out
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()


@dataclass(slots=True)
class _Task:
    """A stretch that is being read elsewhere, or a part that is to be admitted here."""

    work: Part | list[Unit]
    is_last: bool
    answer: Future[Answer] | None = None


@dataclass(slots=True)
class _Reader:
    admission: Admission
    pool: ProcessPoolExecutor
    most: int
    broken: bool = False

    def read(
        self, reading: Reading, work: Iterator[Work]
    ) -> Iterator[tuple[Prepared, Tally, bool]]:
        """Yields what becomes of each piece of work, in order; few are under way at a time."""
        tasks: deque[_Task] = deque()
        failure = None
        while failure is None:
            try:
                one, is_last = next(work)
            except StopIteration:
                break
            except CollectorError as exc:  # What was read before it is good.
                failure = exc
                break
            tasks.append(_Task(one, is_last, self._submit(reading, one)))
            if len(tasks) > self.most:
                yield self._result(reading, tasks.popleft())
        while tasks:
            yield self._result(reading, tasks.popleft())
        if failure is not None:
            raise failure

    def _submit(self, reading: Reading, work: Part | list[Unit]) -> Future[Answer] | None:
        if isinstance(work, Part) or self.broken:
            return None
        numbers, values = zip(*work, strict=True) if work else ((), ())
        try:
            return self.pool.submit(_read, reading, (numbers, values))
        except BrokenProcessPool:
            self.broken = True
            return None

    def _result(self, reading: Reading, task: _Task) -> tuple[Prepared, Tally, bool]:
        if task.answer is not None and task.answer.exception() is None:
            tally, prepared, rows = task.answer.result()
            posts = tuple(map(KeptPost._make, rows))
            return replace(prepared, page=replace(prepared.page, posts=posts)), tally, task.is_last
        # Nobody took it, or something went wrong there: if it is the file's fault, it will here.
        part = task.work if isinstance(task.work, Part) else reading.read(task.work)
        return _prepare(self.admission, part), part.tally, task.is_last


# In a reader's process

_ADMISSIONS: list[Admission] = []
_NO_END = Page(Checkpoint({}))


def _begin(make: Callable[[], Admission]) -> None:
    """Gets ready; whoever asked says when to stop, and with its end so do we."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _ADMISSIONS[:] = [make()]
    gc.freeze()  # What is loaded now stays: no need to look through it again.


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _read(reading: Reading, values: tuple[Sequence[int], Sequence[bytes | Flaw]]) -> Answer:
    part = reading.read(list(map(Unit, *values)))
    prepared = _prepare(_ADMISSIONS[0], part)
    rows: list[tuple[object, ...]] = [tuple(post) for post in prepared.page.posts]
    return part.tally, replace(prepared, page=replace(prepared.page, posts=())), rows


def _prepare(admission: Admission, part: Part) -> Prepared:
    return admission.prepare(part.page(_NO_END))
