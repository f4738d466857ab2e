"""Doing what somebody asked for on a page: one task at a time, with progress, until a stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitor.job import ShouldStop, describe
from monitor.observability import get_logger
from monitor.store.tasks import Task, Tasks

LOST_AFTER = timedelta(minutes=15)
"""A task that has told nothing for so long has lost its process; a fold of training takes less."""
_TOLD_EVERY = 0.5


class TaskStopped(BaseException):
    """Raised inside a task's work when it has been told to stop."""


@dataclass
class Progress:
    """What a task's work tells how far it is; raises `TaskStopped` when it shall end."""

    task: Task
    tasks: Tasks
    clock: Callable[[], datetime]
    should_stop: ShouldStop
    _told: float = field(default=0.0)

    def __call__(self, stage: str, part: float) -> None:
        """Tells a stage and how much of it is done, 0 to 1; the store hears twice a second."""
        if self.should_stop():
            raise TaskStopped
        if time.monotonic() - self._told < _TOLD_EVERY:
            return
        self._told = time.monotonic()
        if self.tasks.tell(self.task.id, stage, min(max(part, 0.0), 1.0), at=self.clock()):
            raise TaskStopped


Work = Callable[[Task, Progress], str]
"""Does a kind of task and returns what came of it in a sentence."""


@dataclass(frozen=True, slots=True)
class TaskRunner:
    """Runs waiting tasks.

    Attributes:
        lost_after: A task that has told nothing for so long goes back to the queue.
    """

    tasks: Tasks
    kinds: Mapping[str, Work]
    clock: Callable[[], datetime]
    lost_after: timedelta = LOST_AFTER

    def run_waiting(self, should_stop: ShouldStop) -> int:
        """Runs tasks, oldest first, until none waits; returns how many."""
        done = 0
        while not should_stop():
            now = self.clock()
            task = self.tasks.claim(at=now, lost_before=now - self.lost_after)
            if task is None:
                break
            self._run(task, should_stop)
            done += 1
        return done

    def _run(self, task: Task, should_stop: ShouldStop) -> None:
        progress = Progress(task, self.tasks, self.clock, should_stop)
        log = get_logger().bind(task=task.id, kind=task.kind, topic=task.topic)
        try:
            outcome = self.kinds[task.kind](task, progress)
        except TaskStopped:
            if should_stop() and self.tasks.put_back(task):
                log.info("task_put_back")
                return
            self.tasks.finish(task.id, "stopped", "Stopped on request.", at=self.clock())
            log.info("task_stopped")
        except Exception as failure:  # noqa: BLE001  one broken task must not stop the rest
            self.tasks.finish(task.id, "failed", describe(failure), at=self.clock())
            log.error("task_failed", error=describe(failure))
        else:
            self.tasks.finish(task.id, "ok", outcome, at=self.clock())
            log.info("task_finished")
