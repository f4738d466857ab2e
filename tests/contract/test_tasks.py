"""Long work: queued once, done with progress, stopped when told to, given up when lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete
from store_values import NOW

from monitor.store.engine import writing
from monitor.store.face_rows import TASKS
from monitor.store.tasks import Task, Tasks
from monitor.task import Progress, TaskRunner
from monitor.testing import FakeClock


@pytest.fixture
def tasks(engine: Engine) -> Tasks:
    with writing(engine) as connection:
        connection.execute(delete(TASKS))
    return Tasks(engine)


def runner(tasks: Tasks, work: Any) -> TaskRunner:
    return TaskRunner(tasks, {"retrain": work}, FakeClock(NOW))


def ask(tasks: Tasks, topic: str = "walkout", **arguments: Any) -> int:
    return tasks.request("retrain", topic, arguments, who="ada", at=NOW)


def test_the_same_work_is_not_queued_twice_while_it_waits(tasks: Tasks) -> None:
    assert ask(tasks) == ask(tasks)
    assert ask(tasks, version="a") != ask(tasks, version="b")
    assert len(tasks.recent(10)) == 3
    assert [one.topic for one in tasks.recent(10, topic="another")] == []


def test_what_was_asked_for_last_about_a_topics_model_is_done_last(tasks: Tasks) -> None:
    def promote(version: str, topic: str = "walkout") -> int:
        return tasks.request("promote", topic, {"version": version}, who="ada", at=NOW)

    first = promote("a")
    tasks.claim(at=NOW, lost_before=NOW)
    promote("b")
    promote("b", "another")
    tasks.request("backfill", "walkout", {"source": "x"}, who="ada", at=NOW)
    last = promote("a")
    assert last != first
    assert promote("a") == last
    training = ask(tasks)
    assert promote("a") not in (first, last)
    assert ask(tasks) != training


@pytest.mark.parametrize("number", [4711, 2**63, -(2**63) - 1, 99999999999999999999])
def test_a_task_that_there_cannot_be_is_not_stopped(tasks: Tasks, number: int) -> None:
    assert not tasks.stop(number, at=NOW)


def test_days_are_not_collected_twice_whatever_was_asked_for_meanwhile(tasks: Tasks) -> None:
    def backfill(source: str) -> int:
        return tasks.request("backfill", "walkout", {"source": source}, who="ada", at=NOW)

    first = backfill("x")
    backfill("mastodon")
    ask(tasks)
    assert backfill("x") == first


def test_tasks_run_oldest_first_and_tell_what_came_of_them(tasks: Tasks) -> None:
    first, second = ask(tasks), ask(tasks, "another")
    seen: list[int] = []

    def work(task: Task, progress: Progress) -> str:
        seen.append(task.id)
        progress("training", 0.5)
        return f"done by {task.requested_by}"

    assert runner(tasks, work).run_waiting(lambda: False) == 2
    assert seen == [first, second]
    assert [(t.status, t.outcome, t.part) for t in tasks.recent(2)] == [
        ("ok", "done by ada", 0.5)
    ] * 2


def test_a_broken_task_is_told_and_stops_no_other(tasks: Tasks) -> None:
    ask(tasks)
    ask(tasks, "another")

    def work(task: Task, progress: Progress) -> str:
        if task.topic == "walkout":
            raise RuntimeError("a text of a post")
        return "done"

    runner(tasks, work).run_waiting(lambda: False)
    assert [t.status for t in tasks.recent(2)] == ["ok", "failed"]
    assert "a text of a post" not in tasks.recent(2)[1].outcome


def test_a_running_task_stops_at_its_next_word(tasks: Tasks) -> None:
    number = ask(tasks)

    def work(task: Task, progress: Progress) -> str:
        tasks.stop(number, at=NOW)
        progress("training", 0.1)
        raise AssertionError("it went on")

    runner(tasks, work).run_waiting(lambda: False)
    assert tasks.recent(1)[0].status == "stopped"
    assert not tasks.stop(number, at=NOW)


def test_a_waiting_task_that_is_stopped_never_starts(tasks: Tasks) -> None:
    tasks.stop(ask(tasks), at=NOW)
    assert runner(tasks, None).run_waiting(lambda: False) == 0
    assert tasks.recent(1)[0].status == "stopped"


def test_a_task_whose_process_is_gone_is_begun_again_and_at_last_given_up(tasks: Tasks) -> None:
    number = ask(tasks)
    for attempt in range(1, 4):
        at = NOW + timedelta(hours=attempt)
        claimed = tasks.claim(at=at, lost_before=at - timedelta(minutes=15))
        assert claimed is not None
        assert (claimed.id, claimed.status, claimed.attempts) == (number, "running", attempt)
    later = NOW + timedelta(hours=9)
    assert tasks.claim(at=later, lost_before=later) is None
    lost = tasks.recent(1)[0]
    assert (lost.status, lost.is_open) == ("failed", False)
    assert ask(tasks) != lost.id


def test_a_lost_task_that_was_told_to_stop_is_not_begun_again(tasks: Tasks) -> None:
    number = ask(tasks)
    tasks.claim(at=NOW, lost_before=NOW)
    tasks.stop(number, at=NOW)
    later = NOW + timedelta(hours=1)
    assert tasks.claim(at=later, lost_before=later) is None
    assert tasks.recent(1)[0].status == "stopped"


def test_a_new_daemon_takes_up_what_its_predecessor_left_at_once(tasks: Tasks) -> None:
    ask(tasks)
    tasks.claim(at=NOW - timedelta(seconds=1), lost_before=NOW - timedelta(hours=1))
    patient = TaskRunner(tasks, {"retrain": lambda *_: "done"}, FakeClock(NOW))
    assert patient.run_waiting(lambda: False) == 0
    first = TaskRunner(tasks, {"retrain": lambda *_: "done"}, FakeClock(NOW), timedelta(0))
    assert first.run_waiting(lambda: False) == 1
    assert tasks.recent(1)[0].outcome == "done"


@pytest.fixture
def cut_short(tasks: Tasks) -> Any:
    """A runner whose daemon ends while a task is at work, which calls what it is given."""

    def run(*meanwhile: Callable[[Task], object]) -> None:
        ending: list[bool] = []

        def work(task: Task, progress: Progress) -> str:
            for each in meanwhile:
                each(task)
            ending.append(True)
            progress("training", 0.1)
            return "never"

        runner(tasks, work).run_waiting(lambda: bool(ending))

    return run


def test_a_task_that_the_end_of_the_daemon_broke_off_waits_for_the_next(
    tasks: Tasks, cut_short: Any
) -> None:
    ask(tasks)
    for _ in range(4):
        cut_short()
        left = tasks.recent(1)[0]
        assert (left.status, left.attempts, left.outcome) == ("queued", 0, "")
    assert runner(tasks, lambda *_: "done").run_waiting(lambda: False) == 1
    assert tasks.recent(1)[0].outcome == "done"


def test_a_task_that_was_told_to_stop_does_not_wait_for_the_next_daemon(
    tasks: Tasks, cut_short: Any
) -> None:
    ask(tasks)
    cut_short(lambda task: tasks.stop(task.id, at=NOW))
    assert tasks.recent(1)[0].status == "stopped"


def test_a_task_that_another_daemon_has_begun_stays_with_it(tasks: Tasks, cut_short: Any) -> None:
    ask(tasks)
    later = NOW + timedelta(seconds=1)
    cut_short(lambda _: tasks.claim(at=later, lost_before=later))
    assert (tasks.recent(1)[0].status, tasks.recent(1)[0].attempts) == ("running", 2)
